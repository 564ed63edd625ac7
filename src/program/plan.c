/* SPDX-License-Identifier: Apache-2.0
 *
 * From a rewritten graph to a flat list of steps: a kernel for each node, its memory demands, the layout of the arena,
 * and the arguments of every call as addresses. */
#include <string.h>

#include "program/model.h"

/* Parameters as inferred, one after the other, for a kernel that does not pack them itself. */
static size_t raw_bytes(const weft_node *node)
{
    size_t bytes = 0;
    for (int i = 0; i < node->n_param; i++)
        bytes += weft_round_up((size_t)weft_shape_count(&node->param[i]) * sizeof(float), WEFT_CACHE_LINE);
    return bytes;
}

/* Bytes, up to 16, that the address of a value is a multiple of: fewer for a slice at odd channels. */
static int alignment(const weft_model *model, const weft_place *place, int32_t value)
{
    const int64_t size = (int64_t)weft_dtype_size(model->graph->values[value].dtype);
    int align = 16;
    while (place->offset * size % align)
        align /= 2;
    return align;
}

/* The pixel pitches of a node's inputs and outputs, which concatenations and padding decide, whatever kernels ask. */
static weft_status find_pitches(const weft_model *model, const weft_layout *draft, const weft_gnode *gnode,
                                weft_plan *plan)
{
    const int n_in = gnode->node.n_in, n = n_in + gnode->node.n_out;
    int64_t *ld = weft_arena_array(plan->arena, (size_t)n, sizeof *ld);
    int *align = weft_arena_array(plan->arena, (size_t)n, sizeof *align);
    bool *in_place = weft_arena_array(plan->arena, (size_t)n, sizeof *in_place);
    if (!ld || !align || !in_place)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < n; i++) {
        const int32_t value = i < n_in ? gnode->in[i] : gnode->out[i - n_in];
        const weft_place *place = &draft->place[value], *out = &draft->place[gnode->out[0]];
        ld[i] = place->ld;
        align[i] = alignment(model, place, value);
        in_place[i] = gnode->node.id == WEFT_OP_CONCAT && place->storage == out->storage;
    }
    plan->in_ld = ld;
    plan->out_ld = ld + n_in;
    plan->in_align = align;
    plan->out_align = align + n_in;
    plan->in_place = in_place;
    if (model->graph->values[gnode->in[0]].padded)
        plan->in_channels = ld[0];
    return WEFT_OK;
}

static bool builds(const weft_model *model)
{
    const weft_device *device = &model->ctx->device;
    return device->builds || (!model->opt.plan_only && !device->dry);
}

/* What the nodes will have built is first collected, then built by all threads at once, each thing once. A node that
 * fails here fails again when it is prepared, and says so. */
static weft_status build_ahead(const weft_model *model, const weft_layout *draft)
{
    const weft_device *device = &model->ctx->device;
    weft_arena scratch;
    weft_status status = WEFT_OK;
    if (!device->backend->build || !builds(model))
        return WEFT_OK;
    weft_arena_init(&scratch, &model->ctx->allocator);
    for (int32_t i = 0; i < model->graph->n_nodes && status == WEFT_OK; i++) {
        const weft_gnode *gnode = &model->graph->nodes[i];
        if (gnode->dead || draft->elided[i])
            continue;
        const weft_kernel *kernel = weft_select(&gnode->node, device);
        weft_plan plan = { .node = &gnode->node, .device = device, .arena = &scratch, .collect = true };
        status = find_pitches(model, draft, gnode, &plan);
        if (status == WEFT_OK && kernel->prepare)
            (void)kernel->prepare(&gnode->node, &plan);
    }
    weft_arena_release(&scratch);
    return status == WEFT_OK ? device->backend->build(device) : status;
}

