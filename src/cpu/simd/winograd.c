/* SPDX-License-Identifier: Apache-2.0
 *
 * The transforms of winograd.h: V = B' d B and y = A' m A, one vector of channels at a time. Of F(4x4, 3x3):
 *
 *      4  0 -5  0  1  0                 1  1  1  1  1  0
 *      0 -4 -4  1  1  0                 0  1 -1  2 -2  0
 * B' = 0  4 -4 -1  1  0            A' = 0  1  1  4  4  0
 *      0 -2 -1  2  1  0                 0  1 -1  8 -8  1
 *      0  2 -1 -2  1  0
 *      0  4  0 -5  0  1
 *
 * and of F(2x2, 3x3):
 *
 *      1  0 -1  0
 * B' = 0  1  1  0            A' = 1  1  1  0
 *      0 -1  1  0                 0  1 -1 -1
 *      0  1  0 -1
 *
 * A stride of 2 meets the even pixels with the taps 0 and 2 of a filter, the odd ones with tap 1. Of the even ones five
 * make four outputs by F(4, 2), with the points 0, +-1, 2 and infinity, and of the odd ones each makes its own:
 *
 *      2 -1 -2  1  0            1/2    0
 *      0 -2 -1  1  0           -1/2 -1/2            1  1  1  1  0
 * B' = 0  2 -3  1  0      G =  -1/6  1/6       A' = 0  1 -1  2  0
 *      0 -1  0  1  0            1/6  1/3            0  1  1  4  0
 *      0  2 -1 -2  1              0    1            0  1 -1  8  1
 *
 * Nine pixels a side, 81 positions where the direct algorithm needs 144 multiplications. All odd positions of a side
 * share their weights, so that there are 6 x 6 matrices of them.
 *
 * Columns first, then rows. Traffic for each tile and channel, of F(4x4, 3x3): 36 loads and 36 stores on the way in, 36
 * loads and 16 stores on the way out; the arithmetic (about 140 and 100 operations) hides behind them in L2. `in`, the
 * side of an input tile, and `kind` are constants at every call: 6 and 4, and 9 with a stride of 2. */
#include "cpu/simd/winograd.h"

#include "cpu/simd/vmath.h"

enum {
    OUT = WEFT_WINOGRAD_OUT, /* the most */
    IN = WEFT_WINOGRAD_IN,   /* the most of stride 1 */
    WIDE = 5,                /* taps of a side of F(2x2, 5x5), whose input tiles are those of F(4x4, 3x3) */
    STRIDED = 9,             /* pixels of a side with a stride of 2: */
    EVEN = 5,                /* so many even ones */
    ODD = 4                  /* and odd ones */
};

#define UNROLL _Pragma("GCC unroll 8")

WEFT_INLINE weft_v times(float s, weft_v v, weft_v add)
{
    return weft_v_fma(weft_v_set(s), v, add);
}

/* `kind` is the side of an input tile, or WIDE. */
WEFT_INLINE int in_of(const int kind)
{
    return kind == WIDE ? IN : kind;
}

WEFT_INLINE int out_of(const int kind)
{
    return kind == STRIDED ? OUT : kind == WIDE ? 2 : kind - 2;
}

/* B' times a column. */
WEFT_INLINE void input_line(const weft_v *d, weft_v *o, const int in)
{
    if (in == 4) {
        o[0] = d[0] - d[2];
        o[1] = d[1] + d[2];
        o[2] = d[2] - d[1];
        o[3] = d[1] - d[3];
        return;
    }
    const weft_v even = times(-4, d[2], d[4]), odd = times(-4, d[1], d[3]);
    const weft_v near = d[4] - d[2], far = d[3] - d[1];
    o[0] = times(4, d[0], times(-5, d[2], d[4]));
    o[1] = even + odd;
    o[2] = even - odd;
    o[3] = times(2, far, near);
    o[4] = times(-2, far, near);
    o[5] = times(4, d[1], times(-5, d[3], d[5]));
}

