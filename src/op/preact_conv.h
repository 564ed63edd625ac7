/* SPDX-License-Identifier: Apache-2.0
 *
 * A convolution of what a batch norm with moving statistics and its activation give, computed where it is read, as one
 * op of two parts. No builder makes it; a pass does, at inference, where a device has a kernel that stores nothing
 * between them. In training it is norm_conv. */
#ifndef WEFT_OP_PREACT_CONV_H
#define WEFT_OP_PREACT_CONV_H

#include "graph/op.h"

typedef struct weft_preact_conv_opt {
    const char *name;
    weft_batch_norm_opt norm;
    weft_act act; /* of the norm */
    weft_conv2d_opt conv;
} weft_preact_conv_opt;

/* The parts as nodes of their own ops. The last has the node's residual, if any. Shapes point into the struct: it must
 * not be copied. */
typedef struct weft_preact_parts {
    weft_node norm, conv;
    weft_shape norm_in[1 + 4]; /* x, gamma, beta, mean, variance */
    weft_shape between;
    weft_shape conv_in[1 + 2 + 1]; /* x, weight, bias, residual */
} weft_preact_parts;

/* The convolution's parameters are those behind the norm's. */
void weft_preact_split(const weft_node *node, weft_preact_parts *parts);

#endif
