/* SPDX-License-Identifier: Apache-2.0
 *
 * Random networks of odd layers against the reference: kernels, strides, pads and dilations that differ by side,
 * groups, windows that end in part, concats of concats, residual chains, several inputs and outputs; fused and not, by
 * every instruction set. What no published network has is where kernels were wrong before. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/model.h>

#include "base/compiler.h"
#include "base/rng.h"
#include "check/harness.h"
#include "graph/random_net.h"

enum { NETS = 60, NODES = 18, MOST = 64, OUTPUTS = 4 };

typedef struct maker {
    weft_graph *graph;
    uint64_t seed, draws;
    weft_var vars[MOST];
    int count;
} maker;

static int draw(maker *m, int below)
{
    return (int)(weft_rng_uniform(m->seed, 7, m->draws++) * below);
}

static int one_of(maker *m, const int *values, int count)
{
    return values[draw(m, count)];
}
#define ONE_OF(m, ...) one_of(m, (const int[]){ __VA_ARGS__ }, WEFT_COUNT(((const int[]){ __VA_ARGS__ })))

static weft_var pick(maker *m)
{
    const int recent = m->count < 5 || draw(m, 4) == 0 ? m->count : 5;
    return m->vars[m->count - 1 - draw(m, recent)];
}

/* A value of the same height and width, and perhaps channels; x if there is no other. */
static weft_var pick_like(maker *m, weft_var x, bool channels_too)
{
    const weft_shape shape = weft_var_shape(m->graph, x);
    for (int tries = 0; tries < 16; tries++) {
        const weft_var other = m->vars[draw(m, m->count)];
        weft_shape its = weft_var_shape(m->graph, other);
        if (!channels_too)
            its.dim[3] = shape.dim[3];
        if (other.id != x.id && weft_shape_equal(&shape, &its))
            return other;
    }
    return x;
}

static bool is_small(maker *m, weft_var x)
{
    return weft_height(m->graph, x) < 6 || weft_width(m->graph, x) < 6;
}

static weft_var odd_conv(maker *m, weft_var x)
{
    const int64_t channels = weft_channels(m->graph, x);
    const bool small = is_small(m, x);
    weft_conv2d_opt opt = { .out = ONE_OF(m, 1, 3, 8, 16, 17, 32), .bias = draw(m, 2) };
    opt.kernel_h = ONE_OF(m, 1, 1, 2, 3, 3, 5);
    opt.kernel_w = ONE_OF(m, 1, 2, 3, 3, 7);
    if (!small) {
        opt.stride_h = ONE_OF(m, 1, 1, 1, 2, 3);
        opt.stride_w = ONE_OF(m, 1, 1, 1, 2);
        opt.dilation = ONE_OF(m, 1, 1, 1, 1, 2);
    }
    if (draw(m, 3) == 0)
        opt.out = opt.groups = channels;
    else if (draw(m, 4) == 0 && channels % 4 == 0)
        opt.groups = 4, opt.out = 8;
    if (draw(m, 3) == 0) {
        opt.padding = WEFT_EXPLICIT;
        opt.pad = (weft_pad){ draw(m, 3), draw(m, 3), draw(m, 3), draw(m, 3) };
        opt.dilation = 1;
        const weft_shape shape = weft_var_shape(m->graph, x);
        if (shape.dim[1] + opt.pad.top + opt.pad.bottom < opt.kernel_h ||
            shape.dim[2] + opt.pad.left + opt.pad.right < opt.kernel_w)
            opt.kernel_h = opt.kernel_w = 1;
    }
    return weft_conv2d(m->graph, x, &opt);
}

