/* SPDX-License-Identifier: Apache-2.0
 *
 * Examples worked by hand, for every op and for the choices that its Semantics lines name. The walker holds kernels
 * against the oracle; this holds the oracle, and the first kernel that takes the node, against pencil and paper. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check/harness.h"
#include "op/activation.h"
#include "op/case.h"
#include "op/derive.h"
#include "op/dropout.h"
#include "op/inverted_residual.h"
#include "op/normalize.h"
#include "op/util.h"
#include "rig.h"

typedef struct example {
    weft_op_id id;
    weft_op_case c;
    const float *in[WEFT_CASE_IN + 1], *param[4]; /* the residual after the inputs */
    int count;
    const double *want;
} example;

/* clang-format off */
#define F(...) (const float[]){ __VA_ARGS__ }
#define X(...) .in = { __VA_ARGS__ }
#define P(...) .param = { __VA_ARGS__ }
#define Y(...) .count = WEFT_COUNT(((const double[]){ __VA_ARGS__ })), .want = (const double[]){ __VA_ARGS__ }
#define EX(OP, label, shape, o) .id = WEFT_OP_##OP, .c = { .name = label, .n_in = 1, .in = { shape }, .opt = o }
#define EX2(OP, label, s0, s1, o) .id = WEFT_OP_##OP, .c = { .name = label, .n_in = 2, .in = { s0, s1 }, .opt = o }
#define OPT(type, ...) &(const type){ __VA_ARGS__ }
#define MAP(h, w, c) WEFT_NHWC(1, h, w, c)
#define VECTOR(n) { .rank = 1, .dim = { n } }
#define NINE F(1, 2, 3, 4, 5, 6, 7, 8, 9)
#define ACT(kind) EX(ACTIVATION, #kind, WEFT_NC(1, 5), OPT(weft_activation_opt, .act = WEFT_ACT_##kind)), \
    X(F(-4, -1, 0, 1, 8))

