/* SPDX-License-Identifier: Apache-2.0
 *
 * The same for the ops of training: gradients, losses, optimisers. */
#include "examples.h"

#include <math.h>

#include "op/activation.h"
#include "op/batch_norm.h"
#include "op/channel_sum.h"
#include "op/conv2d.h"
#include "op/batch_norm_pair.h"
#include "op/conv_norm.h"
#include "op/conv_norm_grad.h"
#include "op/dropout.h"
#include "op/norm_conv.h"
#include "op/normalize.h"
#include "op/partial_conv2d.h"
#include "op/pool2d.h"
#include "op/util.h"

/* clang-format off */
#define EX4(OP, label, s0, s1, s2, s3, o) \
    .id = WEFT_OP_##OP, .c = { .name = label, .n_in = 4, .in = { s0, s1, s2, s3 }, .opt = o }
#define EX5(OP, label, s0, s1, s2, s3, s4, o) \
    .id = WEFT_OP_##OP, .c = { .name = label, .n_in = 5, .in = { s0, s1, s2, s3, s4 }, .opt = o }
#define THREE_ROWS MAP(3, 1, 1)
#define EPSILON_3 OPT(weft_batch_norm_opt, .epsilon = 3, .unbiased = true)
#define EXN(OP, label, o, ...) .id = WEFT_OP_##OP, .c = { WEFT_CASE(label, __VA_ARGS__), .opt = o }
#define PAIR { .kernel_h = 1, .kernel_w = 2, .stride_h = 1, .stride_w = 1, .padding = WEFT_EXPLICIT }
#define PAIR_ZERO { .kernel_h = 1, .kernel_w = 2, .stride_h = 1, .stride_w = 1, .padding = WEFT_EXPLICIT, \
                    .pad = { 0, 0, 1, 0 }, .zero_border = true }
#define PAIR_COUNT { .kernel_h = 1, .kernel_w = 2, .stride_h = 1, .stride_w = 2, .padding = WEFT_EXPLICIT, \
                     .pad = { 0, 0, 1, 0 }, .count_border = true }
#define TWO_TAPS { .out = 1, .kernel_h = 1, .kernel_w = 2, .stride_h = 1, .stride_w = 1, .dilation = 1, .groups = 1, \
                   .padding = WEFT_EXPLICIT }

#define ONE_TAP { .out = 1, .kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation = 1, .groups = 1, \
                  .padding = WEFT_EXPLICIT }
#define CONV_NORM(label) \
    .id = WEFT_OP_CONV_NORM_GRAD, \
    .c = { WEFT_CASE(label, THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1), VECTOR(1), THREE_ROWS, \
                     WEFT_NHWC(1, 1, 1, 1)), .opt = OPT(weft_conv_norm_grad_opt, .conv = { ONE_TAP, 3, 1, 1 }) }, \
    X(F(1, 4, 4), F(8, 12, 16), F(10), F(.5f), F(2), F(1, 2, 3), F(10))

#define PAIR_DX(label) \
    .id = WEFT_OP_BATCH_NORM_PAIR_DX, \
    .c = { WEFT_CASE(label, THREE_ROWS, THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1), VECTOR(1), THREE_ROWS, \
                     VECTOR(1), VECTOR(1)), \
           .opt = OPT(weft_batch_norm_pair_opt, .act = WEFT_ACT_RELU, .no_gamma = { false, true }) }, \
    X(F(5, 7, 3), F(-4, 0, 4), F(8, 12, 16), F(10), F(.5f), F(2), F(8, 12, 16), F(10), F(.5f))
#define CONV_NORM_3 OPT(weft_conv_norm_opt, .conv = { .out = 1 }, .norm = { .epsilon = 3 })

#define BY_3 OPT(weft_batch_norm_by_opt, .norm = { .epsilon = 3, .unbiased = true }, .parts = 3)

static const uint8_t marks[] = { 0, 1, 1, 1 };

