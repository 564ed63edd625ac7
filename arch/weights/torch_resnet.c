/* SPDX-License-Identifier: Apache-2.0
 *
 * ResNet and its kin as torchvision and timm name them: a stage is layerN, a unit its number, the projection is
 * "downsample". */
#include "arch/weights.h"

static const weft_name_rule resnet[] = {
    { .layer = "stem/conv2d", .source = "conv1" },
    { .layer = "stem/batch_norm", .source = "bn1" },
    { .layer = "stage{s}.{u}/{x:a|b|c}/conv2d", .source = "layer{s}.{u}.conv{x+1}" },
    { .layer = "stage{s}.{u}/{x:a|b|c}/batch_norm", .source = "layer{s}.{u}.bn{x+1}" },
    { .layer = "stage{s}.{u}/proj/conv2d", .source = "layer{s}.{u}.downsample.0" },
    { .layer = "stage{s}.{u}/proj/batch_norm", .source = "layer{s}.{u}.downsample.1" },
    { .layer = "head/dense", .source = "fc" },
};

static const weft_name_table tables[] = {
    { "resnet{n}|resnext{n}-*", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION, WEFT_NAME_RULES(resnet) },
    { "resnet{n}|resnext{n}-*", WEFT_TORCH, WEFT_ORIGIN_TIMM, WEFT_NAME_RULES(resnet) },
};

const weft_name_tables weft_names_torch_resnet = { tables, sizeof tables / sizeof *tables };
