/* SPDX-License-Identifier: Apache-2.0
 *
 * The same for losses and optimisers. */
#include "examples.h"

#include <math.h>

#include "op/gate.h"
#include "op/util.h"

/* clang-format off */
#define EX3(OP, label, s0, s1, s2, o) \
    .id = WEFT_OP_##OP, .c = { .name = label, .n_in = 3, .in = { s0, s1, s2 }, .opt = o }
#define EX4(OP, label, s0, s1, s2, s3, o) \
    .id = WEFT_OP_##OP, .c = { .name = label, .n_in = 4, .in = { s0, s1, s2, s3 }, .opt = o }
#define EX5(OP, label, s0, s1, s2, s3, s4, o) \
    .id = WEFT_OP_##OP, .c = { .name = label, .n_in = 5, .in = { s0, s1, s2, s3, s4 }, .opt = o }
/* A parameter of one element, two states, the gradient, lr, go. */
#define EX6(OP, label, o) \
    .id = WEFT_OP_##OP, \
    .c = { .name = label, .n_in = 6, .in = { VECTOR(1), VECTOR(1), VECTOR(1), VECTOR(1), VECTOR(1), VECTOR(2) }, \
           .opt = o }
#define SIX VECTOR(3), VECTOR(3), VECTOR(3), VECTOR(3), VECTOR(1), VECTOR(2)

