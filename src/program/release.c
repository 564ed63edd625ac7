/* SPDX-License-Identifier: Apache-2.0
 *
 * Letting go of the parameters that runs read only as they were folded and packed: what is read as it was given moves
 * into a block of its own, the rest of the store's memory goes back. */
#include "backend/host.h"
#include "program/program.h"

/* kept[entry] of the store: a step reads it. */
static void find_read(const weft_model *model, bool *kept)
{
    for (int s = 0; s < model->n_steps; s++) {
        const weft_step *step = &model->steps[s];
        for (int i = 0; i < step->gnode->node.n_in; i++) {
            const weft_place *place = &model->layout.place[step->gnode->in[i]];
            const bool packed = i < 32 && weft_step_packs(step) >> i & 1;
            if (place->storage == WEFT_IN_STORE && !packed)
                kept[model->entries[place->offset]] = true;
        }
    }
}

/* Copies what is kept to `to`, and says where it will be. */
static weft_status move(weft_store *store, const bool *kept, const size_t *offsets, char *to)
{
    const weft_device *device = store->ctx->device;
    for (int32_t i = 0; i < store->count; i++) {
        float *values;
        if (!kept[i])
            continue;
        WEFT_TRY(weft_store_lend(store, i, true, &values));
        WEFT_TRY(device->backend->write(device, to + offsets[i], values, weft_entry_bytes(&store->entries[i])));
    }
    return WEFT_OK;
}

/* offsets[entry] of what is kept, 0 of what is not; at least one byte, so that there is a block to point to. */
static size_t lay_out(const weft_store *store, const bool *kept, size_t *offsets)
{
    size_t bytes = 0;
    for (int32_t i = 0; i < store->count; i++) {
        offsets[i] = kept[i] ? bytes : 0;
        bytes += kept[i] ? weft_round_up(weft_entry_bytes(&store->entries[i]), WEFT_STORE_ALIGN) : 0;
    }
    return bytes ? bytes : WEFT_STORE_ALIGN;
}

static weft_status shrink(weft_model *model, bool *kept, size_t *offsets)
{
    weft_store *store = model->store;
    const weft_device *device = model->ctx->device;
    void *block;
    find_read(model, kept);
    const size_t bytes = lay_out(store, kept, offsets);
    WEFT_TRY(device->backend->alloc(device, bytes, &block));
    const weft_status status = move(store, kept, offsets, block);
    if (status != WEFT_OK) {
        device->backend->free(device, block);
        return status;
    }
    if (!weft_device_is_apart(device) && !device->dry)
        weft_host_discard(store->memory, store->bytes);
    device->backend->free(device, store->memory);
    store->memory = block;
    store->bytes = bytes;
    store->released = true;
    for (int32_t i = 0; i < store->count; i++)
        store->entries[i].offset = offsets[i];
    return WEFT_OK;
}

/* A recording has the old addresses in it. */
static weft_status find_anew(weft_model *model)
{
    const weft_device *device = model->ctx->device;
    if (model->record)
        device->backend->forget(device, model->record);
    model->record = NULL;
    model->param_bytes = model->store->bytes;
    return weft_model_resolve(model);
}

weft_status weft_model_release_params(weft_model *model)
{
    const char *const what = "weft_model_release_params";
    WEFT_TRY(weft_model_need_params(model, what));
    weft_store *store = model->store;
    if (store->released)
        return WEFT_OK;
    if (store->models > 1 || !model->own_store)
        return weft_fail(WEFT_INVALID, "%s: the store is shared, others may need the parameters", what);
    if (model->updates)
        return weft_fail(WEFT_INVALID, "%s: runs of this model change its parameters", what);
    WEFT_TRY(weft_model_follow_store(model));
    WEFT_TRY(weft_model_wait(model));
    const weft_allocator *const allocator = &model->ctx->allocator;
    bool *kept = weft_calloc(allocator, (size_t)store->count + 1, sizeof *kept);
    size_t *offsets = weft_calloc(allocator, (size_t)store->count + 1, sizeof *offsets);
    const weft_status status = kept && offsets ? shrink(model, kept, offsets) : WEFT_NO_MEMORY;
    weft_free(allocator, kept);
    weft_free(allocator, offsets);
    WEFT_TRY(status == WEFT_OK ? find_anew(model) : status);
    return weft_model_commit(model);
}
