/* SPDX-License-Identifier: Apache-2.0
 *
 * Tensors of any float type in fenced memory, for tests of the CUDA kernels. The conversions are arithmetic on doubles,
 * written apart from those that they check. */
#ifndef WEFT_TESTS_CUDA_TYPED_H
#define WEFT_TESTS_CUDA_TYPED_H

#include <weft/tensor.h>

#include "cuda/kernel/kernels.h"
#include "fence.h"

/* Of one element; F32, F16, BF16. */
double typed_round(weft_dtype dtype, double x); /* to nearest, ties to even */
float typed_get(weft_dtype dtype, const void *data, int64_t i);
void typed_set(weft_dtype dtype, void *data, int64_t i, double x);
/* Largest relative error of a rounding, half an ulp of 1; least number above 0. */
double typed_half_ulp(weft_dtype dtype);
double typed_least(weft_dtype dtype);

/* Rows of channels at data + r * ld, inside a fence whose gaps between rows are watched too. */
typedef struct typed_view {
    fence memory;
    weft_dtype dtype;
    int64_t rows, channels, ld;
    unsigned char *data;
} typed_view;

/* before and after: channels of the wider tensor on each side. edge: ends at an unreadable page. values NULL: NaN. The
 * memory begins at a multiple of 64 bytes, so before decides how data is aligned. */
bool typed_view_make(typed_view *v, weft_dtype dtype, int64_t rows, int64_t channels, int before, int after, bool edge,
                     const float *values);
void typed_view_free(typed_view *v);
weft_kview typed_view_of(const typed_view *v);
void typed_view_get(const typed_view *v, float *values);
/* True if nothing around the channels has changed. */
bool typed_view_intact(const typed_view *v);
/* True if the channels are still values, rounded. */
bool typed_view_equal(const typed_view *v, const float *values);

/* Allowed: tolerance of the larger of the result and the tensor's root mean square, and one rounding to dtype.
 * tolerance 0: the very value. Returns the worst share of what is allowed; above 1 fails. */
double typed_compare(weft_dtype dtype, double tolerance, const float *got, const double *want, int64_t count,
                     int64_t *worst);

#endif