const example optimizer_examples[] = {
    /* Distances: class 2 is first, class 0 second, by the tie. */
    { EX2(HITS, "least", WEFT_NC(2, 1), WEFT_NC(2, 6), OPT(weft_hits_opt, .least = true)),
      X((const float *)(const int32_t[]){ 2, 3 }, F(1, 1, 0, 3, 2, 1, 1, 1, 0, 3, 2, 1)), Y(1, 1) },
    /* (2 log 2) / 2 for the image of class 1, which weighs 2. */
    { EX2(CROSS_ENTROPY, "class_weights", WEFT_NC(2, 2), WEFT_NC(2, 2),
          OPT(weft_cross_entropy_opt, .class_weights = F(0, 2))),
      X(F(3, 3, -1, -1), F(1, 0, 0, 1)), Y(0.69314718055994531) },
    /* log 2 for each of four. */
    { EX2(BCE, "mean_of_classes", WEFT_NC(2, 2), WEFT_NC(2, 2), NULL), X(F(0, 0, 0, 0), F(1, 0, 1, 1)),
      Y(0.69314718055994531) },
    { EX2(BCE, "sum_of_classes", WEFT_NC(2, 2), WEFT_NC(2, 2),
          OPT(weft_bce_opt, .sum_classes = true, .weight = .5, .class_weights = F(1, 3))),
      X(F(0, 0, 0, 0), F(1, 0, 1, 1)), Y(2 * 0.69314718055994531) },
    /* The image of class 0 is 1 away from it and 0 from class 1: 1 + log(exp(-2) + exp(-1) + 1). */
    { EX2(RBF_CRITERION, "eq9", WEFT_NC(1, 2), WEFT_NC(1, 2), OPT(weft_rbf_criterion_opt, .j = 2)),
      X(F(1, 0), F(1, 0)), Y(1.40760596444438) },
    /* v = .5 * 4 + 2 = 4, parameter - .25 * 4; with Nesterov .5 * .25 * (g + .5 v), g = .5 * 2 + .5 * 2. */
    { EX5(SGD, "momentum", VECTOR(1), VECTOR(1), VECTOR(1), VECTOR(1), VECTOR(2),
          OPT(weft_sgd_opt, .momentum = .5)),
      X(F(1), F(4), F(2), F(.25f), F(1, 1)), Y(0) },
    { EX5(SGD, "nesterov_decay_scaled", VECTOR(1), VECTOR(1), VECTOR(1), VECTOR(1), VECTOR(2),
          OPT(weft_sgd_opt, .momentum = .5, .nesterov = true, .decay = .5, .lr_scale = .5)),
      X(F(2), F(2), F(2), F(.25f), F(.5f, 1)), Y(1.5625) },
    { EX5(SGD, "left_out", VECTOR(1), VECTOR(1), VECTOR(1), VECTOR(1), VECTOR(2), OPT(weft_sgd_opt, .decay = .5)),
      X(F(2), F(2), F(NAN), F(.25f), F(0, 7)), Y(2) },
    /* s = .75 * 4 + .25 * 4^2 = 7, v = .5 * 2 + .5 * 4 / sqrt(7 + 9); the root of 7 does not come into it. */
    { EX6(RMSPROP, "epsilon_in_the_root", OPT(weft_rmsprop_opt, .rho = .75, .momentum = .5, .epsilon = 9)),
      X(F(1), F(4), F(2), F(4), F(.5f), F(1, 1)), Y(-.5) },
    { EX6(RMSPROP, "left_out", NULL), X(F(1), F(4), F(2), F(INFINITY), F(.5f), F(0, 1)), Y(1) },
    /* The first step: m / (1 - beta1) is g, v / (1 - beta2) its square. */
    { EX6(ADAM, "first_step", NULL), X(F(1), F(0), F(0), F(-4), F(.5f), F(1, 1)), Y(1.5) },
    /* The second: m = .5 * 4 + .5 * 2 = 3 of 3 / 4; v = 12 of 3 / 4: 4 / (4 + 1). Coupled, 1 of g is decay. */
    { EX6(ADAM, "second_step", OPT(weft_adam_opt, .beta1 = .5, .beta2 = .5, .epsilon = 1, .decay = .5)),
      X(F(2), F(4), F(20), F(1), F(.5f), F(1, 2)), Y(1.6) },
    /* Decoupled: 2 (1 - .5 * .5), then the step. */
    { EX6(ADAM, "decoupled",
          OPT(weft_adam_opt, .beta1 = .5, .beta2 = .5, .epsilon = 1, .decay = .5, .decoupled = true)),
      X(F(2), F(4), F(20), F(2), F(.5f), F(1, 2)), Y(1.1) },
    { EX6(ADAM, "left_out", NULL), X(F(1), F(4), F(2), F(INFINITY), F(.5f), F(0, 1)), Y(1) },
    /* r = 2 / (2 + 2) + .5 * 4 = 2.5 where the parameter is 4 (with an epsilon of 2), |p| / |r| = 4 / 2.5. */
    { EX6(LAMB, "as_large_as_the_parameter", OPT(weft_lamb_opt, .epsilon = 2, .decay = .5)),
      X(F(4), F(0), F(0), F(2), F(.5f), F(1, 1)), Y(2) },
    { EX6(LAMB, "fixed_size", OPT(weft_lamb_opt, .epsilon = 2, .decay = .5, .fixed_size = true)),
      X(F(4), F(0), F(0), F(2), F(.5f), F(1, 1)), Y(2.75) },
    { EX6(LAMB, "nothing_to_scale_to", OPT(weft_lamb_opt, .epsilon = 2)),
      X(F(0), F(0), F(0), F(2), F(.5f), F(1, 1)), Y(-.25) },
    { EX6(LAMB, "left_out", NULL), X(F(1), F(4), F(2), F(INFINITY), F(.5f), F(0, 1)), Y(1) },
    { EX2(GRADIENT_NORM, "of_all", VECTOR(2), WEFT_NC(1, 2), NULL), X(F(1, 2), F(2, 4)), Y(5) },
    { EX3(GATE, "counts", VECTOR(1), VECTOR(1), VECTOR(1), NULL), X(F(6), F(2), F(3)), Y(7) },
    { EX3(GATE, "no_number", VECTOR(1), VECTOR(1), VECTOR(1), NULL), X(F(6), F(NAN), F(3)), Y(6) },
    { EX3(GATE, "no_finite_norm", VECTOR(1), VECTOR(1), VECTOR(1), NULL), X(F(6), F(2), F(INFINITY)), Y(6) },
    { EX4(GATE, "shut", VECTOR(1), VECTOR(1), VECTOR(1), VECTOR(1), NULL), X(F(6), F(2), F(3), F(0)), Y(6) },
    /* Gradients are 8 times too large: the norm is 6 / 8, and go 1 / 8; the third good step doubles. */
    { EX4(SCALED_GATE, "unscales", VECTOR(1), VECTOR(3), VECTOR(1), VECTOR(1), NULL),
      X(F(6), F(8, 0, 1), F(2), F(6)), Y(.125, 7), .output = 2 },
    { EX4(SCALED_GATE, "norm", VECTOR(1), VECTOR(3), VECTOR(1), VECTOR(1), NULL),
      X(F(6), F(8, 0, 1), F(2), F(6)), Y(.75), .output = 4 },
    { EX4(SCALED_GATE, "clips_what_is_unscaled", VECTOR(1), VECTOR(3), VECTOR(1), VECTOR(1),
          OPT(weft_scaled_gate_opt, .clip = 2, .every = 2)),
      X(F(6), F(8, 0, 1), F(2), F(32)), Y(.03125, 7), .output = 2 },
    { EX4(SCALED_GATE, "counts", VECTOR(1), VECTOR(3), VECTOR(1), VECTOR(1), OPT(weft_scaled_gate_opt, .interval = 3)),
      X(F(6), F(8, 1, 5), F(2), F(6)), Y(8, 2, 5), .output = 1 },
    { EX4(SCALED_GATE, "doubles", VECTOR(1), VECTOR(3), VECTOR(1), VECTOR(1), OPT(weft_scaled_gate_opt, .interval = 3)),
      X(F(6), F(8, 2, 5), F(2), F(6)), Y(16, 0, 5), .output = 1 },
    { EX4(SCALED_GATE, "doubles_no_more", VECTOR(1), VECTOR(3), VECTOR(1), VECTOR(1),
          OPT(weft_scaled_gate_opt, .interval = 1)),
      X(F(6), F(16777216, 0, 0), F(2), F(6)), Y(16777216, 0, 0), .output = 1 },
    { EX4(SCALED_GATE, "halves", VECTOR(1), VECTOR(3), VECTOR(1), VECTOR(1), NULL),
      X(F(6), F(8, 1999, 5), F(2), F(INFINITY)), Y(4, 0, 6), .output = 1 },
    { EX4(SCALED_GATE, "halves_for_the_loss", VECTOR(1), VECTOR(3), VECTOR(1), VECTOR(1), NULL),
      X(F(6), F(8, 7, 5), F(NAN), F(6)), Y(4, 0, 6), .output = 1 },
    { EX4(SCALED_GATE, "shut", VECTOR(1), VECTOR(3), VECTOR(1), VECTOR(1), NULL),
      X(F(6), F(8, 7, 5), F(2), F(NAN)), Y(0, 6), .output = 2 },
    { EX4(SCALED_GATE, "least", VECTOR(1), VECTOR(3), VECTOR(1), VECTOR(1), OPT(weft_scaled_gate_opt, .least = 4)),
      X(F(6), F(2, 7, 5), F(2), F(NAN)), Y(2, 0, 6), .output = 1 },
    { EX4(SCALED_GATE, "fixed", VECTOR(1), VECTOR(3), VECTOR(1), VECTOR(1), OPT(weft_scaled_gate_opt, .fixed = true)),
      X(F(6), F(8, 0, 5), F(2), F(NAN)), Y(8, 0, 6), .output = 1 },
    { .id = WEFT_OP_SCALED_GATE,
      .c = { .name = "not_open", .n_in = 5, .in = { VECTOR(1), VECTOR(3), VECTOR(1), VECTOR(1), VECTOR(1) } },
      X(F(6), F(8, 7, 5), F(2), F(6), F(0)), Y(8, 8, 5), .output = 1 },
    { EX3(CROSS_ENTROPY, "scaled_loss", WEFT_NC(1, 2), WEFT_NC(1, 2), VECTOR(3), NULL),
      X(F(0, 0), F(1, 0), F(8, 1, 1)), Y(0.69314718055994531) },
    { EX3(CROSS_ENTROPY, "scaled_gradient", WEFT_NC(1, 2), WEFT_NC(1, 2), VECTOR(3), NULL),
      X(F(0, 0), F(1, 0), F(8, 1, 1)), Y(-4, 4), .output = 1 },
    { EX3(BCE, "scaled_gradient", WEFT_NC(1, 2), WEFT_NC(1, 2), VECTOR(3), OPT(weft_bce_opt, .sum_classes = true)),
      X(F(0, 0), F(1, 0), F(8, 1, 1)), Y(-4, 4), .output = 1 },
    { EX3(ACCUMULATE, "begins", VECTOR(1), VECTOR(1), VECTOR(2), OPT(weft_accumulate_opt, .every = 2)),
      X(F(9), F(4), F(.5f, 3)), Y(2) },
    { EX3(ACCUMULATE, "goes_on", VECTOR(1), VECTOR(1), VECTOR(2), OPT(weft_accumulate_opt, .every = 2)),
      X(F(9), F(4), F(.5f, 4)), Y(11) },
    { EX3(ACCUMULATE, "left_out", VECTOR(1), VECTOR(1), VECTOR(2), OPT(weft_accumulate_opt, .every = 2)),
      X(F(9), F(NAN), F(0, 2)), Y(9) },
    { EX(CLIP, "both_ways", WEFT_NC(1, 4), OPT(weft_clip_opt, .limit = 2)), X(F(-3, -2, 1, 9)), Y(-2, -2, 1, 2) },
    /* 2 / .25 is the limit of what is multiplied with .25. */
    { EX2(CLIP, "scaled", WEFT_NC(1, 4), VECTOR(2), OPT(weft_clip_opt, .limit = 2)),
      X(F(-30, -8, 1, 9), F(.25f, 3)), Y(-8, -8, 1, 8) },
    { EX3(EMA, "first_is_x", VECTOR(1), VECTOR(1), VECTOR(2), NULL), X(F(9), F(4), F(1, 1)), Y(4) },
    /* d = 3 / 12 in the second update, .5 from the eighth on. */
    { EX3(EMA, "warm_up", VECTOR(1), VECTOR(1), VECTOR(2), OPT(weft_ema_opt, .decay = .5)), X(F(8), F(4), F(1, 2)),
      Y(5) },
    { EX3(EMA, "warm", VECTOR(1), VECTOR(1), VECTOR(2), OPT(weft_ema_opt, .decay = .5)), X(F(8), F(4), F(1, 9)),
      Y(6) },
    { EX3(EMA, "no_warm_up", VECTOR(1), VECTOR(1), VECTOR(2), OPT(weft_ema_opt, .decay = .5, .no_warm_up = true)),
      X(F(8), F(4), F(1, 2)), Y(6) },
    { EX3(EMA, "left_out", VECTOR(1), VECTOR(1), VECTOR(2), NULL), X(F(8), F(4), F(0, 2)), Y(8) },
    { .count = 0 },
};

