/* SPDX-License-Identifier: Apache-2.0
 *
 * The same for the ops of training: gradients, losses, optimisers. */
#include "examples.h"

#include <math.h>

#include "op/activation.h"
#include "op/batch_norm.h"
#include "op/channel_sum.h"
#include "op/conv2d.h"
#include "op/util.h"

/* clang-format off */
#define EX4(OP, label, s0, s1, s2, s3, o) \
    .id = WEFT_OP_##OP, .c = { .name = label, .n_in = 4, .in = { s0, s1, s2, s3 }, .opt = o }
#define EX5(OP, label, s0, s1, s2, s3, s4, o) \
    .id = WEFT_OP_##OP, .c = { .name = label, .n_in = 5, .in = { s0, s1, s2, s3, s4 }, .opt = o }
#define THREE_ROWS MAP(3, 1, 1)
#define EPSILON_3 OPT(weft_batch_norm_opt, .epsilon = 3, .unbiased = true)
#define TWO_TAPS { .out = 1, .kernel_h = 1, .kernel_w = 2, .stride_h = 1, .stride_w = 1, .dilation = 1, .groups = 1, \
                   .padding = WEFT_EXPLICIT }

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
    { .id = WEFT_OP_BATCH_NORM_FROZEN_DX,
      .c = { .name = "scale", .n_in = 3, .opt = OPT(weft_batch_norm_frozen_opt, .epsilon = 1),
             .in = { MAP(2, 1, 1), VECTOR(1), VECTOR(1) } },
      X(F(1, 4), F(3), F(6)), Y(3, 12) },
    /* By the result: slopes 0, 0, 1. */
    { EX2(ACTIVATION_DX, "relu_at_0", WEFT_NC(1, 3), WEFT_NC(1, 3), OPT(weft_activation_opt, .act = WEFT_ACT_RELU)),
      X(F(5, 6, 7), F(-1, 0, 1)), Y(0, 0, 7) },
    { EX2(ACTIVATION_DX, "tanh_of_result", WEFT_NC(1, 2), WEFT_NC(1, 2),
          OPT(weft_activation_opt, .act = WEFT_ACT_TANH)),
      X(F(4, 4), F(.5f, 0)), Y(3, 4) },
    /* log 2 for the first image, 2 log 2 for the second, whose target weighs 2; halved twice. */
    { EX2(CROSS_ENTROPY, "weighted_targets", WEFT_NC(2, 2), WEFT_NC(2, 2), OPT(weft_cross_entropy_opt, .weight = .5)),
      X(F(3, 3, -1, -1), F(1, 0, 1, 1)), Y(.75 * 0.69314718055994531) },
    /* Labels are bits of integers: class 1 is first by the tie, class 0 is second. */
    { EX2(HITS, "ties_go_down", WEFT_NC(2, 1), WEFT_NC(2, 3), NULL),
      X((const float *)(const int32_t[]){ 1, 0 }, F(1, 2, 2, 1, 2, 0)), Y(1, 2) },
    /* v = .5 * 4 + 2 = 4, parameter - .1 * 4; with Nesterov - .1 * (2 + .5 * 4). */
    { EX4(SGD, "momentum", VECTOR(1), VECTOR(1), VECTOR(1), VECTOR(1), OPT(weft_sgd_opt, .momentum = .5)),
      X(F(1), F(4), F(2), F(.25f)), Y(0) },
    { EX4(SGD, "nesterov_decay", VECTOR(1), VECTOR(1), VECTOR(1), VECTOR(1),
          OPT(weft_sgd_opt, .momentum = .5, .nesterov = true, .decay = .5)),
      X(F(2), F(2), F(1), F(.25f)), Y(1.125) },
    { .count = 0 },
};

const refusal training_refusals[] = {
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
    { WEFT_OP_CROSS_ENTROPY, 2, { WEFT_NC(2, 3), WEFT_NC(2, 4) }, NULL,
      "target is [2, 4], expected the shape of the logits, [2, 3]" },
    { WEFT_OP_CROSS_ENTROPY, 2, { WEFT_NC(2, 3), WEFT_NC(2, 3) }, &(const weft_cross_entropy_opt){ .weight = NAN },
      "weight is" },
    { WEFT_OP_HITS, 2, { WEFT_NC(3, 1), WEFT_NC(2, 5) }, NULL, "labels are [3, 1], expected [2, 1]" },
    { WEFT_OP_SGD, 4, { VECTOR(3), VECTOR(3), VECTOR(4), VECTOR(1) }, NULL,
      "gradient is [4], expected the parameter's shape [3]" },
    { WEFT_OP_SGD, 4, { VECTOR(3), VECTOR(3), VECTOR(3), VECTOR(3) }, NULL, "lr is [3], expected [1]" },
    { WEFT_OP_SGD, 4, { VECTOR(3), VECTOR(3), VECTOR(3), VECTOR(1) }, &(const weft_sgd_opt){ .momentum = 1 },
      "momentum is 1, expected 0 to less than 1" },
    { WEFT_OP_SGD, 4, { VECTOR(3), VECTOR(3), VECTOR(3), VECTOR(1) }, &(const weft_sgd_opt){ .decay = -1 },
      "decay is -1" },
    { WEFT_OP_BATCH_NORM_TRAIN, 1, { ODD }, OPT(weft_batch_norm_opt, .epsilon = -1), "epsilon is -1" },
    { WEFT_OP_BATCH_NORM_DX, 5, { ODD, WEFT_NHWC(2, 5, 6, 8), VECTOR(8), VECTOR(8), VECTOR(8) }, NULL,
      "x is [2, 5, 6, 8], expected [2, 5, 7, 8]" },
    { WEFT_OP_BATCH_NORM_DX, 5, { ODD, ODD, VECTOR(8), VECTOR(7), VECTOR(8) }, NULL, "is [7], expected [8]" },
    { WEFT_OP_BATCH_NORM_DX, 5, { ODD, ODD, VECTOR(8), VECTOR(8), VECTOR(8) },
      OPT(weft_batch_norm_dx_opt, .act = WEFT_ACT_RELU), "there are 5 inputs, expected 6" },
    { WEFT_OP_BATCH_NORM_DX, 4, { ODD, ODD, VECTOR(8), VECTOR(8) },
      OPT(weft_batch_norm_dx_opt, .no_gamma = true, .act = WEFT_ACT_COUNT), "act is" },
    { WEFT_OP_BATCH_NORM_FROZEN_DX, 2, { ODD, VECTOR(8) }, NULL, "there are 2 inputs, expected 3" },
    { WEFT_OP_BATCH_NORM_FROZEN_DX, 3, { ODD, VECTOR(8), VECTOR(9) }, NULL, "is [9], expected [8]" },
    { .part = NULL },
};
/* clang-format on */
