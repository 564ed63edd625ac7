/* SPDX-License-Identifier: Apache-2.0
 *
 * What convolutions and dense layers share on the CPU: weights packed into panels for the micro-kernels of
 * simd/gemm.h, and the product of a matrix of rows with them, split into work items. */
#ifndef WEFT_CPU_GEMM_H
#define WEFT_CPU_GEMM_H

#include "backend/kernel.h"
#include "cpu/simd/gemm.h"

/* Work items a thread should find: a slow or late thread holds up the rest by a sixth of the time at most, and an item
 * still uses a panel of weights often enough. */
enum { WEFT_GEMM_ITEMS = 6 };

/* The micro-kernels of the device's instruction set; NULL for WEFT_ISA_REF. */
const weft_gemm_table *weft_gemm_table_of(const weft_device *device);
/* Why a kernel built on them cannot run, or NULL. */
const char *weft_gemm_refuse(const weft_device *device);

/* B: depth x columns, cut into panels of 1 to WEFT_GEMM_VECTORS vectors, the widest first. */
typedef struct weft_gemm {
    const weft_gemm_table *table;
    int64_t depth, columns;
    int64_t width; /* columns, rounded up to whole vectors */
    int count[WEFT_GEMM_VECTORS + 1];
    int panels;
} weft_gemm;

void weft_gemm_init(weft_gemm *gemm, const weft_gemm_table *table, int64_t depth, int64_t columns);
/* Bytes of the packed panels, a multiple of 64; the bias follows them. INVALID if the size does not fit. */
weft_status weft_gemm_bytes(const weft_gemm *gemm, size_t *panels, size_t *with_bias);
/* wt[column * depth + k], k < depth, to panels; columns beyond the last are zeros. On the device's threads. */
void weft_gemm_pack(const weft_gemm *gemm, const weft_device *device, const float *wt, float *packed);
/* Row `depth` of B: `count` floats at the columns from `column` on, zeros at all others. */
void weft_gemm_pack_row(const weft_gemm *gemm, int64_t depth, const float *row, int64_t column, int64_t count,
                        float *packed);
/* bias [columns] or NULL, to width floats. */
void weft_gemm_pack_bias(const weft_gemm *gemm, const float *bias, float *packed);
/* First column and width of panel `index`, widest first. */
int64_t weft_gemm_panel(const weft_gemm *gemm, int64_t index, int64_t *width);
/* Panels in each of `groups` shares; share i is [first, last). */
void weft_gemm_share(const weft_gemm *gemm, int64_t groups, int64_t i, int *first, int *last);
/* How many shares of the panels make enough items for the threads, when there are `blocks` items without. */
int64_t weft_gemm_groups(const weft_gemm *gemm, const weft_device *device, int64_t blocks);
/* Into how many parts a share's rows are to be cut, one after the other on a thread, so that `items` equal ones that
 * are few come out even for the threads: seven panels for two of them are four and three, but fourteen halves seven
 * each. */
int64_t weft_gemm_cuts(const weft_device *device, int64_t items, int64_t rows);
/* Whether the weights of so many products do not stay in L2 beside what is read with them. */
bool weft_gemm_is_far(const weft_gemm *gemm, const weft_device *device, int64_t products);
/* 0: a panel stays in L2 beside the one to come; else the part of each run that is taken at a time, and *scratch grows
 * by what the sums of so many rows take. */
int64_t weft_gemm_depth_chunk(const weft_gemm *gemm, const weft_device *device, int64_t rows, size_t *scratch);
/* What a thread that computes the block's panels is likely to need next: the first panel of share i of `groups`, of
 * which part `cut` of `cuts` is fetched by this block, the rest by those beside it. */
void weft_gemm_then(const weft_gemm *gemm, int64_t groups, int64_t i, int64_t cut, int64_t cuts,
                    weft_gemm_block *block);
/* Whether an output of so many rows is too big to be found in L3 by its reader: then it is written around the caches.
 */
bool weft_gemm_streams(const weft_gemm *gemm, const weft_device *device, int64_t rows);
/* Whether the output's vectors begin on cache lines, and are not those of the residual: these are in cache already, and
 * a store around it would have to throw them out first. */
bool weft_gemm_may_stream(const weft_call *call);

/* Where a row of A lies: h x w runs of `run` floats. */
typedef struct weft_gemm_taps {
    int h, w;
    int64_t step_h, step_w, run;
} weft_gemm_taps;
/* The same with fewer and longer runs, where nothing lies between them. */
weft_gemm_taps weft_gemm_join_taps(weft_gemm_taps taps);

/* y[rows, columns] = act(x[rows, depth] x B + bias + residual): the state of pointwise convolutions, dense layers and
 * convolutions whose window is the whole image. */
typedef struct weft_gemm_rows {
    weft_gemm gemm;
    int64_t rows;
    int64_t block; /* rows that a share of the panels is taken over, in work items of a part of them */
    int64_t blocks, groups, cuts;
    int64_t depth_chunk; /* 0: the whole depth at once */
    size_t bias_at;      /* bytes before the bias in packed */
    bool stream;
} weft_gemm_rows;

/* Fills *rows (gemm and rows are set) and asks for memory in *plan. */
weft_status weft_gemm_rows_plan(weft_gemm_rows *rows, weft_plan *plan);
/* row_step: floats from one row of A to the next. The residual is the call's last input, if the node has one. */
void weft_gemm_rows_run(const weft_gemm_rows *rows, const weft_call *call, int64_t row_step,
                        const weft_gemm_taps *taps);
/* What does not depend on the work item: weights, taps, output, epilogue. */
weft_gemm_block weft_gemm_block_of(const weft_gemm *gemm, const weft_call *call, const weft_gemm_taps *taps,
                                   size_t bias_at);

#endif
