/* SPDX-License-Identifier: Apache-2.0
 *
 * The row kernels: all that streams over channels (depthwise convolution, pooling, elementwise, norms, gates), one
 * table per instruction set. They are bound by memory, so each reads and writes every element once, in order. All work
 * over pixels of `channels` floats that lie `ld` apart; tails are masked, nothing outside the channels is written. No
 * kernel's bits depend on how the caller cuts the work, except where noted. */
#ifndef WEFT_SIMD_ROWS_H
#define WEFT_SIMD_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weft/act.h>

#include "base/compiler.h"

enum {
    WEFT_ROWS_LANES = 16,  /* of the widest vector: parameters of kernels are padded to it */
    WEFT_ROWS_WINDOW = 64, /* tallest window of the depthwise kernel */
    WEFT_ROWS_TILE = 64,    /* channels that the depthwise kernel walks together when it streams */
    WEFT_ROWS_SUMMED = 8    /* rows that add_rows adds as one */
};

/* A window that slides over one image. Sizes in pixels, steps in floats. */
typedef struct weft_window {
    int ih, iw, oh, ow;
    int kh, kw, stride_h, stride_w, dilation, top, left;
    int64_t x_row, x_ld; /* from one input row, one pixel to the next */
    int64_t y_row, y_ld;
    int64_t channels;
} weft_window;

/* The input line behind those that output line oh looks at, borders included. */
WEFT_INLINE int64_t weft_window_reach(const weft_window *w, int64_t oh)
{
    return oh * w->stride_h - w->top + (int64_t)(w->kh - 1) * w->dilation + 1;
}

/* Depthwise convolution of output rows [first, last) of one image, with epilogue. */
typedef struct weft_depthwise {
    weft_window window;
    const float *x;  /* pixel (0, 0) */
    const float *wt; /* [kh * kw][step] */
    int64_t step;    /* channels, padded to WEFT_ROWS_LANES */
    const float *bias; /* [step] */
    const float *residual; /* NULL: none; may be y */
    int64_t r_row, r_ld;
    float *y;        /* output row `first` */
    int first, last;
    weft_act act;
    bool stream;   /* store around the caches: y aligned to 64 bytes, y_ld and y_row to 16 floats */
    float *buffer; /* [2][ow][WEFT_ROWS_TILE]; used with stream and an act that does not clamp */
    bool resident; /* x is in L2 already: fetch nothing ahead */
    bool warm;     /* the input of the first rows is in L2: the call before has fetched it */
    int follow;    /* output rows of the next call, whose input this one is to fetch; behind the last row of the image
                    * they are those of the image that lies behind it */
} weft_depthwise;

/* Gradient of a depthwise convolution's weights, of output rows [first, last) of one image: added to the sums. y_row
 * and y_ld of the window are those of the outputs' gradient. */
typedef struct weft_depthwise_dw {
    weft_window window;
    const float *x, *dy; /* pixel (0, 0) */
    int first, last;
    float *sums;  /* [kh * kw][step] */
    int64_t step; /* channels, padded to WEFT_ROWS_LANES */
} weft_depthwise_dw;

/* Pooling of output rows [first, last) of one image. */
typedef struct weft_pooling {
    weft_window window;
    const float *x;
    float *y;
    int first, last;
    int bottom, right; /* padding behind the image */
    bool count_border; /* average */
    bool zero_border;  /* maximum */
} weft_pooling;

/* The gradient of a pool: lines [first, last) of dx of one image. window is the pool's, its x_* of dx. */
typedef struct weft_pooling_dx {
    weft_window window;
    const float *dy, *x; /* x (of a maximum) lies x_row, x_ld apart */
    int64_t x_row, x_ld;
    const float *residual; /* NULL: none */
    int64_t r_row, r_ld;
    float *dx;
    int first, last;
    int bottom, right;
    bool count_border, zero_border;
} weft_pooling_dx;

/* y[r, c] = act((x[r, c] - centre[c]) * scale[c] + shift[c] + residual[r, c]). NULLs: 0, 1, 0 and 0; centre comes with
 * scale and shift. y may be x or residual. */
typedef struct weft_affine {
    const float *x, *centre, *scale, *shift, *residual;
    float *y;
    int64_t x_ld, r_ld, y_ld;
    int64_t rows, channels;
    weft_act act;
    bool stream; /* around the caches: y aligned to 64 bytes, and y_ld to 16 floats unless there is one row */
} weft_affine;

/* y[r, c] = act(a[r, c] + scale * b[r, c]). y may be a or b. */
typedef struct weft_sum2 {
    const float *a, *b;
    float *y;
    int64_t a_ld, b_ld, y_ld;
    int64_t rows, channels;
    float scale;
    weft_act act;
    bool stream;
} weft_sum2;

/* y = x (k + a sum of x^2 over channels c - reach .. c + reach)^-beta. */
typedef struct weft_response {
    const float *x;
    float *y;
    int64_t x_ld, y_ld;
    int64_t rows, channels;
    int reach;
    float k, alpha, beta;
    float *buffer; /* squares: [channels + 2 * reach + 2 * WEFT_ROWS_LANES] */
} weft_response;

