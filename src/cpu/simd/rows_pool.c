/* SPDX-License-Identifier: Apache-2.0
 *
 * Max and average pooling, NHWC: per output pixel, the window's pixels that lie inside the image are combined, four
 * vectors of channels at a time. Neighbouring windows find their shared pixels in L1. With stride 1 and dense tensors
 * the pixels of a row whose windows lie alike are one run of floats, which few channels then walk in whole vectors.
 * Also sums and maxima over whole images, eight rows a pass, so that the running result is loaded and stored once for
 * eight rows. */
#include "cpu/simd/rows_set.h"

enum { LANES = WEFT_LANES, WIDE = 4 };

/* The taps of one output pixel: x points at the first inside the image. */
typedef struct taps {
    const float *x;
    int rows, columns;
    int64_t row, column; /* steps */
    int area;            /* pixels of the window inside image or padding */
} taps;

/* The first tap inside [0, size) and their number. Windows begin inside the image or the padding before it; returns
 * the taps inside image or padding, `after` pixels of it behind the image. */
static int inside(int start, int kernel, int size, int after, int *first, int *count)
{
    const int end = kernel < size - start ? kernel : size - start;
    *first = start < 0 ? -start : 0;
    *count = end > *first ? end - *first : 0;
    return kernel < size + after - start ? kernel : size + after - start;
}

/* `count` (a constant, 1..WIDE) vectors of one output pixel, the last of them `lanes` wide: as many chains as vectors.
 */
WEFT_INLINE void max_vectors(const taps *t, int64_t c, int count, int lanes, weft_v start, float *y)
{
    weft_v best[WIDE] = { start, start, start, start };
    for (int r = 0; r < t->rows; r++)
        for (int s = 0; s < t->columns; s++) {
            const float *x = t->x + r * t->row + s * t->column + c;
#pragma GCC unroll 4
            for (int v = 0; v < count; v++)
                best[v] = weft_v_max(best[v], weft_v_load_n(x + v * LANES, v + 1 < count ? LANES : lanes));
        }
#pragma GCC unroll 4
    for (int v = 0; v < count; v++)
        weft_v_store_n(y + c + v * LANES, best[v], v + 1 < count ? LANES : lanes);
}

WEFT_INLINE void avg_vectors(const taps *t, int64_t c, int count, int lanes, weft_v scale, float *y)
{
    weft_v sum[WIDE] = { { 0 }, { 0 }, { 0 }, { 0 } };
    for (int r = 0; r < t->rows; r++)
        for (int s = 0; s < t->columns; s++) {
            const float *x = t->x + r * t->row + s * t->column + c;
#pragma GCC unroll 4
            for (int v = 0; v < count; v++)
                sum[v] += weft_v_load_n(x + v * LANES, v + 1 < count ? LANES : lanes);
        }
#pragma GCC unroll 4
    for (int v = 0; v < count; v++)
        weft_v_store_n(y + c + v * LANES, sum[v] * scale, v + 1 < count ? LANES : lanes);
}

/* All channels of a pixel: fours of whole vectors, then what is left. */
#define WALK(vectors, argument)                                                                    \
    int64_t c = 0;                                                                                 \
    for (; c + WIDE * LANES <= channels; c += WIDE * LANES)                                        \
        vectors(t, c, WIDE, LANES, argument, y);                                                   \
    const int left = (int)(channels - c), count = (left + LANES - 1) / LANES;                      \
    const int lanes = left - (count - 1) * LANES;                                                  \
    if (count == 1)                                                                                \
        vectors(t, c, 1, lanes, argument, y);                                                      \
    else if (count == 2)                                                                           \
        vectors(t, c, 2, lanes, argument, y);                                                      \
    else if (count == 3)                                                                           \
        vectors(t, c, 3, lanes, argument, y);                                                      \
    else if (count == 4)                                                                           \
        vectors(t, c, 4, lanes, argument, y)

static void max_pixel(const taps *t, int64_t channels, float from, float *y)
{
    const weft_v start = weft_v_set(from);
    WALK(max_vectors, start);
}

static void avg_pixel(const taps *t, int64_t channels, float factor, float *y)
{
    const weft_v scale = weft_v_set(factor);
    WALK(avg_vectors, scale);
}

static taps taps_at(const weft_pooling *p, int oh, int ow)
{
    const weft_window *w = &p->window;
    const int ih = oh * w->stride_h - w->top, iw = ow * w->stride_w - w->left;
    int r, s;
    taps t = { .row = w->x_row, .column = w->x_ld };
    t.area = inside(ih, w->kh, w->ih, p->bottom, &r, &t.rows) * inside(iw, w->kw, w->iw, p->right, &s, &t.columns);
    t.x = p->x + (ih + r) * w->x_row + (iw + s) * w->x_ld;
    return t;
}

