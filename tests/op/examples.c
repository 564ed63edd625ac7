/* SPDX-License-Identifier: Apache-2.0
 *
 * Examples worked by hand, for every op and for the choices that its Semantics lines name; and what every op refuses:
 * one row per thing that resolve or infer must notice. */
#include "examples.h"

#include <limits.h>
#include <math.h>

#include "op/activation.h"
#include "op/case.h"
#include "op/derive.h"
#include "op/dropout.h"
#include "op/inverted_residual.h"
#include "op/normalize.h"
#include "op/util.h"

/* clang-format off */
#define F(...) (const float[]){ __VA_ARGS__ }
#define X(...) .in = { __VA_ARGS__ }
#define P(...) .param = { __VA_ARGS__ }
#define Y(...) .count = WEFT_COUNT(((const double[]){ __VA_ARGS__ })), .want = (const double[]){ __VA_ARGS__ }
#define EX(OP, label, shape, o) .id = WEFT_OP_##OP, .c = { .name = label, .n_in = 1, .in = { shape }, .opt = o }
#define EX2(OP, label, s0, s1, o) .id = WEFT_OP_##OP, .c = { .name = label, .n_in = 2, .in = { s0, s1 }, .opt = o }
#define OPT(type, ...) &(const type){ __VA_ARGS__ }
#define MAP(h, w, c) WEFT_NHWC(1, h, w, c)
#define VECTOR(n) WEFT_VECTOR(n)
#define NINE F(1, 2, 3, 4, 5, 6, 7, 8, 9)
#define ACT(kind) EX(ACTIVATION, #kind, WEFT_NC(1, 5), OPT(weft_activation_opt, .act = WEFT_ACT_##kind)), \
    X(F(-4, -1, 0, 1, 8))

const example examples[] = {
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
    { .count = 0 },
};

static const uint8_t marks_two[] = { 1, 2, 1, 1 }, marks_none[] = { 1, 1, 0, 0 };

#define ODD WEFT_NHWC(2, 5, 7, 8)
#define ROW(OP, type, shape, text, ...) { WEFT_OP_##OP, 1, { shape }, &(const type){ __VA_ARGS__ }, text }
#define CONV(text, ...) ROW(CONV2D, weft_conv2d_opt, ODD, text, __VA_ARGS__)
#define POOL(text, ...) ROW(MAX_POOL2D, weft_pool2d_opt, ODD, text, __VA_ARGS__)
#define AVERAGE(text, ...) ROW(AVG_POOL2D, weft_pool2d_opt, ODD, text, __VA_ARGS__)
#define KRSC(k, c) WEFT_NHWC(k, 1, 1, c)
#define NONE(OP, shape, text) { WEFT_OP_##OP, 1, { shape }, NULL, text }

