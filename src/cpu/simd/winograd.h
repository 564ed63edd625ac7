/* SPDX-License-Identifier: Apache-2.0
 *
 * The transforms of Winograd's F(4x4, 3x3), of 6 x 6 input pixels to 36 positions and of 36 products to 4 x 4 output
 * pixels, of F(2x2, 3x3), of 4 x 4 pixels and 16 products to 2 x 2, and of 3x3 filters with a stride of 2, of 9 x 9
 * pixels and 81 products to 4 x 4; tables for each instruction set. F(2x2, 5x5) has the input tiles of F(4x4, 3x3).
 * Lavin & Gray 2016, arXiv:1509.09308, with the points 0, +-1, +-2 and infinity; 0, +-1 and infinity; 0, +-1, 2 and
 * infinity for the even pixels. */
#ifndef WEFT_SIMD_WINOGRAD_H
#define WEFT_SIMD_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weft/act.h>

#include "base/compiler.h"

/* Of F(4x4, 3x3), which is the larger. */
enum { WEFT_WINOGRAD_OUT = 4, WEFT_WINOGRAD_IN = 6, WEFT_WINOGRAD_POSITIONS = 36 };

/* One tile of input pixels, of which lines [top, bottom) and pixels [left, right) lie in the image; the rest are zeros.
 */
typedef struct weft_winograd_input {
    const float *x; /* pixel (0, 0) of the tile, which may lie outside */
    int64_t pixel, line;
    int top, bottom, left, right;
    int64_t channels;
    float *v;         /* position p, channel c at v[p * position + c]; whole vectors are written */
    int64_t position; /* a multiple of the lanes, as is v */
    int64_t part;     /* floats from the channels for one part of the taps to those for the next */
} weft_winograd_input;

/* One tile of output pixels, of which height x width lie in the output. */
typedef struct weft_winograd_output {
    const float *m; /* as v above */
    int64_t position;
    const float *bias; /* readable in whole vectors */
    const float *residual;
    int64_t r_pixel, r_line;
    float *y;
    int64_t y_pixel, y_line;
    int height, width;
    int64_t channels;
    weft_act act;
    bool stream; /* y, y_pixel and y_line are multiples of cache lines */
} weft_winograd_output;

/* Filters to all positions: G g G' (part after part of the taps), for `count` columns that lie side by side. */
typedef struct weft_winograd_filter {
    const float *wt;
    int64_t tap; /* floats from one tap to the next; negative: from the last one, turned by 180 degrees */
    int64_t count;
    float *u; /* position p, column j at u[p * position + j]; whole vectors are written, zeros behind the columns */
    int64_t position;
} weft_winograd_filter;

/* Positions [first, first + count) are multiplied by one matrix of weights. */
typedef struct weft_winograd_span {
    unsigned char first, count, product;
} weft_winograd_span;

typedef struct weft_winograd_table {
    int stride;
    int out, in;   /* pixels of an output and of an input tile's side */
    bool line;     /* tiles are a pixel wide */
    int parts;     /* of the taps, whose channels lie behind one another in V */
    int positions; /* of a tile */
    int products;  /* matrices of weights */
    int spans;
    const weft_winograd_span *span; /* [spans]; NULL: each position has its product */
    void (*input)(const weft_winograd_input *tile);
    void (*output)(const weft_winograd_output *tile);
    void (*filter)(const weft_winograd_filter *filter);
    void (*fence)(void); /* after the last streamed tile of a work item */
} weft_winograd_table;

/* The tables of F(4x4, 3x3), F(2x2, 3x3), of a stride of 2, and of F(2x2, 5x5). */
enum { WEFT_WINOGRAD_LARGE, WEFT_WINOGRAD_SMALL, WEFT_WINOGRAD_STRIDED, WEFT_WINOGRAD_WIDE, WEFT_WINOGRAD_SIZES };
extern const weft_winograd_table weft_winograd_portable[WEFT_WINOGRAD_SIZES], weft_winograd_neon[WEFT_WINOGRAD_SIZES],
    weft_winograd_avx2[WEFT_WINOGRAD_SIZES], weft_winograd_avx512[WEFT_WINOGRAD_SIZES];
/* Of seven taps in a line. */
extern const weft_winograd_table weft_winograd_line_portable, weft_winograd_line_neon, weft_winograd_line_avx2,
    weft_winograd_line_avx512;

#endif
