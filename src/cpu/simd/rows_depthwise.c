/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, NHWC. One step computes up to BLOCK neighbouring outputs of one vector of channels in
 * registers: each input vector is loaded once per window row and feeds every output whose window holds it. The output
 * is cut into bands whose input fits in a quarter of L2; while one is computed, the input of the next is fetched into
 * L2 in the order in which it lies in memory. Where the output goes around the caches, a band is walked in tiles of
 * WEFT_ROWS_TILE channels, row after row, so that the window's rows of a tile stay in L1; ordinary stores want all
 * channels of a block in a row, since a store miss at every pixel costs more than that saves. Window rows outside the
 * image are left out, and so are columns, by a test per input vector that only the blocks at the edges contain. 3x3
 * windows with stride 1 take two output rows at a time where there are registers for that (AVX-512, NEON). Bound:
 * DRAM for 3x3, arithmetic for larger windows on small maps. Windows 3, 5 and 7 wide without dilation with stride 1 or
 * 2 are unrolled, and those 1, 2 and 4 wide with stride 1, into which gradients of stride 2 fall; any other takes the
 * plain loop. Each output is one chain that begins at the bias and runs over the
 * taps in order. */
#include "cpu/simd/rows_set.h"

enum {
    LANES = WEFT_LANES,
    BLOCK = 7,     /* divides the widths 7, 14, 28, 56, 112; 7 sums and 7 weights leave AVX2 a register or two */
    LINE = 16,     /* floats of a cache line */
    MAX_BAND = 32, /* output rows */
    BAND_FLOATS = 1 << 16, /* input of a band: 256 KB, so that two bands and their output fit in L2 */
};

/* The window rows of one output row that lie inside the image, x_row and kw * step floats apart. */
typedef struct live {
    const float *x, *wt;
    int count;
} live;

/* Input that the next band needs, still to be fetched into L2. */
typedef struct ahead {
    const float *at, *end;
    int lines; /* per step */
} ahead;

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
WEFT_INLINE void step(const weft_depthwise *p, const live *in, const block *b, int64_t c, int lanes, int kw, int stride,
                      bool edge, bool tail, bool stream, weft_v_range range)
{
    const int64_t ld = p->window.x_ld;
    const float *x = in->x + c, *wt = in->wt + c;
    weft_v sum[BLOCK];
#pragma GCC unroll 8
    for (int j = 0; j < BLOCK; j++)
        sum[j] = weft_v_load(p->bias + c);
    for (int r = 0; r < in->count; r++, x += p->window.x_row) {
        weft_v k[7];
#pragma GCC unroll 8
        for (int s = 0; s < kw; s++, wt += p->step)
            k[s] = weft_v_load(wt);
#pragma GCC unroll 64
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
            sum[j] += get(b->residual + j * p->r_ld, lanes, tail);
        put(b->y + j * b->y_ld, weft_v_clamp(sum[j], range.low, range.high), lanes, tail, stream);
    }
}

/* The same for two output rows, 3x3 with stride 1, where all of both windows lies inside the image: the four window
 * rows are loaded once for both, and so are the weights. */
WEFT_INLINE void step_pair(const weft_depthwise *p, const live *in, const block *b, int64_t c, int64_t y_row,
                           bool stream, weft_v_range range)
{
    const float *x = in->x + c + b->offset, *wt = in->wt + c;
    weft_v sum[2][BLOCK], k[9];
#pragma GCC unroll 16
    for (int j = 0; j < 2 * BLOCK; j++)
        sum[j / BLOCK][j % BLOCK] = weft_v_load(p->bias + c);
#pragma GCC unroll 16
    for (int s = 0; s < 9; s++)
        k[s] = weft_v_load(wt + s * p->step);
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++, x += p->window.x_row)
#pragma GCC unroll 16
        for (int q = 0; q < BLOCK + 2; q++) {
            const weft_v v = weft_v_load(x + q * p->window.x_ld);
#pragma GCC unroll 16
            for (int i = 0; i < 2 * BLOCK; i++) {
                const int row = i / BLOCK, j = i % BLOCK;
                if (r >= row && r < row + 3 && q >= j && q < j + 3)
                    sum[row][j] = weft_v_fma(v, k[(r - row) * 3 + q - j], sum[row][j]);
            }
        }
