/* SPDX-License-Identifier: Apache-2.0
 *
 * Small networks on doubles: making, running and comparing them. */
#include "small.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RUNS = 3 };

const double_api *doubles;

void start(void)
{
    doubles->reset();
}

void finish(void)
{
    ck_assert_msg(doubles->complaint()[0] == '\0', "%s", doubles->complaint());
    ck_assert_int_eq(doubles->open_count(), 0);
    ck_assert_uint_eq(doubles->memory_used(), 0);
}

/* ---- networks ---- */


/* With and without bias, cuBLASLt's epilogues and others, a residual; the last is kept in fp32. */
static weft_var dense_body(weft_graph *g, weft_var x)
{
    x = weft_relu(g, weft_dense(g, x, &(weft_dense_opt){ .name = "relu", .out = 32 }));
    x = weft_tanh(g, weft_dense(g, x, &(weft_dense_opt){ .name = "tanh", .out = 32 }));
    weft_var y = weft_dense(g, x, &(weft_dense_opt){ .name = "plain", .out = 32, .no_bias = true });
    y = weft_add(g, weft_dense(g, y, &(weft_dense_opt){ .name = "residual", .out = 32 }), x);
    return weft_dense(g, y, &(weft_dense_opt){ .name = "logits", .out = 10 });
}

/* A pool that may ride along with the convolution before it. */
static weft_var pooled_body(weft_graph *g, weft_var x)
{
    x = weft_relu(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "stem", .out = 16, .kernel = 3, .bias = true }));
    x = weft_max_pool2d(g, x, &(weft_pool2d_opt){ .kernel = 2 });
    x = weft_relu(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "second", .out = 16, .kernel = 3, .bias = true }));
    return weft_max_pool2d(g, x, &(weft_pool2d_opt){ .kernel = 2 });
}

/* What cuDNN does not compute as exactly as strict fp32 promises. */
static weft_var inexact_body(weft_graph *g, weft_var x)
{
    x = weft_tanh(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "tanh", .out = 17, .kernel = 3, .bias = true }));
    x = weft_max_pool2d(g, x, &(weft_pool2d_opt){ .kernel = 2 });
    x = weft_add(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "odd", .out = 17, .bias = true }), x);
    return weft_dense(g, weft_global_avg_pool2d(g, x), &(weft_dense_opt){ .out = 10 });
}

/* Nothing but copies, none of which can be done without. */
static weft_var copies_body(weft_graph *g, weft_var x)
{
    const weft_var twice[] = { x, weft_dropout(g, x, .5), x };
    x = weft_concat(g, twice, 3);
    x = weft_pad2d(g, x, &(weft_pad){ 1, 1, 1, 1 });
    return weft_flatten(g, weft_crop2d(g, x, &(weft_pad){ 1, 0, 0, 1 }));
}

/* Of everything a little. */
static weft_var mixed_body(weft_graph *g, weft_var x)
{
    x = pooled_body(g, x);
    weft_var y = weft_swish(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "depthwise", .kernel = 3, .groups = 16 }));
    y = weft_squeeze_excite(g, y, &(weft_squeeze_excite_opt){ .name = "se", .reduced = 4 });
    x = weft_add(g, weft_conv2d(g, y, &(weft_conv2d_opt){ .name = "project", .out = 16 }), x);
    x = weft_dense(g, weft_global_avg_pool2d(g, x), &(weft_dense_opt){ .out = 10 });
    return weft_softmax(g, x);
}

const network small_dense = { dense_body, { 2, { 3, 24 } }, 3 * 10 };
const network small_pooled = { pooled_body, { 4, { 2, 12, 12, 3 } }, 2 * 3 * 3 * 16 };
const network small_copies = { copies_body, { 4, { 2, 3, 3, 8 } }, 2 * 4 * 4 * 24 };
const network small_inexact = { inexact_body, { 4, { 2, 12, 12, 3 } }, 2 * 10 };
const network small_mixed = { mixed_body, { 4, { 2, MIXED_SIDE, MIXED_SIDE, 3 } }, 2 * 10 };

