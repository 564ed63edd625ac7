/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of a convolution and of the batch norm behind it as one op of three parts. No builder makes it; a pass
 * does, where a device has a kernel that keeps what lies between them in its caches. */
#ifndef WEFT_OP_CONV_NORM_GRAD_H
#define WEFT_OP_CONV_NORM_GRAD_H

#include "op/batch_norm.h"
#include "op/conv2d.h"
#include "op/norm_conv.h"

typedef struct weft_conv_norm_grad_opt {
    const char *name;
    weft_batch_norm_dx_opt norm;
    weft_conv2d_grad_opt conv;
    bool again; /* x is what goes into another norm and act, whose result the convolution read (norm_conv) */
    weft_batch_norm_again_opt before;
    weft_act before_act;
} weft_conv_norm_grad_opt;

/* Outputs. */
enum { WEFT_CONV_NORM_DX, WEFT_CONV_NORM_DW, WEFT_CONV_NORM_DGAMMA, WEFT_CONV_NORM_DBETA };

enum { WEFT_PART_IN = 7 /* of the norm's gradient: six, the residual */ };

/* The parts as nodes of their own ops. What the first gives the others is `between`, shaped as dy. Shapes point into
 * the struct: it must not be copied. */
typedef struct weft_conv_norm_parts {
    weft_node norm, dx, dw;
    weft_again_part again; /* of what the convolution read, with options that say so */
    int x, weights;        /* indices of the node's inputs; behind x what `again` reads besides */
    weft_shape norm_in[WEFT_PART_IN], norm_out[3], dx_in[3], dw_in[2];
} weft_conv_norm_parts;

/* node: a whole conv_norm_grad. dx has its residual, if any. */
void weft_conv_norm_split(const weft_node *node, weft_conv_norm_parts *parts);

#endif
