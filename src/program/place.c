/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses: the memory of a program, and the arguments of every call in it. */
#include <stdio.h>
#include <string.h>

#include "program/program.h"

/* ---- where things are ---- */

size_t weft_model_input_bytes(const weft_model *model, int32_t input)
{
    const weft_value *value = &model->graph->values[model->graph->inputs[input]];
    const weft_place *place = &model->layout.place[model->graph->inputs[input]];
    return (size_t)(weft_shape_rows(&value->shape) * place->ld) * weft_dtype_size(value->dtype);
}

static weft_view view_in_store(const weft_model *model, const weft_place *place)
{
    if (!model->store)
        return (weft_view){ NULL, place->ld };
    return (weft_view){ model->store->memory + model->store->entries[model->entries[place->offset]].offset, place->ld };
}

weft_view weft_model_view(const weft_model *model, int32_t value)
{
    const weft_place *place = &model->layout.place[value];
    if (place->storage == WEFT_IN_STORE)
        return view_in_store(model, place);
    if (!model->memory || place->storage < 0)
        return (weft_view){ NULL, place->ld };
    char *base = model->memory + model->layout.storages[place->storage].offset;
    return (weft_view){ base + place->offset * (int64_t)weft_dtype_size(model->graph->values[value].dtype),
                        place->ld };
}

/* Address of a storage; NULL: none. */
static void *storage_at(const weft_model *model, int32_t storage)
{
    return storage < 0 ? NULL : model->memory + model->layout.storages[storage].offset;
}

/* ---- calls ---- */

/* Views of the node's inputs: those that pack reads, or the others. */
static weft_status find_inputs(weft_model *model, const weft_step *step, bool packed, const weft_view **out)
{
    const weft_node *node = &step->gnode->node;
    weft_view *in = weft_arena_array(&model->arena, (size_t)node->n_in, sizeof *in);
    if (!in)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < node->n_in; i++) {
        in[i] = weft_model_view(model, step->gnode->in[i]);
        if ((i < 32 && weft_step_packs(step) >> i & 1) != packed)
            in[i].data = NULL;
    }
    *out = in;
    return WEFT_OK;
}

static weft_status resolve_call(weft_model *model, weft_step *step)
{
    const weft_node *node = &step->gnode->node;
    const weft_memory_layout *layout = &model->layout;
    const weft_view *in;
    weft_view *out = weft_arena_array(&model->arena, (size_t)node->n_out, sizeof *out);
    if (!out)
        return WEFT_NO_MEMORY;
    WEFT_TRY(find_inputs(model, step, false, &in));
    for (int i = 0; i < node->n_out; i++)
        out[i] = weft_model_view(model, step->gnode->out[i]);
    step->call = (weft_call){ .node = node, .device = model->ctx->device, .state = step->plan.state, .in = in,
                              .out = out, .thread_stride = step->plan.thread_scratch };
    if (!model->memory)
        return WEFT_OK;
    if (step->plan.packed) {
        step->call.packed = model->packed + step->packed_at;
        step->call.packed_bytes = step->plan.packed;
    }
    step->call.scratch = storage_at(model, layout->scratch[step->index]);
    if (step->call.scratch)
        step->call.thread_scratch = (char *)step->call.scratch + step->plan.scratch;
    for (int b = 0; b < WEFT_MAX_BUFFER; b++)
        step->call.buffer[b] = storage_at(model, layout->buffer[step->index * WEFT_MAX_BUFFER + b]);
    return WEFT_OK;
}

/* A derivation's call is its step's; a pack has the parameters and nothing else. */
static weft_status resolve_prior(weft_model *model, weft_prior *prior)
{
    if (!prior->packs) {
        prior->call = model->derivations[prior->step].call;
        return WEFT_OK;
    }
    const weft_step *step = &model->steps[prior->step];
    prior->call = step->call;
    prior->call.scratch = model->memory ? storage_at(model, model->layout.pack_scratch[step->index]) : NULL;
    prior->call.thread_scratch = NULL;
    return find_inputs(model, step, true, &prior->call.in);
}

weft_status weft_model_resolve(weft_model *model)
{
    for (int i = 0; i < model->n_derivations; i++)
        WEFT_TRY(resolve_call(model, &model->derivations[i]));
    for (int i = 0; i < model->n_steps; i++)
        WEFT_TRY(resolve_call(model, &model->steps[i]));
    for (int i = 0; i < model->n_priors; i++)
        WEFT_TRY(resolve_prior(model, &model->priors[i]));
    model->calls = weft_arena_array(&model->arena, (size_t)model->n_steps, sizeof(void *));
    for (int i = 0; model->calls && i < model->n_steps; i++)
        model->calls[i] = &model->steps[i].call;
    return model->calls ? WEFT_OK : WEFT_NO_MEMORY;
}

