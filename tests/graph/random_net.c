/* SPDX-License-Identifier: Apache-2.0
 *
 * Random networks. Each step picks an op and inputs among the values made so far; shapes are kept small. */
#include "graph/random_net.h"

#include <stdlib.h>
#include <string.h>
#include <weft/model.h>

#include "base/rng.h"
#include "op/util.h"

enum { MOST = 256 };

typedef struct maker {
    weft_graph *graph;
    uint64_t seed, draws;
    weft_var vars[MOST];
    int count;
} maker;

static int draw(maker *m, int below)
{
    return (int)(weft_rng_uniform(m->seed, 1, m->draws++) * below);
}

static weft_var pick(maker *m)
{
    /* Mostly recent values, so that networks grow deep, sometimes any. */
    const int recent = m->count < 4 || draw(m, 4) == 0 ? m->count : 4;
    return m->vars[m->count - 1 - draw(m, recent)];
}

/* A value of the same shape as x (x itself if there is no other), or of the same height and width. */
static weft_var pick_like(maker *m, weft_var x, bool channels_too)
{
    const weft_shape shape = weft_var_shape(m->graph, x);
    for (int tries = 0; tries < 12; tries++) {
        const weft_var other = m->vars[draw(m, m->count)];
        weft_shape its = weft_var_shape(m->graph, other);
        if (!channels_too)
            its.dim[3] = shape.dim[3];
        if (other.id != x.id && weft_shape_equal(&shape, &its))
            return other;
    }
    return x;
}

static weft_var conv(maker *m, weft_var x)
{
    static const int kernels[] = { 1, 1, 3, 3, 5 };
    static const int widths[] = { 3, 8, 16, 24 };
    weft_conv2d_opt opt = { .kernel = kernels[draw(m, 5)], .out = widths[draw(m, 4)], .bias = draw(m, 2) };
    if (draw(m, 4) == 0)
        opt.out = opt.groups = weft_channels(m->graph, x);
    if (draw(m, 5) == 0 && weft_height(m->graph, x) > 6)
        opt.stride = 2;
    return weft_conv2d(m->graph, x, &opt);
}

static weft_var concat(maker *m, weft_var x)
{
    const weft_var three[3] = { x, pick_like(m, x, false), pick_like(m, x, false) };
    return weft_concat(m->graph, three, 2 + draw(m, 2));
}

/* Also of a concatenation, and of another slice. */
static weft_var slice(maker *m, weft_var x)
{
    const int channels = (int)weft_channels(m->graph, x), first = draw(m, channels);
    const weft_slice_opt opt = { .first = first, .count = 1 + draw(m, channels - first) };
    return weft_graph_append(m->graph, WEFT_OP_SLICE, &opt, &x, 1);
}

static weft_var step(maker *m)
{
    weft_graph *g = m->graph;
    const weft_var x = pick(m);
    switch (draw(m, 14)) {
    case 0:
    case 1:
    case 2:
        return conv(m, x);
    case 3:
        return weft_batch_norm(g, conv(m, x), &(weft_batch_norm_opt){ .no_gamma = draw(m, 2) });
    case 4:
        return weft_batch_norm(g, x, NULL);
    case 5:
        return weft_activation(g, x, (weft_act)(1 + draw(m, WEFT_ACT_COUNT - 1)));
    case 6:
        return weft_add(g, x, pick_like(m, x, true));
    case 7:
        return weft_add_scaled(g, x, weft_conv2d(g, x, &(weft_conv2d_opt){ .out = weft_channels(g, x), .bias = true }),
                               &(weft_add_opt){ .scale = 0.25 });
    case 8:
    case 9:
        return weft_channels(g, x) > 48 ? conv(m, x) : concat(m, x);
    case 10:
        return draw(m, 2) ? weft_dropout(g, x, 0.5) : slice(m, x);
    case 11:
        return draw(m, 2) ? weft_conv2d(g, weft_pad2d(g, x, &(weft_pad){ 1, 0, 2, 1 }),
                                        &(weft_conv2d_opt){ .out = 8, .kernel = 3, .padding = WEFT_VALID })
                          : weft_max_pool2d(g, weft_pad2d(g, x, &(weft_pad){ 1, 1, 1, 1 }),
                                            &(weft_pool2d_opt){ .kernel = 3, .stride = 1, .padding = WEFT_VALID });
    case 12:
        return weft_squeeze_excite(g, x, &(weft_squeeze_excite_opt){ .reduced = 4 });
    default:
        return weft_avg_pool2d(g, x, &(weft_pool2d_opt){ .kernel = 3, .stride = 1 });
    }
}

