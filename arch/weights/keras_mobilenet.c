/* SPDX-License-Identifier: Apache-2.0
 *
 * MobileNet and MobileNetV2 as Keras Applications names them. MobileNet's classifier is a 1x1 convolution. MobileNetV2
 * counts its blocks through all stages; the first, which does not expand, has no number. */
#include "weights/names/table.h"

static const weft_name_rule mobilenet[] = {
    { .layer = "stem/conv2d", .source = "conv1" },
    { .layer = "stem/batch_norm", .source = "conv1_bn" },
    { .layer = "unit{u}/{x:depthwise|pointwise}/conv2d", .source = "conv_{x:dw|pw}_{u}" },
    { .layer = "unit{u}/{x:depthwise|pointwise}/batch_norm", .source = "conv_{x:dw|pw}_{u}_bn" },
    { .layer = "head/dense", .source = "conv_preds", .flags = WEFT_NAME_CONV },
};

/* A stage whose first block has this number. */
#define STAGE(stage, first)                                                                                            \
    { .layer = stage ".{u}/{x:expand|depthwise|project}/conv2d",                                                       \
      .source = "block_{u+" first "}_{x:expand|depthwise|project}" },                                                  \
        { .layer = stage ".{u}/{x:expand|depthwise|project}/batch_norm",                                               \
          .source = "block_{u+" first "}_{x:expand|depthwise|project}_BN" }

static const weft_name_rule mobilenet_v2[] = {
    { .layer = "stem/conv2d", .source = "Conv1" },
    { .layer = "stem/batch_norm", .source = "bn_Conv1" },
    { .layer = "stage1.0/{x:depthwise|project}/conv2d", .source = "expanded_conv_{x:depthwise|project}" },
    { .layer = "stage1.0/{x:depthwise|project}/batch_norm", .source = "expanded_conv_{x:depthwise|project}_BN" },
    STAGE("stage2", "1"),
    STAGE("stage3", "3"),
    STAGE("stage4", "6"),
    STAGE("stage5", "10"),
    STAGE("stage6", "13"),
    STAGE("stage7", "16"),
    { .layer = "top/conv2d", .source = "Conv_1" },
    { .layer = "top/batch_norm", .source = "Conv_1_bn" },
    { .layer = "head/dense", .source = "predictions" },
};

static const weft_name_table tables[] = {
    { "mobilenet|mobilenet-*", WEFT_KERAS, WEFT_ORIGIN_KERAS, WEFT_NAME_RULES(mobilenet) },
    { "mobilenetv2", WEFT_KERAS, WEFT_ORIGIN_KERAS, WEFT_NAME_RULES(mobilenet_v2) },
};

const weft_name_tables weft_names_keras_mobilenet = { tables, sizeof tables / sizeof *tables };
