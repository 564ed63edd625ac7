/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of training of random networks of odd layers against the reference: kernels, strides, pads and dilations that
 * differ by side, groups, windows that end in part; by every instruction set. What each kernel of a gradient computes
 * reaches the parameters, which are compared after the step. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <weft/weft.h>

#include "base/compiler.h"
#include "base/rng.h"
#include "check/harness.h"

enum { NETS = 120, CLASSES = 5, IMAGES = 5 };

typedef struct maker {
    weft_graph *graph;
    uint64_t seed, draws;
} maker;

static int draw(maker *m, int below)
{
    return (int)(weft_rng_uniform(m->seed, 11, m->draws++) * below);
}

static int one_of(maker *m, const int *values, int count)
{
    return values[draw(m, count)];
}
#define ONE_OF(m, ...) one_of(m, (const int[]){ __VA_ARGS__ }, WEFT_COUNT(((const int[]){ __VA_ARGS__ })))

/* Whether a window has room in an image with its pads. */
static bool has_room(int64_t side, int before, int after, int kernel, int dilation)
{
    return side + before + after > (int64_t)(kernel - 1) * dilation;
}

static weft_var conv(maker *m, weft_var x)
{
    const int64_t channels = weft_channels(m->graph, x), h = weft_height(m->graph, x), w = weft_width(m->graph, x);
    weft_conv2d_opt opt = { .out = ONE_OF(m, 1, 3, 8, 16, 17, 33, 64), .bias = draw(m, 2) };
    opt.kernel_h = ONE_OF(m, 1, 2, 3, 3, 5, 7);
    opt.kernel_w = draw(m, 2) ? opt.kernel_h : ONE_OF(m, 1, 2, 3, 3, 5, 7);
    opt.stride_h = h < 6 ? 1 : ONE_OF(m, 1, 1, 2, 3, 4);
    opt.stride_w = w < 6 ? 1 : ONE_OF(m, 1, 1, 2, 3, 4);
    opt.dilation = ONE_OF(m, 1, 1, 1, 2, 3);
    if (draw(m, 3) == 0) {
        opt.groups = channels;
        opt.out = channels * ONE_OF(m, 1, 1, 2);
    } else if (channels % 2 == 0 && draw(m, 4) == 0) {
        opt.groups = 2;
        opt.out = 2 * ONE_OF(m, 1, 4, 9, 16);
    }
    if (draw(m, 2)) {
        opt.padding = WEFT_EXPLICIT;
        opt.pad = (weft_pad){ draw(m, 5), draw(m, 5), draw(m, 5), draw(m, 5) };
        if (!has_room(h, opt.pad.top, opt.pad.bottom, opt.kernel_h, opt.dilation) ||
            !has_room(w, opt.pad.left, opt.pad.right, opt.kernel_w, opt.dilation))
            opt.kernel_h = opt.kernel_w = 1;
    }
    return weft_conv2d(m->graph, x, &opt);
}

