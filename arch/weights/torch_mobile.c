/* SPDX-License-Identifier: Apache-2.0
 *
 * MobileNetV2 and EfficientNet as torchvision and timm name them, these and MobileNet as transformers does. The first
 * unit has no expansion, so its later layers have other numbers than those of all other units. timm's "tf_" networks,
 * which pad like TensorFlow, are our Keras dialect; what that has inside as statistics, timm leaves to the caller. */
#include "weights/names/table.h"

#define LAYER "{k:conv2d|batch_norm}"

static const weft_name_rule mobilenet_v2[] = {
    { .layer = "stem/" LAYER, .source = "features.0.{k}" },
    { .layer = "stage1.0/depthwise/" LAYER, .source = "features.1.conv.0.{k}" },
    { .layer = "stage1.0/project/" LAYER, .source = "features.1.conv.{k+1}" },
    { .layer = "stage{s}.{u}/expand/conv2d", .source = "features.{#+2}.conv.0.0" },
    { .layer = "stage{s}.{u}/expand/batch_norm", .source = "features.{#+2}.conv.0.1" },
    { .layer = "stage{s}.{u}/depthwise/conv2d", .source = "features.{#+2}.conv.1.0" },
    { .layer = "stage{s}.{u}/depthwise/batch_norm", .source = "features.{#+2}.conv.1.1" },
    { .layer = "stage{s}.{u}/project/conv2d", .source = "features.{#+2}.conv.2" },
    { .layer = "stage{s}.{u}/project/batch_norm", .source = "features.{#+2}.conv.3" },
    { .layer = "top/" LAYER, .source = "features.18.{k}" },
    { .layer = "head/dense", .source = "classifier.1" },
};

static const weft_name_rule efficientnet[] = {
    { .layer = "stem/" LAYER, .source = "features.0.{k}" },
    { .layer = "stage1.{u}/{x:depthwise|se|project}/" LAYER, .source = "features.1.{u}.block.{x}.{k}" },
    { .layer = "stage1.{u}/se/{x:reduce|expand}", .source = "features.1.{u}.block.1.fc{x+1}", .flags = WEFT_NAME_CONV },
    { .layer = "stage{s}.{u}/{x:expand|depthwise|se|project}/" LAYER, .source = "features.{s}.{u}.block.{x}.{k}" },
    { .layer = "stage{s}.{u}/se/{x:reduce|expand}", .source = "features.{s}.{u}.block.2.fc{x+1}",
      .flags = WEFT_NAME_CONV },
    { .layer = "top/" LAYER, .source = "features.8.{k}" },
    { .layer = "head/dense", .source = "classifier.1" },
};

#define TIMM_UNITS                                                                                                     \
    { .layer = "stem/" LAYER, .source = "{k:conv_stem|bn1}" },                                                         \
    { .layer = "stage1.{u}/{x:depthwise|project}/conv2d", .source = "blocks.0.{u}.conv_{x:dw|pw}" },                   \
    { .layer = "stage1.{u}/{x:depthwise|project}/batch_norm", .source = "blocks.0.{u}.bn{x+1}" },                      \
    { .layer = "stage{s}.{u}/{x:expand|depthwise|project}/conv2d", .source = "blocks.{s-1}.{u}.conv_{x:pw|dw|pwl}" },  \
    { .layer = "stage{s}.{u}/{x:expand|depthwise|project}/batch_norm", .source = "blocks.{s-1}.{u}.bn{x+1}" },         \
    { .layer = "stage{s}.{u}/se/{x:reduce|expand}", .source = "blocks.{s-1}.{u}.se.conv_{x:reduce|expand}",            \
      .flags = WEFT_NAME_CONV },                                                                                       \
    { .layer = "top/" LAYER, .source = "{k:conv_head|bn2}" },                                                          \
    { .layer = "head/dense", .source = "classifier" }

static const weft_name_rule timm[] = { TIMM_UNITS };

/* torchvision's B5 to B7, which our torch dialect builds, add 1e-3 to variances, timm's 1e-5: the difference goes into
 * the variances themselves. */
#define TIMM_EPSILON .flags = WEFT_NAME_SHIFT, .fill = { 1e-5f - 1e-3f }
static const weft_name_rule timm_large[] = {
    TIMM_UNITS,
    { .layer = "{k:stem|top}/batch_norm/variance", TIMM_EPSILON },
    { .layer = "stage{s}.{u}/{x:expand|depthwise|project}/batch_norm/variance", TIMM_EPSILON },
};

/* The ports called efficientnet_pytorch and efficientnet_lite_pytorch, which number the units through and pad like
 * TensorFlow. The units of the first stage, `first` of them, have no expansion. */
