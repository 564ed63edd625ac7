/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions by Winograd's minimal filtering: 3x3 by F(4x4, 3x3), 36 multiplications where the direct algorithm needs
 * 144, or F(2x2, 3x3), 16 of 36; with a stride of 2, 81 of 144; 5x5 by F(2x2, 5x5), 36 of 100; seven taps in a line by
 * F(5, 4) twice, 16 of 35. Lavin & Gray 2016, arXiv:1509.09308. What conv2d and conv2d_dx (3x3 of stride 1) share: all
 * but the weights, which each transforms in its way into as many matrices. */
#ifndef WEFT_CPU_WINOGRAD_H
#define WEFT_CPU_WINOGRAD_H

#include "cpu/gemm.h"
#include "cpu/simd/winograd.h"

typedef struct weft_winograd {
    /* Set by the caller. */
    int64_t n, h, w, c;     /* input */
    int64_t oh, ow, k;      /* output */
    int stride;             /* 1 or 2 */
    int kernel_h, kernel_w; /* 3 and 3, 5 and 5, 7 and 1, 1 and 7 */
    int64_t top, left;      /* padding before the image; negative: the first window begins inside */
    /* Derived. */
    weft_gemm gemm; /* of one position */
    const weft_winograd_table *table;
    bool turned;  /* lines and pixels change places: 1x7 */
    int64_t part; /* channels of a part of the taps, in whole vectors */
    int64_t tiles_h, tiles_w, tiles;
    int64_t at_once; /* tiles of an item, or of a round when together */
    int64_t groups;  /* shares of the panels, when together */
    bool together, stream;
    int64_t v_row, m_row, v_position, m_position; /* floats */
    size_t product_bytes, bias_at, zeros_at;      /* of packed */
} weft_winograd;

/* Why the windows of a convolution are none for it, or NULL. */
const char *weft_winograd_refuse_window(const weft_conv2d_opt *conv);
/* Why the sizes that the caller has set are none for it, or NULL. */
const char *weft_winograd_refuse(const weft_winograd *winograd, const weft_device *device);
/* Derives, and asks for memory in *plan: packed are the panels of all products, product_bytes apart, the bias, and as
 * many zeros. */
weft_status weft_winograd_plan(weft_winograd *winograd, weft_plan *plan);
/* Of input 0 and call->packed to output 0. */
void weft_winograd_run(const weft_winograd *winograd, const weft_call *call);

#endif
