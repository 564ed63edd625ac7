/* SPDX-License-Identifier: Apache-2.0
 *
 * Rewriting a network must not change what it computes: random networks with and without folding, fusion, slices and
 * in-place results; and each pattern does what it says. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/arch.h>
#include <weft/model.h>

#include "check/harness.h"
#include "graph/random_net.h"

enum { NETS = 120, NODES = 24 };

static float *run_net(weft_ctx *ctx, const weft_graph *graph, const weft_model_opt *opt, int64_t *count, int *steps)
{
    weft_model *model;
    float *outputs;
    CHECK_OK(weft_model_create(ctx, graph, opt, &model));
    CHECK_OK(random_params(model, check_seed()));
    CHECK_OK(random_run(model, check_seed(), &outputs, count));
    *steps = weft_model_step_count(model);
    weft_model_destroy(model);
    return outputs;
}

static double relative_error(const float *a, const float *b, int64_t count)
{
    double difference = 0, norm = 0;
    for (int64_t i = 0; i < count; i++) {
        const double d = (double)a[i] - (double)b[i];
        difference += d * d;
        norm += (double)b[i] * (double)b[i];
    }
    return sqrt(difference / (norm > 0 ? norm : 1));
}

START_TEST(fused_networks_compute_the_same)
{
    weft_ctx *ctx;
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .math = WEFT_MATH_STRICT, .threads = 2 }, &ctx));
    int fewer = 0;
    for (uint64_t net = 0; net < NETS; net++) {
        weft_graph *graph;
        CHECK_OK(random_net(ctx, check_seed() * 1000 + net, NODES, &graph));
        int64_t n, m;
        int plain_steps, steps;
        float *plain = run_net(ctx, graph, &(weft_model_opt){ .no_fusion = true }, &n, &plain_steps);
        float *fused = run_net(ctx, graph, NULL, &m, &steps);
        ck_assert_int_eq(n, m);
        const double error = relative_error(fused, plain, n);
        ck_assert_msg(error < 2e-5, "net %llu: relative error %g", (unsigned long long)net, error);
        ck_assert_int_le(steps, plain_steps);
        fewer += steps < plain_steps;
        free(plain);
        free(fused);
        weft_graph_destroy(graph);
    }
    ck_assert_int_gt(fewer, NETS * 9 / 10);
    weft_ctx_destroy(ctx);
}
END_TEST

/* The steps of a planned graph, joined: "conv2d +residual +relu | dense". */
static void steps_text(weft_ctx *ctx, const weft_graph *graph, char *text, size_t size)
{
    weft_model *model;
    CHECK_OK(weft_graph_status(graph));
    CHECK_OK(weft_model_create(ctx, graph, &(weft_model_opt){ .plan_only = true }, &model));
    text[0] = '\0';
    for (int i = 0; i < weft_model_step_count(model); i++) {
        weft_step_info info;
        CHECK_OK(weft_model_step(model, i, &info));
        const char *extra = strchr(info.detail, '+');
        const size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%s%s%s", i ? " | " : "", info.op, extra ? " " : "", extra ? extra : "");
    }
    weft_model_destroy(model);
}

static weft_var conv8(weft_graph *g, weft_var x)
{
    return weft_conv2d(g, x, &(weft_conv2d_opt){ .out = 8, .kernel = 3 });
}

static weft_var residual_unit(weft_graph *g, weft_var x)
{
    const weft_var y = weft_batch_norm(g, conv8(g, weft_relu(g, weft_batch_norm(g, conv8(g, x), NULL))), NULL);
    return weft_relu(g, weft_add(g, y, weft_batch_norm(g, conv8(g, x), NULL)));
}

static weft_var scaled_unit(weft_graph *g, weft_var x)
{
    return weft_relu(g, weft_add_scaled(g, x, conv8(g, x), &(weft_add_opt){ .scale = 0.17 }));
}

static weft_var dense_block(weft_graph *g, weft_var x)
{
    for (int i = 0; i < 3; i++)
        x = weft_concat(g, (weft_var[]){ x, conv8(g, weft_relu(g, weft_batch_norm(g, x, NULL))) }, 2);
    return x;
}

static weft_var padded_pool(weft_graph *g, weft_var x)
{
    const weft_pool2d_opt pool = { .kernel = 3, .stride = 2, .padding = WEFT_VALID };
    return weft_max_pool2d(g, weft_pad2d(g, conv8(g, x), &(weft_pad){ 1, 1, 1, 1 }), &pool);
}