/* ---- memory ---- */

/* Blocks that have all inputs in them. */
static weft_status allot_lane(weft_model *model)
{
    const weft_device *device = model->ctx->device;
    const size_t inputs = (size_t)model->graph->n_inputs;
    size_t bytes = 0;
    model->lane_at = weft_arena_array(&model->arena, inputs, sizeof *model->lane_at);
    model->pieces = weft_arena_array(&model->arena, inputs, sizeof *model->pieces);
    if (!model->lane_at || !model->pieces)
        return WEFT_NO_MEMORY;
    for (int32_t i = 0; i < model->graph->n_inputs; i++) {
        model->lane_at[i] = bytes;
        model->fresh[i] = true;
        bytes += weft_round_up(weft_model_input_bytes(model, i), WEFT_STORE_ALIGN);
    }
    return device->backend->lane_open(device, bytes, &model->lane);
}

/* Staging buffers for inputs, where the device is apart from host memory. */
static weft_status allot_staging(weft_model *model)
{
    const weft_device *device = model->ctx->device;
    model->staged = weft_arena_array(&model->arena, (size_t)model->graph->n_inputs, sizeof *model->staged);
    model->fresh = weft_arena_array(&model->arena, (size_t)model->graph->n_inputs, sizeof *model->fresh);
    if (!model->staged || !model->fresh)
        return WEFT_NO_MEMORY;
    if (model->opt.ahead && device->backend->lane_open && !device->dry)
        return allot_lane(model);
    for (int32_t i = 0; i < model->graph->n_inputs; i++) {
        const size_t bytes = weft_model_input_bytes(model, i);
        WEFT_TRY(device->backend->host_alloc(device, bytes, &model->staged[i]));
        memset(model->staged[i], 0, bytes);
        model->fresh[i] = true;
    }
    return WEFT_OK;
}

weft_status weft_model_no_room(const weft_model *model, weft_status status)
{
    const weft_device *device = model->ctx->device;
    if (status != WEFT_NO_MEMORY || !device->backend->available || model->graph->n_inputs == 0)
        return status;
    double params = (double)model->packed_bytes; /* a sum that need not fit */
    for (int32_t i = 0; i < model->n_params && !model->opt.store; i++)
        params += (double)weft_round_up((size_t)weft_shape_count(&model->graph->params[i].spec.shape) * sizeof(float),
                                        WEFT_STORE_ALIGN);
    const size_t taken = (model->memory ? model->layout.bytes : 0) +
                         (model->own_store && model->store ? model->store->bytes : 0);
    const size_t room = device->backend->available(device) + taken;
    const int64_t batch = model->graph->values[model->graph->inputs[0]].shape.dim[0];
    const double left = (double)room > params ? (double)room - params : 0;
    const int64_t fits = (int64_t)(left / (double)model->layout.bytes * (double)batch);
    char advice[64] = "too much for any batch";
    if (fits > 0)
        snprintf(advice, sizeof advice, "there is room for batch %lld", (long long)fits);
    return weft_fail_in(status, "batch %lld needs %.1f MiB for activations and %.1f MiB for parameters, %s",
                        (long long)batch, (double)model->layout.bytes / 1048576, params / 1048576, advice);
}

static weft_status allot_memory(weft_model *model)
{
    const weft_device *device = model->ctx->device;
    weft_status (*const take)(const weft_device *, size_t, void **) =
        device->backend->reserve ? device->backend->reserve : device->backend->alloc;
    void *memory, *packed; /* the one is touched when parameters are packed, the other cleared before */
    weft_status status = take(device, model->layout.bytes, &memory);
    if (status != WEFT_OK)
        return weft_model_no_room(model, status);
    model->memory = memory;
    status = take(device, model->packed_bytes, &packed);
    if (status != WEFT_OK)
        return weft_model_no_room(model, status);
    model->packed = packed;
    return weft_device_is_apart(device) ? allot_staging(model) : WEFT_OK;
}

weft_status weft_model_place(weft_model *model)
{
    if (!model->opt.plan_only)
        WEFT_TRY(allot_memory(model));
    return weft_model_resolve(model);
}

weft_status weft_model_need_memory(const weft_model *model, const char *what)
{
    if (!model)
        return weft_fail(WEFT_INVALID, "%s: model is NULL", what);
    if (model->opt.plan_only)
        return weft_fail(WEFT_INVALID, "%s: the model was made with plan_only and has no memory", what);
    return WEFT_OK;
}