#define NUMBERED_UNITS(first)                                                                                          \
    { .layer = "stem/" LAYER, .source = "{k:_conv_stem|_bn0}" },                                                       \
    { .layer = "stage{s}.{u}/expand/conv2d", .source = "_blocks.{#+" #first "}._expand_conv" },                        \
    { .layer = "stage{s}.{u}/expand/batch_norm", .source = "_blocks.{#+" #first "}._bn0" },                            \
    { .layer = "stage{s}.{u}/depthwise/conv2d", .source = "_blocks.{#}._depthwise_conv" },                             \
    { .layer = "stage{s}.{u}/depthwise/batch_norm", .source = "_blocks.{#}._bn1" },                                    \
    { .layer = "stage{s}.{u}/se/reduce", .source = "_blocks.{#}._se_reduce", .flags = WEFT_NAME_CONV },                \
    { .layer = "stage{s}.{u}/se/expand", .source = "_blocks.{#}._se_expand", .flags = WEFT_NAME_CONV },                \
    { .layer = "stage{s}.{u}/project/conv2d", .source = "_blocks.{#}._project_conv" },                                 \
    { .layer = "stage{s}.{u}/project/batch_norm", .source = "_blocks.{#}._bn2" },                                      \
    { .layer = "top/" LAYER, .source = "{k:_conv_head|_bn1}" },                                                        \
    { .layer = "head/dense", .source = "_fc" }

static const weft_name_rule numbered[] = { NUMBERED_UNITS(1) };

/* What the caller of those does before, ours does inside. */
#define IMAGENET_STATISTICS                                                                                            \
    { .layer = "normalize/mean", .flags = WEFT_NAME_FILL, .fill = { .485f, .456f, .406f } },                           \
    { .layer = "normalize/variance", .flags = WEFT_NAME_FILL,                                                          \
      .fill = { .229f * .229f, .224f * .224f, .225f * .225f } },                                                       \
    { .layer = "normalize/count", .flags = WEFT_NAME_FILL, .fill = { 0 } }

static const weft_name_rule timm_tf[] = { TIMM_UNITS, IMAGENET_STATISTICS };
static const weft_name_rule numbered_1[] = { NUMBERED_UNITS(1), IMAGENET_STATISTICS };
static const weft_name_rule numbered_2[] = { NUMBERED_UNITS(2), IMAGENET_STATISTICS };
static const weft_name_rule numbered_3[] = { NUMBERED_UNITS(3), IMAGENET_STATISTICS };
static const weft_name_rule numbered_4[] = { NUMBERED_UNITS(4), IMAGENET_STATISTICS };

/* transformers' MobileNetV1ForImageClassification, MobileNetV2ForImageClassification and
 * EfficientNetForImageClassification, which are ports of TensorFlow's. The first has a layer for each half of a unit;
 * the first unit of the second is in its stem. */
#define HF_LAYER "{k:convolution|normalization}"
static const weft_name_rule transformers_v1[] = {
    { .layer = "stem/" LAYER, .source = "mobilenet_v1.conv_stem." HF_LAYER },
    { .layer = "unit{u}/depthwise/" LAYER, .source = "mobilenet_v1.layer.{2u-2}." HF_LAYER },
    { .layer = "unit{u}/pointwise/" LAYER, .source = "mobilenet_v1.layer.{2u-1}." HF_LAYER },
    { .layer = "head/dense", .source = "classifier" },
};

static const weft_name_rule transformers_v2[] = {
    { .layer = "stem/" LAYER, .source = "mobilenet_v2.conv_stem.first_conv." HF_LAYER },
    { .layer = "stage1.0/{x:depthwise|project}/" LAYER,
      .source = "mobilenet_v2.conv_stem.{x:conv_3x3|reduce_1x1}." HF_LAYER },
    { .layer = "stage{s}.{u}/expand/conv2d", .source = "mobilenet_v2.layer.{#}.expand_1x1.convolution" },
    { .layer = "stage{s}.{u}/expand/batch_norm", .source = "mobilenet_v2.layer.{#}.expand_1x1.normalization" },
    { .layer = "stage{s}.{u}/depthwise/conv2d", .source = "mobilenet_v2.layer.{#}.conv_3x3.convolution" },
    { .layer = "stage{s}.{u}/depthwise/batch_norm", .source = "mobilenet_v2.layer.{#}.conv_3x3.normalization" },
    { .layer = "stage{s}.{u}/project/conv2d", .source = "mobilenet_v2.layer.{#}.reduce_1x1.convolution" },
    { .layer = "stage{s}.{u}/project/batch_norm", .source = "mobilenet_v2.layer.{#}.reduce_1x1.normalization" },
    { .layer = "top/" LAYER, .source = "mobilenet_v2.conv_1x1." HF_LAYER },
    { .layer = "head/dense", .source = "classifier" },
};

#define HF_BLOCK "efficientnet.encoder.blocks."
#define HF_UNITS(first)                                                                                                \
    { .layer = "stem/" LAYER, .source = "efficientnet.embeddings.{k:convolution|batchnorm}" },                         \
    { .layer = "stage{s}.{u}/expand/conv2d", .source = HF_BLOCK "{#+" #first "}.expansion.expand_conv" },              \
    { .layer = "stage{s}.{u}/expand/batch_norm", .source = HF_BLOCK "{#+" #first "}.expansion.expand_bn" },            \
    { .layer = "stage{s}.{u}/depthwise/conv2d", .source = HF_BLOCK "{#}.depthwise_conv.depthwise_conv" },              \
    { .layer = "stage{s}.{u}/depthwise/batch_norm", .source = HF_BLOCK "{#}.depthwise_conv.depthwise_norm" },          \
    { .layer = "stage{s}.{u}/se/reduce", .source = HF_BLOCK "{#}.squeeze_excite.reduce", .flags = WEFT_NAME_CONV },    \
    { .layer = "stage{s}.{u}/se/expand", .source = HF_BLOCK "{#}.squeeze_excite.expand", .flags = WEFT_NAME_CONV },    \
    { .layer = "stage{s}.{u}/project/conv2d", .source = HF_BLOCK "{#}.projection.project_conv" },                      \
    { .layer = "stage{s}.{u}/project/batch_norm", .source = HF_BLOCK "{#}.projection.project_bn" },                    \
    { .layer = "top/" LAYER, .source = "efficientnet.encoder.top_{k:conv|bn}" },                                       \
    { .layer = "head/dense", .source = "classifier" },                                                                 \
    IMAGENET_STATISTICS

static const weft_name_rule transformers_1[] = { HF_UNITS(1) };
static const weft_name_rule transformers_2[] = { HF_UNITS(2) };
static const weft_name_rule transformers_3[] = { HF_UNITS(3) };
static const weft_name_rule transformers_4[] = { HF_UNITS(4) };

#define MEDIUM "efficientnet-b1|efficientnet-b2|efficientnet-b3|efficientnet-b4" /* two units in the first stage */

static const weft_name_table tables[] = {
    { "mobilenetv2", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION, WEFT_NAME_RULES(mobilenet_v2) },
    { "mobilenetv2", WEFT_TORCH, WEFT_ORIGIN_TIMM, WEFT_NAME_RULES(timm) },
    { "efficientnet-b{n}", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION, WEFT_NAME_RULES(efficientnet) },
    { "efficientnet-b5|efficientnet-b6|efficientnet-b7", WEFT_TORCH, WEFT_ORIGIN_TIMM, WEFT_NAME_RULES(timm_large) },
    { "efficientnet-b{n}|efficientnet-lite{n}", WEFT_TORCH, WEFT_ORIGIN_TIMM, WEFT_NAME_RULES(timm) },
    { "efficientnet-b{n}", WEFT_KERAS, WEFT_ORIGIN_TIMM, WEFT_NAME_RULES(timm_tf) },
    { "efficientnet-lite{n}", WEFT_TORCH, WEFT_ORIGIN_TIMM, WEFT_NAME_RULES(numbered) },
    { "efficientnet-b0", WEFT_KERAS, WEFT_ORIGIN_TIMM, WEFT_NAME_RULES(numbered_1) },
    { MEDIUM, WEFT_KERAS, WEFT_ORIGIN_TIMM, WEFT_NAME_RULES(numbered_2) },
    { "efficientnet-b5|efficientnet-b6", WEFT_KERAS, WEFT_ORIGIN_TIMM, WEFT_NAME_RULES(numbered_3) },
    { "efficientnet-b7", WEFT_KERAS, WEFT_ORIGIN_TIMM, WEFT_NAME_RULES(numbered_4) },
    { "mobilenet|mobilenet-*", WEFT_KERAS, WEFT_ORIGIN_TRANSFORMERS, WEFT_NAME_RULES(transformers_v1) },
    { "mobilenetv2", WEFT_KERAS, WEFT_ORIGIN_TRANSFORMERS, WEFT_NAME_RULES(transformers_v2) },
    { "efficientnet-b0", WEFT_KERAS, WEFT_ORIGIN_TRANSFORMERS, WEFT_NAME_RULES(transformers_1) },
    { MEDIUM, WEFT_KERAS, WEFT_ORIGIN_TRANSFORMERS, WEFT_NAME_RULES(transformers_2) },
    { "efficientnet-b5|efficientnet-b6", WEFT_KERAS, WEFT_ORIGIN_TRANSFORMERS, WEFT_NAME_RULES(transformers_3) },
    { "efficientnet-b7", WEFT_KERAS, WEFT_ORIGIN_TRANSFORMERS, WEFT_NAME_RULES(transformers_4) },
};

const weft_name_tables weft_names_torch_mobile = { tables, sizeof tables / sizeof *tables };
