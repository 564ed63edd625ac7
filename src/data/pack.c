/* SPDX-License-Identifier: Apache-2.0
 *
 * Packs, opened: the index is read whole. Nothing is believed: every number is checked against the file's size, and all
 * of it against its checksum. */
#include "data/pack.h"

#include <inttypes.h>
#include <string.h>

#include <zlib.h>

#include "base/error.h"
#include "base/file.h"

#define WANTED "a pack of weft dataset pack"

static weft_status read_head(weft_pack *p, uint64_t size)
{
    uint8_t bytes[WEFT_PACK_HEAD];
    weft_pack_head *const h = &p->head;
    if (size < WEFT_PACK_HEAD)
        return weft_fail(WEFT_BAD_DATA, "%s: has %" PRIu64 " bytes; " WANTED ", which has at least %d, or a folder was "
                         "expected", p->path, size, WEFT_PACK_HEAD);
    WEFT_TRY(weft_pack_read_at(p, 0, bytes, sizeof bytes));
    if (memcmp(bytes, weft_pack_magic, WEFT_PACK_MAGIC) != 0)
        return weft_fail(WEFT_BAD_DATA, "%s: is a file that does not begin with %s; " WANTED " or a folder was "
                         "expected", p->path, weft_pack_magic);
    const bool sound = weft_pack_get_head(bytes, h);
    if (h->version != WEFT_PACK_VERSION)
        return weft_fail(WEFT_BAD_DATA, "%s: byte 8: version %" PRIu32 " of packs; %d was expected: pack the set anew",
                         p->path, h->version, WEFT_PACK_VERSION);
    if (!sound)
        return weft_fail(WEFT_BAD_DATA, "%s: bytes 0 to 63: the head is damaged: its checksum is another", p->path);
    if (h->index < WEFT_PACK_HEAD || h->index > size || h->index_size != size - h->index)
        return weft_fail(WEFT_BAD_DATA, "%s: has %" PRIu64 " bytes; %" PRIu64 " were expected, of which the last %"
                         PRIu64 " are the index: the file was cut, or something was added", p->path, size,
                         h->index + h->index_size, h->index_size);
    if (h->raw > 1 || h->images > h->index_size / WEFT_PACK_RECORD ||
        h->classes > (h->index_size - h->images * WEFT_PACK_RECORD) / 4)
        return weft_fail(WEFT_BAD_DATA, "%s: the head says kind %" PRIu32 ", %" PRIu64 " images, %" PRIu32 " classes, "
                         "for which an index of %" PRIu64 " bytes has no room", p->path, h->raw, h->images, h->classes,
                         h->index_size);
    return WEFT_OK;
}

static weft_status check_entry(const weft_pack *p, uint64_t number, const weft_pack_entry *e)
{
    const weft_pack_head *const h = &p->head;
    const bool lies = e->offset >= WEFT_PACK_HEAD && e->offset <= h->index && e->size <= h->index - e->offset &&
                      e->size > 0 && e->size <= WEFT_IMAGE_BYTES;
    const bool shown = e->width > 0 && e->height > 0 && e->width <= WEFT_IMAGE_PIXELS / e->height &&
                       (!h->raw || e->size == (uint64_t)e->width * (uint64_t)e->height * 3);
    if (!lies || !shown || e->label < 0 || (uint32_t)e->label >= h->classes || e->part == WEFT_PART_COUNT ||
        e->name_length < 1 || e->name_length > WEFT_PACK_NAME)
        return weft_fail(WEFT_BAD_DATA, "%s: entry %" PRIu64 ": %" PRIu64 " bytes from %" PRIu64 ", %d x %d pixels, "
                         "class %d, part %d, a name of %d bytes: a pack has no such image", p->path, number, e->size,
                         e->offset, e->width, e->height, e->label, (int)e->part, e->name_length);
    return WEFT_OK;
}

/* The names of the classes, whose lengths stand at the beginning of the index, and whose bytes before all others. */
static weft_status name_classes(weft_trainset *set, const weft_pack *p, const uint8_t *lengths, size_t *used)
{
    const char **const names = weft_calloc(p->allocator, p->head.classes, sizeof *names);
    weft_status status = names ? WEFT_OK : weft_fail_in(WEFT_NO_MEMORY, "%s", p->path);
    for (uint32_t i = 0; status == WEFT_OK && i < p->head.classes; i++) {
        const uint32_t length = weft_pack_get_word(lengths + 4 * (size_t)i);
        names[i] = weft_arena_text(&set->arena, "%.*s", (int)length, p->texts + *used);
        *used += length;
        status = names[i] ? WEFT_OK : weft_fail_in(WEFT_NO_MEMORY, "%s", p->path);
    }
    if (status == WEFT_OK)
        status = weft_trainset_set_classes(set, names, (int)p->head.classes);
    weft_free(p->allocator, names);
    return status;
}

