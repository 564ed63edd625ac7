/* SPDX-License-Identifier: Apache-2.0
 *
 * The passes of a batch norm and its gradient, for kernels that make the second one where they need what it gives. */
#ifndef WEFT_CPU_BATCH_NORM_TRAIN_H
#define WEFT_CPU_BATCH_NORM_TRAIN_H

#include "backend/kernel.h"
#include "cpu/simd/rows.h"

/* Bytes that the first pass of a batch_norm_dx node asks for, whole cache lines. */
size_t weft_norm_dx_scratch(const weft_node *node);
/* The first pass of a batch_norm_dx call: writes dgamma and dbeta, outputs 1 and 2, and gives the second pass, in which
 * only x, dy, dx, its step and the rows are not set yet. It reads the call's scratch. */
weft_norm_dx weft_norm_dx_sums(const weft_call *call);

/* ---- the passes alone, for the halves (batch_norm_halves.c) ---- */

/* What the second passes read lies in scratch, [channels] each: in this order. */
enum { WEFT_NORM_SCALE, WEFT_NORM_TILT, WEFT_NORM_LIFT, WEFT_NORM_VECTORS };

/* Gives mean and biased variance of every channel of the call's x, from several threads. The call has scratch as
 * weft_norm_dx_scratch says. */
void weft_norm_moments(const weft_call *call, void (*give)(const weft_call *call, int64_t c, double mean,
                                                           double variance));
/* y of the call's x, by scale in its scratch. */
void weft_norm_apply(const weft_call *call, const float *mean, const float *shift);
/* dx of a call whose first inputs are dy, x and mean, and whose options are those of batch_norm_dx, by scale, tilt and
 * lift in its scratch; beta: with an activation. */
void weft_norm_dx_apply(const weft_call *call, const float *beta);

/* A batch_norm_again call over any rows: x, y, y_ld and rows are not set yet. scale: [channels], filled here. */
weft_affine weft_norm_again(const weft_call *call, float *scale);

#endif