const example training_examples[] = {
    /* x0 was seen by tap 0 of y0, x1 by tap 1 of y0 and tap 0 of y1. */
    { EX2(CONV2D_DX, "taps", MAP(1, 2, 1), WEFT_NHWC(1, 1, 2, 1), OPT(weft_conv2d_grad_opt, TWO_TAPS, 1, 3, 1)),
      X(F(1, 10), F(2, 3)), Y(2, 23, 30) },
    { EX2(CONV2D_DW, "taps", MAP(1, 3, 1), MAP(1, 2, 1), OPT(weft_conv2d_grad_opt, TWO_TAPS, 1, 3, 1)),
      X(F(1, 2, 3), F(10, 100)), Y(210, 320) },
    { EX2(DENSE_DX, "columns", WEFT_NC(1, 2), WEFT_NC(2, 2), NULL), X(F(1, 10), F(1, 2, 3, 4)), Y(31, 42) },
    { EX2(DENSE_DW, "outer", WEFT_NC(1, 2), WEFT_NC(1, 2), NULL), X(F(1, 2), F(10, 100)), Y(10, 20, 100, 200) },
    { EX(CHANNEL_SUM, "rows", MAP(1, 2, 2), NULL), X(F(1, 10, 3, 30)), Y(4, 40) },
    /* Mean 4096 and variance 1, which sums of x and of its squares would not tell in floats; 1 / sqrt(1 + 3) = 1/2. */
    { EX(BATCH_NORM_TRAIN, "large_mean", MAP(2, 1, 1), EPSILON_3), X(F(4095, 4097)), P(F(6), F(10)), Y(7, 13) },
    { EX(BATCH_NORM_TRAIN, "mean", MAP(2, 1, 1), EPSILON_3), X(F(4095, 4097)), P(F(6), F(10)), Y(4096), .output = 1 },
    { EX(BATCH_NORM_TRAIN, "rstd", MAP(2, 1, 1), EPSILON_3), X(F(4095, 4097)), P(F(6), F(10)), Y(.5), .output = 2 },
    { EX(BATCH_NORM_TRAIN, "variance_unbiased", MAP(2, 1, 1), EPSILON_3), X(F(4095, 4097)), P(F(6), F(10)), Y(2),
      .output = 3 },
    { EX(BATCH_NORM_TRAIN, "variance_biased", MAP(2, 1, 1), OPT(weft_batch_norm_opt, .no_gamma = true)),
      X(F(4095, 4097)), P(F(10)), Y(1), .output = 3 },
    { EX(BATCH_NORM_TRAIN, "shift", MAP(2, 1, 1), EPSILON_3), X(F(4095, 4097)), P(F(6), F(10)), Y(10), .output = 4 },
    { EX(BATCH_NORM_STATS, "mean", MAP(2, 1, 1), EPSILON_3), X(F(4095, 4097)), P(F(6), F(10)), Y(4096) },
    { EX(BATCH_NORM_STATS, "rstd", MAP(2, 1, 1), EPSILON_3), X(F(4095, 4097)), P(F(6), F(10)), Y(.5), .output = 1 },
    { EX(BATCH_NORM_STATS, "variance", MAP(2, 1, 1), EPSILON_3), X(F(4095, 4097)), P(F(6), F(10)), Y(2),
      .output = 2 },
    { EX(BATCH_NORM_STATS, "shift", MAP(2, 1, 1), EPSILON_3), X(F(4095, 4097)), P(F(6), F(10)), Y(10), .output = 3 },
    /* The norm gives 7 and 13, of which relu6 leaves 6. */
    { EX5(NORM_CONV, "relu6", MAP(2, 1, 1), VECTOR(1), VECTOR(1), VECTOR(1), VECTOR(1),
          OPT(weft_norm_conv_opt, .act = WEFT_ACT_RELU6, .conv = { .out = 2 })),
      X(F(4095, 4097), F(4096), F(.5f), F(10), F(6)), P(F(2, -1)), Y(12, -6, 12, -6) },
    /* The convolution gives 4095 and 4097. */
    { EX(CONV_NORM, "y", MAP(2, 1, 1), CONV_NORM_3), X(F(2047.5f, 2048.5f)), P(F(2), F(6), F(10)), Y(7, 13) },
    { EX(CONV_NORM, "mean", MAP(2, 1, 1), CONV_NORM_3), X(F(2047.5f, 2048.5f)), P(F(2), F(6), F(10)), Y(4096),
      .output = 1 },
    { EX(CONV_NORM, "map", MAP(2, 1, 1), CONV_NORM_3), X(F(2047.5f, 2048.5f)), P(F(2), F(6), F(10)), Y(4095, 4097),
      .output = WEFT_CONV_NORM_MAP },
    { EX5(BATCH_NORM_AGAIN, "y", MAP(2, 1, 1), VECTOR(1), VECTOR(1), VECTOR(1), VECTOR(1), NULL),
      X(F(4095, 4097), F(4096), F(.5f), F(10), F(6)), Y(7, 13) },
    /* x normalised is -1, 1, 3; dbeta = 9, dgamma = 15, dx = 2 * 1/2 * (dy - 9 / 3 - 15 / 3 x normalised). */
    { EX5(BATCH_NORM_DX, "dx", THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1), VECTOR(1), NULL),
      X(F(1, 4, 4), F(8, 12, 16), F(10), F(.5f), F(2)), Y(3, -4, -14) },
    { EX5(BATCH_NORM_DX, "dgamma", THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1), VECTOR(1), NULL),
      X(F(1, 4, 4), F(8, 12, 16), F(10), F(.5f), F(2)), Y(15), .output = 1 },
    { EX5(BATCH_NORM_DX, "dbeta", THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1), VECTOR(1), NULL),
      X(F(1, 4, 4), F(8, 12, 16), F(10), F(.5f), F(2)), Y(9), .output = 2 },
    { EX5(BATCH_NORM_DX, "frozen", THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1), VECTOR(1),
          OPT(weft_batch_norm_dx_opt, .frozen = true, .epsilon = 1)),
      X(F(1, 4, 4), F(8, 12, 16), F(10), F(3), F(2)), Y(1, 4, 4) },
    /* y is -4, 0, 4: what is left of dy is 0, 0, 3. */
    { .id = WEFT_OP_BATCH_NORM_DX,
      .c = { .name = "relu", .n_in = 6, .opt = OPT(weft_batch_norm_dx_opt, .act = WEFT_ACT_RELU),
             .in = { THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1), VECTOR(1), VECTOR(1) } },
      X(F(5, 7, 3), F(8, 12, 16), F(10), F(.5f), F(2), F(-2)), Y(2, -4, -7) },
    /* What was convolved is relu(2 (x - 1) / 2 + 1), 1, 2, 3. */
    { .id = WEFT_OP_CONV_NORM_GRAD,
      .c = { WEFT_CASE("again", THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1), VECTOR(1), THREE_ROWS, VECTOR(1),
                       VECTOR(1), VECTOR(1), VECTOR(1), WEFT_NHWC(1, 1, 1, 1)),
             .opt = OPT(weft_conv_norm_grad_opt, .again = true, .before_act = WEFT_ACT_RELU,
                        .conv = { ONE_TAP, 3, 1, 1 }) },
      X(F(1, 4, 4), F(8, 12, 16), F(10), F(.5f), F(2), F(1, 2, 3), F(1), F(.5f), F(1), F(2), F(10)), Y(-47),
      .output = 1 },
    /* The norm's gradient is 3, -4, -14, as above. */
    { CONV_NORM("dx"), Y(30, -40, -140) },
    { CONV_NORM("dw"), Y(-47), .output = 1 },
    { CONV_NORM("dgamma"), Y(15), .output = 2 },
    { CONV_NORM("dbeta"), Y(9), .output = 3 },
    /* As above, z being what the norm was added to. */
    { .id = WEFT_OP_BATCH_NORM_JOIN_DX,
      .c = { .name = "dx", .n_in = 6, .opt = OPT(weft_batch_norm_dx_opt, .act = WEFT_ACT_RELU),
             .in = { THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1), VECTOR(1), THREE_ROWS } },
      X(F(5, 7, 3), F(8, 12, 16), F(10), F(.5f), F(2), F(-4, 0, 4)), Y(2, -4, -7) },
    { .id = WEFT_OP_BATCH_NORM_JOIN_DX,
      .c = { .name = "dy_left", .n_in = 6, .opt = OPT(weft_batch_norm_dx_opt, .act = WEFT_ACT_RELU),
             .in = { THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1), VECTOR(1), THREE_ROWS } },
      X(F(5, 7, 3), F(8, 12, 16), F(10), F(.5f), F(2), F(-4, 0, 4)), Y(0, 0, 3), .output = 3 },
    /* Both as above, the second without gamma. */
    { PAIR_DX("first"), Y(2, -4, -7) },
    { PAIR_DX("second"), Y(1, -2, -3.5), .output = 3 },
    { PAIR_DX("second_dgamma"), Y(9), .output = 4 },
    { PAIR_DX("second_dbeta"), Y(3), .output = 5 },
    { EX(BATCH_NORM_MOMENTS, "pairs", MAP(4, 1, 1), NULL), X(F(4096, 4096, 4098, 4098)), Y(4097, 0, 1, 0) },
    { EX2(BATCH_NORM_BY, "y", MAP(2, 1, 1), WEFT_NC(4, 1), BY_3), X(F(4095, 4097), F(4095, 1, .5f, .5f)),
      P(F(6), F(10)), Y(7, 13) },
    { EX2(BATCH_NORM_BY, "mean", MAP(2, 1, 1), WEFT_NC(4, 1), BY_3), X(F(4095, 4097), F(4095, 1, .5f, .5f)),
      P(F(6), F(10)), Y(4096), .output = 1 },
    { EX2(BATCH_NORM_BY, "rstd", MAP(2, 1, 1), WEFT_NC(4, 1), BY_3), X(F(4095, 4097), F(4095, 1, .5f, .5f)),
      P(F(6), F(10)), Y(.5), .output = 2 },
    /* Of three parts of two rows, 6 / (6 - 1). */
    { EX2(BATCH_NORM_BY, "variance_of_parts", MAP(2, 1, 1), WEFT_NC(4, 1), BY_3),
      X(F(4095, 4097), F(4095, 1, .5f, .5f)), P(F(6), F(10)), Y(1.2), .output = 3 },
    { EX2(BATCH_NORM_BY, "shift", MAP(2, 1, 1), WEFT_NC(4, 1), BY_3), X(F(4095, 4097), F(4095, 1, .5f, .5f)),
      P(F(6), F(10)), Y(10), .output = 4 },
    /* The sums of batch_norm_dx, above: 9 and 15, of three rows. */
    { EX5(BATCH_NORM_SUMS, "shares", THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1), VECTOR(1), NULL),
      X(F(1, 4, 4), F(8, 12, 16), F(10), F(.5f), F(2)), Y(3, 5) },
    { EX5(BATCH_NORM_SUMS, "dgamma", THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1), VECTOR(1), NULL),
      X(F(1, 4, 4), F(8, 12, 16), F(10), F(.5f), F(2)), Y(15), .output = 1 },
    { EX5(BATCH_NORM_SUMS, "dbeta", THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1), VECTOR(1), NULL),
      X(F(1, 4, 4), F(8, 12, 16), F(10), F(.5f), F(2)), Y(9), .output = 2 },
    { .id = WEFT_OP_BATCH_NORM_BY_DX,
      .c = { .name = "dx", .n_in = 6,
             .in = { THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1), WEFT_NC(2, 1), VECTOR(1) } },
      X(F(1, 4, 4), F(8, 12, 16), F(10), F(.5f), F(3, 5), F(2)), Y(3, -4, -14) },
    { .id = WEFT_OP_BATCH_NORM_BY_DX,
      .c = { .name = "relu", .n_in = 7, .opt = OPT(weft_batch_norm_dx_opt, .act = WEFT_ACT_RELU),
             .in = { THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1), WEFT_NC(2, 1), VECTOR(1), VECTOR(1) } },
      X(F(5, 7, 3), F(8, 12, 16), F(10), F(.5f), F(1, 3), F(2), F(-2)), Y(2, -4, -7) },
    { .id = WEFT_OP_BATCH_NORM_FROZEN_DX,
      .c = { .name = "scale", .n_in = 3, .opt = OPT(weft_batch_norm_frozen_opt, .epsilon = 1),
             .in = { MAP(2, 1, 1), VECTOR(1), VECTOR(1) } },
      X(F(1, 4), F(3), F(6)), Y(3, 12) },
    /* The first word of Philox's first known answer, all zeros: 0x6627e8d5, 0.399 of 2^32. */
    { EX2(DROPOUT_TRAIN, "dropped", VECTOR(1), WEFT_NC(1, 1), OPT(weft_dropout_train_opt, .rate = .5)),
      X((const float *)(const int32_t[]){ 0 }, F(5)), Y(0) },
    { EX2(DROPOUT_TRAIN, "kept", VECTOR(1), WEFT_NC(1, 1), OPT(weft_dropout_train_opt, .rate = .375)),
      X((const float *)(const int32_t[]){ 0 }, F(5)), Y(8) },
    /* By the result: slopes 0, 0, 1. */
    { EX2(ACTIVATION_DX, "relu_at_0", WEFT_NC(1, 3), WEFT_NC(1, 3), OPT(weft_activation_opt, .act = WEFT_ACT_RELU)),
      X(F(5, 6, 7), F(-1, 0, 1)), Y(0, 0, 7) },
    { EX2(ACTIVATION_DX, "tanh_of_result", WEFT_NC(1, 2), WEFT_NC(1, 2),
          OPT(weft_activation_opt, .act = WEFT_ACT_TANH)),
      X(F(4, 4), F(.5f, 0)), Y(3, 4) },
    /* Windows (5, 5) and (5, 4): the first of equal ones wins, and wins again. */
    { EXN(MAX_POOL2D_DX, "ties_go_first", OPT(weft_pool2d_grad_opt, PAIR, 1, 3), MAP(1, 2, 1), MAP(1, 3, 1)),
      X(F(1, 10), F(5, 5, 4)), Y(1, 10, 0) },
    /* Windows (border, 0), (0, -1), (-1, 2): the border is a 0 before the 0. */
    { EXN(MAX_POOL2D_DX, "border_keeps_its_share", OPT(weft_pool2d_grad_opt, PAIR_ZERO, 1, 3), MAP(1, 3, 1),
          MAP(1, 3, 1)), X(F(1, 10, 100), F(0, -1, 2)), Y(10, 0, 100) },
    { EX(AVG_POOL2D_DX, "overlap", MAP(1, 2, 1), OPT(weft_pool2d_grad_opt, PAIR, 1, 3)), X(F(2, 20)), Y(1, 11, 10) },
    /* Windows (border, x0), (x1, x2): halves, though the first holds one pixel. */
    { EX(AVG_POOL2D_DX, "border_counts", MAP(1, 2, 1), OPT(weft_pool2d_grad_opt, PAIR_COUNT, 1, 3)),
      X(F(2, 20)), Y(1, 10, 10) },
    { EX(GLOBAL_AVG_POOL2D_DX, "quarters", WEFT_NC(1, 1), OPT(weft_global_pool2d_grad_opt, .h = 2, .w = 2)),
      X(F(8)), Y(2, 2, 2, 2) },
    { EXN(GLOBAL_MAX_POOL2D_DX, "ties_go_first", NULL, WEFT_NC(1, 2), MAP(1, 3, 2)),
      X(F(7, 8), F(1, 3, 2, 3, 2, 0)), Y(0, 8, 7, 0, 0, 0) },
    { EXN(SUBSAMPLE_DX, "last_column_unseen", OPT(weft_subsample_dx_opt, .kernel = 2, .h = 2, .w = 3), MAP(1, 1, 1),
          VECTOR(1)), X(F(3), F(2)), Y(6, 6, 0, 6, 6, 0) },
    { EXN(SUBSAMPLE_DG, "window_sum", OPT(weft_subsample_opt, .kernel = 2), MAP(2, 3, 1), MAP(1, 1, 1)),
      X(F(1, 2, 100, 3, 4, 100), F(2)), Y(20) },
    /* t = 1 + x^2 sums = (2, 2) with x = (1, 0): dx0 = 1/2 - 2 1 (1/4), dx1 = 3/2. */
    { EXN(LRN_DX, "beta_1", OPT(weft_lrn_opt, .window = 3, .alpha = 1, .beta = 1, .k = 1), WEFT_TWICE(WEFT_NC(1, 2))),
      X(F(1, 3), F(1, 0)), Y(0, 1.5) },
    { EXN(NORMALIZE_DX, "scale_over_deviation", OPT(weft_normalize_node, .user = { .scale = 6, .stats = true }),
          WEFT_NC(1, 2), VECTOR(2)), X(F(1, 1), F(4, 9)), Y(3, 2) },
    { EXN(SOFTMAX_DX, "half_half", NULL, WEFT_TWICE(WEFT_NC(1, 2))), X(F(4, 2), F(.5f, .5f)), Y(.5, -.5) },
    { EXN(RBF_DX, "two_centres", NULL, WEFT_NC(1, 2), WEFT_NC(1, 1), WEFT_NC(2, 1)),
      X(F(1, 10), F(3), F(1, 2)), Y(24) },
    { EXN(SCALE, "minus_two", OPT(weft_scale_opt, .factor = -2), WEFT_NC(1, 2)), X(F(1, 3)), Y(-2, -6) },
    { EXN(CHANNEL_SCALE_DS, "products", NULL, WEFT_TWICE(MAP(1, 2, 2))), X(F(1, 2, 3, 4), F(10, 1, 100, 2)),
      Y(310, 10) },
    /* m = 2, h = relu(1 * 2 + 0) = 2, v2 = 0 * 2 + 3 = 3: the gate is 1, and of slope 0 by its result. */
    { EXN(SQUEEZE_EXCITE_DX, "open_gate",
          OPT(weft_squeeze_excite_opt, .reduced = 1, .gate = WEFT_ACT_HARD_SIGMOID), WEFT_TWICE(MAP(1, 2, 1)),
          WEFT_NC(1, 1), VECTOR(1), WEFT_NC(1, 1), VECTOR(1)),
      X(F(1, 3), F(5, 7), F(1), F(0), F(0), F(3)), Y(5, 7) },
    /* m = 2, h = 2, v2 = 1.5 * 2 - 3 = 0, gate 1/2 of slope 1/6; sum x dy = 24, so d2 = 4, d1 = 6, dm / 2 = 3. */
    { EXN(SQUEEZE_EXCITE_DX, "half_open",
          OPT(weft_squeeze_excite_opt, .reduced = 1, .gate = WEFT_ACT_HARD_SIGMOID), WEFT_TWICE(MAP(1, 2, 1)),
          WEFT_NC(1, 1), VECTOR(1), WEFT_NC(1, 1), VECTOR(1)),
      X(F(1, 3), F(6, 6), F(1), F(0), F(1.5f), F(-3)), Y(6, 6) },
    { EXN(SLICE, "middle", OPT(weft_slice_opt, .first = 1, .count = 2), WEFT_NC(2, 4)),
      X(F(1, 2, 3, 4, 5, 6, 7, 8)), Y(2, 3, 6, 7) },
    { EXN(PARTIAL_EXPAND, "marks", OPT(weft_partial_grad_opt, .out = 2, .channels = 2, .table = marks),
          WEFT_KRSC(3, 1, 1, 1)), X(F(5, 6, 7)), Y(0, 5, 6, 7) },
    { EXN(PARTIAL_COLLECT, "marks", OPT(weft_partial_grad_opt, .out = 2, .channels = 2, .table = marks),
          WEFT_KRSC(2, 1, 1, 2)), X(F(4, 5, 6, 7)), Y(5, 6, 7) },
    /* log 2 for the first image, 2 log 2 for the second, whose target weighs 2; halved twice. */
    { EX2(CROSS_ENTROPY, "weighted_targets", WEFT_NC(2, 2), WEFT_NC(2, 2), OPT(weft_cross_entropy_opt, .weight = .5)),
      X(F(3, 3, -1, -1), F(1, 0, 1, 1)), Y(.75 * 0.69314718055994531) },
    /* Labels are bits of integers: class 1 is first by the tie, class 0 is second. */
    { EX2(HITS, "ties_go_down", WEFT_NC(2, 1), WEFT_NC(2, 3), NULL),
      X((const float *)(const int32_t[]){ 1, 0 }, F(1, 2, 2, 1, 2, 0)), Y(1, 2) },
    { .count = 0 },
};

