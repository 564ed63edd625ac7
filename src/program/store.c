/* SPDX-License-Identifier: Apache-2.0
 *
 * Stores: made from graphs, written and read by name. */
#include "program/store.h"

#include <string.h>

#include "base/nearest.h"

enum { ZEROS = 1 << 20 };

int32_t weft_store_find(const weft_store *store, const char *name)
{
    for (int32_t i = 0; i < store->count; i++)
        if (strcmp(store->entries[i].name, name) == 0)
            return i;
    return -1;
}

/* ---- making ---- */

/* An entry of this name and another graph must be the same thing. */
static weft_status check_same(const weft_entry *entry, const weft_param *param)
{
    char is[96], was[96];
    if (entry->spec.statistic != param->spec.statistic)
        return weft_fail(WEFT_INVALID, "%s is a state of one graph and a parameter of another", param->name);
    if (!weft_shape_equal(&entry->spec.shape, &param->spec.shape))
        return weft_fail(WEFT_INVALID, "%s is %s in one graph and %s in another", param->name,
                         weft_shape_text(&entry->spec.shape, was, sizeof was),
                         weft_shape_text(&param->spec.shape, is, sizeof is));
    return WEFT_OK;
}

static weft_status add_entry(weft_store *store, const weft_param *param)
{
    const size_t bytes = (size_t)weft_shape_count(&param->spec.shape) * sizeof(float);
    weft_entry *entry = &store->entries[store->count];
    *entry = (weft_entry){ .name = weft_arena_text(&store->arena, "%s", param->name), .spec = param->spec,
                           .offset = store->bytes };
    if (param->spec.values)
        entry->spec.values = weft_arena_copy(&store->arena, param->spec.values, bytes);
    if (!entry->name || (param->spec.values && !entry->spec.values))
        return WEFT_NO_MEMORY;
    if (!weft_add_size(store->bytes, weft_round_up(bytes, WEFT_STORE_ALIGN), &store->bytes) ||
        store->bytes > SIZE_MAX / 2)
        return weft_fail(WEFT_NO_MEMORY, "the parameters do not fit in memory");
    store->count++;
    return WEFT_OK;
}

/* The graph's parameters or its states that are not there yet. */
static weft_status add_graph(weft_store *store, const weft_graph *graph, bool first, bool states)
{
    for (int32_t i = 0; i < graph->n_params; i++) {
        const weft_param *param = &graph->params[i];
        if (param->spec.statistic != states)
            continue;
        const int32_t at = first ? -1 : weft_store_find(store, param->name); /* a graph's own names differ */
        WEFT_TRY(at < 0 ? add_entry(store, param) : check_same(&store->entries[at], param));
    }
    return WEFT_OK;
}

/* A block of a device that is apart, written piece by piece. */
static weft_status clear(weft_store *store, const char *zeros)
{
    const weft_device *device = store->ctx->device;
    for (size_t at = 0; at < store->bytes; at += ZEROS) {
        const size_t bytes = store->bytes - at < ZEROS ? store->bytes - at : ZEROS;
        WEFT_TRY(device->backend->write(device, store->memory + at, zeros, bytes));
    }
    return WEFT_OK;
}

/* The block, cleared. */
static weft_status allot(weft_store *store)
{
    const weft_device *device = store->ctx->device;
    void *memory;
    WEFT_TRY(device->backend->alloc(device, store->bytes, &memory));
    store->memory = memory;
    if (!weft_device_is_apart(device))
        return WEFT_OK; /* cleared by alloc */
    char *zeros = weft_calloc(device->allocator, 1, ZEROS);
    if (!zeros)
        return WEFT_NO_MEMORY;
    const weft_status status = clear(store, zeros);
    weft_free(device->allocator, zeros);
    return status;
}

static weft_status fill(weft_store *store, const weft_graph *const *graphs, int count)
{
    size_t most = 0;
    for (int g = 0; g < count; g++) {
        WEFT_TRY(weft_graph_status(graphs[g]));
        most += (size_t)graphs[g]->n_params;
    }
    store->entries = weft_arena_array(&store->arena, most, sizeof *store->entries);
    if (!store->entries)
        return WEFT_NO_MEMORY;
    for (int states = 0; states < 2; states++)
        for (int g = 0; g < count; g++)
            WEFT_TRY(add_graph(store, graphs[g], g == 0, states));
    return allot(store);
}

weft_status weft_store_create(weft_ctx *ctx, const weft_graph *const *graphs, int count, weft_store **out)
{
    if (!ctx || !graphs || count < 1 || !out)
        return weft_fail(WEFT_INVALID, "weft_store_create: ctx, graphs and out must not be NULL, nor count below 1");
    weft_store *store = weft_calloc(&ctx->allocator, 1, sizeof *store);
    if (!store)
        return WEFT_NO_MEMORY;
    store->ctx = ctx;
    store->version = WEFT_STORE_FRESH;
    weft_arena_init(&store->arena, &ctx->allocator);
    const weft_status status = fill(store, graphs, count);
    if (status != WEFT_OK) {
        weft_store_destroy(store);
        return status;
    }
    *out = store;
    return WEFT_OK;
}

