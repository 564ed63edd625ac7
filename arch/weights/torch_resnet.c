/* SPDX-License-Identifier: Apache-2.0
 *
 * ResNet and its kin as torchvision and timm name them: a stage is layerN, a unit its number, the projection is
 * "downsample". timm's SENets are its "legacy" ones, after the authors' Caffe models; their gates are 1x1
 * convolutions. */
#include "weights/names/table.h"

static const weft_name_rule resnet[] = {
    { .layer = "stem/{k:conv2d|batch_norm}", .source = "{k:conv|bn}1" },
    { .layer = "stage{s}.{u}/{x:a|b|c}/{k:conv2d|batch_norm}", .source = "layer{s}.{u}.{k:conv|bn}{x+1}" },
    { .layer = "stage{s}.{u}/proj/{k:conv2d|batch_norm}", .source = "layer{s}.{u}.downsample.{k}" },
    { .layer = "head/dense", .source = "fc" },
};

static const weft_name_rule senet[] = {
    { .layer = "stem/{k:conv2d|batch_norm}", .source = "layer0.{k:conv|bn}1" },
    { .layer = "stem/{x:a|b|c}/{k:conv2d|batch_norm}", .source = "layer0.{k:conv|bn}{x+1}" },
    { .layer = "stage{s}.{u}/{x:a|b|c}/{k:conv2d|batch_norm}", .source = "layer{s}.{u}.{k:conv|bn}{x+1}" },
    { .layer = "stage{s}.{u}/se/{x:reduce|expand}", .source = "layer{s}.{u}.se_module.fc{x+1}",
      .flags = WEFT_NAME_CONV },
    { .layer = "stage{s}.{u}/proj/{k:conv2d|batch_norm}", .source = "layer{s}.{u}.downsample.{k}" },
    { .layer = "head/dense", .source = "last_linear" },
};

/* transformers' ResNetForImageClassification. */
static const weft_name_rule transformers[] = {
    { .layer = "stem/{k:conv2d|batch_norm}", .source = "resnet.embedder.embedder.{k:convolution|normalization}" },
    { .layer = "stage{s}.{u}/{x:a|b|c}/{k:conv2d|batch_norm}",
      .source = "resnet.encoder.stages.{s-1}.layers.{u}.layer.{x}.{k:convolution|normalization}" },
    { .layer = "stage{s}.{u}/proj/{k:conv2d|batch_norm}",
      .source = "resnet.encoder.stages.{s-1}.layers.{u}.shortcut.{k:convolution|normalization}" },
    { .layer = "head/dense", .source = "classifier.1" },
};

/* What nn.Sequential(*list(resnet.children())[:-1]) makes of torchvision's: children by their number. */
static const weft_name_rule children[] = {
    { .layer = "stem/{k:conv2d|batch_norm}", .source = "{k}" },
    { .layer = "stage{s}.{u}/{x:a|b|c}/{k:conv2d|batch_norm}", .source = "{s+3}.{u}.{k:conv|bn}{x+1}" },
    { .layer = "stage{s}.{u}/proj/{k:conv2d|batch_norm}", .source = "{s+3}.{u}.downsample.{k}" },
    { .layer = "head/dense", .source = "fc" },
};

static const weft_name_table tables[] = {
    { "resnet{n}|resnext{n}-*", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION, WEFT_NAME_RULES(resnet) },
    { "resnet{n}|resnext{n}-*", WEFT_TORCH, WEFT_ORIGIN_TIMM, WEFT_NAME_RULES(resnet) },
    { "resnet{n}|resnext{n}-*", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION, WEFT_NAME_RULES(children) },
    { "resnet{n}", WEFT_TORCH, WEFT_ORIGIN_TRANSFORMERS, WEFT_NAME_RULES(transformers) },
    { "senet154|se-resnet{n}|se-resnext{n}-*", WEFT_TORCH, WEFT_ORIGIN_TIMM, WEFT_NAME_RULES(senet) },
};

const weft_name_tables weft_names_torch_resnet = { tables, sizeof tables / sizeof *tables };
