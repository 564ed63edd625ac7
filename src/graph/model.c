/* SPDX-License-Identifier: Apache-2.0
 *
 * Models: made from a graph, run, and asked what was planned. */
#include "graph/model.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "graph/pass.h"

enum { TRACK_BYTE = 0xA5 }; /* as floats: tiny negative numbers that no kernel writes in runs of 64 bytes */

static weft_status make(weft_model *model, const weft_graph *graph)
{
    WEFT_TRY(weft_graph_clone(model->ctx, graph, model->opt.batch, &model->graph));
    model->n_params = model->graph->n_params;
    if (model->graph->n_outputs == 0)
        return weft_fail(WEFT_INVALID, "the graph has no output: mark one with weft_output");
    if (!model->opt.no_fusion) {
        WEFT_TRY(weft_pass_simplify(model->graph));
        WEFT_TRY(weft_pass_fold(model->graph));
        WEFT_TRY(weft_pass_fuse(model->graph));
        if (!model->opt.no_units)
            WEFT_TRY(weft_pass_fuse_units(model->graph));
    }
    for (int32_t i = 0; i < model->n_params; i++)
        model->param_bytes += (size_t)weft_shape_count(&model->graph->params[i].spec.shape) * sizeof(float);
    WEFT_TRY(weft_model_plan(model));
    weft_log(model->ctx, WEFT_LOG_DEBUG, "planned %d steps: arena %zu bytes, packed parameters %zu bytes",
             model->n_steps, model->layout.bytes, model->packed_bytes);
    if (model->opt.plan_only)
        return WEFT_OK;
    model->params = weft_arena_array(&model->arena, (size_t)model->n_params, sizeof *model->params);
    model->param_block = weft_calloc(&model->ctx->allocator, 1, model->param_bytes);
    if (!model->params || !model->param_block)
        return WEFT_NO_MEMORY;
    float *next = model->param_block;
    for (int32_t i = 0; i < model->n_params; i++) {
        model->params[i] = next;
        next += weft_shape_count(&model->graph->params[i].spec.shape);
    }
    if (model->opt.track && !model->ctx->device.backend->dry)
        memset(model->memory, TRACK_BYTE, model->layout.bytes);
    return WEFT_OK;
}

weft_status weft_model_create(weft_ctx *ctx, const weft_graph *graph, const weft_model_opt *opt, weft_model **out)
{
    if (!ctx || !graph || !out)
        return weft_fail(WEFT_INVALID, "weft_model_create: ctx, graph and out must not be NULL");
    WEFT_TRY(weft_graph_status(graph));
    if (opt && opt->batch < 0)
        return weft_fail(WEFT_INVALID, "weft_model_create: batch is %lld, expected 1 or more, or 0 for the graph's",
                         (long long)opt->batch);
    weft_model *model = weft_calloc(&ctx->allocator, 1, sizeof *model);
    if (!model)
        return WEFT_NO_MEMORY;
    model->ctx = ctx;
    model->opt = opt ? *opt : (weft_model_opt){ 0 };
    weft_arena_init(&model->arena, &ctx->allocator);
    const weft_status status = make(model, graph);
    if (status != WEFT_OK) {
        weft_model_destroy(model);
        return status;
    }
    *out = model;
    return WEFT_OK;
}

void weft_model_destroy(weft_model *model)
{
    if (!model)
        return;
    const weft_device *device = &model->ctx->device;
    device->backend->free(device, model->memory);
    device->backend->free(device, model->packed);
    weft_free(&model->ctx->allocator, model->param_block);
    weft_arena_release(&model->arena);
    weft_graph_destroy(model->graph);
    weft_free(&model->ctx->allocator, model);
}

/* ---- running ---- */

static weft_status need_memory(const weft_model *model, const char *what)
{
    if (!model)
        return weft_fail(WEFT_INVALID, "%s: model is NULL", what);
    if (model->opt.plan_only)
        return weft_fail(WEFT_INVALID, "%s: the model was made with plan_only and has no memory", what);
    return WEFT_OK;
}

