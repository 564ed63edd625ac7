/* SPDX-License-Identifier: Apache-2.0
 *
 * The micro-kernels of convolutions with narrow groups, one table per instruction set. The lanes of a vector are output
 * channels. Where a vector holds several groups (spread), a vector of input channels is permuted so that each lane sees
 * a channel of its own group: no product has a zero in it that the layer has not. Else a channel is broadcast to all
 * lanes, as in a GEMM. Windows are 3 wide and not dilated, so that a vector of input serves up to three outputs of a
 * line, and two lines with stride 1: a third to a sixth of what a GEMM loads.
 *
 * Every output is one chain of fused multiply-adds over lines, channels and columns of the window in this order, which
 * begins at the bias: its bits do not depend on the tile it fell in. */
#ifndef WEFT_SIMD_NARROW_H
#define WEFT_SIMD_NARROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weft/act.h>

#include "base/compiler.h"

enum {
    WEFT_NARROW_WINDOW = 8, /* lines of the tallest window */
    WEFT_NARROW_DEPTH = 64, /* input channels of the widest group */
    WEFT_NARROW_FETCH = 96  /* pixels that a block fetches ahead */
};

/* A block of outputs: some neighbours of one or two lines, for chunks [first, last). A chunk is `vectors` vectors of
 * output channels. Pixels and lines of input that lie outside the image are not read, and count as zeros. */
typedef struct weft_narrow_block {
    int lines, vectors; /* of output: 2 and 1, 1 and 1 or 1 and 2, the last only broadcast */
    int stride;         /* of columns: 1, or 2 with one line */
    bool spread;        /* several groups to a vector: depth is 4 or 8, and less than the lanes */
    bool wide;          /* twice the pixels: stride 2, one vector */
    int count;          /* outputs of a line, at most weft_narrow_pixels() */

    const float *row[WEFT_NARROW_WINDOW + 1]; /* lines of input under the windows; NULL: outside */
    int rows;       /* of them: of the window, and one more with two lines of output */
    int64_t offset; /* floats from a line's start to the first column of the first window; may be negative */
    int64_t x_ld;
    int begin, end; /* columns inside the image, counted from that one */

    int64_t depth, group; /* input and output channels of a group */
    const float *wt;      /* [chunk][lines of the window][depth][3][width of a chunk] */
    const float *bias;    /* [chunk][width] */
    int64_t first, last;
    float *y; /* of chunk 0 */
    int64_t y_line, y_ld;
    const float *residual; /* NULL: none; may be y */
    int64_t r_line, r_ld;
    weft_act act;
    bool stream; /* store around the caches: a chunk fills whole cache lines */
    bool fence;  /* nothing follows that streams */

    /* What comes next lies far, and is fetched while this computes: runs of so many floats at these places. */
    const float *fetch[WEFT_NARROW_FETCH];
    int fetches;
    int64_t fetch_run;
} weft_narrow_block;

typedef struct weft_narrow_table {
    const char *isa;
    int lanes;
    bool spare; /* there are registers for more than one line, one vector and seven pixels */
    void (*block)(const weft_narrow_block *block);
} weft_narrow_table;

WEFT_INLINE int weft_narrow_pixels(bool wide)
{
    return wide ? 14 : 7; /* divides the widths 7, 14, 28, 56 */
}

extern const weft_narrow_table weft_narrow_portable, weft_narrow_neon, weft_narrow_avx2, weft_narrow_avx512;

#endif
