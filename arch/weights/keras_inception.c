/* SPDX-License-Identifier: Apache-2.0
 *
 * Inception-v3 and Inception-ResNet-v2 as Keras Applications names them: most layers have no name of their own but
 * Keras' automatic number, in the order in which they were made, which is that of our parameters. It begins
 * anywhere: a session goes on counting from model to model. Batch norm has no gamma in either. */
#include "weights/names/table.h"

static const weft_name_rule inception_v3[] = {
    { .layer = "head/dense", .source = "predictions" },
    { .layer = "*/conv2d", .source = "{#conv2d}" },
    { .layer = "*/batch_norm", .source = "{#batch_normalization}" },
};

static const weft_name_rule inception_resnet_v2[] = {
    { .layer = "block{b}.{u}/up", .source = "block{b}_{u+1}_conv" },
    { .layer = "top/conv2d", .source = "conv_7b" },
    { .layer = "top/batch_norm", .source = "conv_7b_bn" },
    { .layer = "head/dense", .source = "predictions" },
    { .layer = "*/conv2d", .source = "{#conv2d}" },
    { .layer = "*/batch_norm", .source = "{#batch_normalization}" },
};

static const weft_name_table tables[] = {
    { "inception-v3", WEFT_KERAS, WEFT_ORIGIN_KERAS, WEFT_NAME_RULES(inception_v3) },
    { "inception-resnet-v2", WEFT_KERAS, WEFT_ORIGIN_KERAS, WEFT_NAME_RULES(inception_resnet_v2) },
};

const weft_name_tables weft_names_keras_inception = { tables, sizeof tables / sizeof *tables };
