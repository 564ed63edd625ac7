/* SPDX-License-Identifier: Apache-2.0
 *
 * A convolution and the batch norm behind it in training, as one op of two parts. No builder makes it; a pass does,
 * where a device has a kernel that sums what it convolves for the norm's statistics, instead of reading it again. */
#ifndef WEFT_OP_CONV_NORM_H
#define WEFT_OP_CONV_NORM_H

#include "op/batch_norm.h"

typedef struct weft_conv_norm_opt {
    const char *name;
    weft_conv2d_opt conv;
    weft_batch_norm_opt norm;
} weft_conv_norm_opt;

/* Outputs: those of batch_norm_train, then what was convolved. */
enum { WEFT_CONV_NORM_NORM_OUT = 5, WEFT_CONV_NORM_MAP = WEFT_CONV_NORM_NORM_OUT };

/* The parts as nodes of their own ops. The norm has the node's epilogue. Shapes point into the struct: it must not be
 * copied. */
typedef struct weft_conv_norm {
    weft_node conv, norm;
    int norm_param;             /* index of the node's inputs: the norm's parameters and residual begin there */
    weft_shape norm_in[1 + 2 + 1]; /* what was convolved, gamma, beta, residual */
} weft_conv_norm;

void weft_conv_norm_split_forward(const weft_node *node, weft_conv_norm *parts);

#endif