/* A' times a column. */
WEFT_INLINE void output_line(const weft_v *m, weft_v *o, const int kind)
{
    if (kind == 4) {
        o[0] = m[0] + m[1] + m[2];
        o[1] = m[1] - m[2] - m[3];
        return;
    }
    const weft_v p = m[1] + m[2], q = m[1] - m[2], r = m[3] + m[4], s = m[3] - m[4];
    if (kind == WIDE) {
        o[0] = m[0] + p + r;
        o[1] = times(2, s, q) + m[5];
        return;
    }
    o[0] = m[0] + p + r;
    o[1] = times(2, s, q);
    o[2] = times(4, r, p);
    o[3] = times(8, s, q) + m[5];
}

/* The same for the even pixels with a stride of 2. */
WEFT_INLINE void even_input(const weft_v *d, weft_v *o)
{
    const weft_v near = d[3] - d[2], far = d[3] - d[1];
    o[0] = times(2, d[0] - d[2], far);
    o[1] = times(-2, d[1], near);
    o[2] = times(2, d[1] - d[2], near);
    o[3] = far;
    o[4] = times(-2, far, d[4] - d[2]);
}

WEFT_INLINE void even_output(const weft_v *m, weft_v *o)
{
    const weft_v p = m[1] + m[2], q = m[1] - m[2];
    o[0] = m[0] + p + m[3];
    o[1] = times(2, m[3], q);
    o[2] = times(4, m[3], p);
    o[3] = times(8, m[3], q) + m[4];
}

/* The position of even line a and pixel b of nine; of odd line a, where those of one product lie side by side. */
WEFT_INLINE int of_even(int a, int b)
{
    return a * STRIDED + b;
}

WEFT_INLINE int of_odd(int a, int b)
{
    return EVEN * STRIDED + (b < EVEN ? b * ODD + a : EVEN * ODD + a * ODD + b - EVEN);
}

/* clang-format off */

/* Channels [c, c + n) of pixel (i, j) of a tile; whole: all pixels lie in the image. */
WEFT_INLINE weft_v pixel(const weft_winograd_input *t, int i, int j, int64_t c, int n, const bool whole)
{
    const float *p = t->x + i * t->line + j * t->pixel + c;
    if (whole)
        return weft_v_load(p);
    return i >= t->top && i < t->bottom && j >= t->left && j < t->right ? weft_v_load_n(p, n) : weft_v_set(0);
}

WEFT_INLINE void input_vector(const weft_winograd_input *t, int64_t c, int n, const bool whole, const int in)
{
    weft_v rows[IN][IN];
    UNROLL for (int j = 0; j < in; j++) {
        weft_v d[IN], o[IN];
        UNROLL for (int i = 0; i < in; i++)
            d[i] = pixel(t, i, j, c, n, whole);
        input_line(d, o, in);
        UNROLL for (int i = 0; i < in; i++)
            rows[i][j] = o[i];
    }
    UNROLL for (int i = 0; i < in; i++) {
        weft_v o[IN];
        input_line(rows[i], o, in);
        UNROLL for (int j = 0; j < in; j++)
            weft_v_store(t->v + (i * in + j) * t->position + c, o[j]);
    }
}

/* Nine pixels of a line, the even ones times B'. */
WEFT_INLINE void nine(const weft_v *x, weft_v *o)
{
    const weft_v even[EVEN] = { x[0], x[2], x[4], x[6], x[8] };
    even_input(even, o);
    UNROLL for (int j = 0; j < ODD; j++)
        o[EVEN + j] = x[2 * j + 1];
}

WEFT_INLINE void strided_vector(const weft_winograd_input *t, int64_t c, int n, const bool whole)
{
    weft_v rows[EVEN][STRIDED], o[STRIDED];
    UNROLL for (int j = 0; j < STRIDED; j++) {
        weft_v d[EVEN];
        UNROLL for (int i = 0; i < EVEN; i++)
            d[i] = pixel(t, 2 * i, j, c, n, whole);
        even_input(d, o);
        UNROLL for (int i = 0; i < EVEN; i++)
            rows[i][j] = o[i];
    }
    UNROLL for (int i = 0; i < EVEN; i++) {
        nine(rows[i], o);
        UNROLL for (int j = 0; j < STRIDED; j++)
            weft_v_store(t->v + of_even(i, j) * t->position + c, o[j]);
    }
    UNROLL for (int i = 0; i < ODD; i++) {
        weft_v x[STRIDED];
        UNROLL for (int j = 0; j < STRIDED; j++)
            x[j] = pixel(t, 2 * i + 1, j, c, n, whole);
        nine(x, o);
        UNROLL for (int j = 0; j < STRIDED; j++)
            weft_v_store(t->v + of_odd(i, j) * t->position + c, o[j]);
    }
}

