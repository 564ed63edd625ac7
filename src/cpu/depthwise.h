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
/* No part has more lines than the first. macs: of all. */
void weft_depthwise_run(const weft_call *call, const weft_depthwise_part *part, int parts, double macs);

#endif