static weft_var pool(maker *m, weft_var x)
{
    const int64_t h = weft_height(m->graph, x), w = weft_width(m->graph, x);
    weft_pool2d_opt opt = { .kernel_h = ONE_OF(m, 2, 3), .kernel_w = ONE_OF(m, 1, 2, 3, 4) };
    opt.stride_h = h < 6 ? 1 : ONE_OF(m, 1, 2, 3);
    opt.stride_w = w < 6 ? 1 : ONE_OF(m, 1, 2, 3);
    if (draw(m, 2) && h > 3 && w > 4) {
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

/* Max pools stand first alone, on drawn numbers: behind others two inputs may be as large to the last bit, and which
 * of them gets the gradient is then a matter of rounding. For the same reason activations have no kink. */
static weft_graph *network(weft_ctx *ctx, uint64_t seed, weft_shape *shape)
{
    weft_graph *g;
    CHECK_OK(weft_graph_create(ctx, &g));
    maker m = { .graph = g, .seed = seed };
    *shape = weft_shape_nhwc(ONE_OF(&m, 1, 2, 3, IMAGES), ONE_OF(&m, 5, 8, 9, 13, 16, 23),
                             ONE_OF(&m, 5, 7, 8, 12, 17, 24), ONE_OF(&m, 1, 3, 8, 16, 20, 32));
    weft_var x = weft_input(g, "x", shape);
    for (int i = 0, layers = 1 + draw(&m, 4); i < layers; i++) {
        weft_scope_push(g, "layer%d", i);
        x = draw(&m, 5) == 0 && i == 0 ? pool(&m, conv(&m, x)) : conv(&m, x);
        if (draw(&m, 2))
            x = weft_swish(g, x);
        weft_scope_pop(g);
    }
    x = weft_dense(g, weft_global_avg_pool2d(g, x), &(weft_dense_opt){ .name = "head", .out = CLASSES });
    weft_output(g, x, "logits");
    CHECK_OK(weft_graph_status(g));
    return g;
}

/* What a step leaves in the store, the momenta among it, which are the gradients: entries one behind the other. */
typedef struct left {
    int entries;
    int64_t *ends;
    float *all;
} left;

static void read_store(const weft_store *store, left *out)
{
    out->entries = weft_store_count(store);
    out->ends = calloc((size_t)out->entries + 1, sizeof *out->ends);
    out->all = malloc(weft_store_bytes(store) + sizeof *out->all);
    for (int i = 0; i < out->entries; i++) {
        weft_param_info p;
        CHECK_OK(weft_store_param(store, i, &p));
        const int64_t from = out->ends[i], count = weft_shape_count(&p.shape);
        CHECK_OK(weft_store_get(store, p.name, out->all + from, count));
        out->ends[i + 1] = from + count;
    }
}

static bool step(const weft_ctx_opt *how, uint64_t seed, left *out)
{
    weft_ctx *ctx;
    weft_shape shape;
    if (weft_ctx_create(how, &ctx) != WEFT_OK)
        return false; /* this CPU has not that many instructions */
    weft_graph *const graph = network(ctx, seed, &shape);
    const int32_t labels[IMAGES] = { 0, 3, 1, 4, 2 };
    const weft_train_opt opt = { .seed = 7, .optimizer = { .kind = WEFT_SGD, .momentum = .9 } };
    weft_trainer *trainer;
    weft_step_result result;
    CHECK_OK(weft_trainer_create(ctx, graph, &opt, &trainer));
    float *const images = malloc((size_t)weft_shape_count(&shape) * sizeof *images);
    CHECK_OK(weft_seed_images(3, &shape, -1, 1, images));
    CHECK_OK(weft_trainer_step(trainer, &(weft_batch){ .images = images, .labels = labels }, .1, &result));
    ck_assert(result.finite && result.updated);
    read_store(weft_trainer_store(trainer), out);
    free(images);
    weft_trainer_destroy(trainer);
    weft_graph_destroy(graph);
    weft_ctx_destroy(ctx);
    return true;
}

static void release(left *l)
{
    free(l->ends);
    free(l->all);
}

static double error_of(const float *a, const float *b, int64_t count)
{
    double off = 0, norm = 0;
    for (int64_t i = 0; i < count; i++) {
        off += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        norm += (double)b[i] * (double)b[i];
    }
    return sqrt(off) / (sqrt(norm) + 1e-3); /* gradients that cancel are noise */
}

/* ---- comparing ---- */

static const weft_ctx_opt ways[] = {
    { .isa = "portable", .math = WEFT_MATH_STRICT, .threads = 2 },
    { .isa = "neon", .math = WEFT_MATH_STRICT, .threads = 2 },
    { .isa = "avx2", .math = WEFT_MATH_STRICT, .threads = 1 },
    { .isa = "avx512", .math = WEFT_MATH_STRICT, .threads = 3 },
    { .math = WEFT_MATH_FAST, .threads = 2 },
};

START_TEST(odd_steps_are_those_of_the_reference)
{
    for (uint64_t net = check_seed() * 100000; net < check_seed() * 100000 + NETS; net++) {
        left expected, found;
        ck_assert(step(&(weft_ctx_opt){ .isa = "ref", .math = WEFT_MATH_STRICT, .threads = 1 }, net, &expected));
        for (int way = 0; way < WEFT_COUNT(ways); way++) {
            if (!step(&ways[way], net, &found))
                continue;
            for (int i = 0; i < expected.entries; i++) {
                const int64_t from = expected.ends[i], count = expected.ends[i + 1] - from;
                const double error = error_of(found.all + from, expected.all + from, count);
                ck_assert_msg(error < 1e-3, "net %llu, entry %d, %s: relative error %g", (unsigned long long)net, i,
                              ways[way].isa ? ways[way].isa : "fast", error);
            }
            release(&found);
        }
        release(&expected);
    }
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("odd");
    CHECK_CASE(suite, "odd steps", odd_steps_are_those_of_the_reference);
    return check_main(suite, argv[0]);
}