#pragma GCC unroll 2
    for (int row = 0; row < 2; row++)
#pragma GCC unroll 8
        for (int j = 0; j < BLOCK; j++) {
            if (b->residual)
                sum[row][j] += weft_v_load(b->residual + row * p->r_row + j * p->r_ld);
            put(b->y + row * y_row + j * b->y_ld, weft_v_clamp(sum[row][j], range.low, range.high), LANES, false,
                stream);
        }
}

/* The act over count pixels of one vector, from one place to another or the same. */
static void finish(weft_act act, const float *x, int64_t x_ld, float *y, int64_t y_ld, int count, int lanes,
                   bool stream)
{
#define FINISH(which)                                                                              \
    case which:                                                                                    \
        for (int j = 0; j < count; j++, x += x_ld, y += y_ld)                                      \
            if (lanes < LANES)                                                                     \
                weft_v_store_tail(y, weft_v_act(which, weft_v_load_tail(x, lanes)), lanes);        \
            else                                                                                   \
                put(y, weft_v_act(which, weft_v_load(x)), LANES, false, stream);                   \
        break;

    switch (act) {
        FINISH(WEFT_ACT_TANH)
        FINISH(WEFT_ACT_SIGMOID)
        FINISH(WEFT_ACT_SWISH)
        FINISH(WEFT_ACT_HARD_SIGMOID)
        FINISH(WEFT_ACT_HARD_SWISH)
        FINISH(WEFT_ACT_LECUN_TANH)
        FINISH(WEFT_ACT_LEAKY_RELU)
    default:
        break;
    }
#undef FINISH
}

/* A block of one or two output rows (rows: a constant), y_row floats apart. */
WEFT_INLINE void steps(const weft_depthwise *p, const live *in, block b, int64_t y_row, int64_t c, int lanes, int kw,
                       int stride, int rows, bool edge, bool tail, bool stream, weft_v_range range)
{
    if (rows == 2 && !edge && !tail) {
        step_pair(p, in, &b, c, y_row, stream, range);
        return;
    }
    for (int i = 0; i < rows; i++) {
        step(p, &in[i], &b, c, lanes, kw, stride, edge, tail, stream, range);
        b.y += y_row;
        if (b.residual)
            b.residual += p->r_row;
    }
}

/* `rows` output rows from oh on of channels [c, end): whole vectors, or (tail) part of one. kw, stride, rows and tail
 * are constants. */
WEFT_INLINE void row_of(const weft_depthwise *p, const live *in, ahead *next, int oh, int64_t c, int64_t end, int kw,
                        int stride, int rows, bool tail)
{
    const weft_window *w = &p->window;
    const weft_v_range range = weft_v_act_range(p->act);
    const bool clamps = weft_act_clamps(p->act);
    float *const y = p->y + (oh - p->first) * w->y_row + c;
    float *const raw = p->stream && !clamps ? p->buffer : y;
    const int64_t raw_ld = raw == y ? w->y_ld : end - c, raw_row = raw == y ? w->y_row : w->ow * raw_ld;
    const float *residual = p->residual ? p->residual + oh * p->r_row + c : NULL;
    const bool stream = p->stream && clamps;

    for (int x0 = 0; x0 < w->ow; x0 += BLOCK) {
        const int first = x0 * stride - w->left, last = first + (BLOCK - 1) * stride + kw;
        block b = {
            .count = w->ow - x0 < BLOCK ? w->ow - x0 : BLOCK,
            .begin = first < 0 ? -first : 0,
            .end = w->iw - first,
            .offset = first * w->x_ld,
            .y = raw + x0 * raw_ld,
            .y_ld = raw_ld,
            .residual = residual ? residual + x0 * p->r_ld : NULL,
        };
        const bool edge = first < 0 || last > w->iw || b.count < BLOCK;
        for (int64_t at = c; at < end; at += LANES, b.y += LANES) {
            for (int i = 0; i < next->lines * rows; i++)
                __builtin_prefetch(next->at + i * LINE, 0, 2);
            next->at += next->lines * rows * LINE;
            if (tail)
                steps(p, in, b, raw_row, at, (int)(end - at), kw, stride, rows, true, true, false, range);
            else if (edge)
                steps(p, in, b, raw_row, at, LANES, kw, stride, rows, true, false, stream, range);
            else
                steps(p, in, b, raw_row, at, LANES, kw, stride, rows, false, false, stream, range);
            if (b.residual)
                b.residual += LANES;
        }
        if (!clamps) /* while the block is in L1: the other block's products fill the ports beside these divisions */
            for (int i = 0; i < rows; i++)
                for (int64_t v = 0; v < end - c; v += LANES)
                    finish(p->act, raw + i * raw_row + x0 * raw_ld + v, raw_ld, y + i * w->y_row + x0 * w->y_ld + v,
                           w->y_ld, b.count, tail ? (int)(end - c) : LANES, p->stream);
    }
}