static const example examples[] = {
    /* 1*1 + 2*2 + 4*3 + 5*4 + 10, ...: the filter is not flipped. */
    { EX(CONV2D, "correlation", MAP(3, 3, 1),
         OPT(weft_conv2d_opt, .out = 1, .kernel = 2, .padding = WEFT_VALID, .bias = true)),
      X(NINE), P(F(1, 2, 3, 4), F(10)), Y(47, 57, 77, 87) },
    /* Only the window's first weight counts. One pixel of padding, behind: windows begin at 0 and 2. */
    { EX(CONV2D, "same_pads_behind", MAP(4, 4, 1), OPT(weft_conv2d_opt, .out = 1, .kernel = 3, .stride = 2)),
      X(F(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)), P(F(1, 0, 0, 0, 0, 0, 0, 0, 0)), Y(1, 3, 9, 11) },
    /* relu(21 + 1 - 22) and relu(4300 + 1 + 0): bias, residual, activation, in this order. */
    { .id = WEFT_OP_CONV2D,
      .c = { .name = "groups_epilogue", .n_in = 1, .in = { MAP(1, 1, 4) },
             .opt = OPT(weft_conv2d_opt, .out = 2, .groups = 2, .bias = true), .epi = { WEFT_ACT_RELU, true } },
      X(F(1, 2, 3, 4), F(-23, 0)), P(F(1, 10, 100, 1000), F(1, 1)), Y(0, 4301) },
    { EX(CONV2D, "dilation2", MAP(1, 3, 1),
         OPT(weft_conv2d_opt, .out = 1, .kernel_w = 2, .dilation = 2, .padding = WEFT_VALID)),
      X(F(1, 2, 3)), P(F(10, 1)), Y(13) },
    { EX(DENSE, "rows_are_outputs", WEFT_NC(1, 2), OPT(weft_dense_opt, .out = 2)),
      X(F(1, 2)), P(F(1, 2, 3, 4), F(10, 20)), Y(15, 31) },
    /* Map 0 is 1 2 3 4, map 1 is 10 20 30 40; output 1 sees both. */
    { EX(PARTIAL_CONV2D, "marks", MAP(2, 2, 2),
         OPT(weft_partial_conv2d_opt, .out = 2, .kernel = 2, .table = (const uint8_t[]){ 1, 0, 1, 1 })),
      X(F(1, 10, 2, 20, 3, 30, 4, 40)), P(F(1, 1, 1, 1, 2, 2, 2, 2, 1, 0, 0, 0)), Y(10, 30) },
    { EX(MAX_POOL2D, "border_left_out", MAP(3, 3, 1), NULL), X(F(-1, -2, -3, -4, -5, -6, -7, -8, -9)),
      Y(-1, -3, -7, -9) },
    { EX(MAX_POOL2D, "zero_border", MAP(3, 3, 1),
         OPT(weft_pool2d_opt, .kernel = 2, .padding = WEFT_EXPLICIT, .pad = { 0, 1, 0, 1 }, .zero_border = true)),
      X(F(-1, -2, -3, -4, -5, -6, -7, -8, -9)), Y(-1, 0, 0, 0) },
    { EX(AVG_POOL2D, "inside_counts", MAP(3, 3, 1), NULL), X(NINE), Y(3, 4.5, 7.5, 9) },
    { EX(AVG_POOL2D, "count_border", MAP(3, 3, 1),
         OPT(weft_pool2d_opt, .kernel = 2, .padding = WEFT_EXPLICIT, .pad = { 0, 1, 0, 1 }, .count_border = true)),
      X(NINE), Y(3, 2.25, 3.75, 2.25) },
    /* Windows begin at 0 and 2; the second is cut to one pixel. */
    { EX(AVG_POOL2D, "ceil", MAP(1, 3, 1),
         OPT(weft_pool2d_opt, .kernel_h = 1, .kernel_w = 2, .padding = WEFT_VALID, .ceil = true)),
      X(F(1, 2, 5)), Y(1.5, 5) },
    { EX(AVG_POOL2D, "floor", MAP(1, 3, 1), OPT(weft_pool2d_opt, .kernel_h = 1, .kernel_w = 2, .padding = WEFT_VALID)),
      X(F(1, 2, 5)), Y(1.5) },
    { EX(GLOBAL_AVG_POOL2D, "mean", MAP(2, 2, 1), NULL), X(F(1, 2, 3, 6)), Y(3) },
    { EX(GLOBAL_MAX_POOL2D, "largest", MAP(2, 2, 1), NULL), X(F(-4, -2, -3, -6)), Y(-2) },
    { EX(SUBSAMPLE, "sum_gain_bias", MAP(2, 2, 1), NULL), X(F(1, 2, 3, 4)), P(F(.5f), F(1)), Y(6) },
    /* The roots are sqrt(3.75 + 0.25) and sqrt(0.75 + 0.25). */
    { EX(BATCH_NORM, "gamma", WEFT_NC(1, 2), OPT(weft_batch_norm_opt, .epsilon = .25)),
      X(F(5, -1)), P(F(2, 3), F(1, 10), F(1, 1), F(3.75f, .75f)), Y(5, 4) },
    { EX(BATCH_NORM, "no_gamma", WEFT_NC(1, 2), OPT(weft_batch_norm_opt, .epsilon = .25, .no_gamma = true)),
      X(F(5, -1)), P(F(1, 10), F(1, 1), F(3.75f, .75f)), Y(3, 8) },
    /* Squares 1 4 4, summed with their neighbours: 5 9 8. */
    { EX(LRN, "alpha_per_channel", WEFT_NC(1, 3), OPT(weft_lrn_opt, .window = 3, .alpha = 1, .beta = 1, .k = 1)),
      X(F(1, 2, 2)), Y(1. / 6, 2. / 10, 2. / 9) },
    { EX(LRN, "alpha_per_window", WEFT_NC(1, 3),
         OPT(weft_lrn_opt, .window = 3, .alpha = 3, .beta = 1, .k = 1, .alpha_is_per_window = true)),
      X(F(1, 2, 2)), Y(1. / 6, 2. / 10, 2. / 9) },
    { EX(LRN, "even_window_reaches_as_far", WEFT_NC(1, 3),
         OPT(weft_lrn_opt, .window = 2, .alpha = 2, .beta = 1, .k = 1, .alpha_is_per_window = true)),
      X(F(1, 2, 2)), Y(1. / 6, 2. / 10, 2. / 9) },
    /* The paper's constants: 10 (2 + 1e-4 * 100)^-0.75. */
    { EX(LRN, "defaults", WEFT_NC(1, 1), NULL), X(F(10)), Y(5.92383504872539) },
    /* (2x + 1 - mean) / sqrt(variance) */
    { EX(NORMALIZE, "options", WEFT_NC(1, 2),
         OPT(weft_normalize_node, .user = { .scale = 2, .offset = 1, .mean = { 1, 3 }, .variance = { 4, 16 } })),
      X(F(3, 5)), Y(3, 2) },
    { EX(NORMALIZE, "statistics", WEFT_NC(1, 2),
         OPT(weft_normalize_node, .user = { .scale = 2, .offset = 1, .stats = true })),
      X(F(3, 5)), P(F(0, 1), F(1, .25f), F(9)), Y(7, 20) },
    { EX(NORMALIZE, "least_divisor", WEFT_NC(1, 1), OPT(weft_normalize_node, .user = { .stats = true })),
      X(F(7)), P(F(0), F(0), F(0)), Y(7e7) },
    { ACT(RELU), Y(0, 0, 0, 1, 8) },
    { ACT(RELU6), Y(0, 0, 0, 1, 6) },
    { ACT(HARD_SIGMOID), Y(0, 1. / 3, .5, 2. / 3, 1) },
    { ACT(HARD_SWISH), Y(0, -1. / 3, 0, 2. / 3, 8) },
    { ACT(TANH), Y(-.999329299739067, -.761594155955765, 0, .761594155955765, .999999774929676) },
    { ACT(SIGMOID), Y(.0179862099620916, .268941421369995, .5, .731058578630005, .999664649869534) },
    { ACT(SWISH), Y(-.0719448398483662, -.268941421369995, 0, .731058578630005, 7.99731719895627) },
    { ACT(LECUN_TANH), Y(-1.69941104904185, -.999997255922479, 0, .999997255922479, 1.7158200096912) },
    { ACT(LEAKY_RELU), Y(-.04, -.01, 0, 1, 8) },
    { EX(SOFTMAX, "three", WEFT_NC(1, 3), NULL), X(F(0, 1, 2)),
      Y(.0900305731703805, .244728471054798, .665240955774822) },
    { EX(SOFTMAX, "no_overflow", WEFT_NC(2, 2), NULL), X(F(1e4f, 1e4f, -1e4f, -1e4f)), Y(.5, .5, .5, .5) },
    { EX2(ADD, "scale_is_of_b", WEFT_NC(1, 2), WEFT_NC(1, 2), OPT(weft_add_opt, .scale = .5)),
      X(F(1, 2), F(10, 20)), Y(6, 12) },
    { EX2(CHANNEL_SCALE, "per_image", WEFT_NHWC(2, 1, 2, 1), WEFT_NC(2, 1), NULL),
      X(F(1, 2, 3, 4), F(10, 100)), Y(10, 20, 300, 400) },
    /* Means 2 and 3; hidden relu(2 - 3 + 0.5) = 0, so the gates are those of the last bias, 0 and 3. */
    { EX(SQUEEZE_EXCITE, "sigmoid", MAP(1, 2, 2), OPT(weft_squeeze_excite_opt, .reduced = 1)),
      X(F(1, 2, 3, 4)), P(F(1, -1), F(.5f), F(1, 1), F(0, 3)), Y(.5, 1.90514825364487, 1.5, 3.81029650728974) },
    { EX(SQUEEZE_EXCITE, "hard_sigmoid", MAP(1, 2, 2),
         OPT(weft_squeeze_excite_opt, .reduced = 1, .gate = WEFT_ACT_HARD_SIGMOID)),
      X(F(1, 2, 3, 4)), P(F(1, -1), F(.5f), F(1, 1), F(0, 3)), Y(.5, 2, 1.5, 4) },
    { EX(DROPOUT, "inference", WEFT_NC(1, 2), OPT(weft_dropout_opt, .rate = .5)), X(F(1, 2)), Y(1, 2) },
    { EX2(CONCAT, "channels", WEFT_NC(2, 2), WEFT_NC(2, 1), NULL), X(F(1, 2, 3, 4), F(10, 20)), Y(1, 2, 10, 3, 4, 20) },
    { EX(RESHAPE, "flatten", MAP(2, 1, 2), NULL), X(F(1, 2, 3, 4)), Y(1, 2, 3, 4) },
    { EX(PAD2D, "top_right", MAP(1, 1, 1), OPT(weft_border_opt, .pad = { .top = 1, .right = 1 })), X(F(5)),
      Y(0, 0, 5, 0) },
    { EX(CROP2D, "top_right", MAP(2, 2, 1), OPT(weft_border_opt, .pad = { .top = 1, .right = 1 })),
      X(F(1, 2, 3, 4)), Y(3) },
    { EX(RBF, "squared_distance", WEFT_NC(1, 2), OPT(weft_rbf_opt, .out = 2)),
      X(F(1, 2)), P(F(1, -1, 0, .5f)), Y(9, 3.25) },
    /* -relu6(2 * 4) + 1 */
    { .id = WEFT_OP_INVERTED_RESIDUAL,
      .c = { .name = "residual_last", .n_in = 1, .in = { MAP(1, 1, 1) },
             .opt = OPT(weft_inverted_residual_opt, .depthwise = { .out = 0 }, .depthwise_act = WEFT_ACT_RELU6,
                        .project = { .out = 1 }), .epi = { WEFT_ACT_NONE, true } },
      X(F(2), F(1)), P(F(4), F(-1)), Y(-5) },
    /* Channel 0 is 1, 3: mean 2. */
    { EX(MOMENTS, "mean", MAP(1, 2, 2), NULL), X(F(1, 10, 3, 30)), Y(2, 20) },
    { EX2(MOVING_AVERAGE, "share_of_the_old", VECTOR(2), VECTOR(2), OPT(weft_moving_average_opt, .momentum = .75)),
      X(F(4, 8), F(0, 16)), Y(3, 10) },
    /* Labels are bits of integers: 1, then 2, which is no class. */
    { EX(ONE_HOT, "smoothed", WEFT_NC(2, 1), OPT(weft_one_hot_opt, .classes = 2, .smoothing = .5)),
      X((const float *)(const int32_t[]){ 1, 2 }), Y(.25, .75, .25, .25) },
    /* s = gamma / sqrt(variance + epsilon) = 6 / 2. */
    { .id = WEFT_OP_FOLD_NORM,
      .c = { .name = "gamma", .n_in = 5, .in = { WEFT_NC(1, 2), VECTOR(1), VECTOR(1), VECTOR(1), VECTOR(1) },
             .opt = OPT(weft_fold_norm_opt, .epsilon = 1, .gamma = true) },
      X(F(1, 2), F(6), F(5), F(1), F(3)), Y(3, 6) },
    { EX(SCALE_WEIGHTS, "half", WEFT_NC(1, 2), OPT(weft_scale_weights_opt, .scale = .5)), X(F(3, -4)), Y(1.5, -2) },
    /* Rows of the second times columns of the first. */
    { EX2(COMPOSE_WEIGHTS, "product", WEFT_NHWC(2, 1, 1, 1), WEFT_NHWC(1, 1, 1, 2),
          OPT(weft_merge_weights_opt, .first_bias = false)),
      X(F(2, 3), F(10, 100)), Y(320) },
    { EX2(JOIN_WEIGHTS, "beside", WEFT_NHWC(2, 1, 1, 1), WEFT_NHWC(2, 1, 1, 2),
          OPT(weft_merge_weights_opt, .first_bias = false)),
      X(F(1, 2), F(3, 4, 5, 6)), Y(1, 3, 4, 2, 5, 6) },
};
/* clang-format on */

