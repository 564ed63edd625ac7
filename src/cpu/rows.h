/* SPDX-License-Identifier: Apache-2.0
 *
 * What the memory-bound kernels of src/cpu share: the row micro-kernels of the device, how rows are cut into work
 * items, and windows filled in from a node. */
#ifndef WEFT_CPU_ROWS_H
#define WEFT_CPU_ROWS_H

#include "backend/kernel.h"
#include "cpu/simd/rows.h"

/* The row kernels of the device; NULL for WEFT_ISA_REF. */
const weft_rows *weft_rows_of(const weft_device *device);
/* refuse of kernels that need no more than that. */
const char *weft_rows_refuse(const weft_node *node, const weft_device *device);

/* Rows of a tensor cut into items, a tensor too small to share into one. When every view has ld = channels the rows are
 * one run of floats, and a kernel may take an item as a single long row. */
typedef struct weft_split {
    int64_t rows, channels;
    int64_t per, items; /* rows of an item, a multiple of 16 */
} weft_split;
weft_split weft_split_rows(const weft_shape *shape);
/* Rows [*first, *first + count) of an item; returns count. */
int64_t weft_split_item(const weft_split *split, int64_t item, int64_t *first);
/* Bands of lines per image, so that `images` * bands items keep all threads busy to the end. flops: of everything. */
int64_t weft_bands(const weft_device *device, int64_t images, int64_t lines, double flops);

WEFT_INLINE bool weft_view_dense(const weft_view *view, int64_t channels)
{
    return view->ld == channels;
}

WEFT_INLINE float *weft_row(const weft_view *view, int64_t row)
{
    return (float *)view->data + row * view->ld;
}

/* The view without the rows before `row`. */
WEFT_INLINE weft_view weft_view_from(const weft_view *view, int64_t row)
{
    const weft_view rest = { weft_row(view, row), view->ld };
    return rest;
}

/* Whether so many floats are whole cache lines: what stores around the caches must fill. */
WEFT_INLINE bool weft_whole_lines(int64_t floats)
{
    return floats % (WEFT_CACHE_LINE / (int64_t)sizeof(float)) == 0;
}

/* Whether out, shaped as `shape`, should be written around the caches: it is much too big to be found in L3 again,
 * its rows begin on cache lines, or the first does and the kernel writes sixteens of dense rows as one (flat); and it
 * is not the memory of in (NULL: none). */
bool weft_streams(const weft_device *device, const weft_shape *shape, const weft_view *out, const weft_view *in,
                  bool flat);

/* ---- y = act(x * scale[c] + shift[c]), from parameters packed by the kernel: batch_norm, normalize ---- */

/* Sets plan->packed and plan->state. */
weft_status weft_affine_prepare(const weft_node *node, weft_plan *plan);
/* scale and shift [channels], in double. */
void weft_affine_pack(const weft_call *call, const double *scale, const double *shift);
weft_status weft_affine_run(const weft_call *call);

#endif
