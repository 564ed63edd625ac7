/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of garbage.h: one row per thing that resolve or infer must notice. */
#include "garbage.h"

#include <limits.h>
#include <math.h>

#include "op/activation.h"
#include "op/case.h"
#include "op/derive.h"
#include "op/dropout.h"
#include "op/inverted_residual.h"
#include "op/normalize.h"
#include "op/util.h"

static const uint8_t marks_two[] = { 1, 2, 1, 1 }, marks_none[] = { 1, 1, 0, 0 };

/* clang-format off */
#define MAP WEFT_NHWC(2, 5, 7, 8)
#define ROW(OP, type, shape, text, ...) { WEFT_OP_##OP, 1, { shape }, &(const type){ __VA_ARGS__ }, text }
#define CONV(text, ...) ROW(CONV2D, weft_conv2d_opt, MAP, text, __VA_ARGS__)
#define POOL(text, ...) ROW(MAX_POOL2D, weft_pool2d_opt, MAP, text, __VA_ARGS__)
#define AVERAGE(text, ...) ROW(AVG_POOL2D, weft_pool2d_opt, MAP, text, __VA_ARGS__)
#define VECTOR(n) { .rank = 1, .dim = { n } }
#define KRSC(k, c) WEFT_NHWC(k, 1, 1, c)
#define NONE(OP, shape, text) { WEFT_OP_##OP, 1, { shape }, NULL, text }