/* Any window, stride and dilation: output by output. */
static void row_any(const weft_depthwise *p, const live *in, int oh, int64_t c, int lanes)
{
    const weft_window *w = &p->window;
    const weft_v_range range = weft_v_act_range(p->act);
    for (int ow = 0; ow < w->ow; ow++) {
        const int first = ow * w->stride_w - w->left;
        const int begin = first < 0 ? (-first + w->dilation - 1) / w->dilation : 0;
        const int reach = first < w->iw ? (w->iw - first + w->dilation - 1) / w->dilation : 0;
        const int end = reach < w->kw ? reach : w->kw;
        const float *x = in->x + c, *wt = in->wt + c;
        weft_v sum = weft_v_load(p->bias + c);
        for (int r = 0; r < in->count; r++, x += w->dilation * w->x_row, wt += w->kw * p->step)
            for (int s = begin; s < end; s++)
                sum = weft_v_fma(weft_v_load_n(x + (first + s * w->dilation) * w->x_ld, lanes),
                                 weft_v_load(wt + s * p->step), sum);
        if (p->residual)
            sum += weft_v_load_n(p->residual + oh * p->r_row + ow * p->r_ld + c, lanes);
        float *y = p->y + (oh - p->first) * w->y_row + ow * w->y_ld + c;
        weft_v_store_n(y, weft_v_clamp(sum, range.low, range.high), lanes);
    }
    float *y = p->y + (oh - p->first) * w->y_row + c;
    if (!weft_act_clamps(p->act))
        finish(p->act, y, w->y_ld, y, w->y_ld, w->ow, lanes, false);
}

/* The rows [first, last) of a band, all strips. kw and stride are constants; kw = 0: any window. */
WEFT_INLINE void band_of(const weft_depthwise *p, const live *rows, ahead next, int first, int last, int kw, int stride)
{
    const int64_t channels = p->window.channels;
    const int64_t whole = channels / LANES * LANES, tile = p->stream ? WEFT_ROWS_TILE : whole;
    /* 24 registers. stride is that of the columns; the rows of a pair must begin a line apart as well. */
    const bool pairs = WEFT_V_REGISTERS == 32 && kw == 3 && stride == 1 && p->window.kh == 3 && p->window.stride_h == 1;
    for (int64_t c = 0; c < whole; c += tile)
        for (int oh = first; oh < last; oh++) {
            if (next.at >= next.end)
                next.lines = 0;
            const int64_t end = c + tile < whole ? c + tile : whole;
            const live *in = &rows[oh - first];
            if (pairs && oh + 1 < last && in[0].count == 3 && in[1].count == 3)
                row_of(p, in, &next, oh++, c, end, kw, stride, 2, false);
            else if (kw != 0)
                row_of(p, in, &next, oh, c, end, kw, stride, 1, false);
            else
                for (int64_t at = c; at < end; at += LANES)
                    row_any(p, in, oh, at, LANES);
        }
    if (whole == channels)
        return;
    next.lines = 0;
    for (int oh = first; oh < last; oh++) {
        if (kw == 0)
            row_any(p, &rows[oh - first], oh, whole, (int)(channels - whole));
        else
            row_of(p, &rows[oh - first], &next, oh, whole, channels, kw, stride, 1, true);
    }
}

