/* SPDX-License-Identifier: Apache-2.0
 *
 * When is a kernel's output right? The one place where tolerances come from.
 *
 * A kernel works in float, the oracle in double on the same floats, so what differs is rounding. Let e = FLT_EPSILON
 * (2^-23, one ulp of 1; one rounding errs by at most e/2), K the terms of one sum (weft_op.reduction), and the size of
 * a result y the larger of |y| and the root mean square of its tensor, because terms of that size may cancel in y.
 *
 *   EXACT        the oracle's double rounds to the very float
 *   ELEMENTWISE  |error| <= f * 8 e * size: a handful of roundings, or a polynomial good to a few ulp
 *   REDUCTION    |error| <= f * (8 + 2 sqrt(K)) e * size
 *
 * A device that keeps numbers in 16 bits, or whose tensor cores round the factors of products (TF32), adds u, half the
 * distance of such numbers near 1, to each of weft_op.depth roundings on the way, with sums in float between them
 * (Higham & Mary 2019, a new approach to probabilistic rounding error analysis):
 *
 *   |error| <= f * depth * (8 u + (24 + 8 sqrt(K)) e / 2) * size
 *
 * and EXACT results are rounded once, when they are stored.
 *
 * sqrt(K) because K terms of deviation 1 summed one after the other make partial sums of deviation sqrt(i), each
 * rounded with deviation e/2/sqrt(3) of itself: in all e K / sqrt(24), while the result's is sqrt(K). That is 0.2
 * sqrt(K) e of its size; the largest of 10^6 outputs is 5 deviations out. Blocked and vector sums do better. f is the
 * kernel's error_factor, which Winograd and the like raise with a reason. */
#ifndef WEFT_CHECK_COMPARE_H
#define WEFT_CHECK_COMPARE_H

#include "graph/op.h"

typedef struct weft_comparison {
    bool ok;
    int64_t index;    /* the worst element of the dense array */
    double got, want; /* there */
    double allowed;   /* error there */
    double share;     /* error / allowed there; 0 for EXACT; infinite for a NaN */
} weft_comparison;

/* How a result was computed: by kernels with this error factor (0: 1), in this precision (DEFAULT: FP32). */
typedef struct weft_exactness {
    double error_factor;
    weft_precision precision;
} weft_exactness;

/* Allowed error relative to the size of a result; 0 for EXACT in fp32. */
double weft_tolerance(const weft_node *node, const weft_exactness *how);
/* count elements of one output. What no fp16 can hold is not judged. */
weft_comparison weft_compare(const weft_node *node, const weft_exactness *how, const float *got, const double *want,
                             int64_t count);

#endif
