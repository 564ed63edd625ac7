/* SPDX-License-Identifier: Apache-2.0
 *
 * CSPNet as timm names it. One convolution makes both halves of a stage there; ours has one for each. */
#include "weights/names/table.h"

#define LAYER "{k:conv2d|batch_norm}"
#define THEIRS "{k:conv|bn}"

static const weft_name_rule cspnet[] = {
    { .layer = "stem/" LAYER, .source = "stem.conv1." THEIRS },
    { .layer = "stage{s}/down/" LAYER, .source = "stages.{s-1}.conv_down." THEIRS },
    { .layer = "stage{s}/past/" LAYER, .source = "stages.{s-1}.conv_exp." THEIRS, .flags = WEFT_NAME_FIRST },
    { .layer = "stage{s}/through/" LAYER, .source = "stages.{s-1}.conv_exp." THEIRS, .flags = WEFT_NAME_SECOND },
    { .layer = "stage{s}/{u}/{x:a|b|c}/" LAYER, .source = "stages.{s-1}.blocks.{u}.conv{x+1}." THEIRS },
    { .layer = "stage{s}/{x:transition_b|transition}/" LAYER,
      .source = "stages.{s-1}.conv_{x:transition_b|transition}." THEIRS },
    { .layer = "head/dense", .source = "head.fc" },
};

static const weft_name_table tables[] = {
    { "csp*", WEFT_TORCH, WEFT_ORIGIN_TIMM, WEFT_NAME_RULES(cspnet) },
};

const weft_name_tables weft_names_torch_csp = { tables, sizeof tables / sizeof *tables };
