/* SPDX-License-Identifier: Apache-2.0
 *
 * The set of named tensors and its metadata. Order is that of adding; a crit-bit tree finds names. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <zlib.h>

#include "base/context.h"
#include "base/error.h"
#include "base/nearest.h"
#include "weights/weights.h"

enum { NEAREST = 20000 /* names compared for a suggestion */, DIGEST_TEXT = 9 };

weft_status weft_weights_create(weft_ctx *ctx, weft_weights **out)
{
    if (!ctx || !out)
        return weft_fail(WEFT_INVALID, "weft_weights_create: ctx and out must not be NULL");
    weft_weights *weights = weft_calloc(&ctx->allocator, 1, sizeof *weights);
    if (!weights)
        return WEFT_NO_MEMORY;
    weights->allocator = &ctx->allocator;
    weft_arena_init(&weights->names, weights->allocator);
    *out = weights;
    return WEFT_OK;
}

void weft_weights_destroy(weft_weights *weights)
{
    if (!weights)
        return;
    const weft_allocator *allocator = weights->allocator;
    for (int64_t i = 0; i < weights->count; i++)
        weft_free(allocator, weights->entries[i].owned);
    for (int i = 0; i < weights->meta_count; i++)
        weft_free(allocator, weights->meta[i].key);
    weft_free(allocator, weights->entries);
    weft_free(allocator, weights->meta);
    weft_free(allocator, weights->block);
    weft_index_release(&weights->index, allocator);
    weft_arena_release(&weights->names);
    weft_free(allocator, weights);
}

weft_status weft_weights_fill(weft_ctx *ctx, const weft_file *file, weft_reader *read, const weft_read_opt *opt,
                              weft_weights **out)
{
    weft_weights *weights = NULL;
    weft_status status = weft_weights_create(ctx, &weights);
    if (status != WEFT_OK) {
        weft_free(&ctx->allocator, file->data);
        return weft_fail_in(status, "%s", file->path);
    }
    weights->block = file->data;
    status = read(ctx, file, opt, weights);
    if (status != WEFT_OK) {
        weft_weights_destroy(weights);
        return status;
    }
    if (!weights->lent) {
        weft_free(&ctx->allocator, weights->block);
        weights->block = NULL;
    }
    *out = weights;
    return WEFT_OK;
}

/* ---- tensors ---- */

weft_status weft_weight_bytes(weft_dtype dtype, const weft_shape *shape, int64_t *count, size_t *bytes)
{
    const size_t size = weft_dtype_size(dtype);
    if (size == 0)
        return weft_fail(WEFT_INVALID, "data type %d is unknown", (int)dtype);
    if (shape->rank < 0 || shape->rank > WEFT_MAX_RANK)
        return weft_fail(WEFT_INVALID, "rank is %d; 0 to %d was expected", shape->rank, WEFT_MAX_RANK);
    int64_t n = 1;
    bool empty = false;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i] < 0)
            return weft_fail(WEFT_INVALID, "dimension %d is %" PRId64 "; 0 or more was expected", i, shape->dim[i]);
        if (shape->dim[i] == 0)
            empty = true;
        else if (n > PTRDIFF_MAX / (int64_t)size / shape->dim[i])
            return weft_fail(WEFT_INVALID, "dimension %d is %" PRId64 "; so large a tensor fits no memory", i,
                             shape->dim[i]);
        else
            n *= shape->dim[i];
    }
    *count = empty ? 0 : n;
    *bytes = (size_t)*count * size;
    return WEFT_OK;
}

weft_status weft_weights_check_name(const char *name, size_t length)
{
    size_t at = 0;
    if (length == 0)
        return weft_fail(WEFT_INVALID, "a tensor has an empty name");
    if (length > WEFT_WEIGHTS_NAME)
        return weft_fail(WEFT_INVALID, "a tensor's name has %zu bytes; at most %d were expected", length,
                         WEFT_WEIGHTS_NAME);
    if (length == strlen(WEFT_META_NAME) && memcmp(name, WEFT_META_NAME, length) == 0)
        return weft_fail(WEFT_INVALID, "no tensor can be called " WEFT_META_NAME);
    if (!weft_utf8(name, length, &at))
        return weft_fail(WEFT_INVALID, "byte %zu of a tensor's name is not UTF-8", at);
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return weft_fail(WEFT_INVALID, "byte %zu of a tensor's name is the control character %02x", i,
                             (unsigned)(unsigned char)name[i]);
    }
    return WEFT_OK;
}

static weft_status grow_entries(weft_weights *weights)
{
    if (weights->count == WEFT_WEIGHTS_TENSORS)
        return weft_fail(WEFT_INVALID, "there are more than %d tensors", WEFT_WEIGHTS_TENSORS);
    if (weights->count < weights->room)
        return WEFT_OK;
    const int64_t room = weights->room ? 2 * weights->room : 64;
    weft_weights_entry *entries = weft_calloc(weights->allocator, (size_t)room, sizeof *entries);
    if (!entries)
        return WEFT_NO_MEMORY;
    if (weights->entries)
        memcpy(entries, weights->entries, (size_t)weights->count * sizeof *entries);
    weft_free(weights->allocator, weights->entries);
    weights->entries = entries;
    weights->room = room;
    return WEFT_OK;
}