static weft_var odd_pool(maker *m, weft_var x)
{
    weft_pool2d_opt opt = { .kernel_h = ONE_OF(m, 2, 3), .kernel_w = ONE_OF(m, 1, 2, 3) };
    opt.stride_h = is_small(m, x) ? 1 : ONE_OF(m, 1, 2, 3);
    opt.stride_w = is_small(m, x) ? 1 : ONE_OF(m, 1, 1, 2);
    if (draw(m, 2) && !is_small(m, x)) {
        opt.padding = WEFT_EXPLICIT;
        opt.pad = (weft_pad){ draw(m, 2), draw(m, 2), opt.kernel_w > 1 ? draw(m, 2) : 0, 0 };
        opt.ceil = draw(m, 2);
    }
    if (draw(m, 2)) {
        opt.zero_border = draw(m, 2);
        return weft_max_pool2d(m->graph, x, &opt);
    }
    opt.count_border = draw(m, 2);
    return weft_avg_pool2d(m->graph, x, &opt);
}

/* [a, [b, [a, b]]], and what follows each of them. */
static weft_var nested_concat(maker *m, weft_var x)
{
    weft_graph *g = m->graph;
    const weft_var other = pick_like(m, x, false);
    weft_var y = weft_concat(g, (weft_var[]){ x, other }, 2);
    if (weft_channels(g, y) > 48)
        return y;
    if (draw(m, 2))
        y = weft_relu(g, weft_batch_norm(g, y, NULL));
    y = weft_concat(g, (weft_var[]){ other, y, weft_conv2d(g, x, &(weft_conv2d_opt){ .out = 5, .kernel = 3 }) }, 3);
    return draw(m, 2) ? weft_concat(g, (weft_var[]){ y, x }, 2) : y;
}

/* x + conv(relu(x + conv(x))), with the activation before, behind or between. */
static weft_var residual(maker *m, weft_var x)
{
    weft_graph *g = m->graph;
    const weft_conv2d_opt same = { .out = weft_channels(g, x), .kernel_h = 3, .kernel_w = 1, .bias = draw(m, 2) };
    const weft_var y = weft_add(g, x, weft_batch_norm(g, weft_conv2d(g, x, &same), NULL));
    const weft_var z = weft_add(g, weft_conv2d(g, draw(m, 2) ? weft_relu(g, y) : y, &same), draw(m, 2) ? x : y);
    return draw(m, 2) ? weft_relu(g, z) : z;
}

static weft_var step(maker *m)
{
    const weft_var x = pick(m);
    switch (draw(m, 10)) {
    case 0:
    case 1:
    case 2:
        return odd_conv(m, x);
    case 3:
        return weft_relu(m->graph, weft_batch_norm(m->graph, odd_conv(m, x), NULL));
    case 4:
        return odd_pool(m, x);
    case 5:
        return weft_channels(m->graph, x) > 48 ? odd_conv(m, x) : nested_concat(m, x);
    case 6:
        return residual(m, x);
    case 7:
        return weft_add(m->graph, x, pick_like(m, x, true));
    case 8:
        return weft_squeeze_excite(m->graph, x, &(weft_squeeze_excite_opt){ .reduced = 3 });
    default:
        return weft_activation(m->graph, x, (weft_act)(1 + draw(m, WEFT_ACT_COUNT - 1)));
    }
}

static weft_status odd_net(weft_ctx *ctx, uint64_t seed, weft_graph **out)
{
    weft_graph *g;
    const weft_status status = weft_graph_create(ctx, &g);
    if (status != WEFT_OK)
        return status;
    maker m = { .graph = g, .seed = seed };
    const weft_shape shape = weft_shape_nhwc(1 + draw(&m, 3), 11 + draw(&m, 9), 9 + draw(&m, 12), 1 + draw(&m, 18));
    m.vars[m.count++] = weft_input(g, "a", &shape);
    m.vars[m.count++] = weft_input(g, "b", &shape);
    for (int i = 0; i < NODES; i++) {
        const weft_var made = step(&m);
        m.vars[m.count++] = made;
    }
    for (int i = 0; i < OUTPUTS; i++) { /* the last ones, and any */
        char name[16];
        snprintf(name, sizeof name, "out%d", i);
        weft_output(g, m.vars[i < 2 ? m.count - 1 - i : 2 + draw(&m, m.count - 4)], name);
    }
    *out = g;
    return weft_graph_status(g);
}

