/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of conv2d share: its kernels, and its windows. */
#ifndef WEFT_CPU_CONV2D_H
#define WEFT_CPU_CONV2D_H

#include "cpu/gemm_window.h"

extern const weft_kernel weft_cpu_conv2d_depthwise, weft_cpu_conv2d_grouped, weft_cpu_conv2d_narrow;
extern const weft_kernel weft_cpu_conv2d_winograd;
extern const weft_kernel weft_cpu_conv2d_pointwise; /* its state is a weft_gemm_rows */
extern const weft_kernel weft_cpu_conv2d_dw_depthwise, weft_cpu_conv2d_dw_winograd, weft_cpu_conv2d_dw_outer;

/* A convolution of one group as windows, but for the weights. */
void weft_conv2d_windows(const weft_node *node, weft_gemm_windows *windows, weft_gemm_window *part);
/* The micro-kernels for `groups` products of `out` columns each, and how many of these are joined into one. */
const weft_gemm_table *weft_conv2d_join_groups(const weft_device *device, int64_t groups, int64_t out,
                                               int64_t *joined);
/* Why a kernel that copies input lines with their border should not: the border is out of proportion. NULL: it may. */
const char *weft_conv2d_refuse_border(const weft_node *node);

#endif