weft_status random_net(weft_ctx *ctx, uint64_t seed, int size, weft_graph **out)
{
    weft_graph *g;
    const weft_status status = weft_graph_create(ctx, &g);
    if (status != WEFT_OK)
        return status;
    maker m = { .graph = g, .seed = seed };
    const weft_shape shape = weft_shape_nhwc(2, 9 + draw(&m, 4), 9 + draw(&m, 4), 3 + draw(&m, 6));
    m.vars[m.count++] = weft_input(g, "image", &shape);
    for (int i = 0; i < size && m.count < MOST; i++) {
        const weft_var made = step(&m); /* which reads m.count */
        m.vars[m.count++] = made;
    }
    if (draw(&m, 3) == 0)
        weft_output(g, m.vars[m.count / 2], "middle");
    if (draw(&m, 3) == 0)
        weft_output(g, weft_flatten(g, m.vars[m.count - 1]), "flat");
    const weft_var pooled = weft_global_avg_pool2d(g, m.vars[m.count - 1]);
    weft_output(g, weft_softmax(g, weft_dense(g, pooled, &(weft_dense_opt){ .out = 10 })), "classes");
    *out = g;
    return weft_graph_status(g);
}

weft_status random_params(weft_model *model, uint64_t seed)
{
    for (int i = 0; i < weft_model_param_count(model); i++) {
        weft_param_info info;
        weft_status status = weft_model_param(model, i, &info);
        if (status != WEFT_OK)
            return status;
        const int64_t count = weft_shape_count(&info.shape);
        float *values = malloc((size_t)count * sizeof *values);
        if (!values)
            return WEFT_NO_MEMORY;
        const size_t length = strlen(info.name);
        const bool variance = length > 9 && strcmp(info.name + length - 9, "/variance") == 0;
        weft_rng_fill_uniform(seed, 1000 + (uint64_t)i, 0, count, variance ? 0.5 : -0.5, variance ? 2 : 0.5, values);
        status = weft_model_set_param(model, info.name, values, count);
        free(values);
        if (status != WEFT_OK)
            return status;
    }
    return WEFT_OK;
}

/* Gives f every port's floats, in order. */
static weft_status set_inputs(weft_model *model, uint64_t seed)
{
    for (int i = 0; i < weft_model_input_count(model); i++) {
        weft_port_info port;
        weft_status status = weft_model_input(model, i, &port);
        const int64_t count = weft_shape_count(&port.shape);
        float *values = malloc((size_t)count * sizeof *values);
        if (status == WEFT_OK && values) {
            weft_rng_fill_uniform(seed, 2000 + (uint64_t)i, 0, count, -1, 1, values);
            status = weft_model_set_input(model, i, values, (size_t)count * sizeof *values);
        }
        free(values);
        if (status != WEFT_OK)
            return status;
    }
    return WEFT_OK;
}

weft_status random_run(weft_model *model, uint64_t seed, float **outputs, int64_t *count)
{
    weft_status status = set_inputs(model, seed);
    if (status == WEFT_OK)
        status = weft_model_run(model);
    *outputs = NULL;
    *count = 0;
    for (int i = 0; i < weft_model_output_count(model) && status == WEFT_OK; i++) {
        weft_port_info port;
        status = weft_model_output(model, i, &port);
        const int64_t more = weft_shape_count(&port.shape);
        float *bigger = realloc(*outputs, (size_t)(*count + more) * sizeof **outputs);
        if (!bigger)
            return WEFT_NO_MEMORY;
        *outputs = bigger;
        status = weft_model_get_output(model, i, bigger + *count, (size_t)more * sizeof *bigger);
        *count += more;
    }
    return status;
}