/* ---- comparing ---- */

/* The floats of each output, one behind the other. */
static float *compute(weft_ctx *ctx, const weft_graph *graph, bool fused, int64_t *count, int64_t ends[OUTPUTS])
{
    const weft_model_opt opt = { .no_fusion = !fused };
    weft_model *model;
    float *values;
    CHECK_OK(weft_model_create(ctx, graph, &opt, &model));
    CHECK_OK(random_params(model, check_seed()));
    CHECK_OK(random_run(model, check_seed(), &values, count));
    for (int i = 0; i < weft_model_output_count(model); i++) {
        weft_port_info port;
        CHECK_OK(weft_model_output(model, i, &port));
        ends[i] = (i ? ends[i - 1] : 0) + weft_shape_count(&port.shape);
    }
    weft_model_destroy(model);
    return values;
}

static double error_of(const float *a, const float *b, int64_t from, int64_t to)
{
    double difference = 0, norm = 0;
    for (int64_t i = from; i < to; i++) {
        const double d = (double)a[i] - (double)b[i];
        difference += d * d;
        norm += (double)b[i] * (double)b[i];
    }
    return sqrt(difference / (norm > 0 ? norm : 1));
}

static const struct {
    const char *isa;
    weft_math math;
    int threads;
    double error;
} ways[] = {
    { "ref", WEFT_MATH_STRICT, 1, 2e-5 },
    { "portable", WEFT_MATH_STRICT, 2, 2e-5 },
    { "neon", WEFT_MATH_STRICT, 2, 2e-5 },
    { "avx2", WEFT_MATH_STRICT, 1, 2e-5 },
    { "avx512", WEFT_MATH_STRICT, 3, 2e-5 },
    { NULL, WEFT_MATH_FAST, 2, 1e-4 },
};

static void compare(uint64_t net, const float *expected, const int64_t *ends, int way)
{
    weft_ctx *ctx;
    weft_graph *graph;
    int64_t count, its[OUTPUTS];
    const weft_ctx_opt opt = { .isa = ways[way].isa, .math = ways[way].math, .threads = ways[way].threads };
    if (weft_ctx_create(&opt, &ctx) != WEFT_OK)
        return; /* this CPU has not these instructions */
    CHECK_OK(odd_net(ctx, net, &graph));
    float *values = compute(ctx, graph, true, &count, its);
    for (int i = 0; i < OUTPUTS; i++) {
        const double error = error_of(values, expected, i ? ends[i - 1] : 0, ends[i]);
        ck_assert_msg(error < ways[way].error, "net %llu, output %d, %s: relative error %g", (unsigned long long)net, i,
                      weft_ctx_isa(ctx), error);
    }
    free(values);
    weft_graph_destroy(graph);
    weft_ctx_destroy(ctx);
}

START_TEST(odd_networks_compute_what_the_reference_does)
{
    for (uint64_t net = check_seed() * 100000; net < check_seed() * 100000 + NETS; net++) {
        weft_ctx *ctx;
        weft_graph *graph;
        int64_t count, ends[OUTPUTS];
        CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .isa = "ref", .math = WEFT_MATH_STRICT, .threads = 1 }, &ctx));
        CHECK_OK(odd_net(ctx, net, &graph));
        float *expected = compute(ctx, graph, false, &count, ends);
        for (int way = 0; way < WEFT_COUNT(ways); way++)
            compare(net, expected, ends, way);
        free(expected);
        weft_graph_destroy(graph);
        weft_ctx_destroy(ctx);
    }
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("odd_net");
    CHECK_CASE(suite, "odd networks", odd_networks_compute_what_the_reference_does);
    return check_main(suite, argv[0]);
}
