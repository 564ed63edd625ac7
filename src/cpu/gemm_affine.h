/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of rows that are scaled and shifted as they are read, y = act(act'(x * scale + shift) x B + bias +
 * residual): a block of rows is computed into the thread's scratch, in L2, and multiplied from there. Packed weights,
 * and every sum, are those of rows that lie in memory (gemm.h): the same bits. */
#ifndef WEFT_CPU_GEMM_AFFINE_H
#define WEFT_CPU_GEMM_AFFINE_H

#include "cpu/gemm.h"
#include "cpu/simd/rows.h"

/* The state of the product's kernel, of which rows is what weft_cpu_conv2d_pointwise.pack reads. */
typedef struct weft_gemm_affine {
    weft_gemm_rows rows; /* one share of the panels: a second would compute the rows once more */
    int64_t ld;          /* floats of a row in scratch */
    size_t partial_at;   /* bytes of a thread's scratch before the sums between chunks of the depth */
} weft_gemm_affine;

/* Why so many rows should rather lie in memory, or NULL: where they are few, rows_plan shares out the panels. */
const char *weft_gemm_affine_refuse(const weft_gemm *gemm, const weft_device *device, int64_t rows);
/* Fills *state (rows.gemm and rows.rows are set) and asks for memory in *plan. */
weft_status weft_gemm_affine_plan(weft_gemm_affine *state, weft_plan *plan);
/* call: the product's, whose x has no memory. of: what makes x, over all rows; y, y_ld and rows are not set. */
void weft_gemm_affine_run(const weft_gemm_affine *state, const weft_call *call, const weft_affine *of);

#endif