static void near(const example *e, int i, const char *who, double got)
{
    ck_assert_msg(fabs(got - e->want[i]) <= 1e-6 * fmax(1, fabs(e->want[i])),
                  "%s/%s: element %d of %s is %.9g, not %.9g", weft_op_get(e->id)->name, e->c.name, i, who, got,
                  e->want[i]);
}

START_TEST(as_by_hand)
{
    const example *e = &examples[_i];
    weft_problem p;
    weft_device device;
    float *got[WEFT_MAX_OUT] = { (float[16]){ 0 }, (float[16]){ 0 } };
    char fault[256] = "";
    CHECK_OK(weft_problem_given(&p, e->id, &e->c, e->in, e->param));
    ck_assert_int_eq(weft_shape_count(&p.node.out[0]), e->count);
    for (int i = 0; i < e->count; i++)
        near(e, i, "the oracle", p.want[0][i]);

    weft_cpu cpu;
    weft_cpu_read(&cpu);
    CHECK_OK(rig_device(cpu.best, 2, &device));
    const weft_kernel *kernel = weft_select(&p.node, &device);
    const rig_setup setup = { RIG_SLICED, cpu.best, 2, RIG_APART, RIG_HOST_CACHES };
    ck_assert_msg(rig_run(&p, kernel, &setup, got, fault, sizeof fault), "%s: %s", kernel->name, fault);
    for (int i = 0; i < e->count; i++)
        near(e, i, kernel->name, (double)got[0][i]);
    weft_problem_release(&p);
}
END_TEST

START_TEST(every_op_has_one)
{
    bool seen[WEFT_OP_COUNT] = { false };
    for (int i = 0; i < WEFT_COUNT(examples); i++)
        seen[examples[i].id] = true;
    for (int id = 0; id < WEFT_OP_COUNT; id++)
        ck_assert_msg(seen[id], "%s has no example", weft_op_get((weft_op_id)id)->name);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("op-examples");
    TCase *tcase = tcase_create("examples");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, as_by_hand, 0, WEFT_COUNT(examples));
    suite_add_tcase(suite, tcase);
    CHECK_CASE(suite, "all", every_op_has_one);
    const int status = check_main(suite, argv[0]);
    rig_close();
    return status;
}
