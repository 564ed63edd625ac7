/* SPDX-License-Identifier: Apache-2.0
 *
 * The transforms of Winograd's F(4x4, 3x3) turned around, for the gradient of the weights, one table per instruction
 * set: the gradients of 4 x 4 outputs to 36 positions, sums of 36 positions to 3 x 3 taps. The inputs' are those of
 * winograd.h. */
#ifndef WEFT_SIMD_WINOGRAD_DW_H
#define WEFT_SIMD_WINOGRAD_DW_H

#include "cpu/simd/winograd.h"

/* The gradient of one tile of 4 x 4 outputs, of which height x width lie in the map; the rest are zeros: A dy A'. */
typedef struct weft_winograd_dy {
    const float *dy; /* pixel (0, 0) of the tile */
    int64_t pixel, line;
    int height, width;
    int64_t channels;
    float *u; /* position p, channel c at u[p * position + c]; whole vectors are written */
    int64_t position;
} weft_winograd_dy;

/* The gradients of one filter's 3 x 3 taps from the sums of the 36 positions: G' m G. */
typedef struct weft_winograd_dw {
    const float *m; /* as u above */
    int64_t position;
    float *dw;
    int64_t tap; /* from one tap to the next */
    int64_t channels;
} weft_winograd_dw;

typedef struct weft_winograd_dw_table {
    void (*dy)(const weft_winograd_dy *tile);
    void (*dw)(const weft_winograd_dw *filter);
} weft_winograd_dw_table;

extern const weft_winograd_dw_table weft_winograd_dw_portable, weft_winograd_dw_neon, weft_winograd_dw_avx2,
    weft_winograd_dw_avx512;

#endif
