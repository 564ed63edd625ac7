/* SPDX-License-Identifier: Apache-2.0
 *
 * weft's own CUDA kernels for gradients of convolutions, as the host code sees them; what holds for all launchers is
 * said in kernels.h. Windows are the convolution's: n, h and w of x, oh and ow of dy. Gradients of parameters are
 * floats, and sums over pixels are made in two stages over parts that depend on sizes only. */
#ifndef WEFT_CUDA_KERNEL_CONV_GRAD_H
#define WEFT_CUDA_KERNEL_CONV_GRAD_H

#include "cuda/kernel/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Any convolution: groups, dilation, multipliers, any pads. wt [k, kh, kw, c / groups], as the op's, of dtype. For what
 * cuDNN refuses; not fast. dx = sum + residual. */
typedef struct weft_conv2d_dx_args {
    weft_dtype dtype;
    weft_kview dy, dx, residual; /* residual.data NULL: none */
    weft_kwindow win;
    int c, k, groups; /* groups 0: 1 */
    const void *wt;
} weft_conv2d_dx_args;
int weft_launch_conv2d_dx(const weft_conv2d_dx_args *args, void *stream);

/* dw: rows of c / groups floats, [k, kh, kw]. scratch: weft_conv2d_dw_floats of them, NULL for 0. */
typedef struct weft_conv2d_dw_args {
    weft_dtype dtype;
    weft_kview x, dy, dw;
    weft_kwindow win;
    int c, k, groups;
    float *scratch;
} weft_conv2d_dw_args;
int64_t weft_conv2d_dw_floats(const weft_conv2d_dw_args *args);
int weft_launch_conv2d_dw(const weft_conv2d_dw_args *args, void *stream);

#ifdef __cplusplus
}
#endif
#endif