/* The new last entry; takes owned in success only. */
static weft_status append(weft_weights *weights, const char *name, size_t length, weft_dtype dtype,
                          const weft_shape *shape, const void *data, void *owned)
{
    int64_t count = 0;
    size_t bytes = 0;
    WEFT_TRY(weft_weights_check_name(name, length));
    WEFT_TRY(weft_weight_bytes(dtype, shape, &count, &bytes));
    WEFT_TRY(grow_entries(weights));
    char *copy = weft_arena_alloc(&weights->names, length + 1);
    if (!copy)
        return WEFT_NO_MEMORY;
    memcpy(copy, name, length);
    weights->entries[weights->count] = (weft_weights_entry){
        .weight = { .name = copy, .dtype = dtype, .shape = *shape, .count = count, .data = data },
        .owned = owned,
    };
    WEFT_TRY(weft_index_add(&weights->index, weights->allocator, weights->entries, sizeof *weights->entries));
    weights->count++;
    return WEFT_OK;
}

weft_status weft_weights_room(weft_weights *weights, const char *name, size_t length, weft_dtype dtype,
                              const weft_shape *shape, void **data)
{
    int64_t count = 0;
    size_t bytes = 0;
    WEFT_TRY(weft_weight_bytes(dtype, shape, &count, &bytes));
    void *owned = weft_alloc(weights->allocator, bytes);
    if (!owned)
        return WEFT_NO_MEMORY;
    const weft_status status = append(weights, name, length, dtype, shape, owned, owned);
    if (status != WEFT_OK)
        weft_free(weights->allocator, owned);
    else
        *data = owned;
    return status;
}

weft_status weft_weights_lend(weft_weights *weights, const char *name, size_t length, weft_dtype dtype,
                              const weft_shape *shape, const void *data)
{
    int64_t count = 0;
    size_t bytes = 0;
    WEFT_TRY(weft_weight_bytes(dtype, shape, &count, &bytes));
    if ((uintptr_t)data % weft_dtype_size(dtype) == 0) {
        WEFT_TRY(append(weights, name, length, dtype, shape, data, NULL));
        weights->lent = true;
        return WEFT_OK;
    }
    void *copy = NULL;
    WEFT_TRY(weft_weights_room(weights, name, length, dtype, shape, &copy));
    memcpy(copy, data, bytes);
    return WEFT_OK;
}

weft_status weft_weights_add(weft_weights *weights, const char *name, weft_dtype dtype, const weft_shape *shape,
                             const void *data)
{
    if (!weights || !name || !shape)
        return weft_fail(WEFT_INVALID, "weft_weights_add: weights, name and shape must not be NULL");
    void *copy = NULL;
    const weft_status status = weft_weights_room(weights, name, strlen(name), dtype, shape, &copy);
    if (status != WEFT_OK)
        return weft_fail_in(status, "weft_weights_add: \"%.200s\"", name);
    const weft_weight *weight = &weights->entries[weights->count - 1].weight;
    const size_t bytes = (size_t)weight->count * weft_dtype_size(dtype);
    if (data && bytes)
        memcpy(copy, data, bytes);
    else
        memset(copy, 0, bytes);
    return WEFT_OK;
}

int64_t weft_weights_count(const weft_weights *weights)
{
    return weights ? weights->count : 0;
}

weft_status weft_weights_get(const weft_weights *weights, int64_t index, weft_weight *out)
{
    if (!weights || !out || index < 0 || index >= weights->count)
        return weft_fail(WEFT_INVALID, "weft_weights_get: index is %" PRId64 "; the set has %" PRId64 " tensors",
                         index, weft_weights_count(weights));
    *out = weights->entries[index].weight;
    return WEFT_OK;
}

static const char *entry_name(const void *list, int index)
{
    return ((const weft_weights_entry *)list)[index].weight.name;
}

weft_status weft_weights_find(const weft_weights *weights, const char *name, weft_weight *out)
{
    if (!weights || !name || !out)
        return weft_fail(WEFT_INVALID, "weft_weights_find: weights, name and out must not be NULL");
    const int64_t at = weft_index_find(&weights->index, weights->entries, sizeof *weights->entries, name);
    if (at >= 0) {
        *out = weights->entries[at].weight;
        return WEFT_OK;
    }
    const int count = (int)(weights->count < NEAREST ? weights->count : NEAREST);
    const int near = weft_nearest(name, entry_name, weights->entries, count);
    if (near < 0)
        return weft_fail(WEFT_NOT_FOUND, "there is no tensor \"%.200s\" among the %" PRId64, name, weights->count);
    return weft_fail(WEFT_NOT_FOUND, "there is no tensor \"%.200s\" among the %" PRId64 "; \"%.200s\" comes nearest",
                     name, weights->count, entry_name(weights->entries, near));
}

