/* SPDX-License-Identifier: Apache-2.0
 *
 * GoogLeNet and Inception as torchvision and timm name them. The auxiliary heads of a file are left out. */
#include "weights/names/table.h"

#define LAYER "{k:conv2d|batch_norm}"
#define THEIRS "{k:conv|bn}"

static const weft_name_rule googlenet[] = {
    { .layer = "stem/{x:a|b|c}/" LAYER, .source = "conv{x+1}." THEIRS },
    { .layer = "{m}{l:a|b|c|d|e}/1x1/" LAYER, .source = "inception{m}{l:a|b|c|d|e}.branch1." THEIRS },
    { .layer = "{m}{l:a|b|c|d|e}/{y:3x3|5x5}{i:_reduce|}/" LAYER,
      .source = "inception{m}{l:a|b|c|d|e}.branch{y+2}.{i}." THEIRS },
    { .layer = "{m}{l:a|b|c|d|e}/pool_proj/" LAYER, .source = "inception{m}{l:a|b|c|d|e}.branch4.1." THEIRS },
    { .layer = "head/dense", .source = "fc" },
    { .source = "aux{n}.*", .flags = WEFT_NAME_IGNORE },
};

#define MIXED "{m:mixed0|mixed1|mixed2|mixed3|mixed4|mixed5|mixed6|mixed7|mixed8|mixed9|mixed10}/"
#define MIXED_THERE "Mixed_{m:5b|5c|5d|6a|6b|6c|6d|6e|7a|7b|7c}.branch"

static const weft_name_rule inception_v3[] = {
    { .layer = "stem/{x:a|b|c|d|e}/" LAYER, .source = "Conv2d_{x:1a_3x3|2a_3x3|2b_3x3|3b_1x1|4a_3x3}." THEIRS },
    { .layer = MIXED "1x1/0/" LAYER, .source = MIXED_THERE "1x1." THEIRS },
    { .layer = MIXED "pool_proj/" LAYER, .source = MIXED_THERE "_pool." THEIRS },
    { .layer = MIXED "5x5/{i}/" LAYER, .source = MIXED_THERE "5x5_{i+1}." THEIRS },
    { .layer = "{m:mixed0|mixed1|mixed2}/3x3/{i}/" LAYER, .source = "Mixed_{m:5b|5c|5d}.branch3x3dbl_{i+1}." THEIRS },
    { .layer = "mixed3/3x3/0/" LAYER, .source = "Mixed_6a.branch3x3." THEIRS },
    { .layer = MIXED "3x3/{i}/" LAYER, .source = MIXED_THERE "3x3_{i+1}." THEIRS },
    { .layer = MIXED "3x3x2/{i}/" LAYER, .source = MIXED_THERE "3x3dbl_{i+1}." THEIRS },
    { .layer = MIXED "3x3_fork/{y:1x3|3x1}/" LAYER, .source = MIXED_THERE "3x3_2{y:a|b}." THEIRS },
    { .layer = MIXED "3x3x2_fork/{y:1x3|3x1}/" LAYER, .source = MIXED_THERE "3x3dbl_3{y:a|b}." THEIRS },
    { .layer = MIXED "7x7/{i}/" LAYER, .source = MIXED_THERE "7x7_{i+1}." THEIRS },
    { .layer = MIXED "7x7x2/{i}/" LAYER, .source = MIXED_THERE "7x7dbl_{i+1}." THEIRS },
    { .layer = MIXED "7x7x3/{i}/" LAYER, .source = MIXED_THERE "7x7x3_{i+1}." THEIRS },
    { .layer = "head/dense", .source = "fc" },
    { .source = "AuxLogits.*", .flags = WEFT_NAME_IGNORE },
};