static weft_var read_twice(weft_graph *g, weft_var x)
{
    const weft_var y = conv8(g, x); /* read by the activation and by the addition: nothing may be absorbed into it */
    return weft_add(g, weft_relu(g, y), y);
}

static weft_var dropped(weft_graph *g, weft_var x)
{
    return weft_dense(g, weft_dropout(g, weft_flatten(g, conv8(g, x)), 0.5), &(weft_dense_opt){ .out = 4 });
}

static const struct {
    const char *name;
    weft_var (*build)(weft_graph *g, weft_var x);
    const char *steps;
} patterns[] = {
    { "conv+bn+relu, conv+bn+residual+relu", residual_unit,
      "conv2d +relu | conv2d | conv2d +residual +relu" },
    { "scale of an addition folds into the convolution", scaled_unit, "conv2d +residual +relu" },
    { "concatenation copies only what nobody made", dense_block,
      "batch_norm +relu | conv2d | concat | batch_norm +relu | conv2d | batch_norm +relu | conv2d" },
    { "padding moves into the pool", padded_pool, "conv2d | max_pool2d" },
    { "two readers", read_twice, "conv2d | activation | add" },
    { "dropout and flatten cost nothing", dropped, "conv2d | dense" },
};

START_TEST(patterns_are_fused)
{
    weft_ctx *ctx;
    CHECK_OK(weft_ctx_create(NULL, &ctx));
    weft_graph *g;
    CHECK_OK(weft_graph_create(ctx, &g));
    const weft_shape shape = weft_shape_nhwc(1, 8, 8, 8);
    weft_output(g, patterns[_i].build(g, weft_input(g, "x", &shape)), "y");
    char text[512];
    steps_text(ctx, g, text, sizeof text);
    ck_assert_msg(strcmp(text, patterns[_i].steps) == 0, "%s: planned \"%s\", expected \"%s\"", patterns[_i].name, text,
                  patterns[_i].steps);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
}
END_TEST

/* MobileNetV2's and EfficientNet's units, by themselves. */
static weft_var units(weft_graph *g, weft_var x, bool gated)
{
    for (int i = 0; i < 3; i++) {
        const int stride = i == 1 ? 2 : 1;
        weft_var y = weft_conv2d(g, x, &(weft_conv2d_opt){ .out = 6 * weft_channels(g, x) });
        y = weft_swish(g, weft_batch_norm(g, y, NULL));
        y = weft_conv2d(g, y, &(weft_conv2d_opt){ .kernel = 5, .stride = stride, .groups = weft_channels(g, y) });
        y = weft_swish(g, weft_batch_norm(g, y, NULL));
        if (gated)
            y = weft_squeeze_excite(g, y, &(weft_squeeze_excite_opt){ .reduced = 3, .act = WEFT_ACT_SWISH });
        y = weft_batch_norm(g, weft_conv2d(g, y, &(weft_conv2d_opt){ .out = 12 }), NULL);
        x = i == 2 ? weft_add(g, y, x) : y;
    }
    return x;
}

/* One node computes what its stages compute, to the bit, on one thread and on three, whether units are joined or not.
 */
START_TEST(units_change_no_bit)
{
    float *first = NULL;
    int64_t count = 0;
    for (int variant = 0; variant < 4; variant++) {
        weft_ctx *ctx;
        weft_graph *g;
        CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = variant % 2 ? 3 : 1 }, &ctx));
        CHECK_OK(weft_graph_create(ctx, &g));
        const weft_shape shape = weft_shape_nhwc(7, 63, 57, 9); /* too large for the caches of three threads */
        weft_output(g, units(g, weft_input(g, "x", &shape), _i == 1), "y");
        int steps;
        float *outputs = run_net(ctx, g, &(weft_model_opt){ .no_units = variant / 2 }, &count, &steps);
        ck_assert_int_eq(steps, variant / 2 ? (_i ? 12 : 9) : 3);
        if (first)
            ck_assert_int_eq(memcmp(first, outputs, (size_t)count * sizeof *first), 0);
        else
            first = outputs;
        if (first != outputs)
            free(outputs);
        weft_graph_destroy(g);
        weft_ctx_destroy(ctx);
    }
    free(first);
}
END_TEST

