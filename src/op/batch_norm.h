/* SPDX-License-Identifier: Apache-2.0
 *
 * What batch_norm and its gradients share. batch_norm_train has the options of batch_norm. */
#ifndef WEFT_OP_BATCH_NORM_H
#define WEFT_OP_BATCH_NORM_H

#include "graph/op.h"

/* batch_norm_again: x, mean, rstd, shift, [gamma] -> y, as batch_norm_train read and gave them all. */
typedef struct weft_batch_norm_again_opt {
    const char *name;
    bool no_gamma; /* there is no such input; gamma is 1 */
} weft_batch_norm_again_opt;

/* batch_norm_dx: dy, x, mean, rstd, [gamma], [beta] -> dx, dgamma, dbeta. frozen: rstd is the moving variance. */
typedef struct weft_batch_norm_dx_opt {
    const char *name;
    bool no_gamma;  /* there is no such input; gamma is 1 */
    bool frozen;    /* mean and variance are no functions of x */
    double epsilon; /* with frozen: added to the variance */
    weft_act act;   /* dy is the gradient of act(gamma (x - mean) rstd + beta); beta is an input then */
} weft_batch_norm_dx_opt;

/* batch_norm_join_dx has the same options, without frozen; act is that behind an addition, z its result:
 * dy, x, mean, rstd, [gamma], z -> dx, dgamma, dbeta, dy slope(z). */

/* batch_norm_frozen_dx: dy, variance, [gamma] -> dx. */
typedef struct weft_batch_norm_frozen_opt {
    const char *name;
    bool no_gamma;
    double epsilon;
} weft_batch_norm_frozen_opt;

/* ---- the halves of a norm, between which ranks merge what each has of its part of the batch ---- */

/* batch_norm_moments: x -> moments, these rows of a number for each channel. Pairs are a float and what it lost when it
 * was rounded. */
enum { WEFT_MOMENTS_MEAN, WEFT_MOMENTS_MEAN_REST, WEFT_MOMENTS_VARIANCE, WEFT_MOMENTS_VARIANCE_REST,
       WEFT_MOMENTS_ROWS };

/* batch_norm_by: x, moments -> y, mean, rstd, variance, shift, as batch_norm_train. */
typedef struct weft_batch_norm_by_opt {
    weft_batch_norm_opt norm;
    int parts; /* of the batch, each as large as x, of which all together have these moments; 0: 1 */
} weft_batch_norm_by_opt;

/* batch_norm_sums: the inputs of batch_norm_dx -> shares, dgamma, dbeta. batch_norm_by_dx: dy, x, mean, rstd, shares,
 * [gamma], [beta] -> dx. Both with the options of batch_norm_dx, without frozen. Rows of shares, for each channel: */
enum { WEFT_SHARES_BETA, WEFT_SHARES_GAMMA, WEFT_SHARES_ROWS };
enum { WEFT_BY_DX_SHARES = 4 /* input of batch_norm_by_dx */ };

/* resolve of batch_norm and batch_norm_train. */
weft_status weft_batch_norm_resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena);

/* Whether batch_norm_dx takes an activation. Those that saturate have slopes that are kept by the digits of their
 * result, not of their argument; no network has them behind a norm. */
WEFT_INLINE bool weft_batch_norm_dx_takes(weft_act act)
{
    return act != WEFT_ACT_SIGMOID && act != WEFT_ACT_TANH && act != WEFT_ACT_LECUN_TANH;
}

/* Index of an optional input of batch_norm_dx; of batch_norm_join_dx that of z. */
WEFT_INLINE int weft_batch_norm_dx_beta(const weft_batch_norm_dx_opt *opt)
{
    return opt->no_gamma ? 4 : 5;
}

#endif
