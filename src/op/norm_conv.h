/* SPDX-License-Identifier: Apache-2.0
 *
 * A convolution of what a batch norm and its activation give, computed where it is read, as one op of two parts. No
 * builder makes it; a pass does, in training, where a device has a kernel that stores nothing between them. */
#ifndef WEFT_OP_NORM_CONV_H
#define WEFT_OP_NORM_CONV_H

#include "op/batch_norm.h"

typedef struct weft_norm_conv_opt {
    const char *name;
    weft_batch_norm_again_opt norm;
    weft_act act; /* of the norm */
    weft_conv2d_opt conv;
} weft_norm_conv_opt;

enum { WEFT_AGAIN_IN = 5 /* x, mean, rstd, shift, gamma */ };

/* A norm computed once more as a node of its own op, whose output is shaped as x. Shapes point into the struct: it must
 * not be copied. */
typedef struct weft_again_part {
    weft_node node;
    weft_shape in[WEFT_AGAIN_IN], out;
} weft_again_part;

/* in: x, then what the norm reads. */
void weft_again_split(const weft_node *node, const weft_batch_norm_again_opt *opt, weft_act act, const weft_shape *in,
                      weft_again_part *part);

/* What batch_norm_again reads. */
WEFT_INLINE int weft_again_inputs(const weft_batch_norm_again_opt *opt)
{
    return opt->no_gamma ? 4 : 5;
}

/* The parts. The last has the node's epilogue. */
typedef struct weft_norm_conv_parts {
    weft_again_part again;
    weft_node conv;
    weft_shape conv_in[1 + 2 + 1]; /* x, weights, bias, residual */
} weft_norm_conv_parts;

void weft_norm_conv_split(const weft_node *node, weft_norm_conv_parts *parts);

#endif
