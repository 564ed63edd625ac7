/* SPDX-License-Identifier: Apache-2.0
 *
 * ResNet as Keras Applications names it: convM_blockU_K_conv, where M is the paper's stage (2 to 5) and K the place in
 * the unit (0: the projection). */
#include "weights/names/table.h"

static const weft_name_rule resnet[] = {
    { .layer = "stem/conv2d", .source = "conv1_conv" },
    { .layer = "stem/batch_norm", .source = "conv1_bn" },
    { .layer = "stage{s}.{u}/{x:proj|a|b|c}/conv2d", .source = "conv{s+1}_block{u+1}_{x}_conv" },
    { .layer = "stage{s}.{u}/{x:proj|a|b|c}/batch_norm", .source = "conv{s+1}_block{u+1}_{x}_bn" },
    { .layer = "head/dense", .source = "predictions" },
};

static const weft_name_table tables[] = {
    { "resnet{n}", WEFT_KERAS, WEFT_ORIGIN_KERAS, WEFT_NAME_RULES(resnet) },
};

const weft_name_tables weft_names_keras_resnet = { tables, sizeof tables / sizeof *tables };
