/* SPDX-License-Identifier: Apache-2.0
 *
 * Launchers of the gradients of pools, normalisations and LeNet-5's layers; the rules are those of kernels.h. dx has
 * dtype; the residual, another gradient of the same x, has dtype too, and may be dx itself. */
#ifndef WEFT_CUDA_KERNEL_GRAD_H
#define WEFT_CUDA_KERNEL_GRAD_H

#include "cuda/kernel/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- pools ---- */

/* dx of a pool over windows, from dy and, for the maximum, x. win is the pool's. */
typedef struct weft_pool2d_grad_args {
    weft_dtype dtype;
    weft_pool_kind kind;
    weft_kview dy, x, dx; /* x: of the maximum only */
    weft_kwindow win;
    int c;
    bool count_border, zero_border;
    weft_kview residual; /* data NULL: none */
} weft_pool2d_grad_args;
int weft_launch_pool2d_grad(const weft_pool2d_grad_args *args, void *stream);

/* dx [n, pixels, c] of a pool over images, from dy [n, c] and, for the maximum, x. dy_dtype: dtype or WEFT_F32. Only
 * the average takes a residual. */
typedef struct weft_global_pool_grad_args {
    weft_dtype dtype, dy_dtype;
    weft_pool_kind kind;
    weft_kview dy, x, dx;
    int n, pixels, c;
    weft_kview residual;
} weft_global_pool_grad_args;
int weft_launch_global_pool_grad(const weft_global_pool_grad_args *args, void *stream);

/* LeNet-5's S2. dx: gain[c] dy in a window, 0 beside all windows. dg: dgain[c] = sum of x dy, in two launches; scratch
 * holds weft_subsample_parts(args) * c floats. */
typedef struct weft_subsample_grad_args {
    weft_dtype dtype;
    weft_kview dy, x, dx; /* x: of dg; dx: of dx */
    weft_kwindow win;
    int c;
    const float *gain;
    float *dgain, *scratch;
} weft_subsample_grad_args;
int weft_launch_subsample_dx(const weft_subsample_grad_args *args, void *stream);
int weft_launch_subsample_dg(const weft_subsample_grad_args *args, void *stream);
int weft_subsample_parts(const weft_subsample_grad_args *args);

/* ---- normalisation ---- */

/* k, a, beta and reach as in weft_lrn_args. */
typedef struct weft_lrn_grad_args {
    weft_dtype dtype;
    weft_kview dy, x, dx;
    int64_t rows;
    int c, reach;
    float k, a, beta;
    weft_kview residual;
} weft_lrn_grad_args;
int weft_launch_lrn_grad(const weft_lrn_grad_args *args, void *stream);

/* dx = y (dy - sum of dy y) over each row; each of any type. dx may be dy or y, of the same type. */
typedef struct weft_softmax_grad_args {
    weft_dtype dy_dtype, y_dtype, dx_dtype;
    weft_kview dy, y, dx;
    int64_t rows;
    int c;
} weft_softmax_grad_args;
int weft_launch_softmax_grad(const weft_softmax_grad_args *args, void *stream);

/* dx[n, c] = 2 (sum over k of dy[n, k] (x[n, c] - centre[k, c])); each of any type. */
typedef struct weft_rbf_grad_args {
    weft_dtype dy_dtype, x_dtype, centre_dtype, dx_dtype;
    weft_kview dy, x, centre, dx;
    int n, c, k;
} weft_rbf_grad_args;
int weft_launch_rbf_grad(const weft_rbf_grad_args *args, void *stream);

#ifdef __cplusplus
}
#endif
#endif
