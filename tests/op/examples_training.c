/* SPDX-License-Identifier: Apache-2.0
 *
 * The same for the ops of training: gradients, losses, optimisers. */
#include "examples.h"

#include <math.h>

#include "op/activation.h"
#include "op/channel_sum.h"
#include "op/conv2d.h"
#include "op/util.h"

/* clang-format off */
#define EX4(OP, label, s0, s1, s2, s3, o) \
    .id = WEFT_OP_##OP, .c = { .name = label, .n_in = 4, .in = { s0, s1, s2, s3 }, .opt = o }
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
    { .part = NULL },
};
/* clang-format on */
