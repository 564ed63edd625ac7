/* SPDX-License-Identifier: Apache-2.0
 *
 * How tables say which tensor of another framework's file is which parameter of ours. A parameter's name is its
 * layer's path and a leaf ("stage1.0/a/conv2d" and "weight"). A table belongs to networks, a dialect and an origin; a
 * rule of it turns the path of a layer into the name that the layer has there:
 *
 *     { "stage{s}.{u}/{x:a|b|c}/conv2d", "layer{s}.{u}.conv{x+1}" }
 *
 * Patterns:  {s}        a decimal number, kept as s (one letter, a to z)
 *            {x:a|b|c}  one of these words; x is its position, from 0
 *            *          any text
 * Templates: {s}, {2s+u-1}  a sum of kept values, each perhaps with a factor, and constants
 *            {x:1|2|3}      the word at position x
 *            {#+2}          # is how many layers this rule has matched before this one, in the network's order
 *            {#conv2d}      Keras' automatic names: the k-th of the file's layers "conv2d", "conv2d_1", ... in order of
 *                           their numbers, wherever these begin; k counts the layers that any rule of the table has
 *                           named by this stem
 *            {#conv2d:2u+1} the same with k given
 *            layer:leaf     after a colon at the end, the leaf, where the origin's is not that of weft_leaf_rows
 *
 * The first rule that matches is taken. Leaves and layouts are the same for all networks of an origin: leaf.c,
 * order.c. Several tables may serve the same network, dialect and origin (files of another port, or the paths of a
 * Keras file without names): the one that finds most tensors is taken; the first gives the names that are listed. */
#ifndef WEFT_WEIGHTS_NAMES_TABLE_H
#define WEFT_WEIGHTS_NAMES_TABLE_H

#include <weft/weights.h>

enum {
    WEFT_NAME_CONV = 1,   /* a dense layer of ours is a convolution there */
    WEFT_NAME_IGNORE = 2, /* no layer: `source` is a pattern of whole tensor names that do not matter */
    WEFT_NAME_FILL = 4,   /* `layer` is a pattern of whole parameters that a file may lack: fill[0..2], repeated */
    WEFT_NAME_GAMMA = 8,  /* batch norm that has a gamma there and none here: folded into the layer before it */
    WEFT_NAME_FIRST = 16, /* the first half of the layer's outputs there is ours ... */
    WEFT_NAME_SECOND = 32, /* ... the second half */
    WEFT_NAME_SQUARE = 64, /* `layer` is a pattern of whole parameters: values that are fill[0..2] are squared */
    WEFT_NAME_SHIFT = 128  /* `layer` is a pattern of whole parameters: fill[0] is added */
};

typedef struct weft_name_rule {
    const char *layer;  /* pattern */
    const char *source; /* template */
    unsigned flags;
    float fill[3];
} weft_name_rule;

typedef struct weft_name_table {
    const char *archs; /* patterns of network names: "resnet{n}|resnext{n}-*" */
    weft_dialect dialect;
    weft_origin origin;
    const weft_name_rule *rules;
    int count;
} weft_name_table;

/* A table's last two members. */
#define WEFT_NAME_RULES(array) (array), (int)(sizeof(array) / sizeof((array)[0]))

/* Tables of one origin and family. */
typedef struct weft_name_tables {
    const weft_name_table *tables;
    int count;
} weft_name_tables;

/* All of them, in the order in which they are tried, NULL behind the last: arch/weights/tables.c. */
extern const weft_name_tables *const weft_name_families[];

#endif
