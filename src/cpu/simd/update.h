/* SPDX-License-Identifier: Apache-2.0
 *
 * The micro-kernels of a training step's end: optimisers, averages of parameters, sums of squares, and the rows of
 * losses. One table per instruction set. Bound by memory: each element is read and written once, in order. */
#ifndef WEFT_SIMD_UPDATE_H
#define WEFT_SIMD_UPDATE_H

#include <weft/ops.h>

#include "base/compiler.h"

enum { WEFT_UPDATE_IN = 4, WEFT_UPDATE_OUT = 3 };

/* n elements of what an update reads (parameter, states, then the gradient) and writes (parameter, states; may be the
 * same memory). Which numbers a kernel uses, and what for, stands beside it in update.c. */
typedef struct weft_update {
    const float *in[WEFT_UPDATE_IN];
    float *out[WEFT_UPDATE_OUT];
    float scale; /* of the gradient */
    float lr, decay, shrink;
    float momentum, rho, rest_momentum, rest_rho; /* rest: 1 minus */
    float epsilon, correct_m, correct_v;
    bool flag;
} weft_update;

typedef void (*weft_update_kernel)(const weft_update *u, int64_t n);

/* One row of a loss: logits or distances x[n], targets t[n], weights of classes (NULL: 1); writes the gradient times
 * `factor` to dx[n], gives the loss. */
typedef struct weft_loss_row {
    const float *x, *t, *weights;
    float *dx;
    int64_t n;
    float factor;
} weft_loss_row;

typedef struct weft_updates {
    weft_update_kernel sgd, rmsprop, adam, ema, accumulate, clip;
    weft_update_kernel lamb; /* applies; lamb_norms goes before, writes the moments and adds to sums: p^2, r^2 */
    void (*lamb_norms)(const weft_update *u, int64_t n, double sums[2]);
    double (*squares)(const float *x, int64_t n);
    double (*cross_entropy)(const weft_loss_row *row);
    double (*bce)(const weft_loss_row *row);
} weft_updates;

extern const weft_updates weft_updates_portable, weft_updates_neon, weft_updates_avx2, weft_updates_avx512;

#endif
