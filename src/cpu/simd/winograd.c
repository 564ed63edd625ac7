/* SPDX-License-Identifier: Apache-2.0
 *
 * The transforms of winograd.h: V = B' d B and y = A' m A, one vector of channels at a time.
 *
 *      4  0 -5  0  1  0                 1  1  1  1  1  0
 *      0 -4 -4  1  1  0                 0  1 -1  2 -2  0
 * B' = 0  4 -4 -1  1  0            A' = 0  1  1  4  4  0
 *      0 -2 -1  2  1  0                 0  1 -1  8 -8  1
 *      0  2 -1 -2  1  0
 *      0  4  0 -5  0  1
 *
 * Columns first, then rows. Traffic for each tile and channel: 36 loads and 36 stores on the way in, 36 loads and 16
 * stores on the way out; the arithmetic (about 140 and 100 operations) hides behind them in L2. */
#include "cpu/simd/winograd.h"

#include "cpu/simd/vmath.h"

enum { IN = WEFT_WINOGRAD_IN, OUT = WEFT_WINOGRAD_OUT };

#define UNROLL _Pragma("GCC unroll 8")

WEFT_INLINE weft_v times(float s, weft_v v, weft_v add)
{
    return weft_v_fma(weft_v_set(s), v, add);
}

/* B' times a column of six. */
WEFT_INLINE void input_line(const weft_v *d, weft_v *o)
{
    const weft_v even = times(-4, d[2], d[4]), odd = times(-4, d[1], d[3]);
    const weft_v near = d[4] - d[2], far = d[3] - d[1];
    o[0] = times(4, d[0], times(-5, d[2], d[4]));
    o[1] = even + odd;
    o[2] = even - odd;
    o[3] = times(2, far, near);
    o[4] = times(-2, far, near);
    o[5] = times(4, d[1], times(-5, d[3], d[5]));
}

/* A' times a column of six. */
WEFT_INLINE void output_line(const weft_v *m, weft_v *o)
{
    const weft_v p = m[1] + m[2], q = m[1] - m[2], r = m[3] + m[4], s = m[3] - m[4];
    o[0] = m[0] + p + r;
    o[1] = times(2, s, q);
    o[2] = times(4, r, p);
    o[3] = times(8, s, q) + m[5];
}

/* clang-format off */

/* Channels [c, c + n) of a tile; whole: all pixels lie in the image. */
WEFT_INLINE void input_vector(const weft_winograd_input *t, int64_t c, int n, const bool whole)
{
    weft_v rows[IN][IN];
    UNROLL for (int j = 0; j < IN; j++) {
        weft_v d[IN], o[IN];
        UNROLL for (int i = 0; i < IN; i++) {
            const float *p = t->x + i * t->line + j * t->pixel + c;
            if (whole)
                d[i] = weft_v_load(p);
            else if (i >= t->top && i < t->bottom && j >= t->left && j < t->right)
                d[i] = weft_v_load_n(p, n);
            else
                d[i] = weft_v_set(0);
        }
        input_line(d, o);
        UNROLL for (int i = 0; i < IN; i++)
            rows[i][j] = o[i];
    }
    UNROLL for (int i = 0; i < IN; i++) {
        weft_v o[IN];
        input_line(rows[i], o);
        UNROLL for (int j = 0; j < IN; j++)
            weft_v_store(t->v + (i * IN + j) * t->position + c, o[j]);
    }
}

/* clang-format on */

static void input(const weft_winograd_input *t)
{
    const bool whole = t->top == 0 && t->left == 0 && t->bottom == IN && t->right == IN;
    const int64_t even = t->channels / WEFT_LANES * WEFT_LANES;
    if (whole)
        for (int64_t c = 0; c < even; c += WEFT_LANES)
            input_vector(t, c, WEFT_LANES, true);
    else
        for (int64_t c = 0; c < even; c += WEFT_LANES)
            input_vector(t, c, WEFT_LANES, false);
    if (even < t->channels)
        input_vector(t, even, (int)(t->channels - even), false);
}

/* clang-format off */

