/* SPDX-License-Identifier: Apache-2.0
 *
 * DenseNet as Keras Applications names it. A unit's batch norms come before its convolutions, so they are numbered
 * from 0 and these from 1; the transition behind dense block n is pool n + 1. The files of 2018 call the stem's
 * layers and the classifier differently. */
#include "weights/names/table.h"

#define UNITS                                                                                                          \
    { .layer = "block{b}.{u}/{x:a|b}/batch_norm", .source = "conv{b+1}_block{u+1}_{x}_bn" },                           \
        { .layer = "block{b}.{u}/{x:a|b}/conv2d", .source = "conv{b+1}_block{u+1}_{x+1}_conv" },                       \
        { .layer = "transition{n}/a/batch_norm", .source = "pool{n+1}_bn" },                                           \
        { .layer = "transition{n}/a/conv2d", .source = "pool{n+1}_conv" },                                             \
        { .layer = "post/batch_norm", .source = "bn" }

static const weft_name_rule densenet[] = {
    { .layer = "stem/conv2d", .source = "conv1_conv" },
    { .layer = "stem/batch_norm", .source = "conv1_bn" },
    UNITS,
    { .layer = "head/dense", .source = "predictions" },
};

static const weft_name_rule densenet_of_2018[] = {
    { .layer = "stem/conv2d", .source = "conv1/conv" },
    { .layer = "stem/batch_norm", .source = "conv1/bn" },
    UNITS,
    { .layer = "head/dense", .source = "fc1000" },
};

static const weft_name_table tables[] = {
    { "densenet{n}", WEFT_KERAS, WEFT_ORIGIN_KERAS, WEFT_NAME_RULES(densenet) },
    { "densenet{n}", WEFT_KERAS, WEFT_ORIGIN_KERAS, WEFT_NAME_RULES(densenet_of_2018) },
};

const weft_name_tables weft_names_keras_densenet = { tables, sizeof tables / sizeof *tables };
