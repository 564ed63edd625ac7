/* SPDX-License-Identifier: Apache-2.0
 *
 * PyTorch's .pth (torch.save since 1.6): a zip archive of stored entries under one folder. data.pkl is a pickle that
 * describes the tensors, data/<key> the bytes of a storage, byteorder and version say how they were written. Read is
 * the dictionary of tensors: the pickled object itself (model.state_dict()), or what a checkpoint has under
 * "state_dict" or another of its usual names. Tensors that share a storage share its memory; others than dense ones are
 * made dense. Devices are ignored: "cuda:0" is where a tensor was, not what it is. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/kernel.h"
#include "base/error.h"
#include "weights/pickle.h"
#include "weights/weights.h"

enum { COPIES = 4 /* copied bytes may be so many times the file's */, KEY = 64, PATH = 4096 + 64, KEYS_TEXT = 200 };
#define PICKLE "/data.pkl"

/* Where checkpoints keep the weights, in the order of preference. */
static const char *const nests[] = { "state_dict", "model_state_dict", "model", "module", "net" };

typedef struct reader {
    weft_ctx *ctx;
    const weft_zip *zip;
    weft_weights *weights;
    const weft_zip_entry *pickle;
    size_t prefix;   /* bytes of the folder's name */
    bool *checked;   /* entries whose CRC was found right */
    uint64_t budget; /* bytes that may still be copied */
} reader;

/* ---- the archive ---- */

/* "<folder>/<name>"; NULL: there is none. */
static const weft_zip_entry *entry_of(const reader *r, const char *name, size_t length)
{
    char path[PATH];
    const int size = snprintf(path, sizeof path, "%.*s/%.*s", (int)r->prefix, r->pickle->name, (int)length, name);
    return size < 0 || (size_t)size >= sizeof path ? NULL : weft_zip_find(r->zip, path);
}

static weft_status check_byteorder(const reader *r)
{
    const weft_zip_entry *entry = entry_of(r, "byteorder", strlen("byteorder"));
    const uint8_t *text = NULL;
    void *owned = NULL;
    if (!entry)
        return WEFT_OK; /* before PyTorch 2.1; little */
    WEFT_TRY(weft_zip_read(r->zip, entry, &text, &owned)); /* stored: nothing is owned */
    if (entry->size == 6 && memcmp(text, "little", 6) == 0)
        return WEFT_OK;
    if (entry->size == 3 && memcmp(text, "big", 3) == 0)
        return weft_file_fail(WEFT_UNSUPPORTED, &r->zip->file, entry->data,
                              "the tensors are big-endian; save them again "
                              "on a little-endian machine");
    return weft_file_bad(&r->zip->file, entry->data, "the byte order should be \"little\"");
}

static weft_status find_pickle(reader *r)
{
    const size_t tail = strlen(PICKLE);
    for (int64_t i = 0; i < r->zip->count; i++) {
        const weft_zip_entry *e = &r->zip->entries[i];
        const size_t length = strlen(e->name);
        if (length <= tail || strcmp(e->name + length - tail, PICKLE) != 0)
            continue;
        if (r->pickle)
            return weft_file_bad(&r->zip->file, e->header, "the archive has a second data.pkl, \"%.80s\"", e->name);
        r->pickle = e;
        r->prefix = length - tail;
    }
    if (!r->pickle)
        return weft_file_bad(&r->zip->file, 0, "the archive has no data.pkl, as PyTorch's have");
    if (entry_of(r, "constants.pkl", strlen("constants.pkl")))
        return weft_file_fail(WEFT_UNSUPPORTED, &r->zip->file, r->pickle->header, "this is a TorchScript program; save "
                              "the plain weights: torch.save(model.state_dict(), path)");
    for (int64_t i = 0; i < r->zip->count; i++) {
        const weft_zip_entry *e = &r->zip->entries[i];
        if (e->deflated)
            return weft_file_bad(&r->zip->file, e->header, "entry \"%.80s\" is deflated; PyTorch stores", e->name);
    }
    return check_byteorder(r);
}

