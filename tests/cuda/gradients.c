/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of convolutions and dense layers on the CUDA backend, on doubles: what the walk over the ops' cases does
 * not see. Weights are parameters there, fp32 in the store; gradients of logits are fp32; and the libraries may have no
 * plan, or none that runs. */
#include <string.h>

#include "graph/op.h"
#include "op/conv2d.h"
#include "small.h"

/* ---- weights in the store ---- */

/* x is a gradient: from it that of a convolution's input, and of the weights of another one. */
static weft_var chain(weft_graph *g, weft_var x, const weft_conv2d_opt *conv, int64_t side, int64_t channels)
{
    const weft_shape weight = weft_shape_nhwc(conv->out, conv->kernel_h, conv->kernel_w, channels / conv->groups);
    const weft_shape wide = weft_shape_nhwc(2, side, side, channels);
    const weft_var w = weft_parameter(g, "conv/weight", &weight, WEFT_INIT_ONE);
    return weft_conv2d_dw(g, weft_conv2d_dx(g, x, w, conv, &wide), x, conv);
}

static weft_var dense_chain(weft_graph *g, weft_var x)
{
    static const weft_conv2d_opt conv = { .out = 16, .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2,
                                          .dilation = 1, .groups = 1, .padding = WEFT_EXPLICIT, .pad = { 0, 1, 0, 1 } };
    return chain(g, x, &conv, 12, 5);
}

static weft_var grouped_chain(weft_graph *g, weft_var x)
{
    static const weft_conv2d_opt conv = { .out = 16, .kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1,
                                          .dilation = 1, .groups = 2, .padding = WEFT_EXPLICIT };
    return chain(g, x, &conv, 6, 8);
}

static weft_var depthwise_chain(weft_graph *g, weft_var x)
{
    static const weft_conv2d_opt conv = { .out = 16, .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2,
                                          .dilation = 1, .groups = 16, .padding = WEFT_EXPLICIT,
                                          .pad = { 0, 1, 0, 1 } };
    return chain(g, x, &conv, 12, 16);
}

static weft_var depthwise_5x5_chain(weft_graph *g, weft_var x)
{
    static const weft_conv2d_opt conv = { .out = 16, .kernel_h = 5, .kernel_w = 5, .stride_h = 1, .stride_w = 1,
                                          .dilation = 1, .groups = 16, .padding = WEFT_EXPLICIT,
                                          .pad = { 2, 2, 2, 2 } };
    return chain(g, x, &conv, 6, 16);
}

static const network dense_weights = { dense_chain, { 4, { 2, 6, 6, 16 } }, 16 * 9 * 5 };
static const network depthwise_weights = { depthwise_chain, { 4, { 2, 6, 6, 16 } }, 16 * 9 };
static const network depthwise_5x5_weights = { depthwise_5x5_chain, { 4, { 2, 6, 6, 16 } }, 16 * 25 };
static const network grouped_weights = { grouped_chain, { 4, { 2, 6, 6, 16 } }, 16 * 4 };

/* Probabilities are fp32: a gradient of logits, from which those of the layer's input and weights are computed. */
static weft_var logits_chain(weft_graph *g, weft_var x)
{
    const weft_shape shape = weft_shape_nc(20, 37);
    const weft_var dy = weft_softmax(g, x), w = weft_parameter(g, "dense/weight", &shape, WEFT_INIT_ONE);
    const char *dx_name = "dx", *dw_name = "dw";
    const weft_var dx = weft_graph_append(g, WEFT_OP_DENSE_DX, &dx_name, (const weft_var[]){ dy, w }, 2);
    return weft_graph_append(g, WEFT_OP_DENSE_DW, &dw_name, (const weft_var[]){ dx, dy }, 2);
}

static const network logits = { logits_chain, { 2, { 9, 20 } }, 20 * 37 };
static const network *const stored[] = { &dense_weights, &grouped_weights, &depthwise_weights,
                                        &depthwise_5x5_weights, &logits };

START_TEST(weights_of_the_store)
{
    float expected[MOST], got[MOST];
    want(stored[_i], expected);
    for (int k = 0; k < PRECISIONS; k++) {
        const weft_ctx_opt how = { .device = "cuda", .precision = precisions[k].precision };
        CHECK_OK(work(&how, stored[_i], NULL, NULL, got, NULL));
        compare(stored[_i], got, expected, precisions[k].limit, "weights of the store");
        finish();
        doubles->reset();
    }
}
END_TEST

/* ---- without a library ---- */

static const weft_op_id ops[] = { WEFT_OP_CONV2D_DX, WEFT_OP_CONV2D_DW, WEFT_OP_DENSE_DX, WEFT_OP_DENSE_DW };

/* Cases that are quick on the emulator: every way through prepare and run. */
static bool is_tried(const char *name)
{
    static const char *const names[] = {
        "1x1_stride2",     "3x3_odd",         "3x3_stride2_same",      "3x3_dilation2",
        "stem_c1",         "groups8_stride2", "depthwise_multiplier2", "1x1_stride2_residual",
        "groups8_residual", "batch7_odd", "row_of_10", "from_one", "residual" };
    for (int i = 0; i < WEFT_COUNT(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* With a fault in every call of a function. */
static void try_cases(weft_op_id op, weft_precision precision, const char *function, int error)
{
    for (int i = 0; i < weft_check_count(); i++) {
        weft_check_info info;
        weft_check_result r;
        weft_ctx *ctx = NULL;
        CHECK_OK(weft_check_case(i, &info));
        if (strcmp(info.op, weft_op_get(op)->name) != 0 || !is_tried(info.name))
            continue;
        CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .device = "cuda", .precision = precision, .threads = 1 }, &ctx));
        doubles->card()->nonsense = true; /* and cuBLASLt has no algorithm */
        doubles->inject(function, 0, error);
        CHECK_OK(weft_check_run(ctx, i, 2, check_seed(), &r));
        doubles->inject("none", 1, 0);
        ck_assert_msg(r.share <= 1 && r.differs == 0,
                      "%s/%s: y[%lld] is %.9g, %.9g expected, allowed %.3g; run %d "
                      "differs",
                      info.op, info.name, (long long)r.index, r.got, r.want, r.allowed, r.differs);
        weft_ctx_destroy(ctx);
        ck_assert_int_eq(doubles->counts().plans + doubles->counts().products, 0);
        finish();
        doubles->reset();
    }
}

START_TEST(no_engine)
{
    try_cases(ops[_i], WEFT_PRECISION_FP32, "cudnnBackendFinalize", NOT_SUPPORTED);
}
END_TEST

START_TEST(no_engine_that_runs)
{
    try_cases(ops[_i], WEFT_PRECISION_BF16, "cudnnBackendExecute", EXECUTION_FAILED);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cuda-gradients");
    TCase *ways = tcase_create("ways");
    tcase_add_checked_fixture(ways, start, NULL);
    tcase_add_loop_test(ways, weights_of_the_store, 0, WEFT_COUNT(stored));
    tcase_add_loop_test(ways, no_engine, 0, WEFT_COUNT(ops));
    tcase_add_loop_test(ways, no_engine_that_runs, 0, WEFT_COUNT(ops));
    suite_add_tcase(s, ways);
    return s;
}

int main(int argc, char **argv)
{
    return small_main(argc, argv, suite, "cuda-gradients PLUGIN");
}
