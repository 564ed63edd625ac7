/* SPDX-License-Identifier: Apache-2.0
 *
 * A model's parameters: drawn, set, read, and committed (derived in double, then packed by each kernel). */
#include <math.h>
#include <string.h>

#include "base/nearest.h"
#include "base/rng.h"
#include "program/model.h"

/* ---- drawing ---- */

enum { CHUNK = 1 << 16 };

typedef struct draw {
    const weft_model *model;
    const int64_t *first; /* [n_params] first chunk of each parameter */
    uint64_t seed;
} draw;

/* Deviation of a normal truncated at two deviations, as a share of the untruncated one's. */
static const double TRUNCATED = 0.87962566103423978;

static void draw_range(const weft_param_spec *spec, uint64_t seed, uint64_t stream, int64_t first, int64_t count,
                       float *out)
{
    const double in = (double)(spec->fan_in > 0 ? spec->fan_in : 1),
                 fan_out = (double)(spec->fan_out > 0 ? spec->fan_out : 1);
    double bound = 0, deviation = 0, limit = 0;
    switch (spec->init) {
    case WEFT_INIT_DEFAULT:
    case WEFT_INIT_ZERO:
    case WEFT_INIT_ONE:
        for (int64_t i = 0; i < count; i++)
            out[i] = spec->init == WEFT_INIT_ONE ? 1.0f : 0.0f;
        return;
    case WEFT_INIT_HE_NORMAL:
        deviation = sqrt(2 / in) / TRUNCATED;
        limit = 2;
        break;
    case WEFT_INIT_HE_NORMAL_OUT:
        deviation = sqrt(2 / fan_out);
        break;
    case WEFT_INIT_FAN_OUT_NORMAL:
        deviation = sqrt(2 / fan_out) / TRUNCATED;
        limit = 2;
        break;
    case WEFT_INIT_NORMAL:
        deviation = spec->init_scale;
        break;
    case WEFT_INIT_GLOROT_UNIFORM:
        bound = sqrt(6 / (in + fan_out));
        break;
    case WEFT_INIT_LECUN_UNIFORM:
        bound = 2.4 / in;
        break;
    case WEFT_INIT_UNIFORM_FAN_OUT:
        bound = 1 / sqrt(fan_out);
        break;
    }
    if (bound > 0)
        weft_rng_fill_uniform(seed, stream, first, count, -bound, bound, out);
    else
        weft_rng_fill_normal(seed, stream, first, count, deviation, limit, out);
}

static void draw_chunk(void *arg, int64_t item, int thread)
{
    (void)thread;
    const draw *d = arg;
    int32_t low = 0, high = d->model->n_params - 1; /* the parameter that holds this chunk */
    while (low < high) {
        const int32_t middle = (low + high + 1) / 2;
        if (d->first[middle] <= item)
            low = middle;
        else
            high = middle - 1;
    }
    const weft_param *param = &d->model->graph->params[low];
    const int64_t count = weft_shape_count(&param->spec.shape), first = (item - d->first[low]) * CHUNK;
    const int64_t n = count - first < CHUNK ? count - first : CHUNK;
    float *out = d->model->params[low] + first;
    if (param->spec.values)
        memcpy(out, param->spec.values + first, (size_t)n * sizeof *out);
    else
        draw_range(&param->spec, d->seed, weft_rng_stream(param->name), first, n, out);
}

weft_status weft_model_need_params(const weft_model *model, const char *what)
{
    if (!model || model->opt.plan_only)
        return weft_fail(WEFT_INVALID, "%s: %s", what, model ? "the model was made with plan_only" : "model is NULL");
    return WEFT_OK;
}

weft_status weft_model_init(weft_model *model, uint64_t seed)
{
    WEFT_TRY(weft_model_need_params(model, "weft_model_init"));
    if (model->n_params == 0)
        return WEFT_OK;
    int64_t *first = weft_alloc(&model->ctx->allocator, (size_t)model->n_params * sizeof *first);
    if (!first)
        return WEFT_NO_MEMORY;
    int64_t chunks = 0;
    for (int32_t i = 0; i < model->n_params; i++) {
        first[i] = chunks;
        chunks += (weft_shape_count(&model->graph->params[i].spec.shape) + CHUNK - 1) / CHUNK;
    }
    draw d = { model, first, seed };
    weft_pool_run(model->ctx->device.pool, chunks, draw_chunk, &d);
    weft_free(&model->ctx->allocator, first);
    model->committed = false;
    return WEFT_OK;
}

/* ---- setting and reading ---- */

int weft_model_param_count(const weft_model *model)
{
    return model ? model->n_params : 0;
}

weft_status weft_model_param(const weft_model *model, int index, weft_param_info *out)
{
    if (index < 0 || index >= weft_model_param_count(model))
        return weft_fail(WEFT_INVALID, "parameter %d: the model has parameters 0 to %d", index,
                         weft_model_param_count(model) - 1);
    return weft_graph_param(model->graph, index, out);
}

static const char *param_name(const void *model, int index)
{
    return ((const weft_model *)model)->graph->params[index].name;
}