/* Copies between host floats without gaps and a value on the device, in pieces of one row where the value has gaps. */
static weft_status transfer(const weft_model *model, int32_t value, char *host, bool to_device)
{
    const weft_device *device = &model->ctx->device;
    const weft_shape *shape = &model->graph->values[value].shape;
    const weft_view view = weft_model_view(model, value);
    const int64_t channels = weft_shape_channels(shape);
    const bool whole = view.ld == channels;
    const int64_t rows = whole ? 1 : weft_shape_rows(shape);
    const size_t piece = (size_t)(whole ? weft_shape_count(shape) : channels) * sizeof(float);
    for (int64_t r = 0; r < rows; r++) {
        char *at = (char *)view.data + (size_t)(r * view.ld) * sizeof(float);
        char *here = host + (size_t)r * piece;
        WEFT_TRY(to_device ? device->backend->write(device, at, here, piece)
                           : device->backend->read(device, here, at, piece));
    }
    return WEFT_OK;
}

static weft_status check_port(const weft_model *model, const char *what, int index, int count, int32_t value,
                              const void *data, size_t bytes)
{
    if (index < 0 || index >= count)
        return weft_fail(WEFT_INVALID, "%s: index %d, but there are %d", what, index, count);
    const weft_shape *shape = &model->graph->values[value].shape;
    const size_t expected = (size_t)weft_shape_count(shape) * sizeof(float);
    char text[96];
    if (!data || bytes != expected)
        return weft_fail(WEFT_INVALID, "%s %d: %zu bytes given, %s of f32 needs %zu", what, index, data ? bytes : 0,
                         weft_shape_text(shape, text, sizeof text), expected);
    return WEFT_OK;
}

weft_status weft_model_set_input(weft_model *model, int index, const void *data, size_t bytes)
{
    WEFT_TRY(need_memory(model, "weft_model_set_input"));
    const int32_t value = index >= 0 && index < model->graph->n_inputs ? model->graph->inputs[index] : 0;
    WEFT_TRY(check_port(model, "input", index, model->graph->n_inputs, value, data, bytes));
    union {
        const void *lent;
        char *bytes;
    } host = { data }; /* transfer only reads it in this direction */
    return transfer(model, value, host.bytes, true);
}