/* clang-format on */

WEFT_INLINE void input_of(const weft_winograd_input *t, int64_t c, int n, const bool whole, const int in)
{
    if (in == STRIDED)
        strided_vector(t, c, n, whole);
    else
        input_vector(t, c, n, whole, in);
}

WEFT_INLINE void input(const weft_winograd_input *t, const int in)
{
    const bool whole = t->top == 0 && t->left == 0 && t->bottom == in && t->right == in;
    const int64_t even = t->channels / WEFT_LANES * WEFT_LANES;
    if (whole)
        for (int64_t c = 0; c < even; c += WEFT_LANES)
            input_of(t, c, WEFT_LANES, true, in);
    else
        for (int64_t c = 0; c < even; c += WEFT_LANES)
            input_of(t, c, WEFT_LANES, false, in);
    if (even < t->channels)
        input_of(t, even, (int)(t->channels - even), false, in);
}

/* clang-format off */

/* The sums of the outputs. */
WEFT_INLINE void sums_of(const weft_winograd_output *t, int64_t c, weft_v sum[OUT][OUT], const int kind)
{
    const int in = in_of(kind), out = out_of(kind);
    weft_v rows[OUT][IN];
    UNROLL for (int j = 0; j < in; j++) {
        weft_v m[IN], o[OUT];
        UNROLL for (int i = 0; i < in; i++)
            m[i] = weft_v_load(t->m + (i * in + j) * t->position + c);
        output_line(m, o, kind);
        UNROLL for (int i = 0; i < out; i++)
            rows[i][j] = o[i];
    }
    UNROLL for (int i = 0; i < out; i++)
        output_line(rows[i], sum[i], kind);
}

WEFT_INLINE void strided_sums(const weft_winograd_output *t, int64_t c, weft_v sum[OUT][OUT])
{
    weft_v rows[OUT][STRIDED];
    UNROLL for (int j = 0; j < STRIDED; j++) {
        weft_v m[EVEN], o[OUT];
        UNROLL for (int i = 0; i < EVEN; i++)
            m[i] = weft_v_load(t->m + of_even(i, j) * t->position + c);
        even_output(m, o);
        UNROLL for (int i = 0; i < OUT; i++)
            rows[i][j] = o[i] + weft_v_load(t->m + of_odd(i, j) * t->position + c);
    }
    UNROLL for (int i = 0; i < OUT; i++) {
        even_output(rows[i], sum[i]);
        UNROLL for (int j = 0; j < OUT; j++)
            sum[i][j] += rows[i][EVEN + j];
    }
}

/* Bias included. */
WEFT_INLINE void output_sums(const weft_winograd_output *t, int64_t c, weft_v sum[OUT][OUT], const int kind)
{
    const int out = out_of(kind);
    const weft_v bias = weft_v_load(t->bias + c);
    if (kind == STRIDED)
        strided_sums(t, c, sum);
    else
        sums_of(t, c, sum, kind);
    UNROLL for (int i = 0; i < out; i++)
        UNROLL for (int j = 0; j < out; j++)
            sum[i][j] += bias;
}

/* Whole tiles, whole vectors, NONE, RELU or RELU6. */
WEFT_INLINE void output_whole(const weft_winograd_output *t, int64_t c, const bool residual, const bool stream,
                              const int kind)
{
    const int out = out_of(kind);
    const weft_v_range range = weft_v_act_range(t->act);
    weft_v sum[OUT][OUT];
    output_sums(t, c, sum, kind);
    UNROLL for (int i = 0; i < out; i++) {
        UNROLL for (int j = 0; j < out; j++) {
            float *y = t->y + i * t->y_line + j * t->y_pixel + c;
            weft_v v = sum[i][j];
            if (residual)
                v += weft_v_load(t->residual + i * t->r_line + j * t->r_pixel + c);
            v = weft_v_clamp(v, range.low, range.high);
            if (stream)
                weft_v_stream(y, v);
            else
                weft_v_store(y, v);
        }
    }
}