weft_status build(weft_ctx *ctx, const network *n, weft_graph **out)
{
    weft_graph *g = NULL;
    const weft_status status = weft_graph_create(ctx, &g);
    if (status)
        return status;
    weft_output(g, n->body(g, weft_input(g, "x", &n->in)), "y");
    *out = g;
    return WEFT_OK;
}

static weft_status run_model(weft_model *model, float *out)
{
    static float in[MOST];
    weft_port_info port;
    weft_status status = weft_model_seed(model, 1);
    if (!status)
        status = weft_model_input(model, 0, &port);
    for (int i = 0; i < MOST; i++)
        in[i] = (float)((unsigned)i * 2654435761u >> 22) / 512 - 1;
    if (!status)
        status = weft_model_set_input(model, 0, in, (size_t)weft_shape_count(&port.shape) * sizeof *in);
    for (int run = 0; !status && run < RUNS; run++)
        status = weft_model_run(model);
    if (!status)
        status = weft_model_output(model, 0, &port);
    if (!status)
        status = weft_model_get_output(model, 0, out, (size_t)weft_shape_count(&port.shape) * sizeof *out);
    return status;
}

weft_status work(const weft_ctx_opt *how, const network *n, const weft_model_opt *opt, const fault *bad, float *out,
                 weft_run_cost *cost)
{
    weft_ctx *ctx = NULL;
    weft_graph *g = NULL;
    weft_model *model = NULL;
    weft_status status = weft_ctx_create(how, &ctx);
    if (!status)
        status = build(ctx, n, &g);
    if (!status && bad)
        doubles->inject(bad->function, bad->nth, bad->error);
    if (!status)
        status = weft_model_create(ctx, g, opt, &model);
    if (bad && bad->calls)
        *bad->calls = doubles->fault_calls();
    if (bad)
        doubles->inject("none", 1, 0);
    if (!status && cost)
        status = weft_model_cost(model, cost);
    if (!status && out)
        status = run_model(model, out);
    weft_model_destroy(model);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
    return status;
}

void want(const network *n, float *out)
{
    CHECK_OK(work(&(weft_ctx_opt){ .math = WEFT_MATH_STRICT }, n, NULL, NULL, out, NULL));
}

void compare(const network *n, const float *got, const float *expected, double limit, const char *what)
{
    double off = 0, size = 0;
    for (int i = 0; i < n->outputs; i++) {
        off += pow((double)got[i] - (double)expected[i], 2);
        size += pow((double)expected[i], 2);
    }
    ck_assert_msg(sqrt(off / size) <= limit, "%s: %.3g from the CPU's result, %.3g allowed", what, sqrt(off / size),
                  limit);
}

const struct small_precision precisions[PRECISIONS] = {
    { WEFT_PRECISION_FP32, 1e-5 }, { WEFT_PRECISION_TF32, 1e-2 }, { WEFT_PRECISION_FP16, 1e-2 },
    { WEFT_PRECISION_BF16, 8e-2 },
};

const weft_ctx_opt half = { .device = "cuda", .precision = WEFT_PRECISION_FP16 };

weft_status run_with(const weft_ctx_opt *how, const network *n, const fault *bad, float *out)
{
    weft_ctx *ctx = NULL;
    weft_graph *g = NULL;
    weft_model *model = NULL;
    CHECK_OK(weft_ctx_create(how, &ctx));
    CHECK_OK(build(ctx, n, &g));
    CHECK_OK(weft_model_create(ctx, g, NULL, &model));
    doubles->inject(bad->function, bad->nth, bad->error);
    const weft_status status = run_model(model, out);
    doubles->inject("none", 1, 0);
    weft_model_destroy(model);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
    return status;
}

int small_main(int argc, char **argv, Suite *(*suite)(void), const char *name)
{
    doubles = argc > 1 ? double_open(argv[1]) : NULL;
    if (!doubles) {
        fprintf(stderr, "usage: %s\n", name);
        return 2;
    }
    return check_main(suite(), name);
}