/* ---- tensors ---- */

static weft_status storage_bytes(reader *r, const weft_pickle_storage *storage, const uint8_t **out)
{
    char name[KEY + 8];
    size_t bytes = 0;
    void *owned = NULL;
    const weft_file *file = &r->zip->file;
    if (storage->key.length > KEY)
        return weft_file_bad(file, r->pickle->data, "the key of a storage has %zu bytes; at most %d were expected",
                             storage->key.length, KEY);
    const int length = snprintf(name, sizeof name, "data/%.*s", (int)storage->key.length, storage->key.bytes);
    const weft_zip_entry *entry = entry_of(r, name, (size_t)length);
    if (!entry)
        return weft_file_bad(file, r->pickle->data, "the archive has no entry \"%.80s\" for a storage", name);
    if (!weft_mul_size((size_t)storage->count, storage->size, &bytes) || bytes != entry->size)
        return weft_file_bad(file, entry->data, "entry \"%.80s\" has %" PRIu64 " bytes; a %s of %" PRId64
                             " elements was expected", entry->name, entry->size, storage->type, storage->count);
    bool *checked = &r->checked[entry - r->zip->entries];
    *out = file->data + entry->data;
    if (*checked)
        return WEFT_OK;
    WEFT_TRY(weft_zip_read(r->zip, entry, out, &owned));
    *checked = true;
    return WEFT_OK;
}

static bool dense(const weft_pickle_tensor *t)
{
    int64_t step = 1;
    for (int i = t->shape.rank - 1; i >= 0; i--) {
        if (t->shape.dim[i] != 1 && t->stride[i] != step)
            return false;
        step *= t->shape.dim[i];
    }
    return true;
}

static weft_status add_tensor(reader *r, const weft_pickle_text *name, const weft_pickle_tensor *t)
{
    const weft_pickle_storage *storage = t->storage;
    const weft_file *file = &r->zip->file;
    const uint8_t *bytes = NULL;
    void *to = NULL;
    const int shown = name->length < 80 ? (int)name->length : 80;
    if (!storage->supported)
        return weft_file_fail(WEFT_UNSUPPORTED, file, r->pickle->data,
                              "tensor \"%.*s\" lies in a %s, whose elements weft "
                              "does not read",
                              shown, name->bytes, storage->type);
    WEFT_TRY(storage_bytes(r, storage, &bytes));
    if (t->count > 0)
        bytes += (size_t)t->offset * storage->size;
    const bool lend = t->count == 0 || (dense(t) && (uintptr_t)bytes % storage->size == 0);
    const uint64_t size = (uint64_t)t->count * storage->size;
    if (!lend && size > r->budget)
        return weft_file_bad(file, r->pickle->data, "tensors that are not dense add up to more than %d times the file",
                             COPIES);
    weft_status status;
    if (lend) {
        status = weft_weights_lend(r->weights, name->bytes, name->length, storage->dtype, &t->shape, bytes);
    } else {
        r->budget -= size;
        status = weft_weights_room(r->weights, name->bytes, name->length, storage->dtype, &t->shape, &to);
        if (status == WEFT_OK)
            weft_weight_gather(to, bytes, storage->size, &t->shape, t->stride);
    }
    return status == WEFT_OK ? WEFT_OK : weft_file_bad_in(status, file, r->pickle->data);
}

/* ---- the dictionary ---- */

static bool is_text(const weft_pickle_value *value, const char *text)
{
    return value->kind == WEFT_PICKLE_TEXT && value->as.text->length == strlen(text) &&
           memcmp(value->as.text->bytes, text, strlen(text)) == 0;
}

static int64_t tensors_in(const weft_pickle_items *dict)
{
    int64_t count = 0;
    for (const weft_pickle_item *item = dict->first; item; item = item->next)
        count += item->value.kind == WEFT_PICKLE_TENSOR;
    return count;
}