const refusal refusals[] = {
    CONV("out is -1", .out = -1),
    CONV("out is", .out = INT64_MAX),
    CONV("kernel is -3x-3", .kernel = -3),
    CONV("kernel is", .kernel = INT_MAX),
    CONV("kernel is", .kernel_h = INT_MIN),
    CONV("expected the one or the others", .kernel = 3, .kernel_h = 5),
    CONV("stride is -1x-1", .stride = -1),
    CONV("stride is", .stride_w = INT_MAX),
    CONV("dilation is -1", .dilation = -1),
    CONV("dilation is", .kernel = 3, .dilation = INT_MAX),
    CONV("the window is 3x3 (dilation 4096)", .kernel = 3, .dilation = 4096, .padding = WEFT_VALID),
    CONV("groups is -1", .groups = -1),
    CONV("groups is 3, expected a divisor of 8 input", .groups = 3, .out = 6),
    CONV("groups is 4, expected a divisor of 8 input and 6 output", .groups = 4, .out = 6),
    CONV("groups is", .groups = INT64_MIN),
    CONV("padding is 7", .padding = (weft_padding)7),
    CONV("expected EXPLICIT", .kernel = 3, .pad = { 1, 1, 1, 1 }),
    CONV("expected EXPLICIT", .kernel = 3, .padding = WEFT_VALID, .pad = { .left = 1 }),
    CONV("pad.top is -1", .padding = WEFT_EXPLICIT, .pad = { .top = -1 }),
    CONV("pad.bottom is", .padding = WEFT_EXPLICIT, .pad = { .bottom = INT_MAX }),
    CONV("pad.left is", .padding = WEFT_EXPLICIT, .pad = { .left = INT_MIN }),
    CONV("pad.right is -2", .padding = WEFT_EXPLICIT, .pad = { .right = -2 }),
    CONV("the window is 6x6", .kernel = 6, .padding = WEFT_VALID),
    CONV("the window is 1x9", .kernel_w = 9, .padding = WEFT_EXPLICIT, .pad = { .left = 1 }),
    CONV("init is 99", .init = (weft_init)99),
    CONV("init is NORMAL", .init = WEFT_INIT_NORMAL),
    CONV("init_scale is", .init = WEFT_INIT_NORMAL, .init_scale = NAN),
    CONV("init_scale is", .init = WEFT_INIT_NORMAL, .init_scale = INFINITY),
    CONV("init_scale is -1", .init_scale = -1),
    ROW(CONV2D, weft_conv2d_opt, WEFT_NC(3, 8), "x is [3, 8], expected [N, H, W, C]", .out = 4),
    ROW(CONV2D, weft_conv2d_opt, WEFT_NHWC(INT64_C(1) << 30, 1 << 10, 1 << 10, 1), "the output", .out = 1 << 30),

    ROW(PARTIAL_CONV2D, weft_partial_conv2d_opt, WEFT_NHWC(1, 5, 5, 2), "table is NULL, expected 2 x 2", .out = 2,
        .kernel = 3),
    ROW(PARTIAL_CONV2D, weft_partial_conv2d_opt, WEFT_NHWC(1, 5, 5, 2), "table[0][1] is 2", .out = 2, .kernel = 3,
        .table = marks_two),
    ROW(PARTIAL_CONV2D, weft_partial_conv2d_opt, WEFT_NHWC(1, 5, 5, 2), "output map 1 is connected to no input map",
        .out = 2, .kernel = 3, .table = marks_none),
    ROW(PARTIAL_CONV2D, weft_partial_conv2d_opt, WEFT_NHWC(1, 5, 5, 2), "out is 0", .kernel = 3, .table = marks_none),
    ROW(PARTIAL_CONV2D, weft_partial_conv2d_opt, WEFT_NHWC(1, 5, 5, 2), "kernel is 0", .out = 1, .table = marks_none),
    ROW(PARTIAL_CONV2D, weft_partial_conv2d_opt, WEFT_NHWC(1, 5, 5, 2), "the window is 6x6", .out = 1, .kernel = 6,
        .table = marks_none),

    ROW(DENSE, weft_dense_opt, WEFT_NC(2, 8), "out is 0", .no_bias = true),
    ROW(DENSE, weft_dense_opt, WEFT_NC(2, 8), "out is -5", .out = -5),
    ROW(DENSE, weft_dense_opt, WEFT_NC(2, 8), "init is -1", .out = 5, .init = (weft_init)-1),
    ROW(DENSE, weft_dense_opt, ODD, "flatten it", .out = 5),

    POOL("kernel is -1x-1", .kernel = -1),
    POOL("kernel is", .kernel_w = INT_MAX),
    POOL("stride is -1x-1", .stride = -1),
    POOL("padding is -1", .padding = (weft_padding)-1),
    POOL("expected EXPLICIT", .kernel = 3, .pad = { 1, 1, 1, 1 }),
    POOL("pad.top is -1", .padding = WEFT_EXPLICIT, .pad = { .top = -1 }),
    POOL("the window is 6x6", .kernel = 6, .padding = WEFT_VALID),
    POOL("count_border is set", .count_border = true),
    ROW(MAX_POOL2D, weft_pool2d_opt, WEFT_NC(2, 8), "x is [2, 8]", .kernel = 2),
    AVERAGE("zero_border is set", .zero_border = true),
    AVERAGE("stride is", .stride_h = INT_MIN),
    AVERAGE("the window is 2x8", .kernel_h = 2, .kernel_w = 8, .padding = WEFT_VALID),
    NONE(GLOBAL_AVG_POOL2D, WEFT_NC(2, 8), "x is [2, 8], expected [N, H, W, C]"),
    NONE(GLOBAL_MAX_POOL2D, WEFT_NC(2, 8), "x is [2, 8], expected [N, H, W, C]"),
    ROW(SUBSAMPLE, weft_subsample_opt, ODD, "kernel is -2", .kernel = -2),
    ROW(SUBSAMPLE, weft_subsample_opt, ODD, "the window is 6x6", .kernel = 6),

    ROW(BATCH_NORM, weft_batch_norm_opt, ODD, "epsilon is -1", .epsilon = -1),
    ROW(BATCH_NORM, weft_batch_norm_opt, ODD, "epsilon is", .epsilon = NAN),
    ROW(BATCH_NORM, weft_batch_norm_opt, ODD, "epsilon is", .epsilon = INFINITY),
    ROW(BATCH_NORM, weft_batch_norm_opt, ODD, "momentum is -0.1", .momentum = -.1),
    ROW(BATCH_NORM, weft_batch_norm_opt, ODD, "momentum is 1.5", .momentum = 1.5),
    ROW(BATCH_NORM, weft_batch_norm_opt, ODD, "momentum is", .momentum = NAN),
    ROW(BATCH_NORM, weft_batch_norm_opt, ODD, "zero_gamma is set", .no_gamma = true, .zero_gamma = true),
    ROW(LRN, weft_lrn_opt, ODD, "window is -5", .window = -5),
    ROW(LRN, weft_lrn_opt, ODD, "window is", .window = INT_MAX),
    ROW(LRN, weft_lrn_opt, ODD, "alpha is -1", .alpha = -1),
    ROW(LRN, weft_lrn_opt, ODD, "beta is", .beta = NAN),
    ROW(LRN, weft_lrn_opt, ODD, "k is -2", .k = -2),
    ROW(NORMALIZE, weft_normalize_node, ODD, "x has 8 channels, expected 1 to 4", .user = { .scale = 1 }),
    ROW(NORMALIZE, weft_normalize_node, WEFT_NHWC(1, 2, 2, 3), "scale is", .user = { .scale = NAN }),
    ROW(NORMALIZE, weft_normalize_node, WEFT_NHWC(1, 2, 2, 3), "mean[1] is inf", .user = { .mean = { 0, INFINITY } }),
    ROW(NORMALIZE, weft_normalize_node, WEFT_NHWC(1, 2, 2, 3), "variance[2] is -1",
        .user = { .variance = { 1, 1, -1 } }),

    ROW(ACTIVATION, weft_activation_opt, ODD, "act is 0", .act = WEFT_ACT_NONE),
    ROW(ACTIVATION, weft_activation_opt, ODD, "act is 10", .act = WEFT_ACT_COUNT),
    ROW(ACTIVATION, weft_activation_opt, ODD, "act is -1", .act = (weft_act)-1),
    NONE(SOFTMAX, WEFT_NC(2, -8), "x is [2, -8], expected dimensions"),
    { WEFT_OP_ADD, 2, { ODD, WEFT_NHWC(2, 5, 7, 1) }, NULL, "a is [2, 5, 7, 8] and b [2, 5, 7, 1], expected equal" },
    { WEFT_OP_ADD, 2, { ODD, WEFT_NC(2, 280) }, NULL, "expected equal shapes" },
    { WEFT_OP_ADD, 2, { ODD, ODD }, &(const weft_add_opt){ .scale = NAN }, "scale is" },
    { WEFT_OP_CHANNEL_SCALE, 2, { ODD, WEFT_NC(2, 7) }, NULL, "s [2, 7], expected s to have x's" },
    { WEFT_OP_CHANNEL_SCALE, 2, { ODD, WEFT_NC(1, 8) }, NULL, "s [1, 8], expected s to have x's" },
    { WEFT_OP_CHANNEL_SCALE, 2, { ODD, WEFT_NHWC(2, 1, 1, 8) }, NULL, "s is [2, 1, 1, 8], expected [N, C]" },
    ROW(SQUEEZE_EXCITE, weft_squeeze_excite_opt, ODD, "reduced is 0", .no_bias = true),
    ROW(SQUEEZE_EXCITE, weft_squeeze_excite_opt, ODD, "reduced is -4", .reduced = -4),
    ROW(SQUEEZE_EXCITE, weft_squeeze_excite_opt, ODD, "act is 10", .reduced = 2, .act = WEFT_ACT_COUNT),
    ROW(SQUEEZE_EXCITE, weft_squeeze_excite_opt, ODD, "gate is -1", .reduced = 2, .gate = (weft_act)-1),
    ROW(SQUEEZE_EXCITE, weft_squeeze_excite_opt, ODD, "init is NORMAL", .reduced = 2, .init = WEFT_INIT_NORMAL),
    ROW(SQUEEZE_EXCITE, weft_squeeze_excite_opt, WEFT_NC(2, 8), "x is [2, 8]", .reduced = 2),
    ROW(DROPOUT, weft_dropout_opt, ODD, "rate is 1", .rate = 1),
    ROW(DROPOUT, weft_dropout_opt, ODD, "rate is -0.5", .rate = -.5),
    ROW(DROPOUT, weft_dropout_opt, ODD, "rate is", .rate = NAN),

    { WEFT_OP_CONCAT, 2, { ODD, WEFT_NHWC(2, 5, 6, 8) }, NULL, "input 1 is [2, 5, 6, 8]" },
    { WEFT_OP_CONCAT, 2, { ODD, WEFT_NC(2, 8) }, NULL, "input 1 is [2, 8]" },
    ROW(RESHAPE, weft_reshape_opt, ODD, "expected the batch and the count", .shape = WEFT_NC(2, 281)),
    ROW(RESHAPE, weft_reshape_opt, ODD, "expected the batch and the count", .shape = WEFT_NC(1, 560)),
    ROW(RESHAPE, weft_reshape_opt, ODD, "shape has", .shape = { .rank = 99 }),
    ROW(RESHAPE, weft_reshape_opt, ODD, "shape is [2, -5, -7, 8], expected dimensions",
        .shape = WEFT_NHWC(2, -5, -7, 8)),
    ROW(PAD2D, weft_border_opt, ODD, "pad.left is -1", .pad = { .left = -1 }),
    ROW(PAD2D, weft_border_opt, ODD, "pad.top is", .pad = { .top = INT_MAX }),
    ROW(CROP2D, weft_border_opt, ODD, "expected to leave some of the 5x7 image", .pad = { 3, 2, 0, 0 }),
    ROW(CROP2D, weft_border_opt, ODD, "pad.bottom is -1", .pad = { .bottom = -1 }),

    ROW(RBF, weft_rbf_opt, WEFT_NC(2, 84), "out is 0", .centres = NULL),
    ROW(RBF, weft_rbf_opt, WEFT_NC(2, 84), "out is -10", .out = -10),
    ROW(RBF, weft_rbf_opt, ODD, "x is [2, 5, 7, 8], expected [N, C]", .out = 10),

    ROW(INVERTED_RESIDUAL, weft_inverted_residual_opt, ODD, "expand and project must be 1x1",
        .depthwise = { .kernel = 3 }, .project = { .out = 8, .kernel = 3 }),
    ROW(INVERTED_RESIDUAL, weft_inverted_residual_opt, ODD, "depthwise has 16 outputs, expected 8",
        .depthwise = { .kernel = 3, .out = 16 }, .project = { .out = 8 }),
    ROW(INVERTED_RESIDUAL, weft_inverted_residual_opt, ODD, "stride is -1x-1",
        .depthwise = { .kernel = 3, .stride = -1 }, .project = { .out = 8 }),
    ROW(INVERTED_RESIDUAL, weft_inverted_residual_opt, WEFT_NC(2, 8), "x is [2, 8]", .depthwise = { .kernel = 3 },
        .project = { .out = 8 }),
    { WEFT_OP_MOMENTS, 1, { { .rank = 0 } }, NULL, "x has rank 0" },
    { WEFT_OP_MOVING_AVERAGE, 2, { VECTOR(3), VECTOR(4) }, &(const weft_moving_average_opt){ .momentum = .5 },
      "x is [4], expected the state's shape [3]" },
    { WEFT_OP_MOVING_AVERAGE, 2, { VECTOR(3), VECTOR(3) }, &(const weft_moving_average_opt){ .momentum = 1 },
      "momentum is 1, expected 0 to less than 1" },
    { WEFT_OP_MOVING_AVERAGE, 2, { VECTOR(3), VECTOR(3) }, &(const weft_moving_average_opt){ .momentum = NAN },
      "momentum is" },
    ROW(ONE_HOT, weft_one_hot_opt, WEFT_NC(5, 2), "labels are [5, 2], expected [N, 1]", .classes = 3),
    ROW(ONE_HOT, weft_one_hot_opt, WEFT_NC(5, 1), "classes is 0", .smoothing = 0),
    ROW(ONE_HOT, weft_one_hot_opt, WEFT_NC(5, 1), "smoothing is 1.5, expected 0 to 1", .classes = 3, .smoothing = 1.5),
    ROW(ONE_HOT, weft_one_hot_opt, WEFT_NC(5, 1), "smoothing is", .classes = 3, .smoothing = NAN),
    { WEFT_OP_FOLD_NORM, 4, { KRSC(4, 3), VECTOR(4), VECTOR(4), VECTOR(4) },
      &(const weft_fold_norm_opt){ .bias = true }, "4 inputs given, 5 expected" },
    { WEFT_OP_FOLD_NORM, 4, { KRSC(4, 3), VECTOR(4), VECTOR(3), VECTOR(4) },
      &(const weft_fold_norm_opt){ .epsilon = 1 }, "input 2 is [3], expected [4]" },
    { WEFT_OP_SCALE_WEIGHTS, 1, { { .rank = 0 } }, &(const weft_scale_weights_opt){ .scale = 2 },
      "weights has rank 0" },
    { WEFT_OP_COMPOSE_WEIGHTS, 2, { KRSC(4, 3), KRSC(5, 3) }, &(const weft_merge_weights_opt){ .first_bias = false },
      "the second layer reads 3 channels, the first writes 4" },
    { WEFT_OP_COMPOSE_WEIGHTS, 3, { KRSC(4, 3), KRSC(5, 4), VECTOR(5) },
      &(const weft_merge_weights_opt){ .first_bias = true }, "input 2 is [5], expected [4]" },
    { WEFT_OP_COMPOSE_WEIGHTS, 2, { WEFT_NHWC(4, 3, 3, 3), KRSC(5, 4) },
      &(const weft_merge_weights_opt){ .first_bias = false },
      "input 0 is [4, 3, 3, 3], expected weights [K, 1, 1, C]" },
    { WEFT_OP_JOIN_WEIGHTS, 2, { KRSC(4, 3), KRSC(5, 3) }, &(const weft_merge_weights_opt){ .first_bias = false },
      "the layers write 4 and 5 channels" },
    { .part = NULL },
};
/* clang-format on */
