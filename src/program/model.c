/* SPDX-License-Identifier: Apache-2.0
 *
 * Models: made from a graph, run, and asked what was planned. */
#include "program/model.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fpmode.h"
#include "pass/pass.h"
#include "tensor/cast.h"

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
        model->least_bytes = weft_graph_least_bytes(model->graph);
        WEFT_TRY(weft_pass_rewrite(model->graph));
        if (!model->opt.no_units)
            WEFT_TRY(weft_pass_fuse_units(model->graph));
    }
    weft_pass_types(model->graph);
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
    if (model->opt.track && !model->staged && !model->ctx->device.dry) /* not memory that only a device can reach */
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
    for (int32_t i = 0; model->staged && i < model->graph->n_inputs; i++)
        device->backend->host_free(device, model->staged[i]);
    if (model->record)
        device->backend->forget(device, model->record);
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

/* Copies between host floats without gaps and a value on a device that computes in host memory, in pieces of one row
 * where the value has gaps. */
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

/* Rows of an input, cast into the staging buffer by the pool's threads. */
typedef struct staging {
    const float *from;
    char *to;
    weft_dtype dtype;
    int64_t rows, channels, ld;
} staging;

enum { STAGE_ROWS = 4096 };

static void stage_rows(void *arg, int64_t item, int thread)
{
    (void)thread;
    const staging *s = arg;
    const int64_t first = item * STAGE_ROWS, last = first + STAGE_ROWS < s->rows ? first + STAGE_ROWS : s->rows;
    const size_t size = weft_dtype_size(s->dtype);
    if (s->ld == s->channels) {
        weft_cast_from_f32(s->dtype, s->from + first * s->channels, s->to + (size_t)(first * s->ld) * size,
                           (last - first) * s->channels);
        return;
    }
    for (int64_t r = first; r < last; r++) /* the padding stays zero */
        weft_cast_from_f32(s->dtype, s->from + r * s->channels, s->to + (size_t)(r * s->ld) * size, s->channels);
}

static weft_status stage_input(weft_model *model, int index, const float *from)
{
    const int32_t input = model->graph->inputs[index];
    const weft_value *value = &model->graph->values[input];
    staging s = { from, model->staged[index], value->dtype, weft_shape_rows(&value->shape),
                  weft_shape_channels(&value->shape), model->layout.place[input].ld };
    weft_pool_run(model->ctx->device.pool, (s.rows + STAGE_ROWS - 1) / STAGE_ROWS, stage_rows, &s);
    return WEFT_OK;
}

static weft_status upload_inputs(const weft_model *model)
{
    const weft_device *device = &model->ctx->device;
    for (int32_t i = 0; model->staged && i < model->graph->n_inputs; i++)
        WEFT_TRY(device->backend->send(device, weft_model_view(model, model->graph->inputs[i]).data, model->staged[i],
                                        weft_model_input_bytes(model, i)));
    return WEFT_OK;
}

/* A value of a device that is apart, read whole (gaps too) and cast. */
static weft_status download(const weft_model *model, int32_t value, float *to)
{
    const weft_device *device = &model->ctx->device;
    const weft_value *v = &model->graph->values[value];
    const weft_view view = weft_model_view(model, value);
    const int64_t channels = weft_shape_channels(&v->shape), rows = weft_shape_rows(&v->shape);
    const size_t size = weft_dtype_size(v->dtype);
    void *host;
    const size_t bytes = (size_t)((rows - 1) * view.ld + channels) * size;
    WEFT_TRY(device->backend->host_alloc(device, bytes, &host));
    const weft_status status = device->backend->read(device, host, view.data, bytes);
    for (int64_t r = 0; r < rows && status == WEFT_OK; r++)
        weft_cast_to_f32(v->dtype, (const char *)host + (size_t)(r * view.ld) * size, to + r * channels, channels);
    device->backend->host_free(device, host);
    return status;
}

weft_status weft_model_read_value(const weft_model *model, int32_t value, float *to)
{
    return model->staged ? download(model, value, to) : transfer(model, value, (char *)to, false);
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
    if (model->staged)
        return stage_input(model, index, data);
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
    return weft_model_read_value(model, value, data);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static weft_status run_steps(weft_model *model, double *seconds)
{
    const bool dry = model->ctx->device.dry;
    weft_status (*const wait)(const weft_device *) = model->ctx->device.backend->wait;
    for (int i = 0; i < model->n_steps; i++) {
        const weft_step *step = &model->steps[i];
        const double start = seconds ? now() : 0;
        const weft_status status = dry ? WEFT_OK : step->kernel->run(&step->call);
        if (status != WEFT_OK)
            return weft_fail_in(status, "%s: %s", step->gnode->node.name, step->kernel->name);
        if (seconds && wait && !dry)
            WEFT_TRY(wait(&model->ctx->device));
        if (seconds)
            seconds[i] = now() - start;
    }
    return WEFT_OK;
}

/* On a device that can record runs, unless every step is to be timed. */
static weft_status run_recorded(weft_model *model)
{
    const weft_device *device = &model->ctx->device;
    weft_recording recording;
    do {
        bool replayed = false;
        WEFT_TRY(device->backend->begin(device, &model->record, &replayed));
        const weft_status status = replayed ? WEFT_OK : run_steps(model, NULL);
        WEFT_TRY(device->backend->end(device, &model->record, status, &recording));
        if (recording.failed)
            weft_log(model->ctx, WEFT_LOG_WARN, "runs are not recorded, each launch is made anew: %s",
                     recording.failed);
    } while (recording.again);
    return WEFT_OK;
}

static weft_status run(weft_model *model, double *seconds)
{
    WEFT_TRY(need_memory(model, "weft_model_run"));
    if (!model->committed)
        WEFT_TRY(weft_model_commit(model));
    WEFT_TRY(upload_inputs(model));
    const bool records = model->ctx->device.backend->begin && !model->ctx->device.dry && !seconds;
    const weft_fp_mode before = weft_fp_enter();
    const weft_status status = records ? run_recorded(model) : run_steps(model, seconds);
    weft_fp_write(before);
    WEFT_TRY(status);
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
    if (model->opt.track && model->ran && !model->staged && !model->ctx->device.dry)
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
