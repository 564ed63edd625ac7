/* SPDX-License-Identifier: Apache-2.0
 *
 * EfficientNet as Keras Applications names it: a stage is a number, a unit of it a letter, and squeeze-and-excitation
 * two 1x1 convolutions. A file without the statistics of the input (Keras 2.3 and before) gets ImageNet's. Files of
 * the published ImageNet weights hold deviations in the place of variances, and Keras adds a layer to models made with
 * them that divides by their square roots once more (tensorflow#49930): ours take the squares, which is the same
 * function. */
#include "weights/names/table.h"

#define UNIT "stage{s}.{u}"
#define BLOCK "block{s}{u:a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p}"

static const weft_name_rule efficientnet[] = {
    { .layer = "normalize", .source = "{#normalization}" },
    { .layer = "normalize/mean", .flags = WEFT_NAME_FILL, .fill = { .485f, .456f, .406f } },
    { .layer = "normalize/variance", .flags = WEFT_NAME_FILL, .fill = { .052441f, .050176f, .050625f } },
    { .layer = "normalize/count", .flags = WEFT_NAME_FILL, .fill = { 0, 0, 0 } },
    { .layer = "normalize/variance", .flags = WEFT_NAME_SQUARE, .fill = { .229f, .224f, .225f } },
    { .layer = "stem/conv2d", .source = "stem_conv" },
    { .layer = "stem/batch_norm", .source = "stem_bn" },
    { .layer = UNIT "/expand/conv2d", .source = BLOCK "_expand_conv" },
    { .layer = UNIT "/expand/batch_norm", .source = BLOCK "_expand_bn" },
    { .layer = UNIT "/depthwise/conv2d", .source = BLOCK "_dwconv" },
    { .layer = UNIT "/depthwise/batch_norm", .source = BLOCK "_bn" },
    { .layer = UNIT "/se/{x:reduce|expand}", .source = BLOCK "_se_{x:reduce|expand}", .flags = WEFT_NAME_CONV },
    { .layer = UNIT "/project/conv2d", .source = BLOCK "_project_conv" },
    { .layer = UNIT "/project/batch_norm", .source = BLOCK "_project_bn" },
    { .layer = "top/conv2d", .source = "top_conv" },
    { .layer = "top/batch_norm", .source = "top_bn" },
    { .layer = "head/dense", .source = "predictions" },
};

static const weft_name_table tables[] = {
    { "efficientnet-b{n}", WEFT_KERAS, WEFT_ORIGIN_KERAS, WEFT_NAME_RULES(efficientnet) },
};

const weft_name_tables weft_names_keras_efficientnet = { tables, sizeof tables / sizeof *tables };