/* Norms before convolutions: of DenseNet's layers, of ResNet V2's units, and one that two convolutions read. */
static weft_var preacts(weft_graph *g, weft_var x)
{
    x = conv8(g, x);
    for (int i = 0; i < 2; i++) {
        weft_var y = weft_relu(g, weft_batch_norm(g, x, &(weft_batch_norm_opt){ .no_gamma = i }));
        y = weft_conv2d(g, y, &(weft_conv2d_opt){ .out = 24 });
        y = conv8(g, weft_relu(g, weft_batch_norm(g, y, NULL)));
        x = weft_concat(g, (weft_var[]){ x, y }, 2);
    }
    weft_var y = weft_swish(g, weft_batch_norm(g, x, NULL));
    y = weft_conv2d(g, y, &(weft_conv2d_opt){ .out = 24, .bias = true });
    y = weft_relu(g, weft_batch_norm(g, weft_add(g, y, x), NULL));
    return weft_add(g, conv8(g, y), weft_conv2d(g, y, &(weft_conv2d_opt){ .out = 8 }));
}

static int count_op(const weft_model *model, const char *op)
{
    int count = 0;
    for (int i = 0; i < weft_model_step_count(model); i++) {
        weft_step_info info;
        CHECK_OK(weft_model_step(model, i, &info));
        count += strcmp(info.op, op) == 0;
    }
    return count;
}

/* A convolution that computes the norm before it gives the bits of the two, on one thread and on three. The norm that
 * two read stays: 1 + 2 * (1 + 1) + 1 (with the addition as its residual) + 3 steps. */
START_TEST(preacts_change_no_bit)
{
    float *first = NULL;
    int64_t count = 0;
    for (int variant = 0; variant < 4; variant++) {
        weft_ctx *ctx;
        weft_graph *g;
        CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = variant % 2 ? 3 : 1 }, &ctx));
        CHECK_OK(weft_graph_create(ctx, &g));
        const weft_shape shape = weft_shape_nhwc(3, 13, 11, 9);
        weft_output(g, preacts(g, weft_input(g, "x", &shape)), "y");
        int steps;
        float *outputs = run_net(ctx, g, &(weft_model_opt){ .no_units = variant / 2 }, &count, &steps);
        ck_assert_int_eq(steps, variant / 2 ? 12 : 9);
        if (first)
            ck_assert_int_eq(memcmp(first, outputs, (size_t)count * sizeof *first), 0);
        else
            first = outputs;
        if (first != outputs)
            free(outputs);
        weft_graph_destroy(g);
        weft_ctx_destroy(ctx);
    }
    free(first);
}
END_TEST

static const struct {
    const char *net;
    int64_t batch;
    int threads, joined, norms;
} planned_preacts[] = {
    { "densenet121", 32, 2, 61, 1 }, /* the last norm is pooled */
    { "densenet121", 1, 1, 45, 17 }, /* not: 7 x 7 pixels */
    { "densenet121", 1, 64, 0, 62 }, /* each thread would have 49 pixels at most */
    { "resnet50v2", 32, 2, 12, 5 }, /* not: first of a stage, which two read; the last */
};

START_TEST(networks_have_preacts)
{
    weft_ctx *ctx;
    weft_graph *g;
    weft_model *model;
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = planned_preacts[_i].threads }, &ctx));
    CHECK_OK(weft_arch_build(ctx, planned_preacts[_i].net, &(weft_arch_opt){ .batch = planned_preacts[_i].batch }, &g));
    CHECK_OK(weft_model_create(ctx, g, &(weft_model_opt){ .plan_only = true }, &model));
    ck_assert_int_eq(count_op(model, "preact_conv"), planned_preacts[_i].joined);
    ck_assert_int_eq(count_op(model, "batch_norm"), planned_preacts[_i].norms);
    weft_model_destroy(model);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graph-passes");
    TCase *tc = tcase_create("patterns");
    tcase_add_loop_test(tc, patterns_are_fused, 0, (int)(sizeof patterns / sizeof *patterns));
    tcase_add_loop_test(tc, units_change_no_bit, 0, 2);
    tcase_add_test(tc, preacts_change_no_bit);
    tcase_add_loop_test(tc, networks_have_preacts, 0, (int)(sizeof planned_preacts / sizeof *planned_preacts));
    suite_add_tcase(suite, tc);
    CHECK_CASE(suite, "equivalence", fused_networks_compute_the_same);
    return check_main(suite, "graph-passes");
}
