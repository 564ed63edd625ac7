/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of conv2d_dx share: its kernels, and how the pixels of x fall into grids. */
#ifndef WEFT_CPU_CONV2D_DX_H
#define WEFT_CPU_CONV2D_DX_H

#include "cpu/conv2d.h"
#include "op/conv2d.h"

/* One axis of the convolution. */
typedef struct weft_conv2d_dx_axis {
    int64_t in, out, kernel, stride, dilation, before;
    int64_t grids; /* pixels that lie alike in the stride: grid i has i, i + stride, ... */
} weft_conv2d_dx_axis;
void weft_conv2d_dx_axes(const weft_node *node, weft_conv2d_dx_axis axis[2]);

/* The taps of one grid along one axis: `count` of them, the i-th is the window's `last - i * step`, which meets the
 * output i * dilation - before beyond the pixel's place in the grid. */
typedef struct weft_conv2d_dx_taps {
    int64_t count, last, step, dilation, before;
    int64_t pixels; /* of the grid */
} weft_conv2d_dx_taps;
/* Of pixels at, at + stride, ... */
weft_conv2d_dx_taps weft_conv2d_dx_taps_at(const weft_conv2d_dx_axis *axis, int64_t at);

extern const weft_kernel weft_cpu_conv2d_dx_depthwise, weft_cpu_conv2d_dx_gemm, weft_cpu_conv2d_dx_narrow;
extern const weft_kernel weft_cpu_conv2d_dx_winograd;

#endif