/* clang-format on */

WEFT_INLINE void output_part(const weft_winograd_output *t, int64_t c, int n, const int kind)
{
    weft_v sum[OUT][OUT];
    output_sums(t, c, sum, kind);
    for (int i = 0; i < t->height; i++) {
        for (int j = 0; j < t->width; j++) {
            weft_v v = sum[i][j];
            if (t->residual)
                v += weft_v_load_n(t->residual + i * t->r_line + j * t->r_pixel + c, n);
            weft_v_store_n(t->y + i * t->y_line + j * t->y_pixel + c, weft_v_act(t->act, v), n);
        }
    }
}

WEFT_INLINE void output(const weft_winograd_output *t, const int kind)
{
    const int out = out_of(kind);
    int64_t c = 0;
    if (t->height == out && t->width == out && weft_act_clamps(t->act)) {
        const int64_t even = t->channels / WEFT_LANES * WEFT_LANES;
        if (t->residual)
            for (; c < even; c += WEFT_LANES)
                output_whole(t, c, true, false, kind);
        else if (t->stream && WEFT_LANES * sizeof(float) == WEFT_CACHE_LINE)
            for (; c < even; c += WEFT_LANES)
                output_whole(t, c, false, true, kind);
        else
            for (; c < even; c += WEFT_LANES)
                output_whole(t, c, false, false, kind);
    }
    for (; c < t->channels; c += WEFT_LANES)
        output_part(t, c, t->channels - c < WEFT_LANES ? (int)(t->channels - c) : WEFT_LANES, kind);
}

/* G times a column of three, of F(4x4, 3x3) and of F(2x2, 3x3) (of F(2x2, 5x5) the rows are (1, a, a^2, a^3, a^4) times
 * 1/4, -1/6 and 1/24 for the points 0, +-1 and +-2):
 *
 *      1/4     0    0                1    0    0
 *     -1/6  -1/6 -1/6          G =  1/2  1/2  1/2
 * G = -1/6   1/6 -1/6               1/2 -1/2  1/2
 *     1/24  1/12  1/6                0    0    1
 *     1/24 -1/12  1/6
 *        0     0    1 */
WEFT_INLINE void filter_line(const weft_v *g, weft_v *o, const int kind)
{
    if (kind == STRIDED) {
        const weft_v half = weft_v_set(0.5f), sixth = weft_v_set(1.0f / 6);
        o[0] = g[0] * half;
        o[1] = weft_v_set(0) - (g[0] + g[2]) * half;
        o[2] = (g[2] - g[0]) * sixth;
        o[3] = times(2, g[2], g[0]) * sixth;
        o[4] = g[2];
        o[5] = g[1];
        return;
    }
    if (kind == 4) {
        const weft_v half = weft_v_set(0.5f), both = (g[0] + g[2]) * half, one = g[1] * half;
        o[0] = g[0];
        o[1] = both + one;
        o[2] = both - one;
        o[3] = g[2];
        return;
    }
    if (kind == WIDE) {
        const weft_v near = g[0] + g[2] + g[4], far = times(4, times(4, g[4], g[2]), g[0]);
        const weft_v near_odd = g[1] + g[3], far_odd = times(8, g[3], g[1] + g[1]);
        const weft_v sixth = weft_v_set(-1.0f / 6), quarter = weft_v_set(1.0f / 24);
        o[0] = g[0] * weft_v_set(0.25f);
        o[1] = (near + near_odd) * sixth;
        o[2] = (near - near_odd) * sixth;
        o[3] = (far + far_odd) * quarter;
        o[4] = (far - far_odd) * quarter;
        o[5] = g[4];
        return;
    }
    const weft_v six = weft_v_set(-1.0f / 6), ends = (g[0] + g[2]) * six, middle = g[1] * six;
    const weft_v far = times(4, g[2], g[0]) * weft_v_set(1.0f / 24), side = g[1] * weft_v_set(1.0f / 12);
    o[0] = g[0] * weft_v_set(0.25f);
    o[1] = ends + middle;
    o[2] = ends - middle;
    o[3] = far + side;
    o[4] = far - side;
    o[5] = g[2];
}

