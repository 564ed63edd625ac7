/* SPDX-License-Identifier: Apache-2.0
 *
 * VGG as Keras Applications names it, counting blocks and their convolutions from 1. */
#include "weights/names/table.h"

static const weft_name_rule vgg[] = {
    { .layer = "block{b}/{x:a|b|c|d}/conv2d", .source = "block{b}_conv{x+1}" },
    { .layer = "fc{n}/dense", .source = "fc{n}" },
    { .layer = "head/dense", .source = "predictions" },
};

static const weft_name_table tables[] = {
    { "vgg{n}", WEFT_KERAS, WEFT_ORIGIN_KERAS, WEFT_NAME_RULES(vgg) },
};

const weft_name_tables weft_names_keras_vgg = { tables, sizeof tables / sizeof *tables };
