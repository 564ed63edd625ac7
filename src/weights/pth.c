/* SPDX-License-Identifier: Apache-2.0
 *
 * PyTorch's .pth (torch.save since 1.6): a zip archive of stored entries under one folder. data.pkl is a pickle that
 * describes the tensors, data/<key> the bytes of a storage, byteorder and version say how they were written. Tensors
 * that share a storage share its memory; others than dense ones are made dense. Devices are ignored: "cuda:0" is where
 * a tensor was, not what it is. The format before 1.6 is pth_legacy.c's. */
#include "weights/pth.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"

enum { COPIES = 4 /* copied bytes may be so many times the file's */, KEY = 64, PATH = 4096 + 64 };
#define PICKLE "/data.pkl"

typedef struct archive {
    weft_zip zip;
    const weft_zip_entry *pickle;
    size_t prefix; /* bytes of the folder's name */
    bool *checked; /* entries whose CRC was found right */
} archive;

/* "<folder>/<name>"; NULL: there is none. */
static const weft_zip_entry *entry_of(const archive *a, const char *name, size_t length)
{
    char path[PATH];
    const int size = snprintf(path, sizeof path, "%.*s/%.*s", (int)a->prefix, a->pickle->name, (int)length, name);
    return size < 0 || (size_t)size >= sizeof path ? NULL : weft_zip_find(&a->zip, path);
}

static weft_status check_byteorder(const archive *a)
{
    const weft_zip_entry *entry = entry_of(a, "byteorder", strlen("byteorder"));
    const uint8_t *text = NULL;
    void *owned = NULL;
    if (!entry)
        return WEFT_OK; /* before PyTorch 2.1; little */
    WEFT_TRY(weft_zip_read(&a->zip, entry, &text, &owned)); /* stored: nothing is owned */
    if (entry->size == 6 && memcmp(text, "little", 6) == 0)
        return WEFT_OK;
    if (entry->size == 3 && memcmp(text, "big", 3) == 0)
        return weft_file_bad(&a->zip.file, entry->data, "the tensors are big-endian; save them again on a "
                             "little-endian machine");
    return weft_file_bad(&a->zip.file, entry->data, "the byte order should be \"little\"");
}

static weft_status find_pickle(archive *a)
{
    const size_t tail = strlen(PICKLE);
    const weft_zip *zip = &a->zip;
    for (int64_t i = 0; i < zip->count; i++) {
        const weft_zip_entry *e = &zip->entries[i];
        const size_t length = strlen(e->name);
        if (length <= tail || strcmp(e->name + length - tail, PICKLE) != 0)
            continue;
        if (a->pickle)
            return weft_file_bad(&zip->file, e->header, "the archive has a second data.pkl, \"%.80s\"", e->name);
        a->pickle = e;
        a->prefix = length - tail;
    }
    if (!a->pickle)
        return weft_file_bad(&zip->file, 0, "the archive has no data.pkl, as PyTorch's have");
    if (entry_of(a, "constants.pkl", strlen("constants.pkl")))
        return weft_file_bad(&zip->file, a->pickle->header, "this is a TorchScript program; save the plain weights: "
                             "torch.save(model.state_dict(), path)");
    for (int64_t i = 0; i < zip->count; i++) {
        const weft_zip_entry *e = &zip->entries[i];
        if (e->deflated)
            return weft_file_bad(&zip->file, e->header, "entry \"%.80s\" is deflated; PyTorch stores", e->name);
    }
    return check_byteorder(a);
}

static weft_status storage_bytes(weft_pth *pth, const weft_pickle_storage *storage, const uint8_t **out)
{
    archive *a = pth->source;
    char name[KEY + 8];
    size_t bytes = 0;
    void *owned = NULL;
    if (storage->key.length > KEY)
        return weft_file_bad(pth->file, pth->at, "the key of a storage has %zu bytes; at most %d were expected",
                             storage->key.length, KEY);
    const int length = snprintf(name, sizeof name, "data/%.*s", (int)storage->key.length, storage->key.bytes);
    const weft_zip_entry *entry = entry_of(a, name, (size_t)length);
    if (!entry)
        return weft_file_bad(pth->file, pth->at, "the archive has no entry \"%.80s\" for a storage", name);
    if (!weft_mul_size((size_t)storage->whole, storage->size, &bytes) || bytes != entry->size)
        return weft_file_bad(pth->file, entry->data, "entry \"%.80s\" has %" PRIu64 " bytes; a %s of %" PRId64
                             " elements was expected", entry->name, entry->size, storage->type, storage->whole);
    bool *checked = &a->checked[entry - a->zip.entries];
    *out = pth->file->data + entry->data;
    if (*checked)
        return WEFT_OK;
    WEFT_TRY(weft_zip_read(&a->zip, entry, out, &owned));
    *checked = true;
    return WEFT_OK;
}

static weft_status read_archive(weft_pth *pth, archive *a)
{
    const uint8_t *bytes = NULL;
    void *owned = NULL;
    weft_pickle_value root;
    weft_pth_choice choice;
    WEFT_TRY(find_pickle(a));
    WEFT_TRY(weft_zip_read(&a->zip, a->pickle, &bytes, &owned));
    a->checked = weft_arena_array(&pth->arena, (size_t)a->zip.count, sizeof *a->checked);
    if (!a->checked)
        return weft_fail_in(WEFT_NO_MEMORY, "%.200s", pth->file->path);
    size_t at = (size_t)a->pickle->data;
    const size_t end = at + (size_t)a->pickle->size;
    pth->at = at;
    const weft_pickle_storage *storages = NULL; /* which tensors name */
    WEFT_TRY(weft_pickle_read(&pth->arena, pth->file, &at, end, &storages, &root));
    if (at != end)
        return weft_file_bad(pth->file, at, "the pickle ends here, but its entry has more bytes");
    WEFT_TRY(weft_pth_choose(pth, &root, &choice));
    WEFT_TRY(weft_pth_add(pth, &choice));
    return weft_pth_labels(pth, &root);
}

static weft_status read_zip(weft_pth *pth)
{
    archive a = { 0 };
    WEFT_TRY(weft_zip_open(&pth->ctx->allocator, pth->file, &a.zip));
    pth->storage = storage_bytes;
    pth->source = &a;
    const weft_status status = read_archive(pth, &a);
    weft_zip_close(&a.zip);
    return status;
}

weft_status weft_pth_read(weft_ctx *ctx, const weft_file *file, const weft_read_opt *opt, weft_weights *weights)
{
    weft_pth pth = { .ctx = ctx, .file = file, .weights = weights, .key = opt->key,
                     .budget = COPIES * (uint64_t)file->size };
    weft_arena_init(&pth.arena, &ctx->allocator);
    const weft_status status =
        weft_pth_is_legacy(file->data, file->size) ? weft_pth_legacy_read(&pth) : read_zip(&pth);
    weft_arena_release(&pth.arena);
    return status;
}
