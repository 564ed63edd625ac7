/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, NHWC. One step computes up to BLOCK neighbouring outputs of one vector of channels in registers:
 * each input vector is loaded once per window row and feeds every output whose window holds it. Steps walk all the
 * channels of a block before the next block, so memory is read in order; window rows outside the image are left out,
 * and so are columns, by a test per input vector that only the blocks at the edges contain. Rows come back from L2
 * for the following output rows. Bound: DRAM for 3x3, arithmetic and loads for larger windows on small maps.
 * Windows 3, 5 and 7 wide without dilation with stride 1 or 2 are unrolled; any other takes the plain loop. Each output is one chain that
 * begins at the bias and runs over the taps in order. */
#include "cpu/simd/rows_set.h"

enum { LANES = WEFT_LANES, BLOCK = 4 };

/* The window rows of one output row that lie inside the image. */
typedef struct live_rows {
    int count;
    const float *x[WEFT_ROWS_WINDOW]; /* pixel 0 */
    const float *wt[WEFT_ROWS_WINDOW];
    const float *ahead; /* the input row that the next output row needs first; NULL: none */
} live_rows;

/* One block: count outputs, where they go and where their residual is. */
typedef struct block {
    int count;
    int begin, end; /* input columns of the block that lie inside the image, from the block's first on */
    int64_t offset; /* of the block's first input column, in floats; may be negative */
    float *y;
    int64_t y_ld;
    const float *residual;
} block;

WEFT_INLINE weft_v get(const float *p, int lanes, bool tail)
{
    return tail ? weft_v_load_tail(p, lanes) : weft_v_load(p);
}

WEFT_INLINE void put(float *p, weft_v v, int lanes, bool tail, bool stream)
{
    if (tail)
        weft_v_store_tail(p, v, lanes);
    else if (stream)
        weft_v_stream(p, v);
    else
        weft_v_store(p, v);
}

/* Channels [c, c + lanes) of a block. kw, stride, edge and tail are constants. */
WEFT_INLINE void step(const weft_depthwise *p, const live_rows *in, const block *b, int64_t c, int lanes, int kw, int stride,
                      bool edge, bool tail, weft_v_range range, bool stream)
{
    const int64_t ld = p->window.x_ld;
    weft_v sum[BLOCK];
#pragma GCC unroll 8
    for (int j = 0; j < BLOCK; j++)
        sum[j] = weft_v_load(p->bias + c);
    for (int r = 0; r < in->count; r++) {
        const float *x = in->x[r] + c, *wt = in->wt[r] + c;
        weft_v k[7];
#pragma GCC unroll 8
        for (int s = 0; s < kw; s++)
            k[s] = weft_v_load(wt + s * p->step);
#pragma GCC unroll 32
        for (int q = 0; q < (BLOCK - 1) * stride + kw; q++) {
            if (edge && (q < b->begin || q >= b->end))
                continue;
            const weft_v v = get(x + (b->offset + q * ld), lanes, tail);
#pragma GCC unroll 8
            for (int j = 0; j < BLOCK; j++)
                if (q >= j * stride && q < j * stride + kw)
                    sum[j] = weft_v_fma(v, k[q - j * stride], sum[j]);
        }
    }
#pragma GCC unroll 8
    for (int j = 0; j < BLOCK; j++) {
        if (edge && j >= b->count)
            break;
        if (b->residual)
            sum[j] += get(b->residual + j * p->r_ld + c, lanes, tail);
        put(b->y + j * b->y_ld + c, weft_v_clamp(sum[j], range.low, range.high), lanes, tail, stream);
    }
}

/* All channels of a block. */
WEFT_INLINE void walk(const weft_depthwise *p, const live_rows *in, const block *b, int kw, int stride, bool edge,
                      bool stream)
{
    const weft_v_range range = weft_v_act_range(p->act);
    const int64_t channels = p->window.channels;
    const float *ahead = in->ahead ? in->ahead + b->offset : NULL;
    int64_t c = 0;
    for (; c + LANES <= channels; c += LANES) {
        if (!edge && ahead)
#pragma GCC unroll 8
            for (int q = 0; q < BLOCK * stride; q++)
                __builtin_prefetch(ahead + c + q * p->window.x_ld, 0, 2);
        step(p, in, b, c, LANES, kw, stride, edge, false, range, stream);
    }
    if (c < channels)
        step(p, in, b, c, (int)(channels - c), kw, stride, true, true, range, false);
}

/* The act over count pixels, from one place to another or the same. */
static void finish(weft_act act, const float *x, int64_t x_ld, float *y, int64_t y_ld, int count, int64_t channels,
                   bool stream)
{
#define FINISH(which)                                                                              \
    case which:                                                                                    \
        for (int j = 0; j < count; j++, x += x_ld, y += y_ld) {                                    \
            int64_t c = 0;                                                                         \
            for (; c + LANES <= channels; c += LANES)                                              \
                put(y + c, weft_v_act(which, weft_v_load(x + c)), LANES, false, stream);           \
            const int left = (int)(channels - c);                                                  \
            if (left > 0)                                                                          \
                weft_v_store_tail(y + c, weft_v_act(which, weft_v_load_tail(x + c, left)), left);  \
        }                                                                                          \
        break;

    switch (act) {
        FINISH(WEFT_ACT_TANH)
        FINISH(WEFT_ACT_SIGMOID)
        FINISH(WEFT_ACT_SWISH)
        FINISH(WEFT_ACT_HARD_SIGMOID)
        FINISH(WEFT_ACT_HARD_SWISH)
        FINISH(WEFT_ACT_LECUN_TANH)
    default:
        break;
    }
#undef FINISH
}