static const weft_name_rule inception_v4[] = {
    { .layer = "stem.0/in/{i}/" LAYER, .source = "features.{i}." THEIRS },
    { .layer = "stem.0/{x:half|quarter}/0/" LAYER, .source = "features.{2x+3}.conv." THEIRS },
    { .layer = "stem.0/{x:3x3|7x7}/{i}/" LAYER, .source = "features.4.branch{x}.{i}." THEIRS },
    { .layer = "a.{u}/1x1/0/" LAYER, .source = "features.{u+6}.branch0." THEIRS },
    { .layer = "a.{u}/{x:3x3|3x3x2}/{i}/" LAYER, .source = "features.{u+6}.branch{x+1}.{i}." THEIRS },
    { .layer = "a.{u}/pool_proj/" LAYER, .source = "features.{u+6}.branch3.1." THEIRS },
    { .layer = "reduce_a.0/3x3/0/" LAYER, .source = "features.10.branch0." THEIRS },
    { .layer = "reduce_a.0/3x3x2/{i}/" LAYER, .source = "features.10.branch1.{i}." THEIRS },
    { .layer = "b.{u}/1x1/0/" LAYER, .source = "features.{u+11}.branch0." THEIRS },
    { .layer = "b.{u}/{x:7x7|7x7x2}/{i}/" LAYER, .source = "features.{u+11}.branch{x+1}.{i}." THEIRS },
    { .layer = "b.{u}/pool_proj/" LAYER, .source = "features.{u+11}.branch3.1." THEIRS },
    { .layer = "reduce_b.0/{x:3x3|7x7}/{i}/" LAYER, .source = "features.18.branch{x}.{i}." THEIRS },
    { .layer = "c.{u}/1x1/0/" LAYER, .source = "features.{u+19}.branch0." THEIRS },
    { .layer = "c.{u}/{x:3x3|3x3x2}/{i}/" LAYER, .source = "features.{u+19}.branch{x+1}_{i}." THEIRS },
    { .layer = "c.{u}/{x:3x3|3x3x2}_fork/{y:1x3|3x1}/" LAYER,
      .source = "features.{u+19}.branch{x+1}_{2x+1}{y:a|b}." THEIRS },
    { .layer = "c.{u}/pool_proj/" LAYER, .source = "features.{u+19}.branch3.1." THEIRS },
    { .layer = "head/dense", .source = "last_linear" },
};

/* Ours has Keras' batch norm, without gamma; in timm's file, which was converted from the same origin, it is 1. */
#define GAMMA .flags = WEFT_NAME_GAMMA
static const weft_name_rule inception_resnet_v2[] = {
    { .layer = "stem/{x:a|b|c|d|e}/" LAYER, .source = "conv2d_{x:1a|2a|2b|3b|4a}." THEIRS, GAMMA },
    { .layer = "stem/1x1/0/" LAYER, .source = "mixed_5b.branch0." THEIRS, GAMMA },
    { .layer = "stem/{x:5x5|3x3x2}/{i}/" LAYER, .source = "mixed_5b.branch{x+1}.{i}." THEIRS, GAMMA },
    { .layer = "stem/pool/0/" LAYER, .source = "mixed_5b.branch3.1." THEIRS, GAMMA },
    { .layer = "block8.9/1x1/0/" LAYER, .source = "block8.branch0." THEIRS, GAMMA },
    { .layer = "block8.9/3x3/{i}/" LAYER, .source = "block8.branch1.{i}." THEIRS, GAMMA },
    { .layer = "block8.9/up", .source = "block8.conv2d" },
    { .layer = "block{x:35|17|8}.{u}/1x1/0/" LAYER, .source = "repeat{x:|_1|_2}.{u}.branch0." THEIRS, GAMMA },
    { .layer = "block{x:35|17|8}.{u}/3x3x2/{i}/" LAYER, .source = "repeat{x:|_1|_2}.{u}.branch2.{i}." THEIRS, GAMMA },
    { .layer = "block{x:35|17|8}.{u}/{y:3x3|7x7}/{i}/" LAYER, .source = "repeat{x:|_1|_2}.{u}.branch1.{i}." THEIRS,
      GAMMA },
    { .layer = "block{x:35|17|8}.{u}/up", .source = "repeat{x:|_1|_2}.{u}.conv2d" },
    { .layer = "reduce_a/3x3/0/" LAYER, .source = "mixed_6a.branch0." THEIRS, GAMMA },
    { .layer = "reduce_a/3x3x2/{i}/" LAYER, .source = "mixed_6a.branch1.{i}." THEIRS, GAMMA },
    { .layer = "reduce_b/{x:3x3a|3x3b|3x3x2}/{i}/" LAYER, .source = "mixed_7a.branch{x}.{i}." THEIRS, GAMMA },
    { .layer = "top/" LAYER, .source = "conv2d_7b." THEIRS, GAMMA },
    { .layer = "head/dense", .source = "classif" },
};

static const weft_name_table tables[] = {
    { "googlenet", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION, WEFT_NAME_RULES(googlenet) },
    { "inception-v3", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION, WEFT_NAME_RULES(inception_v3) },
    { "inception-v3", WEFT_TORCH, WEFT_ORIGIN_TIMM, WEFT_NAME_RULES(inception_v3) },
    { "inception-v4", WEFT_TORCH, WEFT_ORIGIN_TIMM, WEFT_NAME_RULES(inception_v4) },
    { "inception-resnet-v2", WEFT_KERAS, WEFT_ORIGIN_TIMM, WEFT_NAME_RULES(inception_resnet_v2) },
};

const weft_name_tables weft_names_torch_inception = { tables, sizeof tables / sizeof *tables };
