/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions as implicit GEMMs, for the kernels of conv2d and conv2d_dx: no im2col matrix exists. Each work item is a
 * block of output lines of one image; an output pixel's row of A is read in place through taps. Where the windows reach
 * outside of the image, the item first copies the input lines it needs into a zero-bordered tile of its thread: the
 * copy costs a float a pixel and channel, its use taps * output channels multiply-adds; at batch 1, where the panels
 * are shared out, it serves all items of its block that the thread takes. Loops: panels of 64 output channels, lines,
 * pixels.
 *
 * Several parts may share the input and the work items: the gradient of a strided convolution's input, whose pixels
 * fall into stride_h * stride_w grids that are each a convolution of their own. Groups are products, one beside the
 * other in the channels. */
#ifndef WEFT_CPU_GEMM_WINDOW_H
#define WEFT_CPU_GEMM_WINDOW_H

#include "cpu/gemm.h"

typedef struct weft_gemm_window {
    /* Set by the caller. */
    int64_t oh, ow;         /* outputs */
    int kernel_h, kernel_w; /* taps; one of them 0: the outputs are zero (and the residual) */
    int64_t stride_h, stride_w, dilation_h, dilation_w;
    int64_t top, left;                    /* padding before the image; negative: the first window begins inside */
    int64_t first, pixel_step, line_step; /* output pixels as rows of the output, counted from the image's first */
    weft_gemm gemm;                       /* of one product */
    size_t b_at, b_step;                  /* bytes in packed: the first product's panels, and from one to the next */
    size_t bias_at, bias_step;
    /* Derived. */
    int64_t reach_h, reach_w; /* input lines and pixels from the first window's start to the last one's end */
    bool tile;                /* copy with a border */
    int64_t depth_chunk;      /* 0: the whole depth at once */
} weft_gemm_window;

typedef struct weft_gemm_windows {
    /* Set by the caller. */
    weft_gemm_window *part;
    int parts;
    int64_t n, h, w;           /* input images, lines, pixels */
    int64_t image;             /* rows of the output in an image */
    int64_t products, in, out; /* in, out: channels of a product */
    bool stream;
    /* Derived. */
    int64_t lines, blocks; /* output lines that a share is taken over, blocks of an image */
    int64_t shares;        /* of the products, or of a single one's panels */
    int64_t cuts;          /* of a block's lines: what a work item takes of a share */
    bool keeps;            /* a thread's tile serves all shares of a block */
    size_t held_at;        /* bytes into scratch: which block each thread's tile is of, a cache line each */
    size_t sums_at;        /* bytes into a thread's scratch: sums between chunks of the depth */
} weft_gemm_windows;

/* Why a part's input should not be copied with its border: it is out of proportion. NULL: it may. */
const char *weft_gemm_window_refuse(const weft_gemm_windows *windows, const weft_gemm_window *part);
/* Derives, and asks for memory in *plan. */
weft_status weft_gemm_windows_plan(weft_gemm_windows *windows, weft_plan *plan);
/* Of input 0 and call->packed to output 0. */
void weft_gemm_windows_run(const weft_gemm_windows *windows, const weft_call *call);

#endif