/* One output row in blocks; kw and stride are constants. */
WEFT_INLINE void row_of(const weft_depthwise *p, const live_rows *in, int oh, int kw, int stride)
{
    const weft_window *w = &p->window;
    const bool clamps = weft_v_act_clamps(p->act), late_stream = p->stream && !clamps;
    float *const y = p->y + oh * w->y_row;
    const float *residual = p->residual ? p->residual + oh * p->r_row : NULL;

    for (int x0 = 0; x0 < w->ow; x0 += BLOCK) {
        const int first = x0 * stride - w->left, last = first + (BLOCK - 1) * stride + kw;
        const int count = w->ow - x0 < BLOCK ? w->ow - x0 : BLOCK;
        float *const out = y + x0 * w->y_ld;
        const block b = {
            .count = count,
            .begin = first < 0 ? -first : 0,
            .end = w->iw - first,
            .offset = first * w->x_ld,
            .y = late_stream ? p->buffer : out,
            .y_ld = late_stream ? p->step : w->y_ld,
            .residual = residual ? residual + x0 * p->r_ld : NULL,
        };
        if (first < 0 || last > w->iw || count < BLOCK)
            walk(p, in, &b, kw, stride, true, false);
        else if (p->stream && clamps)
            walk(p, in, &b, kw, stride, false, true);
        else
            walk(p, in, &b, kw, stride, false, false);
        if (!clamps)
            finish(p->act, b.y, b.y_ld, out, w->y_ld, count, w->channels, p->stream);
    }
}

/* Any window, stride and dilation: output by output. */
static void row_any(const weft_depthwise *p, const live_rows *in, int oh)
{
    const weft_window *w = &p->window;
    const weft_v_range range = weft_v_act_range(p->act);
    const bool clamps = weft_v_act_clamps(p->act);
    for (int ow = 0; ow < w->ow; ow++) {
        const int first = ow * w->stride_w - w->left;
        const int begin = first < 0 ? (-first + w->dilation - 1) / w->dilation : 0;
        const int reach = first < w->iw ? (w->iw - first + w->dilation - 1) / w->dilation : 0;
        const int end = reach < w->kw ? reach : w->kw;
        float *const y = p->y + oh * w->y_row + ow * w->y_ld;
        const float *residual = p->residual ? p->residual + oh * p->r_row + ow * p->r_ld : NULL;
        for (int64_t c = 0; c < w->channels; c += LANES) {
            const int lanes = w->channels - c < LANES ? (int)(w->channels - c) : LANES;
            weft_v sum = weft_v_load(p->bias + c);
            for (int r = 0; r < in->count; r++)
                for (int s = begin; s < end; s++) {
                    const float *x = in->x[r] + (first + s * w->dilation) * w->x_ld + c;
                    sum = weft_v_fma(weft_v_load_n(x, lanes), weft_v_load(in->wt[r] + s * p->step + c), sum);
                }
            if (residual)
                sum += weft_v_load_n(residual + c, lanes);
            weft_v_store_n(y + c, weft_v_clamp(sum, range.low, range.high), lanes);
        }
        if (!clamps)
            finish(p->act, y, w->y_ld, y, w->y_ld, 1, w->channels, false);
    }
}

static live_rows rows_at(const weft_depthwise *p, int oh)
{
    const weft_window *w = &p->window;
    live_rows in = {.count = 0};
    for (int r = 0; r < w->kh; r++) {
        const int64_t ih = (int64_t)oh * w->stride_h - w->top + (int64_t)r * w->dilation;
        if (ih < 0 || ih >= w->ih)
            continue;
        in.x[in.count] = p->x + ih * w->x_row;
        in.wt[in.count++] = p->wt + (int64_t)r * w->kw * p->step;
    }
    const int64_t next = (int64_t)(oh + 1) * w->stride_h - w->top + w->kh - 1;
    if (next < w->ih && oh + 1 < p->last)
        in.ahead = p->x + next * w->x_row;
    return in;
}

void weft_rows_depthwise(const weft_depthwise *p)
{
    const weft_window *w = &p->window;
    const int key = w->dilation == 1 && w->stride_w <= 2 ? w->kw * 10 + w->stride_w : 0;
    for (int oh = p->first; oh < p->last; oh++) {
        const live_rows in = rows_at(p, oh);
        switch (key) {
        case 31:
            row_of(p, &in, oh, 3, 1);
            break;
        case 32:
            row_of(p, &in, oh, 3, 2);
            break;
        case 51:
            row_of(p, &in, oh, 5, 1);
            break;
        case 52:
            row_of(p, &in, oh, 5, 2);
            break;
        case 71:
            row_of(p, &in, oh, 7, 1);
            break;
        case 72:
            row_of(p, &in, oh, 7, 2);
            break;
        default:
            row_any(p, &in, oh);
        }
    }
    if (p->stream)
        weft_v_fence();
}