const garbage_row garbage[] = {
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
    ROW(DENSE, weft_dense_opt, MAP, "flatten it", .out = 5),

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
    ROW(SUBSAMPLE, weft_subsample_opt, MAP, "kernel is -2", .kernel = -2),
    ROW(SUBSAMPLE, weft_subsample_opt, MAP, "the window is 6x6", .kernel = 6),

    ROW(BATCH_NORM, weft_batch_norm_opt, MAP, "epsilon is -1", .epsilon = -1),
    ROW(BATCH_NORM, weft_batch_norm_opt, MAP, "epsilon is", .epsilon = NAN),
    ROW(BATCH_NORM, weft_batch_norm_opt, MAP, "epsilon is", .epsilon = INFINITY),
    ROW(BATCH_NORM, weft_batch_norm_opt, MAP, "momentum is -0.1", .momentum = -.1),
    ROW(BATCH_NORM, weft_batch_norm_opt, MAP, "momentum is 1.5", .momentum = 1.5),
    ROW(BATCH_NORM, weft_batch_norm_opt, MAP, "momentum is", .momentum = NAN),
    ROW(BATCH_NORM, weft_batch_norm_opt, MAP, "zero_gamma is set", .no_gamma = true, .zero_gamma = true),
    ROW(LRN, weft_lrn_opt, MAP, "window is -5", .window = -5),
    ROW(LRN, weft_lrn_opt, MAP, "window is", .window = INT_MAX),
    ROW(LRN, weft_lrn_opt, MAP, "alpha is -1", .alpha = -1),
    ROW(LRN, weft_lrn_opt, MAP, "beta is", .beta = NAN),
    ROW(LRN, weft_lrn_opt, MAP, "k is -2", .k = -2),
    ROW(NORMALIZE, weft_normalize_node, MAP, "x has 8 channels, expected 1 to 4", .user = { .scale = 1 }),
    ROW(NORMALIZE, weft_normalize_node, WEFT_NHWC(1, 2, 2, 3), "scale is", .user = { .scale = NAN }),
    ROW(NORMALIZE, weft_normalize_node, WEFT_NHWC(1, 2, 2, 3), "mean[1] is inf", .user = { .mean = { 0, INFINITY } }),
    ROW(NORMALIZE, weft_normalize_node, WEFT_NHWC(1, 2, 2, 3), "variance[2] is -1",
        .user = { .variance = { 1, 1, -1 } }),

    ROW(ACTIVATION, weft_activation_opt, MAP, "act is 0", .act = WEFT_ACT_NONE),
    ROW(ACTIVATION, weft_activation_opt, MAP, "act is 10", .act = WEFT_ACT_COUNT),
    ROW(ACTIVATION, weft_activation_opt, MAP, "act is -1", .act = (weft_act)-1),
    NONE(SOFTMAX, WEFT_NC(2, -8), "x is [2, -8], expected dimensions"),
    { WEFT_OP_ADD, 2, { MAP, WEFT_NHWC(2, 5, 7, 1) }, NULL, "a is [2, 5, 7, 8] and b [2, 5, 7, 1], expected equal" },
    { WEFT_OP_ADD, 2, { MAP, WEFT_NC(2, 280) }, NULL, "expected equal shapes" },
    { WEFT_OP_ADD, 2, { MAP, MAP }, &(const weft_add_opt){ .scale = NAN }, "scale is" },
    { WEFT_OP_CHANNEL_SCALE, 2, { MAP, WEFT_NC(2, 7) }, NULL, "s [2, 7], expected s to have x's" },
    { WEFT_OP_CHANNEL_SCALE, 2, { MAP, WEFT_NC(1, 8) }, NULL, "s [1, 8], expected s to have x's" },
    { WEFT_OP_CHANNEL_SCALE, 2, { MAP, WEFT_NHWC(2, 1, 1, 8) }, NULL, "s is [2, 1, 1, 8], expected [N, C]" },
    ROW(SQUEEZE_EXCITE, weft_squeeze_excite_opt, MAP, "reduced is 0", .no_bias = true),
    ROW(SQUEEZE_EXCITE, weft_squeeze_excite_opt, MAP, "reduced is -4", .reduced = -4),
    ROW(SQUEEZE_EXCITE, weft_squeeze_excite_opt, MAP, "act is 10", .reduced = 2, .act = WEFT_ACT_COUNT),
    ROW(SQUEEZE_EXCITE, weft_squeeze_excite_opt, MAP, "gate is -1", .reduced = 2, .gate = (weft_act)-1),
    ROW(SQUEEZE_EXCITE, weft_squeeze_excite_opt, MAP, "init is NORMAL", .reduced = 2, .init = WEFT_INIT_NORMAL),
    ROW(SQUEEZE_EXCITE, weft_squeeze_excite_opt, WEFT_NC(2, 8), "x is [2, 8]", .reduced = 2),
    ROW(DROPOUT, weft_dropout_opt, MAP, "rate is 1", .rate = 1),
    ROW(DROPOUT, weft_dropout_opt, MAP, "rate is -0.5", .rate = -.5),
    ROW(DROPOUT, weft_dropout_opt, MAP, "rate is", .rate = NAN),

    { WEFT_OP_CONCAT, 2, { MAP, WEFT_NHWC(2, 5, 6, 8) }, NULL, "input 1 is [2, 5, 6, 8]" },
    { WEFT_OP_CONCAT, 2, { MAP, WEFT_NC(2, 8) }, NULL, "input 1 is [2, 8]" },
    ROW(RESHAPE, weft_reshape_opt, MAP, "expected the batch and the count", .shape = WEFT_NC(2, 281)),
    ROW(RESHAPE, weft_reshape_opt, MAP, "expected the batch and the count", .shape = WEFT_NC(1, 560)),
    ROW(RESHAPE, weft_reshape_opt, MAP, "shape has", .shape = { .rank = 99 }),
    ROW(RESHAPE, weft_reshape_opt, MAP, "shape is [2, -5, -7, 8], expected dimensions",
        .shape = WEFT_NHWC(2, -5, -7, 8)),
    ROW(PAD2D, weft_border_opt, MAP, "pad.left is -1", .pad = { .left = -1 }),
    ROW(PAD2D, weft_border_opt, MAP, "pad.top is", .pad = { .top = INT_MAX }),
    ROW(CROP2D, weft_border_opt, MAP, "expected to leave some of the 5x7 image", .pad = { 3, 2, 0, 0 }),
    ROW(CROP2D, weft_border_opt, MAP, "pad.bottom is -1", .pad = { .bottom = -1 }),

    ROW(RBF, weft_rbf_opt, WEFT_NC(2, 84), "out is 0", .centres = NULL),
    ROW(RBF, weft_rbf_opt, WEFT_NC(2, 84), "out is -10", .out = -10),
    ROW(RBF, weft_rbf_opt, MAP, "x is [2, 5, 7, 8], expected [N, C]", .out = 10),

    ROW(INVERTED_RESIDUAL, weft_inverted_residual_opt, MAP, "expand and project must be 1x1",
        .depthwise = { .kernel = 3 }, .project = { .out = 8, .kernel = 3 }),
    ROW(INVERTED_RESIDUAL, weft_inverted_residual_opt, MAP, "depthwise has 16 outputs, expected 8",
        .depthwise = { .kernel = 3, .out = 16 }, .project = { .out = 8 }),
    ROW(INVERTED_RESIDUAL, weft_inverted_residual_opt, MAP, "stride is -1x-1",
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
