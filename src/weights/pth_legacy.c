/* SPDX-License-Identifier: Apache-2.0
 *
 * PyTorch's format before 1.6 (torch/serialization.py, _legacy_save): five pickles one behind the other, of a magic
 * number, the protocol's version, facts about the machine, the object and the list of its storages' keys; then for each
 * key, in that order, the number of elements as 8 bytes and the elements. torchvision still publishes such files. */
#include <inttypes.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "weights/pth.h"

enum { VERSION = 1001, LENGTH = 8, NEAR = 24, KEY = 256 };

/* A storage's place in the file. */
typedef struct place {
    const char *key; /* first: weft_index */
    uint64_t at, count; /* of its bytes, 0: not met yet; elements */
    size_t size;        /* of an element */
} place;

typedef struct legacy {
    weft_index index;
    place *places;
} legacy;

/* The magic number, 0x1950a86a20f9469cfc6c, in the first of the pickles. */
bool weft_pth_is_legacy(const uint8_t *head, size_t size)
{
    static const uint8_t magic[] = { 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19 };
    for (size_t at = 2; head[0] == 0x80 && at + sizeof magic <= size && at < NEAR; at++) {
        if (memcmp(head + at, magic, sizeof magic) == 0)
            return true;
    }
    return false;
}

static weft_status no_memory(const weft_pth *pth)
{
    return weft_fail_in(WEFT_NO_MEMORY, "%.200s", pth->file->path);
}

/* What stands before the object. */
static weft_status read_preamble(weft_pth *pth, size_t *at)
{
    weft_pickle_value value;
    const weft_pickle_storage *none = NULL;
    WEFT_TRY(weft_pickle_read(&pth->arena, pth->file, at, pth->file->size, &none, &value));
    size_t here = *at;
    WEFT_TRY(weft_pickle_read(&pth->arena, pth->file, at, pth->file->size, &none, &value));
    if (value.kind != WEFT_PICKLE_INT || value.as.integer != VERSION)
        return weft_file_bad(pth->file, here, "version %d of PyTorch's old format was expected", VERSION);
    here = *at;
    WEFT_TRY(weft_pickle_read(&pth->arena, pth->file, at, pth->file->size, &none, &value));
    if (value.kind != WEFT_PICKLE_DICT)
        return weft_file_bad(pth->file, here, "facts about the machine were expected; found %s",
                             weft_pickle_kind_name(value.kind));
    const weft_pickle_value *little = weft_pickle_find(value.as.items, "little_endian");
    if (little && little->kind == WEFT_PICKLE_BOOL && !little->as.integer)
        return weft_file_bad(pth->file, here, "the tensors are big-endian; save them again on a little-endian machine");
    return WEFT_OK;
}

/* Every storage that the object names, by key, once. */
static weft_status index_storages(weft_pth *pth, legacy *l, const weft_pickle_storage *storages)
{
    size_t room = 0;
    for (const weft_pickle_storage *s = storages; s; s = s->next)
        room++;
    l->places = weft_arena_array(&pth->arena, room, sizeof *l->places);
    if (!l->places)
        return no_memory(pth);
    for (const weft_pickle_storage *s = storages; s; s = s->next) {
        if (s->key.length >= KEY)
            return weft_file_bad(pth->file, pth->at, "the key of a storage has %zu bytes; less than %d were expected",
                                 s->key.length, KEY);
        const char *key = weft_arena_text(&pth->arena, "%.*s", (int)s->key.length, s->key.bytes);
        if (!key)
            return no_memory(pth);
        const int64_t known = weft_index_find(&l->index, l->places, sizeof *l->places, key);
        if (known >= 0 && (l->places[known].size != s->size || l->places[known].count != (uint64_t)s->whole))
            return weft_file_bad(pth->file, pth->at, "storage \"%.80s\" has two sizes", key);
        if (known >= 0)
            continue;
        l->places[l->index.count] = (place){ .key = key, .size = s->size, .count = (uint64_t)s->whole };
        WEFT_TRY(weft_index_add(&l->index, &pth->ctx->allocator, l->places, sizeof *l->places));
    }
    return WEFT_OK;
}