const refusal training_refusals[] = {
    { WEFT_OP_CONV_NORM_GRAD, 6, { THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1), VECTOR(1), THREE_ROWS },
      &(const weft_conv_norm_grad_opt){ .conv = { ONE_TAP, 3, 1, 1 } }, "there are 6 inputs, expected 7" },
    { WEFT_OP_CONV_NORM_GRAD, 7,
      { THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1), VECTOR(1), THREE_ROWS, WEFT_NHWC(1, 1, 2, 1) },
      &(const weft_conv_norm_grad_opt){ .conv = { ONE_TAP, 3, 1, 1 } },
      "weight is [1, 1, 2, 1], expected [1, 1, 1, 1]" },
    { WEFT_OP_CONV_NORM_GRAD, 7,
      { THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1), VECTOR(1), THREE_ROWS, WEFT_NHWC(1, 1, 1, 1) },
      &(const weft_conv_norm_grad_opt){ .again = true, .conv = { ONE_TAP, 3, 1, 1 } },
      "there are 7 inputs, expected 11" },
    { WEFT_OP_BATCH_NORM_PAIR_DX, 9, { ODD, ODD, ODD, VECTOR(8), VECTOR(8), VECTOR(8), ODD, VECTOR(8), VECTOR(8) },
      &(const weft_batch_norm_pair_opt){ .act = WEFT_ACT_RELU }, "there are 9 inputs, expected 10" },
    { WEFT_OP_BATCH_NORM_PAIR_DX, 9, { ODD, ODD, ODD, VECTOR(8), VECTOR(8), VECTOR(8), ODD, VECTOR(8), VECTOR(8) },
      &(const weft_batch_norm_pair_opt){ .act = WEFT_ACT_SWISH, .no_gamma = { false, true } },
      "one with a slope of its result" },
    { WEFT_OP_CONV_NORM, 1, { ODD }, &(const weft_conv_norm_opt){ .conv = { .out = 4, .groups = 3 } }, "groups" },
    { WEFT_OP_CONV_NORM, 1, { ODD }, &(const weft_conv_norm_opt){ .conv = { .out = 4 }, .norm = { .epsilon = -1 } },
      "epsilon" },
    { WEFT_OP_NORM_CONV, 4, { ODD, VECTOR(8), VECTOR(8), VECTOR(8) },
      &(const weft_norm_conv_opt){ .conv = { .out = 4 } }, "there are 4 inputs, expected 5" },
    { WEFT_OP_NORM_CONV, 5, { ODD, VECTOR(8), VECTOR(8), VECTOR(8), VECTOR(8) },
      &(const weft_norm_conv_opt){ .act = (weft_act)-1 },
      "act is -1" },
    ROW(BATCH_NORM_STATS, weft_batch_norm_opt, ODD, "epsilon is -1", .epsilon = -1),
    { WEFT_OP_BATCH_NORM_MOMENTS, 1, { { .rank = 0 } }, NULL, "x has rank 0" },
    { WEFT_OP_BATCH_NORM_BY, 2, { MAP(2, 1, 3), WEFT_NC(2, 3) }, NULL, "moments are [2, 3], expected [4, 3]" },
    { WEFT_OP_BATCH_NORM_BY, 2, { MAP(2, 1, 3), WEFT_NC(4, 3) }, &(const weft_batch_norm_by_opt){ .parts = -1 },
      "parts is -1" },
    { WEFT_OP_BATCH_NORM_SUMS, 4, { THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1) },
      &(const weft_batch_norm_dx_opt){ .frozen = true, .no_gamma = true }, "frozen is set" },
    { WEFT_OP_BATCH_NORM_BY_DX, 5, { THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1), WEFT_NC(3, 1) },
      &(const weft_batch_norm_dx_opt){ .no_gamma = true }, "shares are [3, 1], expected [2, 1]" },
    { WEFT_OP_BATCH_NORM_BY_DX, 5, { THREE_ROWS, THREE_ROWS, VECTOR(1), VECTOR(1), WEFT_NC(2, 1) }, NULL,
      "there are 4 inputs, expected 5" },
    { WEFT_OP_CONV2D_DX, 2, { MAP(1, 3, 1), WEFT_NHWC(1, 1, 2, 1) },
      &(const weft_conv2d_grad_opt){ TWO_TAPS, 1, 3, 1 }, "dy is [1, 1, 3, 1], expected [N, 1, 2, 1]" },
    { WEFT_OP_CONV2D_DX, 2, { MAP(1, 2, 1), WEFT_NHWC(1, 1, 3, 1) },
      &(const weft_conv2d_grad_opt){ TWO_TAPS, 1, 3, 1 }, "weight is [1, 1, 3, 1], expected [1, 1, 2, 1]" },
    { WEFT_OP_CONV2D_DX, 2, { MAP(1, 2, 1), WEFT_NHWC(1, 1, 3, 1) }, NULL,
      "the convolution's options are not resolved" },
    { WEFT_OP_CONV2D_DW, 2, { MAP(1, 4, 1), MAP(1, 2, 1) }, &(const weft_conv2d_grad_opt){ TWO_TAPS, 1, 3, 1 },
      "x is [1, 1, 4, 1], expected [1, 1, 3, 1]" },
    { WEFT_OP_DENSE_DX, 2, { WEFT_NC(2, 3), WEFT_NC(4, 5) }, NULL, "[2, 3] and [4, 5] do not go together" },
    { WEFT_OP_DENSE_DW, 2, { WEFT_NC(2, 3), WEFT_NC(4, 5) }, NULL, "[2, 3] and [4, 5] do not go together" },
    { WEFT_OP_CHANNEL_SUM, 1, { { .rank = 0 } }, NULL, "x has rank 0" },
    { WEFT_OP_ACTIVATION_DX, 2, { WEFT_NC(2, 3), WEFT_NC(2, 4) },
      &(const weft_activation_opt){ .act = WEFT_ACT_RELU }, "dy is [2, 3], expected [2, 4]" },
    { WEFT_OP_ACTIVATION_DX, 2, { ODD, ODD }, &(const weft_activation_opt){ .act = WEFT_ACT_NONE }, "act is 0" },
    { WEFT_OP_MAX_POOL2D_DX, 2, { MAP(1, 2, 1), MAP(1, 4, 1) }, &(const weft_pool2d_grad_opt){ PAIR, 1, 3 },
      "x is [1, 1, 4, 1], expected [1, 1, 3, 1]" },
    { WEFT_OP_MAX_POOL2D_DX, 2, { MAP(1, 2, 1), MAP(1, 3, 1) }, &(const weft_pool2d_grad_opt){ .h = 1, .w = 3 },
      "the pool's options are not resolved" },
    { WEFT_OP_AVG_POOL2D_DX, 1, { MAP(1, 3, 1) }, &(const weft_pool2d_grad_opt){ PAIR, 1, 3 },
      "dy is [1, 1, 3, 1], expected [1, 1, 2, 1]" },
    { WEFT_OP_AVG_POOL2D_DX, 1, { MAP(1, 3, 1) }, &(const weft_pool2d_grad_opt){ PAIR, 0, 3 }, "h is 0" },
    { WEFT_OP_GLOBAL_AVG_POOL2D_DX, 1, { WEFT_NC(1, 3) }, &(const weft_global_pool2d_grad_opt){ .h = 2 }, "w is 0" },
    { WEFT_OP_GLOBAL_MAX_POOL2D_DX, 2, { WEFT_NC(1, 3), MAP(2, 2, 4) }, NULL,
      "dy is [1, 3], expected the images and channels of x, [1, 2, 2, 4]" },
    { WEFT_OP_SUBSAMPLE_DX, 2, { MAP(1, 1, 1), VECTOR(2) },
      &(const weft_subsample_dx_opt){ .kernel = 2, .h = 2, .w = 3 }, "gain is [2], expected [1]" },
    { WEFT_OP_SUBSAMPLE_DX, 2, { MAP(1, 2, 1), VECTOR(1) },
      &(const weft_subsample_dx_opt){ .kernel = 2, .h = 2, .w = 3 }, "dy is [1, 1, 2, 1], expected [N, 1, 1, C]" },
    { WEFT_OP_SUBSAMPLE_DG, 2, { MAP(2, 2, 1), MAP(1, 1, 2) }, &(const weft_subsample_opt){ .kernel = 2 },
      "expected the same images and channels" },
    { WEFT_OP_LRN_DX, 2, { WEFT_NC(2, 3), WEFT_NC(2, 4) }, NULL, "dy is [2, 3], expected the shape of x, [2, 4]" },
    { WEFT_OP_NORMALIZE_DX, 2, { WEFT_NC(2, 3), VECTOR(4) },
      &(const weft_normalize_node){ .user = { .stats = true } }, "variance is [4], expected [3]" },
    { WEFT_OP_NORMALIZE_DX, 1, { WEFT_NC(2, 3) }, &(const weft_normalize_node){ .user = { .stats = true } },
      "found 1 inputs, expected dy and the variance" },
    { WEFT_OP_SOFTMAX_DX, 2, { WEFT_NC(2, 3), WEFT_NC(2, 4) }, NULL, "dy is [2, 3], expected the shape of y, [2, 4]" },
    { WEFT_OP_RBF_DX, 3, { WEFT_NC(2, 3), WEFT_NC(2, 4), WEFT_NC(4, 4) }, NULL, "do not go together" },
    { WEFT_OP_SCALE, 1, { ODD }, &(const weft_scale_opt){ .factor = NAN }, "factor is" },
    { WEFT_OP_CHANNEL_SCALE_DS, 2, { MAP(2, 2, 1), MAP(2, 3, 1) }, NULL, "expected the shape of x" },
    { WEFT_OP_SQUEEZE_EXCITE_DX, 4, { ODD, ODD, WEFT_NC(2, 8), WEFT_NC(8, 2) },
      &(const weft_squeeze_excite_opt){ .reduced = 2 }, "found 4 inputs, expected x, dy and 4 parameters" },
    { WEFT_OP_SQUEEZE_EXCITE_DX, 4, { ODD, ODD, WEFT_NC(2, 8), WEFT_NC(8, 3) },
      &(const weft_squeeze_excite_opt){ .reduced = 2, .no_bias = true }, "expand/weight is [8, 3], expected [8, 2]" },
    { WEFT_OP_SLICE, 1, { ODD }, &(const weft_slice_opt){ .first = 3, .count = 6 }, "count is 6" },
    { WEFT_OP_SLICE, 1, { ODD }, &(const weft_slice_opt){ .first = 8, .count = 1 }, "first is 8" },
    { WEFT_OP_PARTIAL_EXPAND, 1, { WEFT_KRSC(4, 1, 1, 1) },
      &(const weft_partial_grad_opt){ .out = 2, .channels = 2, .table = marks },
      "weight is [4, 1, 1, 1], expected [3, R, S, 1]" },
    { WEFT_OP_PARTIAL_COLLECT, 1, { WEFT_KRSC(2, 1, 1, 3) },
      &(const weft_partial_grad_opt){ .out = 2, .channels = 2, .table = marks },
      "weight is [2, 1, 1, 3], expected [2, R, S, 2]" },
    { WEFT_OP_CROSS_ENTROPY, 2, { WEFT_NC(2, 3), WEFT_NC(2, 4) }, NULL,
      "target is [2, 4], expected the shape of the logits, [2, 3]" },
    { WEFT_OP_CROSS_ENTROPY, 2, { WEFT_NC(2, 3), WEFT_NC(2, 3) }, &(const weft_cross_entropy_opt){ .weight = NAN },
      "weight is" },
    { WEFT_OP_HITS, 2, { WEFT_NC(3, 1), WEFT_NC(2, 5) }, NULL, "labels are [3, 1], expected [2, 1]" },
    { WEFT_OP_DROPOUT_TRAIN, 2, { VECTOR(2), ODD }, NULL, "step is [2], expected [1]" },
    { WEFT_OP_DROPOUT_TRAIN, 2, { VECTOR(1), ODD }, OPT(weft_dropout_train_opt, .rate = 1), "rate is 1" },
    { WEFT_OP_BATCH_NORM_TRAIN, 1, { ODD }, OPT(weft_batch_norm_opt, .epsilon = -1), "epsilon is -1" },
    { WEFT_OP_BATCH_NORM_AGAIN, 4, { ODD, VECTOR(8), VECTOR(8), VECTOR(8) }, NULL, "there are 4 inputs, expected 5" },
    { WEFT_OP_BATCH_NORM_AGAIN, 5, { ODD, VECTOR(8), VECTOR(8), VECTOR(7), VECTOR(8) }, NULL, "is [7], expected [8]" },
    { WEFT_OP_BATCH_NORM_DX, 5, { ODD, WEFT_NHWC(2, 5, 6, 8), VECTOR(8), VECTOR(8), VECTOR(8) }, NULL,
      "x is [2, 5, 6, 8], expected [2, 5, 7, 8]" },
    { WEFT_OP_BATCH_NORM_DX, 5, { ODD, ODD, VECTOR(8), VECTOR(7), VECTOR(8) }, NULL, "is [7], expected [8]" },
    { WEFT_OP_BATCH_NORM_DX, 5, { ODD, ODD, VECTOR(8), VECTOR(8), VECTOR(8) },
      OPT(weft_batch_norm_dx_opt, .act = WEFT_ACT_RELU), "there are 5 inputs, expected 6" },
    { WEFT_OP_BATCH_NORM_DX, 4, { ODD, ODD, VECTOR(8), VECTOR(8) },
      OPT(weft_batch_norm_dx_opt, .no_gamma = true, .act = WEFT_ACT_COUNT), "act is 10" },
    { WEFT_OP_BATCH_NORM_DX, 5, { ODD, ODD, VECTOR(8), VECTOR(8), VECTOR(8) },
      OPT(weft_batch_norm_dx_opt, .no_gamma = true, .act = WEFT_ACT_TANH), "act is tanh" },
    { WEFT_OP_BATCH_NORM_JOIN_DX, 6, { ODD, ODD, VECTOR(8), VECTOR(8), VECTOR(8), ODD },
      OPT(weft_batch_norm_dx_opt, .act = WEFT_ACT_SWISH), "act is swish, expected one with a slope of its result" },
    { WEFT_OP_BATCH_NORM_JOIN_DX, 6, { ODD, ODD, VECTOR(8), VECTOR(8), VECTOR(8), WEFT_NHWC(2, 5, 6, 8) },
      OPT(weft_batch_norm_dx_opt, .act = WEFT_ACT_RELU), "z is [" },
    { WEFT_OP_BATCH_NORM_FROZEN_DX, 2, { ODD, VECTOR(8) }, NULL, "there are 2 inputs, expected 3" },
    { WEFT_OP_BATCH_NORM_FROZEN_DX, 3, { ODD, VECTOR(8), VECTOR(9) }, NULL, "is [9], expected [8]" },
    { .part = NULL },
};
/* clang-format on */