weft_status weft_model_get_output(weft_model *model, int index, void *data, size_t bytes)
{
    WEFT_TRY(need_memory(model, "weft_model_get_output"));
    if (!model->ran)
        return weft_fail(WEFT_INVALID, "weft_model_get_output: the model has not run yet");
    const int32_t value = index >= 0 && index < model->graph->n_outputs ? model->graph->outputs[index].value : 0;
    WEFT_TRY(check_port(model, "output", index, model->graph->n_outputs, value, data, bytes));
    return transfer(model, value, data, false);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static weft_status run(weft_model *model, double *seconds)
{
    WEFT_TRY(need_memory(model, "weft_model_run"));
    if (!model->committed)
        WEFT_TRY(weft_model_commit(model));
    const bool dry = model->ctx->device.backend->dry;
    for (int i = 0; i < model->n_steps; i++) {
        const weft_step *step = &model->steps[i];
        const double start = seconds ? now() : 0;
        const weft_status status = dry ? WEFT_OK : step->kernel->run(&step->call);
        if (status != WEFT_OK)
            return weft_fail_in(status, "%s: %s", step->gnode->node.name, step->kernel->name);
        if (seconds)
            seconds[i] = now() - start;
    }
    model->ran = true;
    return WEFT_OK;
}

weft_status weft_model_run(weft_model *model)
{
    return run(model, NULL);
}

weft_status weft_model_run_timed(weft_model *model, double *seconds)
{
    return seconds ? run(model, seconds) : weft_fail(WEFT_INVALID, "weft_model_run_timed: seconds is NULL");
}

/* ---- ports and reports ---- */

int weft_model_input_count(const weft_model *model)
{
    return model ? weft_graph_input_count(model->graph) : 0;
}

weft_status weft_model_input(const weft_model *model, int index, weft_port_info *out)
{
    return weft_graph_input(model ? model->graph : NULL, index, out);
}

int weft_model_output_count(const weft_model *model)
{
    return model ? weft_graph_output_count(model->graph) : 0;
}

weft_status weft_model_output(const weft_model *model, int index, weft_port_info *out)
{
    return weft_graph_output(model ? model->graph : NULL, index, out);
}

/* End of the highest cache line whose bytes are not the pattern. */
static size_t touched(const weft_model *model)
{
    unsigned char pattern[WEFT_CACHE_LINE];
    memset(pattern, TRACK_BYTE, sizeof pattern);
    size_t end = model->layout.bytes;
    while (end > 0 && memcmp(model->memory + end - sizeof pattern, pattern, sizeof pattern) == 0)
        end -= sizeof pattern;
    return end;
}

weft_status weft_model_memory(const weft_model *model, weft_memory *out)
{
    if (!model)
        return weft_fail(WEFT_INVALID, "weft_model_memory: model is NULL");
    *out = (weft_memory){ .arena = model->layout.bytes, .workspace = model->layout.workspace,
                          .packed = model->packed_bytes, .params = model->param_bytes,
                          .peak = model->layout.bytes + model->packed_bytes + model->param_bytes };
    if (model->opt.track && model->ran && !model->ctx->device.backend->dry)
        out->touched = touched(model);
    return WEFT_OK;
}

int weft_model_step_count(const weft_model *model)
{
    return model ? model->n_steps : 0;
}

static weft_status find_step(const weft_model *model, int index, const weft_step **out)
{
    if (index < 0 || index >= weft_model_step_count(model))
        return weft_fail(WEFT_INVALID, "step %d: the model has steps 0 to %d", index, weft_model_step_count(model) - 1);
    *out = &model->steps[index];
    return WEFT_OK;
}

/* Inputs and parameters read once, outputs written once. */
static double least_bytes(const weft_node *node)
{
    double count = 0;
    for (int i = 0; i < node->n_in; i++)
        count += (double)weft_shape_count(&node->in[i]);
    for (int i = 0; i < node->n_out; i++)
        count += (double)weft_shape_count(&node->out[i]);
    for (int i = 0; i < node->n_param; i++)
        count += (double)weft_shape_count(&node->param[i]);
    return count * (double)sizeof(float);
}

weft_status weft_model_step(const weft_model *model, int index, weft_step_info *out)
{
    const weft_step *step = NULL;
    WEFT_TRY(find_step(model, index, &step));
    const weft_node *node = &step->gnode->node;
    weft_step_info info = { .name = node->name, .op = node->op->name, .kernel = step->kernel->name, .in = node->in[0],
                            .out = node->out[0], .bytes = least_bytes(node) };
    info.flops = node->op->cost ? node->op->cost(node).flops : 0;
    char detail[96] = "";
    if (node->op->describe)
        node->op->describe(node, detail, sizeof detail);
    snprintf(info.detail, sizeof info.detail, "%s%s%s%s", detail, node->epi.residual ? " +residual" : "",
             node->epi.act != WEFT_ACT_NONE ? " +" : "", weft_act_name(node->epi.act));
    *out = info;
    return WEFT_OK;
}

weft_status weft_model_explain(const weft_model *model, int index, int k, const char **kernel, const char **reason)
{
    const weft_step *step = NULL;
    WEFT_TRY(find_step(model, index, &step));
    const weft_node *node = &step->gnode->node;
    const weft_device *device = &model->ctx->device;
    const weft_kernel *const *list = device->kernels[node->id];
    for (int i = 0; list[i]; i++) {
        const bool chosen = list[i] == step->kernel;
        if (i == k) {
            *kernel = list[i]->name;
            *reason = chosen || !list[i]->refuse ? NULL : list[i]->refuse(node, device);
            return WEFT_OK;
        }
        if (chosen)
            break;
    }
    return weft_fail(WEFT_NOT_FOUND, "%s: no candidate %d before the kernel chosen", node->name, k);
}
