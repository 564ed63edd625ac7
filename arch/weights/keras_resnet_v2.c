/* SPDX-License-Identifier: Apache-2.0
 *
 * ResNet V2 as Keras Applications names it: as ResNet, with each unit's pre-activation beside its three
 * convolutions, the last of which has no batch norm. */
#include "weights/names/table.h"

static const weft_name_rule resnet_v2[] = {
    { .layer = "stem", .source = "conv1_conv" },
    { .layer = "stage{s}.{u}/preact/batch_norm", .source = "conv{s+1}_block{u+1}_preact_bn" },
    { .layer = "stage{s}.{u}/{x:a|b}/conv2d", .source = "conv{s+1}_block{u+1}_{x+1}_conv" },
    { .layer = "stage{s}.{u}/{x:a|b}/batch_norm", .source = "conv{s+1}_block{u+1}_{x+1}_bn" },
    { .layer = "stage{s}.{u}/c", .source = "conv{s+1}_block{u+1}_3_conv" },
    { .layer = "stage{s}.{u}/proj", .source = "conv{s+1}_block{u+1}_0_conv" },
    { .layer = "post/batch_norm", .source = "post_bn" },
    { .layer = "head/dense", .source = "predictions" },
};

static const weft_name_table tables[] = {
    { "resnet{n}v2", WEFT_KERAS, WEFT_ORIGIN_KERAS, WEFT_NAME_RULES(resnet_v2) },
};

const weft_name_tables weft_names_keras_resnet_v2 = { tables, sizeof tables / sizeof *tables };
