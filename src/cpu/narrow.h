/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions with groups of 4 to 64 channels and windows three wide, for the kernels of conv2d and conv2d_dx
 * (simd/narrow.h): what they share, all but the weights. */
#ifndef WEFT_CPU_NARROW_H
#define WEFT_CPU_NARROW_H

#include "backend/kernel.h"
#include "cpu/simd/narrow.h"

enum { WEFT_NARROW_TAPS = 3 };

typedef struct weft_narrow {
    /* Set by the caller. */
    int64_t n, h, w, oh, ow; /* input and output */
    int64_t in, out, groups; /* channels of a group */
    int64_t kernel_h, stride_h, stride_w;
    int64_t top, left; /* padding before the image; negative: the first window begins inside */
    /* Derived. */
    const weft_narrow_table *table;
    weft_narrow_block form; /* what is the same for all blocks of all calls */
    int64_t width, chunks;  /* output channels of a chunk, chunks */
    int64_t pixels;         /* outputs of a block's line */
    int64_t turn;           /* chunks */
    int64_t band, bands;    /* output lines of an item, items of an image */
    int64_t shares;         /* of the chunks */
    size_t bias_at, bytes;  /* of packed weights [chunk][kernel_h][in][3][width], the bias [groups * out] after them */
    bool stream;
} weft_narrow;

/* Why the windows of a convolution are none for these kernels, or NULL. */
const char *weft_narrow_refuse_window(const weft_conv2d_opt *conv);
/* Why the sizes that the caller has set are none, or NULL. */
const char *weft_narrow_refuse(const weft_narrow *narrow, const weft_device *device);
/* Makes plan->state of them; *bytes is what the weights and the bias take as it reads them. */
weft_status weft_narrow_plan(const weft_narrow *sizes, weft_plan *plan, size_t *bytes);
/* Of input 0 and call->packed to output 0. */
void weft_narrow_run(const weft_narrow *narrow, const weft_call *call);

#endif
