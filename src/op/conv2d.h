/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of a convolution: their options, and what appends their nodes. */
#ifndef WEFT_OP_CONV2D_H
#define WEFT_OP_CONV2D_H

#include "graph/op.h"

/* Options of conv2d_dx and conv2d_dw: those of the convolution, resolved, and the size of its input. */
typedef struct weft_conv2d_grad_opt {
    weft_conv2d_opt conv; /* its name is the node's */
    int64_t h, w, c;
} weft_conv2d_grad_opt;

/* Of a convolution of each channel by itself. */
WEFT_INLINE bool weft_conv2d_grad_is_depthwise(const weft_conv2d_grad_opt *o)
{
    return o->conv.groups > 1 && o->conv.groups == o->conv.out && o->conv.groups == o->c;
}

/* dy [N, OH, OW, K] and the weights give the gradient of x, shaped as x (the batch is dy's). */
weft_var weft_conv2d_dx(weft_graph *graph, weft_var dy, weft_var weight, const weft_conv2d_opt *conv,
                        const weft_shape *x);
/* x and dy give the gradient of the weights, [K, R, S, C/groups]. */
weft_var weft_conv2d_dw(weft_graph *graph, weft_var x, weft_var dy, const weft_conv2d_opt *conv);

#endif