/* Lengths of texts, which together must be as long as what follows the records. */
static weft_status check_texts(const weft_pack *p, const uint8_t *index, uint64_t room)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < p->head.classes; i++) {
        const uint32_t length = weft_pack_get_word(index + 4 * (size_t)i);
        if (length > WEFT_PACK_NAME)
            return weft_fail(WEFT_BAD_DATA, "%s: class %" PRIu32 ": a name of %" PRIu32 " bytes; at most %d were "
                             "expected", p->path, i, length, WEFT_PACK_NAME);
        sum += length;
    }
    for (uint64_t i = 0; i < p->head.images; i++)
        sum += (uint64_t)p->entries[i].name_length;
    if (sum != room)
        return weft_fail(WEFT_BAD_DATA, "%s: the index has %" PRIu64 " bytes of names; %" PRIu64 " were expected",
                         p->path, room, sum);
    return WEFT_OK;
}

/* The index, in memory: lengths of the classes' names, records, texts. */
static weft_status parse(weft_trainset *set, weft_pack *p, int32_t source, const uint8_t *index)
{
    const weft_pack_head *const h = &p->head;
    const size_t records = 4 * (size_t)h->classes, texts = records + (size_t)h->images * WEFT_PACK_RECORD;
    const uint64_t room = h->index_size - texts;
    size_t used = 0;
    p->entries = weft_calloc(p->allocator, (size_t)h->images, sizeof *p->entries);
    p->texts = weft_alloc(p->allocator, (size_t)room + 1);
    if (!p->entries || !p->texts)
        return weft_fail_in(WEFT_NO_MEMORY, "%s: an index of %" PRIu64 " images", p->path, h->images);
    memcpy(p->texts, index + texts, (size_t)room);
    for (uint64_t i = 0; i < h->images; i++) {
        weft_pack_get_record(index + records + (size_t)i * WEFT_PACK_RECORD, &p->entries[i]);
        WEFT_TRY(check_entry(p, i, &p->entries[i]));
    }
    WEFT_TRY(check_texts(p, index, room));
    WEFT_TRY(name_classes(set, p, index, &used));
    for (uint64_t i = 0; i < h->images; i++) {
        weft_pack_entry *const e = &p->entries[i];
        e->name = used;
        used += (size_t)e->name_length;
        WEFT_TRY(weft_trainset_add(set, e->part, e->label, source, (int64_t)i));
    }
    return WEFT_OK;
}

static weft_status read_index(weft_trainset *set, weft_pack *p, int32_t source)
{
    const weft_pack_head *const h = &p->head;
    uint8_t *const index = weft_alloc(p->allocator, (size_t)h->index_size + 1);
    if (!index)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", p->path);
    weft_status status = weft_pack_read_at(p, h->index, index, (size_t)h->index_size);
    if (status == WEFT_OK && (uint32_t)crc32_z(0, index, (size_t)h->index_size) != h->index_checksum)
        status = weft_fail(WEFT_BAD_DATA, "%s: bytes %" PRIu64 " to the end: the index is damaged: its checksum is "
                           "another", p->path, h->index);
    if (status == WEFT_OK)
        status = parse(set, p, source, index);
    weft_free(p->allocator, index);
    return status;
}

weft_status weft_trainset_read_pack(weft_trainset *set, const char *path)
{
    int32_t source;
    uint64_t size = 0;
    weft_pack *const p = weft_calloc(set->allocator, 1, sizeof *p);
    if (!p)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", path);
    *p = (weft_pack){ .allocator = set->allocator, .file = -1, .path = path };
    const weft_set_source s = { .name = path, .channels = 3, .pack = p };
    WEFT_TRY(weft_trainset_add_source(set, &s, &source)); /* which owns it from here on */
    WEFT_TRY(weft_trainset_add_file(set, path));
    WEFT_TRY(weft_open_regular(path, WANTED, &p->file, &size));
    WEFT_TRY(read_head(p, size));
    set->kind = "pack";
    set->sources[source].count = (int64_t)p->head.images;
    return read_index(set, p, source);
}
