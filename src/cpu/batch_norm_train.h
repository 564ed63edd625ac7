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

/* A batch_norm_again call over any rows: x, y, y_ld and rows are not set yet. scale: [channels], filled here. */
weft_affine weft_norm_again(const weft_call *call, float *scale);

#endif
