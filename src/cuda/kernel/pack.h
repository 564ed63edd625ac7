/* SPDX-License-Identifier: Apache-2.0
 *
 * The launcher of parameters on their way from the store, where they are fp32 and dense, to what kernels read. What
 * kernels.h says of all launchers holds here; tables of segments are as those of update.h. */
#ifndef WEFT_CUDA_KERNEL_PACK_H
#define WEFT_CUDA_KERNEL_PACK_H

#include "cuda/kernel/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { WEFT_PACK_SEGMENTS = 400 }; /* of a launch */

/* What a piece becomes: rows of numbers, or the window of a depthwise convolution as weft_launch_expand_depthwise reads
 * it (in 16 bits, at a multiple of 16 bytes). */
typedef enum weft_pack_layout { WEFT_PACK_ROWS, WEFT_PACK_WINDOW } weft_pack_layout;

/* ROWS: to[row][col] = from[row * from_row + col * from_col] in dtype, zeros for columns from cols to padded - 1.
 * WINDOW: to = window of from [cols][kernel][kernel]; turned: half round, the last tap first. */
typedef struct weft_pack_segment {
    const float *from;
    void *to;
    weft_dtype dtype;
    weft_pack_layout layout;
    int64_t rows;
    int cols, padded; /* padded 0: cols */
    int from_row, from_col;
    int kernel; /* 3 or 5 */
    bool turned;
} weft_pack_segment;
int weft_launch_pack(const weft_pack_segment *segments, int count, void *stream);

/* count numbers that only change their type. */
static inline weft_pack_segment weft_pack_flat(const float *from, void *to, int64_t count, weft_dtype dtype)
{
    weft_pack_segment s = { from, to, dtype, WEFT_PACK_ROWS, count, 1, 0, 1, 1, 0, false };
    return s;
}

#ifdef __cplusplus
}
#endif
#endif