/* ---- metadata ---- */

static int meta_at(const weft_weights *weights, const char *key)
{
    for (int i = 0; i < weights->meta_count; i++) {
        if (strcmp(weights->meta[i].key, key) == 0)
            return i;
    }
    return -1;
}

int weft_weights_meta_count(const weft_weights *weights)
{
    return weights ? weights->meta_count : 0;
}

weft_status weft_weights_meta(const weft_weights *weights, int index, const char **key, const char **text)
{
    if (!weights || !key || !text || index < 0 || index >= weights->meta_count)
        return weft_fail(WEFT_INVALID, "weft_weights_meta: index is %d; the set has %d keys", index,
                         weft_weights_meta_count(weights));
    *key = weights->meta[index].key;
    *text = weights->meta[index].text;
    return WEFT_OK;
}

const char *weft_weights_meta_find(const weft_weights *weights, const char *key)
{
    const int at = weights && key ? meta_at(weights, key) : -1;
    return at < 0 ? NULL : weights->meta[at].text;
}

static weft_status grow_meta(weft_weights *weights)
{
    if (weights->meta_count == WEFT_WEIGHTS_META)
        return weft_fail(WEFT_INVALID, "there are more than %d keys of metadata", WEFT_WEIGHTS_META);
    if (weights->meta_count < weights->meta_room)
        return WEFT_OK;
    const int room = weights->meta_room ? 2 * weights->meta_room : 16;
    weft_meta *meta = weft_calloc(weights->allocator, (size_t)room, sizeof *meta);
    if (!meta)
        return WEFT_NO_MEMORY;
    if (weights->meta)
        memcpy(meta, weights->meta, (size_t)weights->meta_count * sizeof *meta);
    weft_free(weights->allocator, weights->meta);
    weights->meta = meta;
    weights->meta_room = room;
    return WEFT_OK;
}

weft_status weft_weights_set_meta(weft_weights *weights, const char *key, const char *text)
{
    size_t bad = 0;
    if (!weights || !key)
        return weft_fail(WEFT_INVALID, "weft_weights_set_meta: weights and key must not be NULL");
    if (!*key || !weft_utf8(key, strlen(key), &bad) || (text && !weft_utf8(text, strlen(text), &bad)))
        return weft_fail(WEFT_INVALID, "weft_weights_set_meta: byte %zu of key or text is not UTF-8, or key is empty",
                         bad);
    const int at = meta_at(weights, key);
    if (!text) {
        if (at >= 0) {
            weft_free(weights->allocator, weights->meta[at].key);
            weights->meta_count--;
            memmove(weights->meta + at, weights->meta + at + 1,
                    (size_t)(weights->meta_count - at) * sizeof *weights->meta);
        }
        return WEFT_OK;
    }
    if (at < 0)
        WEFT_TRY(grow_meta(weights));
    const size_t length = strlen(key) + 1, rest = strlen(text) + 1;
    char *copy = weft_alloc(weights->allocator, length + rest);
    if (!copy)
        return WEFT_NO_MEMORY;
    memcpy(copy, key, length);
    memcpy(copy + length, text, rest);
    if (at >= 0)
        weft_free(weights->allocator, weights->meta[at].key);
    weights->meta[at >= 0 ? at : weights->meta_count++] = (weft_meta){ .key = copy, .text = copy + length };
    return WEFT_OK;
}

/* ---- digest ---- */

static uLong crc_of(uLong crc, const void *data, size_t size)
{
    return size ? crc32_z(crc, data, size) : crc; /* data of nothing may be NULL, which would start anew */
}

uint32_t weft_weights_digest(const weft_weights *weights)
{
    uint32_t sum = 0;
    for (int64_t i = 0; i < weights->count; i++) {
        const weft_weight *w = &weights->entries[i].weight;
        char text[256];
        const char *dtype = weft_dtype_name(w->dtype);
        weft_shape_text(&w->shape, text, sizeof text);
        uLong crc = crc_of(0, w->name, strlen(w->name) + 1);
        crc = crc_of(crc, dtype, strlen(dtype));
        crc = crc_of(crc, text, strlen(text) + 1);
        sum += (uint32_t)crc_of(crc, w->data, (size_t)w->count * weft_dtype_size(w->dtype));
    }
    return sum;
}

weft_status weft_weights_check_digest(weft_weights *weights)
{
    const char *kept = weft_weights_meta_find(weights, WEFT_DIGEST_KEY);
    if (!kept)
        return WEFT_OK;
    char found[DIGEST_TEXT];
    snprintf(found, sizeof found, "%08" PRIx32, weft_weights_digest(weights));
    if (strcmp(found, kept) != 0)
        return weft_fail(WEFT_BAD_DATA, "the tensors have the digest %s; metadata " WEFT_DIGEST_KEY " says %.16s: they "
                         "were changed since weft wrote them", found, kept);
    return weft_weights_set_meta(weights, WEFT_DIGEST_KEY, NULL);
}