/* The sums of 4 x 4 outputs, bias included. */
WEFT_INLINE void output_sums(const weft_winograd_output *t, int64_t c, weft_v sum[OUT][OUT])
{
    const weft_v bias = weft_v_load(t->bias + c);
    weft_v rows[OUT][IN];
    UNROLL for (int j = 0; j < IN; j++) {
        weft_v m[IN], o[OUT];
        UNROLL for (int i = 0; i < IN; i++)
            m[i] = weft_v_load(t->m + (i * IN + j) * t->position + c);
        output_line(m, o);
        UNROLL for (int i = 0; i < OUT; i++)
            rows[i][j] = o[i];
    }
    UNROLL for (int i = 0; i < OUT; i++) {
        output_line(rows[i], sum[i]);
        UNROLL for (int j = 0; j < OUT; j++)
            sum[i][j] += bias;
    }
}

/* Whole tiles, whole vectors, NONE, RELU or RELU6. */
WEFT_INLINE void output_whole(const weft_winograd_output *t, int64_t c, const bool residual, const bool stream)
{
    const weft_v_range range = weft_v_act_range(t->act);
    weft_v sum[OUT][OUT];
    output_sums(t, c, sum);
    UNROLL for (int i = 0; i < OUT; i++) {
        UNROLL for (int j = 0; j < OUT; j++) {
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

static void output_part(const weft_winograd_output *t, int64_t c, int n)
{
    weft_v sum[OUT][OUT];
    output_sums(t, c, sum);
    for (int i = 0; i < t->height; i++) {
        for (int j = 0; j < t->width; j++) {
            weft_v v = sum[i][j];
            if (t->residual)
                v += weft_v_load_n(t->residual + i * t->r_line + j * t->r_pixel + c, n);
            weft_v_store_n(t->y + i * t->y_line + j * t->y_pixel + c, weft_v_act(t->act, v), n);
        }
    }
}

static void output(const weft_winograd_output *t)
{
    int64_t c = 0;
    if (t->height == OUT && t->width == OUT && weft_act_clamps(t->act)) {
        const int64_t even = t->channels / WEFT_LANES * WEFT_LANES;
        if (t->residual)
            for (; c < even; c += WEFT_LANES)
                output_whole(t, c, true, false);
        else if (t->stream && WEFT_LANES * sizeof(float) == WEFT_CACHE_LINE)
            for (; c < even; c += WEFT_LANES)
                output_whole(t, c, false, true);
        else
            for (; c < even; c += WEFT_LANES)
                output_whole(t, c, false, false);
    }
    for (; c < t->channels; c += WEFT_LANES)
        output_part(t, c, t->channels - c < WEFT_LANES ? (int)(t->channels - c) : WEFT_LANES);
}

/* G times a column of three:
 *
 *      1/4     0    0
 *     -1/6  -1/6 -1/6
 * G = -1/6   1/6 -1/6
 *     1/24  1/12  1/6
 *     1/24 -1/12  1/6
 *        0     0    1 */
WEFT_INLINE void filter_line(const weft_v *g, weft_v *o)
{
    const weft_v six = weft_v_set(-1.0f / 6), ends = (g[0] + g[2]) * six, middle = g[1] * six;
    const weft_v far = times(4, g[2], g[0]) * weft_v_set(1.0f / 24), side = g[1] * weft_v_set(1.0f / 12);
    o[0] = g[0] * weft_v_set(0.25f);
    o[1] = ends + middle;
    o[2] = ends - middle;
    o[3] = far + side;
    o[4] = far - side;
    o[5] = g[2];
}

static void filter(const weft_winograd_filter *f)
{
    for (int64_t c = 0; c < f->count; c += WEFT_LANES) {
        const int n = f->count - c < WEFT_LANES ? (int)(f->count - c) : WEFT_LANES;
        weft_v rows[IN][3];
        UNROLL for (int s = 0; s < 3; s++) {
            weft_v g[3], o[IN];
            UNROLL for (int r = 0; r < 3; r++)
                g[r] = weft_v_load_n(f->wt + (3 * r + s) * f->tap + c, n);
            filter_line(g, o);
            UNROLL for (int i = 0; i < IN; i++)
                rows[i][s] = o[i];
        }
        UNROLL for (int i = 0; i < IN; i++) {
            weft_v o[IN];
            filter_line(rows[i], o);
            UNROLL for (int j = 0; j < IN; j++)
                weft_v_store(f->u + (i * IN + j) * f->position + c, o[j]);
        }
    }
}

static void fence(void)
{
    weft_v_fence();
}

const weft_winograd_table WEFT_SIMD_NAME(weft_winograd_) = { input, output, filter, fence };