/* Kernel, plan and demands of every live node; steps are not yet placed. */
static weft_status choose_kernels(weft_model *model, const weft_layout *draft, weft_demand *demand)
{
    const weft_device *device = &model->ctx->device;
    for (int32_t i = 0; i < model->graph->n_nodes; i++) {
        const weft_gnode *gnode = &model->graph->nodes[i];
        if (gnode->dead)
            continue;
        weft_step *step = &model->steps[model->n_steps++];
        *step = (weft_step){ .gnode = gnode, .index = i, .kernel = weft_select(&gnode->node, device) };
        step->plan = (weft_plan){ .node = &gnode->node, .device = device, .arena = &model->arena,
                                  .build = builds(model) };
        if (draft)
            WEFT_TRY(find_pitches(model, draft, gnode, &step->plan));
        if (step->kernel->prepare && !(draft && draft->elided[i])) {
            const weft_status status = step->kernel->prepare(&gnode->node, &step->plan);
            if (status != WEFT_OK)
                return weft_fail_in(status, "%s: %s", gnode->node.name, step->kernel->name);
        }
        if (!step->kernel->load)
            step->plan.packed = raw_bytes(&gnode->node);
        step->plan.scratch = weft_round_up(step->plan.scratch, WEFT_CACHE_LINE);
        step->plan.thread_scratch = weft_round_up(step->plan.thread_scratch, WEFT_CACHE_LINE);
        demand[i].scratch = step->plan.scratch + step->plan.thread_scratch * (size_t)device->threads;
        demand[i].inplace = step->kernel->inplace;
        demand[i].in_phases = step->plan.in_phases;
        demand[i].out_phase = step->plan.out_phase;
        demand[i].buffer = step->plan.buffer;
    }
    return WEFT_OK;
}

/* Drops the steps whose output is where their inputs are, and places the others' parameters. */
static void compact(weft_model *model)
{
    int kept = 0;
    for (int i = 0; i < model->n_steps; i++) {
        if (model->layout.elided[model->steps[i].index])
            continue;
        weft_step *step = &model->steps[kept++];
        *step = model->steps[i];
        step->packed_at = model->packed_bytes;
        model->packed_bytes += weft_round_up(step->plan.packed, WEFT_CACHE_LINE);
    }
    model->n_steps = kept;
}

weft_view weft_model_view(const weft_model *model, int32_t value)
{
    const weft_place *place = &model->layout.place[value];
    if (!model->memory)
        return (weft_view){ NULL, place->ld };
    char *base = model->memory + model->layout.storages[place->storage].offset;
    return (weft_view){ base + place->offset * (int64_t)weft_dtype_size(model->graph->values[value].dtype),
                        place->ld };
}

static weft_status resolve_call(weft_model *model, weft_step *step)
{
    const weft_node *node = &step->gnode->node;
    weft_view *in = weft_arena_array(&model->arena, (size_t)node->n_in, sizeof *in);
    weft_view *out = weft_arena_array(&model->arena, (size_t)node->n_out, sizeof *out);
    const void **param = weft_arena_array(&model->arena, (size_t)node->n_param, sizeof *param);
    if (!in || !out || !param)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < node->n_in; i++)
        in[i] = weft_model_view(model, step->gnode->in[i]);
    for (int i = 0; i < node->n_out; i++)
        out[i] = weft_model_view(model, step->gnode->out[i]);
    step->call = (weft_call){ .node = node, .device = &model->ctx->device, .state = step->plan.state, .in = in,
                              .out = out, .param = param, .thread_stride = step->plan.thread_scratch };
    if (!model->memory)
        return WEFT_OK;
    char *packed = model->packed + step->packed_at;
    if (step->kernel->load)
        step->call.packed = packed;
    for (int i = 0; i < node->n_param && !step->kernel->load; i++) {
        param[i] = packed;
        packed += weft_round_up((size_t)weft_shape_count(&node->param[i]) * sizeof(float), WEFT_CACHE_LINE);
    }
    const int32_t scratch = model->layout.scratch[step->index];
    if (scratch >= 0) {
        char *base = model->memory + model->layout.storages[scratch].offset;
        step->call.scratch = base;
        step->call.thread_scratch = base + step->plan.scratch;
    }
    for (int b = 0; b < WEFT_MAX_BUFFER; b++) {
        const int32_t storage = model->layout.buffer[step->index * WEFT_MAX_BUFFER + b];
        if (storage >= 0)
            step->call.buffer[b] = model->memory + model->layout.storages[storage].offset;
    }
    return WEFT_OK;
}