static place *find(legacy *l, const weft_pickle_text *key)
{
    char text[KEY];
    if (key->length >= sizeof text)
        return NULL;
    memcpy(text, key->bytes, key->length);
    text[key->length] = '\0';
    const int64_t at = weft_index_find(&l->index, l->places, sizeof *l->places, text);
    return at < 0 ? NULL : &l->places[at];
}

/* The storage of this key is at *at, which goes behind it. */
static weft_status locate(weft_pth *pth, legacy *l, const weft_pickle_value *key, size_t *at)
{
    const weft_file *file = pth->file;
    place *p = key->kind == WEFT_PICKLE_TEXT ? find(l, key->as.text) : NULL;
    if (!p)
        return weft_file_bad(file, pth->at, "the list of storages has a key that no tensor names");
    if (p->at)
        return weft_file_bad(file, pth->at, "the list of storages has the key \"%.80s\" twice", p->key);
    if (file->size - *at < LENGTH)
        return weft_file_bad(file, file->size, "the file ends here, before storage \"%.80s\"", p->key);
    const uint64_t count = weft_le64(file->data + *at), left = file->size - *at - LENGTH;
    if (count != p->count)
        return weft_file_bad(file, *at, "storage \"%.80s\" has %" PRIu64 " elements; %" PRIu64 " were expected", p->key,
                             count, p->count);
    if (count > left / p->size)
        return weft_file_bad(file, file->size, "the file ends here, within storage \"%.80s\" of %" PRIu64 " elements",
                             p->key, count);
    p->at = *at + LENGTH;
    *at = (size_t)(p->at + count * p->size);
    return WEFT_OK;
}

static weft_status storage_bytes(weft_pth *pth, const weft_pickle_storage *storage, const uint8_t **out)
{
    const place *p = find(pth->source, &storage->key);
    if (!p || !p->at)
        return weft_file_bad(pth->file, pth->at, "the file has no storage \"%.*s\"",
                             storage->key.length < KEY ? (int)storage->key.length : KEY, storage->key.bytes);
    *out = pth->file->data + p->at;
    return WEFT_OK;
}

static weft_status read(weft_pth *pth, legacy *l)
{
    const weft_pickle_storage *storages = NULL, *none = NULL;
    weft_pickle_value root, keys;
    weft_pth_choice choice;
    size_t at = 0;
    WEFT_TRY(read_preamble(pth, &at));
    pth->at = at;
    WEFT_TRY(weft_pickle_read(&pth->arena, pth->file, &at, pth->file->size, &storages, &root));
    const size_t list = at;
    WEFT_TRY(weft_pickle_read(&pth->arena, pth->file, &at, pth->file->size, &none, &keys));
    if (keys.kind != WEFT_PICKLE_LIST)
        return weft_file_bad(pth->file, list, "a list of storages was expected; found %s",
                             weft_pickle_kind_name(keys.kind));
    WEFT_TRY(index_storages(pth, l, storages));
    for (const weft_pickle_item *item = keys.as.items->first; item; item = item->next)
        WEFT_TRY(locate(pth, l, &item->value, &at));
    if (at != pth->file->size)
        return weft_file_bad(pth->file, at, "the last storage ends here, but the file has %zu bytes more",
                             pth->file->size - at);
    WEFT_TRY(weft_pth_choose(pth, &root, &choice));
    WEFT_TRY(weft_pth_add(pth, &choice));
    return weft_pth_labels(pth, &root);
}

weft_status weft_pth_legacy_read(weft_pth *pth)
{
    legacy l = { 0 };
    pth->storage = storage_bytes;
    pth->source = &l;
    const weft_status status = read(pth, &l);
    weft_index_release(&l.index, &pth->ctx->allocator);
    return status;
}
