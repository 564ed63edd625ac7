/* SPDX-License-Identifier: Apache-2.0
 *
 * AlexNet, VGG and DenseNet as torchvision and timm name them. In VGG a layer's number counts convolutions, ReLUs and
 * pools; timm makes its hidden dense layers convolutions. */
#include "weights/names/table.h"

static const weft_name_rule alexnet[] = {
    { .layer = "{x:conv1|conv2|conv3|conv4|conv5}/conv2d", .source = "features.{x:0|3|6|8|10}" },
    { .layer = "{x:fc6|fc7|head}/dense", .source = "classifier.{x:1|4|6}" },
};

static const weft_name_rule vgg[] = {
    { .layer = "block{b}/{x:a|b|c|d}/conv2d", .source = "features.{2#+b-1}" },
    { .layer = "{x:fc1|fc2|head}/dense", .source = "classifier.{3x}" },
};

static const weft_name_rule vgg_timm[] = {
    { .layer = "block{b}/{x:a|b|c|d}/conv2d", .source = "features.{2#+b-1}" },
    { .layer = "fc{n}/dense", .source = "pre_logits.fc{n}", .flags = WEFT_NAME_CONV },
    { .layer = "head/dense", .source = "head.fc" },
};

static const weft_name_rule densenet[] = {
    { .layer = "stem/{k:conv2d|batch_norm}", .source = "features.{k:conv|norm}0" },
    { .layer = "block{b}.{u}/{x:a|b}/{k:conv2d|batch_norm}",
      .source = "features.denseblock{b}.denselayer{u+1}.{k:conv|norm}{x+1}" },
    { .layer = "transition{t}/a/{k:conv2d|batch_norm}", .source = "features.transition{t}.{k:conv|norm}" },
    { .layer = "post/batch_norm", .source = "features.norm5" },
    { .layer = "head/dense", .source = "classifier" },
};

/* The files that torchvision publishes were written when a layer's parts were called "norm.1" and "conv.1". */
static const weft_name_rule densenet_of_2017[] = {
    { .layer = "stem/{k:conv2d|batch_norm}", .source = "features.{k:conv|norm}0" },
    { .layer = "block{b}.{u}/{x:a|b}/{k:conv2d|batch_norm}",
      .source = "features.denseblock{b}.denselayer{u+1}.{k:conv|norm}.{x+1}" },
    { .layer = "transition{t}/a/{k:conv2d|batch_norm}", .source = "features.transition{t}.{k:conv|norm}" },
    { .layer = "post/batch_norm", .source = "features.norm5" },
    { .layer = "head/dense", .source = "classifier" },
};

static const weft_name_table tables[] = {
    { "alexnet", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION, WEFT_NAME_RULES(alexnet) },
    { "vgg{n}", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION, WEFT_NAME_RULES(vgg) },
    { "vgg{n}", WEFT_TORCH, WEFT_ORIGIN_TIMM, WEFT_NAME_RULES(vgg_timm) },
    { "densenet{n}", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION, WEFT_NAME_RULES(densenet) },
    { "densenet{n}", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION, WEFT_NAME_RULES(densenet_of_2017) },
    { "densenet{n}", WEFT_TORCH, WEFT_ORIGIN_TIMM, WEFT_NAME_RULES(densenet) },
};

const weft_name_tables weft_names_torch_plain = { tables, sizeof tables / sizeof *tables };
