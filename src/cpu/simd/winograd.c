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
 * Columns first, then rows. Traffic for each tile and channel, of the larger: 36 loads and 36 stores on the way in, 36
 * loads and 16 stores on the way out; the arithmetic (about 140 and 100 operations) hides behind them in L2. `out`, the
 * side of an output tile, is a constant at every call. */
#include "cpu/simd/winograd.h"

#include "cpu/simd/vmath.h"

enum { IN = WEFT_WINOGRAD_IN, OUT = WEFT_WINOGRAD_OUT }; /* the most */

#define UNROLL _Pragma("GCC unroll 8")

WEFT_INLINE weft_v times(float s, weft_v v, weft_v add)
{
    return weft_v_fma(weft_v_set(s), v, add);
}

/* B' times a column. */
WEFT_INLINE void input_line(const weft_v *d, weft_v *o, const int out)
{
    if (out == 2) {
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
WEFT_INLINE void output_line(const weft_v *m, weft_v *o, const int out)
{
    if (out == 2) {
        o[0] = m[0] + m[1] + m[2];
        o[1] = m[1] - m[2] - m[3];
        return;
    }
    const weft_v p = m[1] + m[2], q = m[1] - m[2], r = m[3] + m[4], s = m[3] - m[4];
    o[0] = m[0] + p + r;
    o[1] = times(2, s, q);
    o[2] = times(4, r, p);
    o[3] = times(8, s, q) + m[5];
}

/* clang-format off */

/* Channels [c, c + n) of a tile; whole: all pixels lie in the image. */
WEFT_INLINE void input_vector(const weft_winograd_input *t, int64_t c, int n, const bool whole, const int out)
{
    const int in = out + 2;
    weft_v rows[IN][IN];
    UNROLL for (int j = 0; j < in; j++) {
        weft_v d[IN], o[IN];
        UNROLL for (int i = 0; i < in; i++) {
            const float *p = t->x + i * t->line + j * t->pixel + c;
            if (whole)
                d[i] = weft_v_load(p);
            else if (i >= t->top && i < t->bottom && j >= t->left && j < t->right)
                d[i] = weft_v_load_n(p, n);
            else
                d[i] = weft_v_set(0);
        }
        input_line(d, o, out);
        UNROLL for (int i = 0; i < in; i++)
            rows[i][j] = o[i];
    }
    UNROLL for (int i = 0; i < in; i++) {
        weft_v o[IN];
        input_line(rows[i], o, out);
        UNROLL for (int j = 0; j < in; j++)
            weft_v_store(t->v + (i * in + j) * t->position + c, o[j]);
    }
}

/* clang-format on */

WEFT_INLINE void input_of(const weft_winograd_input *t, const int out)
{
    const bool whole = t->top == 0 && t->left == 0 && t->bottom == out + 2 && t->right == out + 2;
    const int64_t even = t->channels / WEFT_LANES * WEFT_LANES;
    if (whole)
        for (int64_t c = 0; c < even; c += WEFT_LANES)
            input_vector(t, c, WEFT_LANES, true, out);
    else
        for (int64_t c = 0; c < even; c += WEFT_LANES)
            input_vector(t, c, WEFT_LANES, false, out);
    if (even < t->channels)
        input_vector(t, even, (int)(t->channels - even), false, out);
}

/* clang-format off */

/* The sums of the outputs, bias included. */
WEFT_INLINE void output_sums(const weft_winograd_output *t, int64_t c, weft_v sum[OUT][OUT], const int out)
{
    const int in = out + 2;
    const weft_v bias = weft_v_load(t->bias + c);
    weft_v rows[OUT][IN];
    UNROLL for (int j = 0; j < in; j++) {
        weft_v m[IN], o[OUT];
        UNROLL for (int i = 0; i < in; i++)
            m[i] = weft_v_load(t->m + (i * in + j) * t->position + c);
        output_line(m, o, out);
        UNROLL for (int i = 0; i < out; i++)
            rows[i][j] = o[i];
    }
    UNROLL for (int i = 0; i < out; i++) {
        output_line(rows[i], sum[i], out);
        UNROLL for (int j = 0; j < out; j++)
            sum[i][j] += bias;
    }
}

/* Whole tiles, whole vectors, NONE, RELU or RELU6. */
WEFT_INLINE void output_whole(const weft_winograd_output *t, int64_t c, const bool residual, const bool stream,
                              const int out)
{
    const weft_v_range range = weft_v_act_range(t->act);
    weft_v sum[OUT][OUT];
    output_sums(t, c, sum, out);
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

WEFT_INLINE void output_part(const weft_winograd_output *t, int64_t c, int n, const int out)
{
    weft_v sum[OUT][OUT];
    output_sums(t, c, sum, out);
    for (int i = 0; i < t->height; i++) {
        for (int j = 0; j < t->width; j++) {
            weft_v v = sum[i][j];
            if (t->residual)
                v += weft_v_load_n(t->residual + i * t->r_line + j * t->r_pixel + c, n);
            weft_v_store_n(t->y + i * t->y_line + j * t->y_pixel + c, weft_v_act(t->act, v), n);
        }
    }
}

WEFT_INLINE void output_of(const weft_winograd_output *t, const int out)
{
    int64_t c = 0;
    if (t->height == out && t->width == out && weft_act_clamps(t->act)) {
        const int64_t even = t->channels / WEFT_LANES * WEFT_LANES;
        if (t->residual)
            for (; c < even; c += WEFT_LANES)
                output_whole(t, c, true, false, out);
        else if (t->stream && WEFT_LANES * sizeof(float) == WEFT_CACHE_LINE)
            for (; c < even; c += WEFT_LANES)
                output_whole(t, c, false, true, out);
        else
            for (; c < even; c += WEFT_LANES)
                output_whole(t, c, false, false, out);
    }
    for (; c < t->channels; c += WEFT_LANES)
        output_part(t, c, t->channels - c < WEFT_LANES ? (int)(t->channels - c) : WEFT_LANES, out);
}

/* G times a column of three, of F(4x4, 3x3) and of F(2x2, 3x3):
 *
 *      1/4     0    0                1    0    0
 *     -1/6  -1/6 -1/6          G =  1/2  1/2  1/2
 * G = -1/6   1/6 -1/6               1/2 -1/2  1/2
 *     1/24  1/12  1/6                0    0    1
 *     1/24 -1/12  1/6
 *        0     0    1 */
WEFT_INLINE void filter_line(const weft_v *g, weft_v *o, const int out)
{
    if (out == 2) {
        const weft_v half = weft_v_set(0.5f), both = (g[0] + g[2]) * half, one = g[1] * half;
        o[0] = g[0];
        o[1] = both + one;
        o[2] = both - one;
        o[3] = g[2];
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

WEFT_INLINE void filter_of(const weft_winograd_filter *f, const int out)
{
    const int in = out + 2;
    for (int64_t c = 0; c < f->count; c += WEFT_LANES) {
        const int n = f->count - c < WEFT_LANES ? (int)(f->count - c) : WEFT_LANES;
        weft_v rows[IN][3];
        UNROLL for (int s = 0; s < 3; s++) {
            weft_v g[3], o[IN];
            UNROLL for (int r = 0; r < 3; r++)
                g[r] = weft_v_load_n(f->wt + (3 * r + s) * f->tap + c, n);
            filter_line(g, o, out);
            UNROLL for (int i = 0; i < in; i++)
                rows[i][s] = o[i];
        }
        UNROLL for (int i = 0; i < in; i++) {
            weft_v o[IN];
            filter_line(rows[i], o, out);
            UNROLL for (int j = 0; j < in; j++)
                weft_v_store(f->u + (i * in + j) * f->position + c, o[j]);
        }
    }
}

static void fence(void)
{
    weft_v_fence();
}

#define SIZE(out)                                                                                                      \
    static void input_##out(const weft_winograd_input *t)                                                             \
    {                                                                                                                  \
        input_of(t, out);                                                                                              \
    }                                                                                                                  \
    static void output_##out(const weft_winograd_output *t)                                                           \
    {                                                                                                                  \
        output_of(t, out);                                                                                             \
    }                                                                                                                  \
    static void filter_##out(const weft_winograd_filter *f)                                                           \
    {                                                                                                                  \
        filter_of(f, out);                                                                                             \
    }
SIZE(4)
SIZE(2)

const weft_winograd_table WEFT_SIMD_NAME(weft_winograd_)[WEFT_WINOGRAD_SIZES] = {
    { 4, input_4, output_4, filter_4, fence },
    { 2, input_2, output_2, filter_2, fence },
};
