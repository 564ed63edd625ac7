/* SPDX-License-Identifier: Apache-2.0
 *
 * The GEMM micro-kernels, one table per instruction set. C[pixels, columns] = act(A x B + bias + residual) where A is
 * an activation tensor read in place (a constant step from one row to the next, at most 8 rows a tile, so that no
 * step aliases more than 8 lines of an L1 set) and B is weights packed once into panels [depth][width]. For a k x k
 * convolution a row of A is gathered by walking taps: taps_h x taps_w runs of `run` contiguous floats.
 *
 * Every output is one chain of fused multiply-adds over the whole depth in the order of B, which begins at the bias:
 * its bits depend neither on the tile it fell in nor on the partition into work items. (The portable set rounds the
 * product first, as it cannot count on FMA.) */
#ifndef WEFT_SIMD_GEMM_H
#define WEFT_SIMD_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weft/act.h>

#include "base/compiler.h"

enum {
    WEFT_GEMM_ROWS = 8,    /* of the tallest tile */
    WEFT_GEMM_VECTORS = 4, /* of the widest panel */
    WEFT_GEMM_FLOATS = 64  /* of the widest panel of any instruction set */
};

/* What one call computes: `lines` runs of `pixels` rows, for panels [first, last). All steps are in floats. */
typedef struct weft_gemm_block {
    const float *a;
    int64_t a_line, a_row; /* from one line, one row to the next */
    int taps_h, taps_w;
    int64_t tap_h, tap_w, run;
    const float *b;    /* the packed panels, widest first */
    const float *bias; /* one per packed column, zeros where there is none */
    const int *count;  /* [1..WEFT_GEMM_VECTORS]: panels that are so many vectors wide */
    int first, last;
    int64_t columns; /* of C; packed columns beyond it are not stored */
    float *c;
    int64_t c_line, c_row;
    const float *residual; /* NULL: none */
    int64_t r_line, r_row;
    int64_t lines, pixels;
    weft_act act;
    bool stream;         /* store around the caches where a vector fills whole lines */
    bool far_b;          /* b is far: the panel to come is fetched into L2 while one computes, */
    const float *then;   /* and with the last one this, what the thread is likely to need next */
    int64_t then_floats;
    bool ahead;          /* c and residual are far: the lines of the tile to come are fetched while one computes */
    float *partial;      /* not NULL: split the depth in chunks of depth_chunk of each run, sums kept here between them:
                          * room for lines * pixels * WEFT_GEMM_FLOATS. The chain of an output, and so its bits, stay
                          * the same */
    int64_t depth_chunk; /* divides nothing in particular */
} weft_gemm_block;

typedef struct weft_gemm_table {
    const char *isa;
    int lanes;
    int rows[WEFT_GEMM_VECTORS + 1];   /* rows of the tallest tile, by vectors of the panel; 0: no such panel */
    float cost[WEFT_GEMM_VECTORS + 1]; /* time per vector of the panel, relative to the best */
    void (*block)(const weft_gemm_block *block);
} weft_gemm_table;

extern const weft_gemm_table weft_gemm_portable, weft_gemm_neon, weft_gemm_avx2, weft_gemm_avx512;

#endif
