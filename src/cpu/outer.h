/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of weights as outer products summed over pixels (simd/outer.h): how they are cut into blocks of weights,
 * chunks and slices of pixels, fed, and summed up. For conv2d_dw and dense_dw. */
#ifndef WEFT_CPU_OUTER_H
#define WEFT_CPU_OUTER_H

#include "cpu/gemm.h"
#include "cpu/simd/outer.h"

/* dw[k][r][s][c] = sum over images and outputs of dy[n, oh, ow][k] * x[n, ih, iw][c], windows and groups as in conv2d.
 */
typedef struct weft_outer_shape {
    int64_t images, h, w, c; /* of x */
    int64_t oh, ow, k;       /* of dy */
    int64_t groups;
    int kernel_h, kernel_w, stride_h, stride_w, dilation, top, left;
} weft_outer_shape;

/* x or dy, as the chunks see it. Lines and pixels of the tensor. */
typedef struct weft_outer_side {
    int64_t h, w;
    int64_t stride_h, stride_w; /* from one output to the next */
    int64_t tap_h, tap_w;       /* from one tap to the next */
    int64_t reach_h, reach_w;   /* from the first tap to the last */
    int64_t top, left;
    int64_t hop_h, hop_w;       /* from one copied line, pixel to the next: those between them no tap needs */
    bool copied;                /* into the thread's scratch, for each chunk */
} weft_outer_side;

/* The plan. A block of weights stays in L2 while an item takes the chunks of its slice through it. */
typedef struct weft_outer {
    const weft_outer_table *table;
    weft_outer_shape shape;   /* of one product: c and k of the groups that it joins */
    int64_t joined, products; /* groups of a product; products */
    weft_outer_side x, y;
    bool turned;            /* columns are filters, rows are channels; else the other way round */
    int64_t taps_h, taps_w; /* products; with a row of taps in one run of channels taps_w is 1 */
    int64_t rows, columns;  /* of one tap's product */
    int64_t row_block, column_block, row_blocks, column_blocks;
    int64_t c_row;          /* floats of a row of a block's sums */
    int64_t lines, pixels;  /* outputs of a chunk */
    int64_t bands, segments, chunks, slices;
    bool direct;            /* one chunk: sums go to the output at once */
    int64_t block_floats, a_floats, b_floats; /* of a block's sums; of a copied chunk of rows, of columns */
    int panels[2][WEFT_GEMM_VECTORS + 1];     /* of a block, of the last one in its row: by vectors */
} weft_outer;

/* Fills *outer and asks for memory in *plan. */
weft_status weft_outer_plan(weft_outer *outer, const weft_outer_shape *shape, weft_plan *plan);
void weft_outer_run(const weft_outer *outer, const weft_call *call);

/* ---- for kernels that feed it themselves ---- */

/* Rows of x and y that lie in the caches, x_ld and y_ld floats apart, zeros behind their channels up to whole vectors.
 */
typedef struct weft_outer_rows {
    const float *x, *y;
    int64_t x_ld, y_ld;
    int64_t rows;
    const weft_outer_ahead *ahead; /* to be fetched meanwhile */
    int n_ahead;
} weft_outer_rows;

/* Whether the plan is one block of 1x1 over several slices of chunks of `pixels` rows: what the next two are for. */
bool weft_outer_is_flat(const weft_outer *outer);
/* The chunks of a slice: [*from, *to). */
void weft_outer_slice(const weft_outer *outer, int64_t slice, int64_t *from, int64_t *to);
/* One chunk into the sums of a slice, which lie in `sums` (weft_outer_plan's scratch); the first one begins them. */
void weft_outer_add(const weft_outer *outer, int64_t slice, const weft_outer_rows *rows, bool first, float *sums);
/* Once all slices are summed: their sum to output 0 of the call, whose scratch they are. */
void weft_outer_finish(const weft_outer *outer, const weft_call *call);

extern const weft_kernel weft_cpu_dense_dw_outer;

#endif