/* Staging buffers for inputs, where the device is apart from host memory. */
static weft_status allot_staging(weft_model *model)
{
    const weft_device *device = &model->ctx->device;
    model->staged = weft_arena_array(&model->arena, (size_t)model->graph->n_inputs, sizeof *model->staged);
    if (!model->staged)
        return WEFT_NO_MEMORY;
    for (int32_t i = 0; i < model->graph->n_inputs; i++) {
        const size_t bytes = weft_model_input_bytes(model, i);
        WEFT_TRY(device->backend->host_alloc(device, bytes, &model->staged[i]));
        memset(model->staged[i], 0, bytes);
    }
    return WEFT_OK;
}

/* Out of a device's own memory: says which batch would fit, activations growing with it. */
static weft_status no_room(const weft_model *model, weft_status status)
{
    const weft_device *device = &model->ctx->device;
    if (status != WEFT_NO_MEMORY || !device->backend->available || model->graph->n_inputs == 0)
        return status;
    const size_t room = device->backend->available(device) + (model->memory ? model->layout.bytes : 0);
    const int64_t batch = model->graph->values[model->graph->inputs[0]].shape.dim[0];
    const double left = room > model->packed_bytes ? (double)(room - model->packed_bytes) : 0;
    const int64_t fits = (int64_t)(left / (double)model->layout.bytes * (double)batch);
    /* a fits of 0 prints nothing after its sentence */
    return weft_fail_in(status, "batch %lld needs %.1f MiB for activations and %.1f MiB for parameters%s%.0lld",
                        (long long)batch, (double)model->layout.bytes / 1048576, (double)model->packed_bytes / 1048576,
                        fits > 0 ? ", there is room for batch " : ", too much for any batch", (long long)fits);
}

static weft_status allot_memory(weft_model *model)
{
    const weft_device *device = &model->ctx->device;
    void *memory, *packed;
    weft_status status = device->backend->alloc(device, model->layout.bytes, &memory);
    if (status != WEFT_OK)
        return no_room(model, status);
    model->memory = memory;
    status = device->backend->alloc(device, model->packed_bytes, &packed);
    if (status != WEFT_OK)
        return no_room(model, status);
    model->packed = packed;
    return device->backend->host_alloc ? allot_staging(model) : WEFT_OK;
}

size_t weft_model_input_bytes(const weft_model *model, int32_t input)
{
    const weft_value *value = &model->graph->values[model->graph->inputs[input]];
    const weft_place *place = &model->layout.place[model->graph->inputs[input]];
    return (size_t)(weft_shape_rows(&value->shape) * place->ld) * weft_dtype_size(value->dtype);
}

weft_status weft_model_plan(weft_model *model)
{
    const size_t nodes = (size_t)model->graph->n_nodes;
    const weft_backend *backend = model->ctx->device.backend;
    weft_demand *demand = weft_arena_array(&model->arena, nodes, sizeof *demand);
    weft_layout draft;
    model->steps = weft_arena_array(&model->arena, nodes, sizeof *model->steps);
    if (!demand || !model->steps)
        return WEFT_NO_MEMORY;
    const bool apart = backend->host_alloc != NULL;
    const weft_layout_opt opt = { .flags = (model->opt.no_fusion ? WEFT_LAYOUT_NO_ALIAS : 0u) |
                                           (model->opt.keep_all ? WEFT_LAYOUT_KEEP_ALL : 0u) |
                                           (apart ? WEFT_LAYOUT_STAGED : 0u),
                                  .input_channels = backend->input_channels };
    if (apart) { /* its kernels plan for the pitches that they will see */
        WEFT_TRY(weft_layout_plan(model->graph, demand, &opt, &model->arena, &draft));
        WEFT_TRY(build_ahead(model, &draft));
    }
    WEFT_TRY(choose_kernels(model, apart ? &draft : NULL, demand));
    WEFT_TRY(weft_layout_plan(model->graph, demand, &opt, &model->arena, &model->layout));
    compact(model);
    if (!model->opt.plan_only)
        WEFT_TRY(allot_memory(model));
    for (int i = 0; i < model->n_steps; i++)
        WEFT_TRY(resolve_call(model, &model->steps[i]));
    return WEFT_OK;
}