const refusal optimizer_refusals[] = {
    { WEFT_OP_CROSS_ENTROPY, 2, { WEFT_NC(2, 3), WEFT_NC(2, 3) },
      &(const weft_cross_entropy_opt){ .class_weights = F(1, -1, 1) }, "the weight of class 1 is -1" },
    { WEFT_OP_BCE, 2, { WEFT_NC(2, 3), WEFT_NC(2, 4) }, NULL, "target is [2, 4], expected the shape of the logits" },
    { WEFT_OP_BCE, 2, { WEFT_NC(2, 3), WEFT_NC(2, 3) }, &(const weft_bce_opt){ .class_weights = F(1, NAN, 1) },
      "the weight of class 1 is" },
    { WEFT_OP_RBF_CRITERION, 2, { WEFT_NC(2, 3), WEFT_NC(2, 4) }, NULL,
      "target is [2, 4], expected the shape of the distances" },
    { WEFT_OP_RBF_CRITERION, 2, { WEFT_NC(2, 3), WEFT_NC(2, 3) }, &(const weft_rbf_criterion_opt){ .j = -1 },
      "j is -1" },
    { WEFT_OP_SGD, 5, { VECTOR(3), VECTOR(3), VECTOR(4), VECTOR(1), VECTOR(2) }, NULL,
      "gradient is [4], expected the parameter's shape [3]" },
    { WEFT_OP_SGD, 5, { VECTOR(3), VECTOR(3), VECTOR(3), VECTOR(3), VECTOR(2) }, NULL, "lr is [3], expected [1]" },
    { WEFT_OP_SGD, 5, { VECTOR(3), VECTOR(3), VECTOR(3), VECTOR(1), VECTOR(1) }, NULL, "go is [1], expected [2]" },
    { WEFT_OP_SGD, 5, { VECTOR(3), VECTOR(3), VECTOR(3), VECTOR(1), VECTOR(2) },
      &(const weft_sgd_opt){ .momentum = 1 }, "momentum is 1, expected 0 to less than 1" },
    { WEFT_OP_SGD, 5, { VECTOR(3), VECTOR(3), VECTOR(3), VECTOR(1), VECTOR(2) }, &(const weft_sgd_opt){ .decay = -1 },
      "decay is -1" },
    { WEFT_OP_SGD, 5, { VECTOR(3), VECTOR(3), VECTOR(3), VECTOR(1), VECTOR(2) },
      &(const weft_sgd_opt){ .lr_scale = -1 }, "lr_scale is -1" },
    { WEFT_OP_RMSPROP, 6, { SIX }, &(const weft_rmsprop_opt){ .rho = 1 }, "rho is 1" },
    { WEFT_OP_RMSPROP, 6, { SIX }, &(const weft_rmsprop_opt){ .epsilon = -1 }, "epsilon is -1" },
    { WEFT_OP_ADAM, 6, { SIX }, &(const weft_adam_opt){ .beta1 = 1 }, "beta1 is 1" },
    { WEFT_OP_ADAM, 6, { VECTOR(3), VECTOR(4), VECTOR(3), VECTOR(3), VECTOR(1), VECTOR(2) }, NULL,
      "first moment is [4], expected the parameter's shape [3]" },
    { WEFT_OP_LAMB, 6, { SIX }, &(const weft_lamb_opt){ .beta2 = 2 }, "beta2 is 2" },
    { WEFT_OP_GRADIENT_NORM, 2, { VECTOR(3), { .rank = 0 } }, NULL, "a gradient has rank 0" },
    { WEFT_OP_GATE, 3, { VECTOR(1), VECTOR(1), VECTOR(2) }, NULL, "norm is [2], expected [1]" },
    { WEFT_OP_GATE, 3, { VECTOR(1), VECTOR(1), VECTOR(1) }, &(const weft_gate_opt){ .clip = -1 }, "clip is -1" },
    { WEFT_OP_GATE, 3, { VECTOR(1), VECTOR(1), VECTOR(1) }, &(const weft_gate_opt){ .every = -1 }, "every is -1" },
    { WEFT_OP_SCALED_GATE, 4, { VECTOR(1), VECTOR(1), VECTOR(1), VECTOR(1) }, NULL, "scale is [1], expected [3]" },
    { WEFT_OP_SCALED_GATE, 4, { VECTOR(1), VECTOR(3), VECTOR(1), VECTOR(1) },
      &(const weft_scaled_gate_opt){ .clip = -1 }, "clip is -1" },
    { WEFT_OP_SCALED_GATE, 4, { VECTOR(1), VECTOR(3), VECTOR(1), VECTOR(1) },
      &(const weft_scaled_gate_opt){ .interval = -1 }, "interval is -1" },
    { WEFT_OP_SCALED_GATE, 4, { VECTOR(1), VECTOR(3), VECTOR(1), VECTOR(1) },
      &(const weft_scaled_gate_opt){ .least = -1 }, "least is -1" },
    { WEFT_OP_CROSS_ENTROPY, 3, { WEFT_NC(2, 3), WEFT_NC(2, 3), VECTOR(2) }, NULL, "scale is [2], expected [3]" },
    { WEFT_OP_CLIP, 2, { VECTOR(3), VECTOR(3) }, &(const weft_clip_opt){ .limit = 1 }, "go is [3], expected [2]" },
    { WEFT_OP_ACCUMULATE, 3, { VECTOR(3), VECTOR(4), VECTOR(2) }, NULL,
      "gradient is [4], expected the shape of the sum" },
    { WEFT_OP_CLIP, 1, { VECTOR(3) }, NULL, "limit is 0, expected a positive number" },
    { WEFT_OP_EMA, 3, { VECTOR(3), VECTOR(3), VECTOR(2) }, &(const weft_ema_opt){ .decay = 1 }, "decay is 1" },
    { WEFT_OP_EMA, 3, { VECTOR(3), VECTOR(3), VECTOR(3) }, NULL, "go is [3], expected [2]" },
    { .part = NULL },
};
/* clang-format on */
