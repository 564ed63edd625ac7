/* SPDX-License-Identifier: Apache-2.0
 *
 * Outer products summed over pixels, one table per instruction set: C[rows, columns] = sum over pixels p of
 * A[p][rows] x B[p][columns]. It is the product of two activation tensors that gradients of weights are made of; both
 * are read as they lie, channels contiguous, pixels a constant step apart, without a transposition.
 *
 * Every sum is one chain over the pixels of the call, which begins at 0; with `add` it is then added to C. Its bits
 * depend neither on the tile nor on the panel that an element falls into. */
#ifndef WEFT_SIMD_OUTER_H
#define WEFT_SIMD_OUTER_H

#include <weft/ops.h>

#include "base/compiler.h"

enum {
    WEFT_OUTER_VECTORS = 4, /* of the widest panel */
    WEFT_OUTER_FLOATS = 64  /* of the widest panel of any instruction set */
};

/* One line of each pixel of a later call, to be fetched into L2. */
typedef struct weft_outer_ahead {
    const float *at;
    int64_t line, pixel;
} weft_outer_ahead;

/* `lines` runs of `pixels` pixels. All steps are in floats. */
typedef struct weft_outer_block {
    const float *a; /* its numbers are broadcast */
    int64_t a_line, a_pixel;
    const float *b; /* its vectors, all of them readable */
    int64_t b_line, b_pixel;
    int64_t lines, pixels;
    int64_t rows;
    int vectors; /* of B: one panel */
    float *c;
    int64_t c_row;
    int columns; /* of C: what else the panel has is not stored; all of them with `add` */
    bool add;
    const weft_outer_ahead *ahead, *ahead_end; /* what is still to be fetched: moves on */
} weft_outer_block;

typedef struct weft_outer_table {
    const char *isa;
    int lanes;
    void (*block)(weft_outer_block *block);
    /* y[i] = sum over j < count of x[j * step + i], i < n, in the order of j. */
    void (*sum)(const float *x, int64_t step, int64_t count, float *y, int64_t n);
    /* Pixels of `channels` floats from one place to another, with zeros up to `width` of each, width a multiple of the
     * lanes or equal to channels. */
    void (*copy)(const float *from, int64_t from_pixel, int64_t pixels, int64_t channels, float *to, int64_t to_pixel,
                 int64_t width);
} weft_outer_table;

extern const weft_outer_table weft_outer_portable, weft_outer_neon, weft_outer_avx2, weft_outer_avx512;

#endif
