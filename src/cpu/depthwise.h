/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolutions over whole tensors, for the kernels of conv2d and conv2d_dx: bands of output lines through the
 * depthwise micro-kernel. */
#ifndef WEFT_CPU_DEPTHWISE_H
#define WEFT_CPU_DEPTHWISE_H

#include "backend/kernel.h"
#include "cpu/simd/rows.h"

/* One convolution of input 0 to a grid of the output's pixels: all of them, or every second one of every second line.
 */
typedef struct weft_depthwise_part {
    weft_depthwise kernel; /* but for x, y, residual and the lines */
    int64_t first;         /* rows of the output before the grid's first pixel */
} weft_depthwise_part;

/* Fills in what the call says: steps, epilogue, streaming. window has sizes, window and pads; a grid's pixels are
 * step_h lines and step_w pixels apart. */
void weft_depthwise_place(const weft_call *call, weft_depthwise_part *part, int64_t step_h, int64_t step_w);
/* The whole of a conv2d call as the depthwise kernel plans it. */
weft_depthwise_part weft_depthwise_part_of(const weft_call *call);

/* Parts that the gradient of an input may fall into. */
enum { WEFT_DEPTHWISE_PARTS = 64 };
/* Of a conv2d_dx call as the depthwise kernel plans it: packs its weights; returns the number of parts. */
int weft_depthwise_dx_parts(const weft_call *call, weft_depthwise_part part[WEFT_DEPTHWISE_PARTS]);

/* Slices of a conv2d_dw of as many groups as channels: some images, or bands of an image's lines. Each has sums of its
 * own, [taps][step], one slice after the other in the call's scratch. */
typedef struct weft_depthwise_slices {
    int64_t step;         /* channels, padded */
    int64_t taps;
    int64_t group, bands; /* images of a slice; slices of an image. One of them is 1 */
    int64_t slices;
} weft_depthwise_slices;

/* The state of a conv2d_dw call as the depthwise kernel plans it. */
WEFT_INLINE const weft_depthwise_slices *weft_depthwise_slices_of(const weft_call *call)
{
    return (const weft_depthwise_slices *)call->state;
}
/* What all slices share: all but x, dy, lines and sums. */
weft_depthwise_dw weft_depthwise_dw_of(const weft_call *call);
/* The sums of all slices to the output. */
void weft_depthwise_dw_finish(const weft_call *call);

/* No part has more lines than the first. macs: of all. */
void weft_depthwise_run(const weft_call *call, const weft_depthwise_part *part, int parts, double macs);

#endif
