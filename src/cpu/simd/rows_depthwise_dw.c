/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient of the weights of a depthwise convolution, NHWC. For one output row and one vector of channels a group of
 * window rows keeps its sums in registers; a step loads BLOCK neighbouring outputs' gradients once for the group, and
 * each input vector once for every output whose window holds it. While a row is computed, what the next one needs is
 * fetched into L2 in the order in which it lies in memory. Window rows outside the image are left out, and so are
 * columns, by tests that only the blocks at the edges contain. Windows 3, 5 and 7 wide without dilation with stride 1
 * or 2 are unrolled; any other takes the plain loop. Each sum is one chain over the outputs in their order.
 * Bound: DRAM for 3x3, loads for larger windows. */
#include "cpu/simd/rows_set.h"

enum { LANES = WEFT_LANES, LINE = 16, WIDEST = 7 };

/* Window rows in a group and outputs in a step, so that group * kw sums, the gradients and one input fit into 32 or 16
 * registers. */
#if WEFT_V_REGISTERS == 32
enum { GROUP_3 = 3, BLOCK_3 = 7, GROUP_5 = 5, BLOCK_5 = 4, GROUP_7 = 3, BLOCK_7 = 7, TALLEST = 5 };
#else
enum { GROUP_3 = 3, BLOCK_3 = 4, GROUP_5 = 2, BLOCK_5 = 3, GROUP_7 = 1, BLOCK_7 = 7, TALLEST = 3 };
#endif

/* What the next row needs, still to be fetched into L2. */
typedef struct ahead {
    const float *at, *end;
    int lines; /* per step */
} ahead;

/* A group of window rows over one output row. */
typedef struct group {
    const float *x, *dy; /* the first window row, at input column 0; the outputs' gradients */
    float *sums;         /* of its taps */
} group;

/* Outputs [at, at + count) of a row, whose input columns [begin, end), counted from the first window's, lie in the
 * image. */
typedef struct block {
    int64_t at, first;
    int count, begin, end;
} block;

/* Channels [c, c + lanes); rows, kw, stride, size and edge are constants. */
WEFT_INLINE void step(const weft_depthwise_dw *p, const group *g, const block *b, int64_t c, int lanes,
                      weft_v sum[TALLEST][WIDEST], const int rows, const int kw, const int stride, const int size,
                      const bool edge)
{
    const weft_window *w = &p->window;
    weft_v dy[WIDEST];
#pragma GCC unroll 8
    for (int j = 0; j < size; j++)
        dy[j] = !edge ? weft_v_load(g->dy + (b->at + j) * w->y_ld + c)
                : j < b->count ? weft_v_load_n(g->dy + (b->at + j) * w->y_ld + c, lanes) : weft_v_set(0);
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
        const float *x = g->x + r * w->x_row + b->first * w->x_ld + c;
#pragma GCC unroll 32
        for (int q = 0; q < (size - 1) * stride + kw; q++) {
            if (edge && (q < b->begin || q >= b->end))
                continue;
            const weft_v v = edge ? weft_v_load_n(x + q * w->x_ld, lanes) : weft_v_load(x + q * w->x_ld);
#pragma GCC unroll 8
            for (int j = 0; j < size; j++)
                if (q >= j * stride && q < j * stride + kw && (!edge || j < b->count))
                    sum[r][q - j * stride] = weft_v_fma(v, dy[j], sum[r][q - j * stride]);
        }
    }
}

WEFT_INLINE void fetch(ahead *next)
{
    for (int i = 0; i < next->lines && next->at < next->end; i++, next->at += LINE)
        __builtin_prefetch(next->at, 0, 2);
}

/* A group over all outputs of a row; rows, kw, stride and size are constants. */
WEFT_INLINE void group_of(const weft_depthwise_dw *p, const group *g, ahead next[2], const int rows, const int kw,
                          const int stride, const int size)
{
    const weft_window *w = &p->window;
    for (int64_t c = 0; c < w->channels; c += LANES) {
        const int lanes = w->channels - c < LANES ? (int)(w->channels - c) : LANES;
        weft_v sum[TALLEST][WIDEST];
#pragma GCC unroll 64
        for (int i = 0; i < rows * kw; i++)
            sum[i / kw][i % kw] = weft_v_load(g->sums + i * p->step + c);
        for (int64_t at = 0; at < w->ow; at += size) {
            block b = { .at = at, .first = at * stride - w->left };
            const int64_t left = w->ow - at, inside = w->iw - b.first;
            b.count = left < size ? (int)left : size;
            b.begin = b.first < 0 ? (int)-b.first : 0;
            b.end = (b.count - 1) * stride + kw;
            if (b.end > inside)
                b.end = (int)inside;
            fetch(&next[0]);
            fetch(&next[1]);
            if (lanes < LANES || b.begin > 0 || b.end < (size - 1) * stride + kw)
                step(p, g, &b, c, lanes, sum, rows, kw, stride, size, true);
            else
                step(p, g, &b, c, lanes, sum, rows, kw, stride, size, false);
        }
#pragma GCC unroll 64
        for (int i = 0; i < rows * kw; i++)
            weft_v_store(g->sums + i * p->step + c, sum[i / kw][i % kw]);
    }
}

typedef void (*group_fn)(const weft_depthwise_dw *p, const group *g, ahead next[2]);

#define GROUP(rows, kw, stride, size)                                                                                  \
    static WEFT_NOINLINE void group_##rows##x##kw##_##stride(const weft_depthwise_dw *p, const group *g,              \
                                                             ahead next[2])                                           \
    {                                                                                                                  \
        group_of(p, g, next, rows, kw, stride, size);                                                                  \
    }
