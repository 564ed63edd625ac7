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

/* A depthwise convolution's weights [c, kernel_h, kernel_w, 1], rows of one number, as [taps][ld_to]: zeros from c to
 * ld_to, the window turned half round if it flips. by_channel: as [c][taps]. dtype: of what is written, from_dtype or
 * WEFT_F32, of floats any. */
typedef struct weft_depthwise_turn_args {
    weft_dtype from_dtype, dtype;
    weft_kview from;
    void *to;
    int64_t ld_to;
    int c, taps;
    bool flips, by_channel;
} weft_depthwise_turn_args;
int weft_launch_depthwise_turn(const weft_depthwise_turn_args *args, void *stream);

/* A depthwise convolution's, multiplier 1, any window: dx = sum + residual. wt [taps][ld_wt] of dtype, not flipped,
 * ld_wt a multiple of 8 for 16-byte loads. At a stride of 1 weft_launch_depthwise of dy is faster: with a flipped
 * window, and pads of (kernel - 1) * dilation less the convolution's. */
typedef struct weft_depthwise_dx_args {
    weft_dtype dtype;
    weft_kview dy, dx, residual;
    weft_kwindow win;
    int c;
    const void *wt;
    int64_t ld_wt;
} weft_depthwise_dx_args;
int weft_launch_depthwise_dx(const weft_depthwise_dx_args *args, void *stream);

/* dw: rows of one float, [c, taps]. scratch: weft_depthwise_dw_floats of them. turns: counters as in norm.h; with them
 * it is one launch where weft_depthwise_dw_joins, without them two. */
typedef struct weft_depthwise_dw_args {
    weft_dtype dtype;
    weft_kview x, dy, dw;
    weft_kwindow win;
    int c;
    float *scratch;
    unsigned *turns;
} weft_depthwise_dw_args;
int64_t weft_depthwise_dw_floats(const weft_depthwise_dw_args *args);
bool weft_depthwise_dw_joins(const weft_depthwise_dw_args *args);
int weft_launch_depthwise_dw(const weft_depthwise_dw_args *args, void *stream);

/* partial_conv2d's weights. sparse: rows of one number, a window of `taps` after the other, of those pairs of maps that
 * table [k][c] (in host memory) marks, in its order; full: rows of c, [k, taps], zeros for the other pairs. expand has
 * from sparse and to full, collect the other way round. dtype: of from; to_dtype: dtype or WEFT_F32, of an expansion of
 * floats any. */
typedef struct weft_partial_weights_args {
    weft_dtype dtype, to_dtype;
    weft_kview from, to;
    int k, c, taps;
    const uint8_t *table;
} weft_partial_weights_args;
int weft_launch_partial_expand(const weft_partial_weights_args *args, void *stream);
int weft_launch_partial_collect(const weft_partial_weights_args *args, void *stream);

#ifdef __cplusplus
}
#endif
#endif