/* How many pixels of a row from ow on have the same taps, one pixel further each, and lie as one run of floats. */
static int alike(const weft_pooling *p, int ow)
{
    const weft_window *w = &p->window;
    if (w->stride_w != 1 || w->x_ld != w->channels || w->y_ld != w->channels || ow < w->left)
        return 1;
    const int end = w->iw - w->kw + w->left + 1; /* the first whose window leaves the image */
    const int last = end < w->ow ? end : w->ow;
    return last > ow ? last - ow : 1;
}

void weft_rows_max_pool(const weft_pooling *p)
{
    const weft_window *w = &p->window;
    for (int oh = p->first; oh < p->last; oh++)
        for (int ow = 0, run; ow < w->ow; ow += run) {
            const taps t = taps_at(p, oh, ow);
            const bool zero = p->zero_border && t.area > t.rows * t.columns;
            run = alike(p, ow);
            max_pixel(&t, run * w->channels, zero ? 0.0f : -__builtin_inff(), p->y + oh * w->y_row + ow * w->y_ld);
        }
}

void weft_rows_avg_pool(const weft_pooling *p)
{
    const weft_window *w = &p->window;
    for (int oh = p->first; oh < p->last; oh++)
        for (int ow = 0, run; ow < w->ow; ow += run) {
            const taps t = taps_at(p, oh, ow);
            const int count = p->count_border ? t.area : t.rows * t.columns;
            run = alike(p, ow);
            avg_pixel(&t, run * w->channels, 1.0f / (float)count, p->y + oh * w->y_row + ow * w->y_ld);
        }
}

/* ---- over whole images ---- */

/* y[c] (+)= the sum of eight rows, pairwise. */
WEFT_INLINE weft_v sum_of_eight(const float *x, int64_t ld, int lanes)
{
    weft_v v[8];
#pragma GCC unroll 8
    for (int r = 0; r < 8; r++) {
        __builtin_prefetch(x + (r + 8) * ld); /* the next eight: this order is foreseen by no hardware */
        v[r] = weft_v_load_n(x + r * ld, lanes);
    }
    return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]));
}

void weft_rows_add_rows(const float *x, int64_t ld, int64_t rows, int64_t channels, float *y)
{
    int64_t r = 0;
    for (; r + WEFT_ROWS_SUMMED <= rows; r += WEFT_ROWS_SUMMED, x += WEFT_ROWS_SUMMED * ld) {
        int64_t c = 0;
        for (; c + LANES <= channels; c += LANES)
            weft_v_store(y + c, weft_v_load(y + c) + sum_of_eight(x + c, ld, LANES));
        const int left = (int)(channels - c);
        if (left > 0)
            weft_v_store_tail(y + c, weft_v_load_tail(y + c, left) + sum_of_eight(x + c, ld, left), left);
    }
    for (; r < rows; r++, x += ld)
        for (int64_t c = 0; c < channels; c += LANES) {
            const int lanes = channels - c < LANES ? (int)(channels - c) : LANES;
            weft_v_store_n(y + c, weft_v_load_n(y + c, lanes) + weft_v_load_n(x + c, lanes), lanes);
        }
}

void weft_rows_sum_rows(const float *x, int64_t ld, int64_t rows, int64_t channels, float scale, float *y)
{
    for (int64_t c = 0; c < channels; c += LANES)
        weft_v_store_n(y + c, weft_v_set(0.0f), channels - c < LANES ? (int)(channels - c) : LANES);
    weft_rows_add_rows(x, ld, rows, channels, y);
    for (int64_t c = 0; c < channels; c += LANES) {
        const int lanes = channels - c < LANES ? (int)(channels - c) : LANES;
        weft_v_store_n(y + c, weft_v_load_n(y + c, lanes) * scale, lanes);
    }
}

void weft_rows_max_rows(const float *x, int64_t ld, int64_t rows, int64_t channels, float *y)
{
    for (int64_t c = 0; c < channels; c += LANES) {
        const int lanes = channels - c < LANES ? (int)(channels - c) : LANES;
        weft_v best = weft_v_load_n(x + c, lanes);
        for (int64_t r = 1; r < rows; r++)
            best = weft_v_max(best, weft_v_load_n(x + r * ld + c, lanes));
        weft_v_store_n(y + c, best, lanes);
    }
}