/* clang-format off */
WEFT_INLINE void filter(const weft_winograd_filter *f, const int kind)
{
    const int taps = kind == WIDE ? WIDE : 3, products = kind == STRIDED ? EVEN + 1 : in_of(kind); /* of a side */
    for (int64_t c = 0; c < f->count; c += WEFT_LANES) {
        const int n = f->count - c < WEFT_LANES ? (int)(f->count - c) : WEFT_LANES;
        weft_v rows[IN][WIDE];
        UNROLL for (int s = 0; s < taps; s++) {
            weft_v g[WIDE], o[IN];
            UNROLL for (int r = 0; r < taps; r++)
                g[r] = weft_v_load_n(f->wt + (taps * r + s) * f->tap + c, n);
            filter_line(g, o, kind);
            UNROLL for (int i = 0; i < products; i++)
                rows[i][s] = o[i];
        }
        UNROLL for (int i = 0; i < products; i++) {
            weft_v o[IN];
            filter_line(rows[i], o, kind);
            UNROLL for (int j = 0; j < products; j++)
                weft_v_store(f->u + (i * products + j) * f->position + c, o[j]);
        }
    }
}
/* clang-format on */

static void fence(void)
{
    weft_v_fence();
}

/* What is multiplied with a stride of 2: fours among ones, so that any share of them is about as much. The last
 * product, of odd lines and odd pixels, has 16 positions. */
static const weft_winograd_span strided_spans[] = {
    { 5, 4, 5 },   { 0, 1, 0 },   { 1, 1, 1 },   { 14, 4, 11 }, { 2, 1, 2 },   { 3, 1, 3 },   { 23, 4, 17 },
    { 4, 1, 4 },   { 9, 1, 6 },   { 32, 4, 23 }, { 10, 1, 7 },  { 11, 1, 8 },  { 41, 4, 29 }, { 12, 1, 9 },
    { 13, 1, 10 }, { 45, 4, 30 }, { 18, 1, 12 }, { 19, 1, 13 }, { 49, 4, 31 }, { 20, 1, 14 }, { 21, 1, 15 },
    { 53, 4, 32 }, { 22, 1, 16 }, { 27, 1, 18 }, { 57, 4, 33 }, { 28, 1, 19 }, { 29, 1, 20 }, { 61, 4, 34 },
    { 30, 1, 21 }, { 31, 1, 22 }, { 65, 4, 35 }, { 36, 1, 24 }, { 37, 1, 25 }, { 69, 4, 35 }, { 38, 1, 26 },
    { 39, 1, 27 }, { 73, 4, 35 }, { 40, 1, 28 }, { 77, 4, 35 },
};

#define INPUT(in)                                                                                                      \
    static void input_##in(const weft_winograd_input *t)                                                               \
    {                                                                                                                  \
        input(t, in);                                                                                                  \
    }
#define OUTPUT(kind)                                                                                                   \
    static void output_##kind(const weft_winograd_output *t)                                                           \
    {                                                                                                                  \
        output(t, kind);                                                                                               \
    }                                                                                                                  \
    static void filter_##kind(const weft_winograd_filter *f)                                                           \
    {                                                                                                                  \
        filter(f, kind);                                                                                               \
    }
INPUT(6)
INPUT(4)
INPUT(9)
OUTPUT(6)
OUTPUT(4)
OUTPUT(9)
OUTPUT(WIDE)

const weft_winograd_table WEFT_SIMD_NAME(weft_winograd_)[WEFT_WINOGRAD_SIZES] = {
    { 1, 4, 6, false, 1, 36, 36, 36, NULL, input_6, output_6, filter_6, fence },
    { 1, 2, 4, false, 1, 16, 16, 16, NULL, input_4, output_4, filter_4, fence },
    { 2, 4, 9, false, 1, 81, 36, WEFT_COUNT(strided_spans), strided_spans, input_9, output_9, filter_9, fence },
    { 1, 2, 6, false, 1, 36, 36, 36, NULL, input_6, output_WIDE, filter_WIDE, fence },
};