GROUP(1, 3, 1, BLOCK_3)
GROUP(1, 3, 2, BLOCK_3)
GROUP(3, 3, 1, BLOCK_3)
GROUP(3, 3, 2, BLOCK_3)
GROUP(1, 5, 1, BLOCK_5)
GROUP(1, 5, 2, BLOCK_5)
GROUP(1, 7, 1, BLOCK_7)
GROUP(1, 7, 2, BLOCK_7)
#if WEFT_V_REGISTERS == 32
GROUP(5, 5, 1, BLOCK_5)
GROUP(5, 5, 2, BLOCK_5)
GROUP(3, 7, 1, BLOCK_7)
GROUP(3, 7, 2, BLOCK_7)
#define MANY_5(stride) group_5x5_##stride
#define MANY_7(stride) group_3x7_##stride
#else
GROUP(2, 5, 1, BLOCK_5)
GROUP(2, 5, 2, BLOCK_5)
#define MANY_5(stride) group_2x5_##stride
#define MANY_7(stride) group_1x7_##stride
#endif

/* How the window rows of a width and stride are taken: `many` at a time while there are so many, then one by one. */
typedef struct way {
    int kw, stride, many;
    group_fn several, one;
} way;

static const way ways[] = {
    { 3, 1, GROUP_3, group_3x3_1, group_1x3_1 }, { 3, 2, GROUP_3, group_3x3_2, group_1x3_2 },
    { 5, 1, GROUP_5, MANY_5(1), group_1x5_1 },   { 5, 2, GROUP_5, MANY_5(2), group_1x5_2 },
    { 7, 1, GROUP_7, MANY_7(1), group_1x7_1 },   { 7, 2, GROUP_7, MANY_7(2), group_1x7_2 },
};

/* One window row of any width, stride and dilation: tap by tap. */
static void row_any(const weft_depthwise_dw *p, const group *g)
{
    const weft_window *w = &p->window;
    for (int64_t c = 0; c < w->channels; c += LANES) {
        const int lanes = w->channels - c < LANES ? (int)(w->channels - c) : LANES;
        for (int64_t s = 0; s < w->kw; s++) {
            const int64_t shift = s * w->dilation - w->left, stride = w->stride_w;
            const int64_t first = shift < 0 ? (-shift + stride - 1) / stride : 0;
            const int64_t reach = shift < w->iw ? (w->iw - shift + stride - 1) / stride : 0;
            const int64_t last = reach < w->ow ? reach : w->ow;
            weft_v sum = weft_v_load(g->sums + s * p->step + c);
            for (int64_t at = first; at < last; at++)
                sum = weft_v_fma(weft_v_load_n(g->x + (at * stride + shift) * w->x_ld + c, lanes),
                                 weft_v_load_n(g->dy + at * w->y_ld + c, lanes), sum);
            weft_v_store(g->sums + s * p->step + c, sum);
        }
    }
}

/* What output row oh + 1 reads that row oh does not: of x and dy, in `steps` steps. */
static void look_ahead(const weft_depthwise_dw *p, int oh, int64_t steps, ahead next[2])
{
    const weft_window *w = &p->window;
    next[0] = next[1] = (ahead){ NULL, NULL, 0 };
    if (oh + 1 >= p->last || w->x_ld >= 2 * w->channels || w->y_ld >= 2 * w->channels)
        return;
    const int64_t end = (int64_t)(oh + 1) * w->stride_h - w->top + (int64_t)(w->kh - 1) * w->dilation + 1;
    const int64_t to = end < w->ih ? end : w->ih, from = end - w->stride_h;
    if (from >= 0 && to > from) {
        next[0].at = p->x + from * w->x_row;
        next[0].end = p->x + to * w->x_row;
        next[0].lines = (int)(((next[0].end - next[0].at) / LINE + steps - 1) / steps);
    }
    next[1].at = p->dy + (oh + 1) * w->y_row;
    next[1].end = next[1].at + w->y_row;
    next[1].lines = (int)((w->y_row / LINE + steps - 1) / steps);
}

void weft_rows_depthwise_dw(const weft_depthwise_dw *p)
{
    const weft_window *w = &p->window;
    const way *taken = NULL;
    for (int i = 0; i < WEFT_COUNT(ways); i++)
        if (w->dilation == 1 && w->kw == ways[i].kw && w->stride_w == ways[i].stride)
            taken = &ways[i];
    const int64_t size = w->kw == 5 ? BLOCK_5 : w->kw == 7 ? BLOCK_7 : BLOCK_3;
    const int64_t steps = (w->channels + LANES - 1) / LANES * ((w->ow + size - 1) / size);
    for (int oh = p->first; oh < p->last; oh++) {
        const int64_t top = (int64_t)oh * w->stride_h - w->top;
        ahead next[2];
        look_ahead(p, oh, steps, next);
        for (int r = 0; r < w->kh;) {
            const int64_t line = top + (int64_t)r * w->dilation;
            if (line < 0 || line >= w->ih) {
                r++;
                continue;
            }
            const group g = { p->x + line * w->x_row, p->dy + oh * w->y_row, p->sums + (int64_t)r * w->kw * p->step };
            const int rows = taken && r + taken->many <= w->kh && line + taken->many <= w->ih ? taken->many : 1;
            if (!taken)
                row_any(p, &g);
            else if (rows > 1)
                taken->several(p, &g, next);
            else
                taken->one(p, &g, next);
            r += rows;
        }
    }
}