/* Index of the parameter, after checking name and count. */
static weft_status find_param(const weft_model *model, const char *what, const char *name, const float *data,
                              int64_t count, int32_t *index)
{
    WEFT_TRY(weft_model_need_params(model, what));
    if (!name || !data)
        return weft_fail(WEFT_INVALID, "%s: name and data must not be NULL", what);
    for (int32_t i = 0; i < model->n_params; i++) {
        if (strcmp(model->graph->params[i].name, name) != 0)
            continue;
        const weft_shape *shape = &model->graph->params[i].spec.shape;
        char text[96];
        if (count != weft_shape_count(shape))
            return weft_fail(WEFT_INVALID, "%s: %lld values given, %s needs %lld", name, (long long)count,
                             weft_shape_text(shape, text, sizeof text), (long long)weft_shape_count(shape));
        *index = i;
        return WEFT_OK;
    }
    const int near = weft_nearest(name, param_name, model, model->n_params);
    return weft_fail(WEFT_NOT_FOUND, "no parameter '%s'%s%s%s", name, near < 0 ? "" : ": did you mean '",
                     near < 0 ? "" : param_name(model, near), near < 0 ? "" : "'?");
}

weft_status weft_model_set_param(weft_model *model, const char *name, const float *data, int64_t count)
{
    int32_t index = 0;
    WEFT_TRY(find_param(model, "weft_model_set_param", name, data, count, &index));
    memcpy(model->params[index], data, (size_t)count * sizeof *data);
    model->committed = false;
    return WEFT_OK;
}

weft_status weft_model_get_param(const weft_model *model, const char *name, float *data, int64_t count)
{
    int32_t index = 0;
    WEFT_TRY(find_param(model, "weft_model_get_param", name, data, count, &index));
    memcpy(data, model->params[index], (size_t)count * sizeof *data);
    return WEFT_OK;
}

/* ---- committing ---- */

/* The values of a parameter: the user's array, or a derived one that the caller frees (*owned). */
static weft_status evaluate(const weft_model *model, int32_t index, const float **values, float **owned)
{
    *owned = NULL;
    if (index < model->n_params) {
        *values = model->params[index];
        return WEFT_OK;
    }
    const weft_allocator *allocator = &model->ctx->allocator;
    const weft_param *param = &model->graph->params[index];
    const float *source[WEFT_MAX_SOURCE] = { NULL };
    float *temporary[WEFT_MAX_SOURCE] = { NULL };
    weft_status status = WEFT_OK;
    for (int i = 0; i < WEFT_MAX_SOURCE && status == WEFT_OK; i++)
        if (param->source[i] >= 0)
            status = evaluate(model, param->source[i], &source[i], &temporary[i]); /* depth: BN, then scale */
    float *out = NULL;
    if (status == WEFT_OK) {
        out = weft_alloc(allocator, (size_t)weft_shape_count(&param->spec.shape) * sizeof *out);
        status = out ? WEFT_OK : WEFT_NO_MEMORY;
    }
    if (status == WEFT_OK) {
        param->derive(param, source, out);
        *values = *owned = out;
    }
    for (int i = 0; i < WEFT_MAX_SOURCE; i++)
        weft_free(allocator, temporary[i]);
    return status;
}

/* Hands a step's parameters to its kernel, or copies them as they are. */
static weft_status load_step(const weft_model *model, const weft_step *step, const float *const *values)
{
    const weft_node *node = &step->gnode->node;
    const weft_device *device = &model->ctx->device;
    char *packed = model->packed + step->packed_at;
    if (device->dry)
        return WEFT_OK;
    if (step->kernel->load)
        return step->kernel->load(node, &step->plan, values, packed);
    for (int i = 0; i < node->n_param; i++) {
        const size_t bytes = (size_t)weft_shape_count(&node->param[i]) * sizeof(float);
        WEFT_TRY(device->backend->write(device, packed, values[i], bytes));
        packed += weft_round_up(bytes, WEFT_CACHE_LINE);
    }
    return WEFT_OK;
}

static weft_status commit_step(const weft_model *model, const weft_step *step)
{
    const float *values[WEFT_MAX_PARAM] = { NULL };
    float *owned[WEFT_MAX_PARAM] = { NULL };
    weft_status status = WEFT_OK;
    for (int i = 0; i < step->gnode->node.n_param && status == WEFT_OK; i++)
        status = evaluate(model, step->gnode->param[i], &values[i], &owned[i]);
    if (status == WEFT_OK)
        status = load_step(model, step, values);
    for (int i = 0; i < WEFT_MAX_PARAM; i++)
        weft_free(&model->ctx->allocator, owned[i]);
    return status;
}

weft_status weft_model_commit(weft_model *model)
{
    WEFT_TRY(weft_model_need_params(model, "weft_model_commit"));
    if (model->record) /* launches carry what load decided */
        model->ctx->device.backend->forget(&model->ctx->device, model->record);
    model->record = NULL;
    for (int i = 0; i < model->n_steps; i++) {
        const weft_status status = commit_step(model, &model->steps[i]);
        if (status != WEFT_OK)
            return weft_fail_in(status, "%s", model->steps[i].gnode->node.name);
    }
    model->committed = true;
    return WEFT_OK;
}
