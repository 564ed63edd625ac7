/* SPDX-License-Identifier: Apache-2.0
 *
 * Launchers of what norms, activations, gates and factors take in training, forwards and backwards. Conventions are
 * those of kernels.h. Gradients of parameters and statistics are floats.
 *
 * Sums over rows have two stages with a fixed partition. The second is done by the block that is last, which it finds
 * out by counting: turns are counters in device memory, zeros, which are zeros again afterwards; whoever shares them
 * must be on one stream. NULL, or more channels than they serve: a launch more instead, and the same bits. */
#ifndef WEFT_CUDA_KERNEL_NORM_H
#define WEFT_CUDA_KERNEL_NORM_H

#include "cuda/kernel/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { WEFT_TURNS = 1024 /* serves 32768 channels */ };

/* ---- batch norm ---- */

/* The statistics of x [rows][c], as batch_norm_train gives them: shift is beta, less what mean lost in rounding. */
typedef struct weft_norm_stats_args {
    weft_dtype dtype;
    weft_kview x;
    int64_t rows;
    int c;
    const float *gamma, *beta; /* gamma NULL: 1 */
    double epsilon;
    bool unbiased;                         /* variance alone */
    float *mean, *rstd, *variance, *shift; /* [c] */
    float *scratch;                        /* [weft_norm_stats_floats(args)] */
    unsigned *turns;
} weft_norm_stats_args;
int weft_launch_norm_stats(const weft_norm_stats_args *args, void *stream);
int64_t weft_norm_stats_floats(const weft_norm_stats_args *args);

/* y = act((x - mean[c]) gain[c] + shift[c] + residual), gain = factor gamma rstd. Arrays may be NULL: 0, 1, 1, 0. In
 * place on x or residual. */
typedef struct weft_norm_apply_args {
    weft_dtype dtype;
    weft_kview x, residual, y;
    int64_t rows;
    int c;
    const float *mean, *rstd, *gamma, *shift;
    bool of_variance; /* rstd is a variance, and 1 / sqrt(rstd + epsilon) is meant */
    double epsilon;
    float factor; /* 0 is 0 */
    weft_act act;
} weft_norm_apply_args;
int weft_launch_norm_apply(const weft_norm_apply_args *args, void *stream);

/* The same of statistics that are made here, of the sums of x and of its squares: those of norm_stats, whose mean is as
 * it is rounded to a float. apply has none. For x in 16 bits: a mean of r deviations costs the variance some r^2 / 2^24
 * of it. In place on residual only. */
typedef struct weft_norm_finish_args {
    weft_norm_apply_args apply;
    const float *sums, *squares, *beta; /* [c] */
    double epsilon;
    bool unbiased;
    float *mean, *rstd, *variance, *shift; /* [c] */
} weft_norm_finish_args;
int weft_launch_norm_finish(const weft_norm_finish_args *args, void *stream);

/* The gradients of batch norm, as batch_norm_dx: g = dy slope(y), dbeta = sum of g, dgamma = sum of g (x - mean) rstd,
 * dx = gamma rstd (g - (dbeta + (x - mean) rstd dgamma) / rows) + residual; frozen: without what is divided by rows,
 * and rstd is a variance. act: those that weft_batch_norm_dx_takes. In place on dy, x or residual.
 * g.data not NULL, as batch_norm_join_dx: act is one whose slope is of its result, which is z, and g is stored; beta is
 * not read. */
typedef struct weft_norm_dx_args {
    weft_dtype dtype;
    weft_kview dy, x, residual, dx, z, g;
    int64_t rows;
    int c;
    const float *mean, *rstd, *gamma, *beta; /* gamma NULL: 1; beta only with act */
    bool frozen;
    double epsilon;
    weft_act act;
    float *dgamma, *dbeta; /* [c] */
    float *scratch;        /* [weft_norm_dx_floats(args)] */
    unsigned *turns;
} weft_norm_dx_args;
int weft_launch_norm_dx(const weft_norm_dx_args *args, void *stream);
int64_t weft_norm_dx_floats(const weft_norm_dx_args *args);

/* The same of two norms whose results were added, as batch_norm_pair_dx: g = dy slope(z), z what the activation behind
 * gave. act: one whose slope is of its result. dx of side 0 in place on dy, z or its x. */
typedef struct weft_norm_pair_side {
    weft_kview x, dx;
    const float *mean, *rstd, *gamma; /* gamma NULL: 1 */
    float *dgamma, *dbeta;            /* [c] */
} weft_norm_pair_side;
typedef struct weft_norm_pair_args {
    weft_dtype dtype;
    weft_kview dy, z;
    int64_t rows;
    int c;
    weft_act act;
    weft_norm_pair_side side[2];
    float *scratch; /* [weft_norm_pair_floats(args)] */
    unsigned *turns;
} weft_norm_pair_args;
int weft_launch_norm_pair(const weft_norm_pair_args *args, void *stream);
int64_t weft_norm_pair_floats(const weft_norm_pair_args *args);

/* ---- sums ---- */

/* y[c] = sum over rows of x */
typedef struct weft_channel_sum_args {
    weft_dtype dtype;
    weft_kview x;
    int64_t rows;
    int c;
    float *y;
    float *scratch; /* [weft_channel_sum_floats(args)] */
    unsigned *turns;
} weft_channel_sum_args;
int weft_launch_channel_sum(const weft_channel_sum_args *args, void *stream);
int64_t weft_channel_sum_floats(const weft_channel_sum_args *args);

/* ds[n][c] = sum over the pixels of x dy; ds has x's type. ds.data NULL: only the parts are wanted, in scratch
 * [n][parts][2][c]: sums of x, then of x dy. */
typedef struct weft_map_product_args {
    weft_dtype dtype;
    weft_kview x, dy, ds;
    int n, pixels, c;
    float *scratch; /* [n][parts][2][c]; not used for ds if there is one part */
} weft_map_product_args;
int weft_launch_map_product(const weft_map_product_args *args, void *stream);
int weft_map_product_parts(const weft_map_product_args *args);

/* ---- activations ---- */

/* dx = dy slope(v), v the result or the argument, as weft_act_keeps_result says. In place on dy or v. */
typedef struct weft_slope_args {
    weft_dtype dtype;
    weft_kview dy, v, dx;
    int64_t rows;
    int c;
    weft_act act;
} weft_slope_args;
int weft_launch_slope(const weft_slope_args *args, void *stream);

/* ---- squeeze and excite ---- */

/* All gradients of an excitation (op/squeeze_excite_grad.c has the formulas) from the parts that
 * weft_launch_map_product made. w1 [reduced][c] and w2 [c][reduced] of w_dtype (dtype or WEFT_F32); gradients of
 * parameters are floats. Four launches. dx may be dy. */
typedef struct weft_excite_dx_args {
    weft_dtype dtype, w_dtype;
    const float *sums; /* [n][parts][2][c] */
    int parts, pixels, n, c, reduced;
    weft_kview w1, w2;
    const float *b1, *b2; /* NULL: none */
    weft_act act, gate;
    weft_kview dy, dx, dw1, dw2;
    float *db1, *db2; /* NULL: not wanted */
    float *scratch;   /* [weft_excite_dx_floats(args)] */
} weft_excite_dx_args;
int weft_launch_excite_dx(const weft_excite_dx_args *args, void *stream);
int64_t weft_excite_dx_floats(const weft_excite_dx_args *args);

#ifdef __cplusplus
}
#endif
#endif