/* Its keys, for a sentence. */
static const char *keys_of(const weft_pickle_items *dict, char text[KEYS_TEXT])
{
    size_t n = 0;
    text[0] = '\0';
    for (const weft_pickle_item *item = dict->first; item && n < KEYS_TEXT - 40; item = item->next) {
        const weft_pickle_text *key = item->key.as.text;
        bool printable = item->key.kind == WEFT_PICKLE_TEXT && key->length < 30;
        for (size_t i = 0; printable && i < key->length; i++)
            printable = key->bytes[i] >= 0x20 && key->bytes[i] < 0x7f;
        if (printable)
            n += (size_t)snprintf(text + n, KEYS_TEXT - n, "%s%.*s", n ? ", " : "", (int)key->length, key->bytes);
    }
    return text;
}

static weft_status choose(const reader *r, const weft_pickle_value *value, const weft_pickle_items **out)
{
    const uint64_t at = r->pickle->data;
    if (value->kind != WEFT_PICKLE_DICT)
        return weft_file_bad(&r->zip->file, at, "the file holds %s; a dictionary of tensors was expected, as "
                             "torch.save(model.state_dict(), path) writes", weft_pickle_kind_name(value->kind));
    const weft_pickle_items *dict = value->as.items;
    for (int i = 0; i < WEFT_COUNT(nests); i++) {
        for (const weft_pickle_item *item = dict->first; item; item = item->next) {
            if (!is_text(&item->key, nests[i]) || item->value.kind != WEFT_PICKLE_DICT ||
                tensors_in(item->value.as.items) == 0)
                continue;
            *out = item->value.as.items;
            return WEFT_OK;
        }
    }
    if (dict->count > 0 && tensors_in(dict) == 0) {
        char text[KEYS_TEXT];
        return weft_file_bad(&r->zip->file, at,
                             "the file holds a dictionary without tensors, neither in itself nor under "
                             "\"state_dict\" or \"model\"; its keys are: %s",
                             keys_of(dict, text));
    }
    *out = dict;
    return WEFT_OK;
}

static weft_status add_all(reader *r, const weft_pickle_items *dict)
{
    int64_t others = 0;
    for (const weft_pickle_item *item = dict->first; item; item = item->next) {
        if (item->value.kind != WEFT_PICKLE_TENSOR) {
            others++;
            continue;
        }
        if (item->key.kind != WEFT_PICKLE_TEXT)
            return weft_file_bad(&r->zip->file, r->pickle->data, "the key of a tensor is %s; a string was expected",
                                 weft_pickle_kind_name(item->key.kind));
        WEFT_TRY(add_tensor(r, item->key.as.text, item->value.as.tensor));
    }
    if (others)
        weft_log(r->ctx, WEFT_LOG_INFO, "%s: %" PRId64 " values that are no tensors were left out", r->zip->file.path,
                 others);
    return WEFT_OK;
}

weft_status weft_pth_read(weft_ctx *ctx, const weft_zip *zip, weft_weights *weights)
{
    reader r = { .ctx = ctx, .zip = zip, .weights = weights, .budget = COPIES * (uint64_t)zip->file.size };
    weft_arena arena;
    const uint8_t *bytes = NULL;
    void *owned = NULL;
    weft_pickle_value value;
    const weft_pickle_items *dict = NULL;
    WEFT_TRY(find_pickle(&r));
    WEFT_TRY(weft_zip_read(zip, r.pickle, &bytes, &owned));
    r.checked = weft_calloc(&ctx->allocator, (size_t)zip->count, sizeof *r.checked);
    if (!r.checked)
        return weft_fail_in(WEFT_NO_MEMORY, "%.200s", zip->file.path);
    weft_arena_init(&arena, &ctx->allocator);
    weft_status status = weft_pickle_read(&arena, &zip->file, (size_t)r.pickle->data, (size_t)r.pickle->size, &value);
    if (status == WEFT_OK)
        status = choose(&r, &value, &dict);
    if (status == WEFT_OK)
        status = add_all(&r, dict);
    weft_arena_release(&arena);
    weft_free(&ctx->allocator, r.checked);
    return status;
}
