/* SPDX-License-Identifier: Apache-2.0
 *
 * What several ways of lower.c have in common, and those of them that are in files of their own: convolutions and
 * products, gradients. */
#ifndef WEFT_TESTS_CUDA_LOWER_PART_H
#define WEFT_TESTS_CUDA_LOWER_PART_H

#include "lower.h"

/* Memory of the call's arena at a multiple of 64 bytes; NULL: none. Floats are NaN. */
void *lower_fresh(const lower_call *call, size_t bytes);
float *lower_fresh_floats(const lower_call *call, int64_t count);

weft_kepilogue lower_epilogue_of(const lower_call *call, const float *bias);
weft_kwindow lower_window_of(const weft_node *n, int kh, int kw, int sh, int sw, int dilation, weft_pad pad);

int lower_conv2d_direct(const lower_call *call);
bool lower_is_depthwise(const weft_node *n);
int lower_conv2d_depthwise(const lower_call *call);
int lower_conv2d_depthwise_pooled(const lower_call *call);
bool lower_is_pointwise(const weft_node *n);
int lower_conv2d_gemm(const lower_call *call);
int lower_dense(const lower_call *call);
int lower_partial_conv2d(const lower_call *call);
int lower_rbf(const lower_call *call);

bool lower_is_small(const weft_node *n);
int lower_pool2d_grad(const lower_call *call);
int lower_global_pool2d_grad(const lower_call *call);
int lower_lrn_grad(const lower_call *call);
int lower_softmax_grad(const lower_call *call);
int lower_rbf_grad(const lower_call *call);

#endif