/* The window rows of output row oh inside the image: the first is first + low * dilation. */
static live live_at(const weft_depthwise *p, int oh)
{
    const weft_window *w = &p->window;
    const int first = oh * w->stride_h - w->top;
    const int low = first < 0 ? (-first + w->dilation - 1) / w->dilation : 0;
    const int reach = first < w->ih ? (w->ih - first + w->dilation - 1) / w->dilation : 0;
    const int high = reach < w->kh ? reach : w->kh;
    live in = { .count = high > low ? high - low : 0 };
    if (in.count > 0) {
        in.x = p->x + (int64_t)(first + low * w->dilation) * w->x_row;
        in.wt = p->wt + (int64_t)low * w->kw * p->step;
    }
    return in;
}

/* Input rows that output rows before oh need: [0, end). */
static int64_t input_end(const weft_window *w, int oh)
{
    const int64_t end = (int64_t)(oh - 1) * w->stride_h - w->top + (int64_t)(w->kh - 1) * w->dilation + 1;
    return end < 0 ? 0 : end < w->ih ? end : w->ih;
}

/* What output rows [last, next_last) need more than those before them; of the next image where this one has no more. */
static ahead ahead_of(const weft_depthwise *p, int first, int last, int next_last)
{
    const weft_window *w = &p->window;
    ahead next = { .lines = 0 };
    if (p->resident || next_last <= last || w->x_ld != w->channels)
        return next;
    const bool beyond = last == w->oh;
    next.at = p->x + (beyond ? w->ih : input_end(w, last)) * w->x_row;
    next.end = p->x + (beyond ? w->ih + input_end(w, next_last - last) : input_end(w, next_last)) * w->x_row;
    const int64_t steps = (int64_t)(last - first) * ((w->ow + BLOCK - 1) / BLOCK) * (w->channels / LANES);
    const int64_t lines = (next.end - next.at) / LINE;
    next.lines = steps > 0 ? (int)((lines + steps - 1) / steps) : 0;
    return next;
}

/* The input of the first band, which ends before output row `last`. */
static void fetch_first(const weft_depthwise *p, int last)
{
    const weft_window *w = &p->window;
    if (p->resident || p->warm || w->x_ld != w->channels)
        return;
    const int64_t first = (int64_t)p->first * w->stride_h - w->top;
    const float *const end = p->x + input_end(w, last) * w->x_row;
    for (const float *at = p->x + (first > 0 ? first : 0) * w->x_row; at < end; at += LINE)
        __builtin_prefetch(at, 0, 2);
}

void weft_rows_depthwise(const weft_depthwise *p)
{
    const weft_window *w = &p->window;
    const int rows = p->last - p->first, key = w->dilation == 1 && w->stride_w <= 2 ? w->kw * 10 + w->stride_w : 0;
    int64_t fit = (BAND_FLOATS / w->x_row - (int64_t)(w->kh - 1) * w->dilation - 1) / w->stride_h + 1;
    fit = fit < 1 ? 1 : fit > MAX_BAND ? MAX_BAND : fit;
    const int bands = (int)((rows + fit - 1) / fit);
    live in[MAX_BAND];
    const int part = rows / (bands > 0 ? bands : 1), follow = p->follow < part ? p->follow : part;
    fetch_first(p, p->first + part);

    for (int i = 0; i < bands; i++) {
        const int first = p->first + (int)((int64_t)rows * i / bands);
        const int last = p->first + (int)((int64_t)rows * (i + 1) / bands);
        const int then = i + 1 < bands ? p->first + (int)((int64_t)rows * (i + 2) / bands) : last + follow;
        ahead next = ahead_of(p, first, last, then);
        for (int oh = first; oh < last; oh++)
            in[oh - first] = live_at(p, oh);
        switch (key) {
        case 11:
            band_of(p, in, next, first, last, 1, 1);
            break;
        case 21:
            band_of(p, in, next, first, last, 2, 1);
            break;
        case 31:
            band_of(p, in, next, first, last, 3, 1);
            break;
        case 32:
            band_of(p, in, next, first, last, 3, 2);
            break;
        case 41:
            band_of(p, in, next, first, last, 4, 1);
            break;
        case 51:
            band_of(p, in, next, first, last, 5, 1);
            break;
        case 52:
            band_of(p, in, next, first, last, 5, 2);
            break;
        case 71:
            band_of(p, in, next, first, last, 7, 1);
            break;
        case 72:
            band_of(p, in, next, first, last, 7, 2);
            break;
        default:
            band_of(p, in, next, first, last, 0, 0);
        }
    }
    if (p->stream)
        weft_v_fence();
}
