/* SPDX-License-Identifier: Apache-2.0
 *
 * NASNet as Keras Applications names it: every layer ends in its cell's number, which counts normal and reduction cells
 * together, and the two halves of a separable convolution are parameters of one layer. */
#include "weights/names/table.h"

/* The separable convolutions of a cell; blocks are ours, theirs the names there, in the same order. */
#define SEPARABLES(scope, kind, blocks, theirs, cell)                                                                  \
    { .layer = scope "/{b:" blocks "}/{h:first|second}/depthwise",                                                     \
      .source = "separable_conv_{h+1}_" kind "_{b:" theirs "}_" cell ":depthwise_kernel" },                            \
        { .layer = scope "/{b:" blocks "}/{h:first|second}/pointwise/conv2d",                                          \
          .source = "separable_conv_{h+1}_" kind "_{b:" theirs "}_" cell ":pointwise_kernel" },                        \
        { .layer = scope "/{b:" blocks "}/{h:first|second}/pointwise/batch_norm",                                      \
          .source = "separable_conv_{h+1}_bn_" kind "_{b:" theirs "}_" cell }

/* What every cell has: the layer that shrinks its input, and what adjusts the older input to it. */
#define INPUTS(scope, kind, cell)                                                                                      \
    { .layer = scope "/squeeze/conv2d", .source = kind "_conv_1_" cell },                                              \
        { .layer = scope "/squeeze/batch_norm", .source = kind "_bn_1_" cell },                                        \
        { .layer = scope "/adjust/{x:even|odd}", .source = "adjust_conv_{x+1}_" cell },                                \
        { .layer = scope "/adjust/conv2d", .source = "adjust_conv_projection_" cell },                                 \
        { .layer = scope "/adjust/batch_norm", .source = "adjust_bn_" cell }

#define NORMAL(scope, cell)                                                                                            \
    INPUTS(scope, "normal", cell),                                                                                     \
        SEPARABLES(scope, "normal", "block1/left|block1/right|block2/left|block2/right|block5",                        \
                   "left1|right1|left2|right2|left5", cell)

#define REDUCTION(scope, cell)                                                                                         \
    INPUTS(scope, "reduction", cell),                                                                                  \
        SEPARABLES(scope, "reduction", "block1/left|block1/right|block2|block3|block5",                                \
                   "left1|right1|right2|right3|left4", cell)

/* With n normal cells in a stage: n, n + 1, 2 n, 2 n + 1. */
#define NASNET(first_reduction, second_stage, second_reduction, third_stage)                                           \
    { .layer = "stem/conv2d", .source = "stem_conv1" }, { .layer = "stem/batch_norm", .source = "stem_bn1" },          \
        REDUCTION("stem{c}", "stem_{c}"), NORMAL("stage1.{c}", "{c}"),                                                 \
        REDUCTION("reduce1", "reduce_" first_reduction), NORMAL("stage2.{c}", "{c+" second_stage "}"),                 \
        REDUCTION("reduce2", "reduce_" second_reduction), NORMAL("stage3.{c}", "{c+" third_stage "}"),                 \
    {                                                                                                                  \
        .layer = "head/dense", .source = "predictions"                                                                 \
    }

static const weft_name_rule mobile[] = { NASNET("4", "5", "8", "9") };
static const weft_name_rule large[] = { NASNET("6", "7", "12", "13") };

static const weft_name_table tables[] = {
    { "nasnet-mobile", WEFT_KERAS, WEFT_ORIGIN_KERAS, WEFT_NAME_RULES(mobile) },
    { "nasnet-large", WEFT_KERAS, WEFT_ORIGIN_KERAS, WEFT_NAME_RULES(large) },
};

const weft_name_tables weft_names_keras_nasnet = { tables, sizeof tables / sizeof *tables };