/* dx = dy t^-beta - 2 alpha beta x (sum of dy x t^(-beta - 1) over the window), t as in the response. dx may be dy. */
typedef struct weft_response_dx {
    const float *dy, *x, *residual; /* NULL: none */
    float *dx;
    int64_t dy_ld, x_ld, r_ld, dx_ld;
    int64_t rows, channels;
    int reach;
    float k, alpha, beta;
    float *buffer; /* squares, then sums: twice [channels + 2 * reach + 2 * WEFT_ROWS_LANES] */
} weft_response_dx;

/* dx[r, c] = dy[r, c] * slope of act at v[r, c], its result or argument as weft_act_keeps_result says. dx may be dy or
 * v. */
typedef struct weft_slope {
    const float *dy, *v;
    float *dx;
    int64_t dy_ld, v_ld, dx_ld;
    int64_t rows, channels;
    weft_act act; /* not NONE */
    bool stream;
} weft_slope;

/* What batch norm sums: to sum[c] and product[c] are added the sums over rows of d and d^2 (moments), d = x - shift, or
 * of g and g d (products), where g is dy times the slope of act at d * scale + beta (weft_batch_norm_dx_takes). */
typedef struct weft_sums {
    const float *x, *dy, *shift;
    const float *scale, *beta; /* with act */
    float *sum, *product;
    int64_t x_ld, dy_ld;
    int64_t rows, channels;
    weft_act act;
} weft_sums;

/* dx[r, c] = scale[c] g + tilt[c] d + lift[c] + residual[r, c], d = x - mean, g as above. dx may be x, dy or residual
 * (NULL: none). */
typedef struct weft_norm_dx {
    const float *x, *dy, *residual;
    const float *mean, *scale, *beta, *tilt, *lift; /* beta: with act */
    float *dx;
    int64_t x_ld, dy_ld, r_ld, dx_ld;
    int64_t rows, channels;
    weft_act act;
    bool stream;
} weft_norm_dx;

/* y[r, c] = x[r, c] * scale, or 0 where the draw of element first + r * channels + c is below the threshold. y may be
 * x. */
typedef struct weft_drop {
    const float *x;
    float *y;
    int64_t x_ld, y_ld;
    int64_t rows, channels, first;
    uint64_t seed, stream;
    int32_t step;
    uint32_t threshold;
    float scale;
} weft_drop;

typedef struct weft_rows {
    const char *isa;
    int lanes;
    void (*depthwise)(const weft_depthwise *p);
    void (*depthwise_dw)(const weft_depthwise_dw *p);
    void (*max_pool)(const weft_pooling *p);
    void (*avg_pool)(const weft_pooling *p);
    void (*max_pool_dx)(const weft_pooling_dx *p);
    void (*avg_pool_dx)(const weft_pooling_dx *p);
    void (*affine)(const weft_affine *p);
    void (*sum2)(const weft_sum2 *p);
    void (*response)(const weft_response *p);
    void (*response_dx)(const weft_response_dx *p);
    void (*slope)(const weft_slope *p);
    void (*moments)(const weft_sums *p);
    void (*products)(const weft_sums *p);
    void (*norm_dx)(const weft_norm_dx *p);
    void (*drop)(const weft_drop *p);
    /* y[c] += sum over rows of x[r, c], in row order. Rows cut into calls of whole WEFT_ROWS_SUMMED, but for the last,
     * give the bits of a single call. */
    void (*add_rows)(const float *x, int64_t ld, int64_t rows, int64_t channels, float *y);
    /* y[c] = scale * sum over rows of x[r, c]; y[c] = max. In row order. */
    void (*sum_rows)(const float *x, int64_t ld, int64_t rows, int64_t channels, float scale, float *y);
    void (*max_rows)(const float *x, int64_t ld, int64_t rows, int64_t channels, float *y);
    /* dot[c] = sum over rows of x[r, c] z[r, c], sum[c] = scale * sum over rows of x[r, c] (NULL: not wanted). */
    void (*dot_rows)(const float *x, int64_t x_ld, const float *z, int64_t z_ld, int64_t rows, int64_t channels,
                     float scale, float *sum, float *dot);
    /* dx[r, c] = dy[c] in the first row in which x[r, c] is largest, else 0. */
    void (*max_rows_dx)(const float *x, int64_t x_ld, const float *dy, int64_t rows, int64_t channels, float *dx,
                        int64_t dx_ld);
    /* One row: softmax of x[n]. y may be x. */
    void (*softmax)(const float *x, int64_t n, float *y);
    /* y[o] = act(bias[o] + sum over i of x[i] wt[o, i]): o walks [outs], wt [outs][step]; bias may be NULL. */
    void (*dot)(const float *x, const float *wt, int64_t step, const float *bias, int64_t ins, int64_t outs,
                weft_act act, float *y);
    /* The same from wt [ins][step], o along the lanes: for few inputs and many outputs. */
    void (*mix)(const float *x, const float *wt, int64_t step, const float *bias, int64_t ins, int64_t outs,
                weft_act act, float *y);
    /* Roofs: 2 * lanes * 12 * steps flops in registers; a copy around the caches, 64-byte aligned, n % 64 == 0. */
    void (*spin)(int64_t steps);
    void (*copy)(float *to, const float *from, int64_t n);
} weft_rows;

extern const weft_rows weft_rows_portable, weft_rows_neon, weft_rows_avx2, weft_rows_avx512;

#endif
