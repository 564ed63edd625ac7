/* SPDX-License-Identifier: Apache-2.0
 *
 * Xception as Keras Applications names it: both halves of a separable convolution are parameters of one layer, and
 * only the four projections have automatic numbers. */
#include "weights/names/table.h"

static const weft_name_rule xception[] = {
    { .layer = "stem/{x:a|b}/conv2d", .source = "block1_conv{x+1}" },
    { .layer = "stem/{x:a|b}/batch_norm", .source = "block1_conv{x+1}_bn" },
    { .layer = "block{b}/{x:a|b|c}/depthwise", .source = "block{b}_sepconv{x+1}:depthwise_kernel" },
    { .layer = "block{b}/{x:a|b|c}/pointwise", .source = "block{b}_sepconv{x+1}:pointwise_kernel" },
    { .layer = "block{b}/{x:a|b|c}/batch_norm", .source = "block{b}_sepconv{x+1}_bn" },
    { .layer = "block{b}/proj/conv2d", .source = "{#conv2d}" },
    { .layer = "block{b}/proj/batch_norm", .source = "{#batch_normalization}" },
    { .layer = "head/dense", .source = "predictions" },
};

static const weft_name_table tables[] = {
    { "xception", WEFT_KERAS, WEFT_ORIGIN_KERAS, WEFT_NAME_RULES(xception) },
};

const weft_name_tables weft_names_keras_xception = { tables, sizeof tables / sizeof *tables };
