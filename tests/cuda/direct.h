/* SPDX-License-Identifier: Apache-2.0
 *
 * Launchers called with arguments of a test's own: numbers in, tensors between fences, results judged. */
#ifndef WEFT_TESTS_CUDA_DIRECT_H
#define WEFT_TESTS_CUDA_DIRECT_H

#include "typed.h"

enum { DIRECT_TYPES = 3, DIRECT_ROOM = 1 << 17 };
extern const weft_dtype direct_types[DIRECT_TYPES];

/* count numbers from -1 to 1, rounded to dtype; the stream keeps arrays apart. */
void direct_draw(float *to, int64_t count, weft_dtype dtype, uint64_t stream);

/* A dense tensor, or one with side channels before and after it, of values (NULL: NaN). */
void direct_make(typed_view *v, weft_dtype dtype, int64_t rows, int64_t channels, int side, const float *values);

/* Judges v against want, and frees it. */
void direct_expect(const char *what, typed_view *v, const double *want, double tolerance);

#endif