void weft_store_destroy(weft_store *store)
{
    if (!store)
        return;
    const weft_device *device = store->ctx->device;
    if (store->staging && device->backend->host_free)
        device->backend->host_free(device, store->staging);
    else
        weft_free(device->allocator, store->staging);
    if (store->memory)
        device->backend->free(device, store->memory);
    weft_arena_release(&store->arena);
    weft_free(&store->ctx->allocator, store);
}

/* ---- asking ---- */

int weft_store_count(const weft_store *store)
{
    return store ? store->count : 0;
}

weft_status weft_store_param(const weft_store *store, int index, weft_param_info *out)
{
    if (index < 0 || index >= weft_store_count(store))
        return weft_fail(WEFT_INVALID, "parameter %d: the store has parameters 0 to %d", index,
                         weft_store_count(store) - 1);
    const weft_entry *entry = &store->entries[index];
    *out = (weft_param_info){ entry->name, entry->spec.shape, !entry->spec.statistic };
    return WEFT_OK;
}

size_t weft_store_bytes(const weft_store *store)
{
    return store ? store->bytes : 0;
}

uint64_t weft_store_version(const weft_store *store)
{
    return store ? store->version : 0;
}

/* ---- writing and reading ---- */

weft_status weft_store_need(const weft_store *store)
{
    return store->released ? weft_fail(WEFT_INVALID, "the parameters were released, by weft_model_release_params")
                           : WEFT_OK;
}

/* Whether the block is not host memory: on devices that are apart, and those that keep nothing. */
static bool is_apart(const weft_store *store)
{
    return weft_device_is_apart(store->ctx->device) || store->ctx->device->dry;
}

static weft_status need_staging(weft_store *store)
{
    const weft_device *device = store->ctx->device;
    size_t most = 0;
    if (store->staging)
        return WEFT_OK;
    for (int32_t i = 0; i < store->count; i++)
        most = weft_entry_bytes(&store->entries[i]) > most ? weft_entry_bytes(&store->entries[i]) : most;
    if (weft_device_is_apart(device))
        return device->backend->host_alloc(device, most, &store->staging);
    store->staging = weft_alloc(device->allocator, most);
    return store->staging ? WEFT_OK : WEFT_NO_MEMORY;
}

weft_status weft_store_lend(weft_store *store, int32_t index, bool read, float **values)
{
    const weft_entry *entry = &store->entries[index];
    const weft_device *device = store->ctx->device;
    WEFT_TRY(weft_store_need(store));
    if (!is_apart(store)) {
        *values = (float *)(void *)(store->memory + entry->offset);
        return WEFT_OK;
    }
    WEFT_TRY(need_staging(store));
    if (read)
        WEFT_TRY(device->backend->read(device, store->staging, store->memory + entry->offset, weft_entry_bytes(entry)));
    *values = store->staging;
    return WEFT_OK;
}

weft_status weft_store_give(weft_store *store, int32_t index, const float *values)
{
    const weft_entry *entry = &store->entries[index];
    const weft_device *device = store->ctx->device;
    store->version++;
    return is_apart(store)
               ? device->backend->write(device, store->memory + entry->offset, values, weft_entry_bytes(entry))
               : WEFT_OK;
}

weft_status weft_store_read(const weft_store *store, int32_t index, float *to)
{
    const weft_entry *entry = &store->entries[index];
    const weft_device *device = store->ctx->device;
    WEFT_TRY(weft_store_need(store));
    return device->backend->read(device, to, store->memory + entry->offset, weft_entry_bytes(entry));
}

static const char *entry_name(const void *store, int index)
{
    return ((const weft_store *)store)->entries[index].name;
}

weft_status weft_store_check(const weft_store *store, const char *what, const char *name, const float *data,
                             int64_t count, int32_t *index)
{
    if (!store || !name || !data)
        return weft_fail(WEFT_INVALID, "%s: %s must not be NULL", what, store ? "name and data" : "store");
    WEFT_TRY(weft_store_need(store));
    const int32_t at = weft_store_find(store, name);
    if (at < 0) {
        const int near = weft_nearest(name, entry_name, store, store->count);
        return weft_fail(WEFT_NOT_FOUND, "no parameter '%s'%s%s%s", name, near < 0 ? "" : ": did you mean '",
                         near < 0 ? "" : entry_name(store, near), near < 0 ? "" : "'?");
    }
    const weft_shape *shape = &store->entries[at].spec.shape;
    char text[96];
    if (count != weft_shape_count(shape))
        return weft_fail(WEFT_INVALID, "%s: %lld values given, %s needs %lld", name, (long long)count,
                         weft_shape_text(shape, text, sizeof text), (long long)weft_shape_count(shape));
    *index = at;
    return WEFT_OK;
}

weft_status weft_store_set(weft_store *store, const char *name, const float *data, int64_t count)
{
    int32_t index = 0;
    WEFT_TRY(weft_store_check(store, "weft_store_set", name, data, count, &index));
    const weft_device *device = store->ctx->device;
    store->version++;
    return device->backend->write(device, store->memory + store->entries[index].offset, data,
                                  weft_entry_bytes(&store->entries[index]));
}

weft_status weft_store_get(const weft_store *store, const char *name, float *data, int64_t count)
{
    int32_t index = 0;
    WEFT_TRY(weft_store_check(store, "weft_store_get", name, data, count, &index));
    return weft_store_read(store, index, data);
}
