/* SPDX-License-Identifier: Apache-2.0
 *
 * The transforms of winograd.h for filters of seven taps in a line: F(5, 4) for the taps 0 to 3 and for 4 to 6, whose
 * products share their sums, with the points 0, +-1, +-2, +-1/2 and infinity. Sixteen multiplications where the direct
 * algorithm needs 35.
 *
 *      1    0 -21/4     0  21/4     0 -1  0
 *      0    1     1 -17/4 -17/4     1  1  0
 *      0   -1     1  17/4 -17/4    -1  1  0            1  1  1  1   1    1     1  0
 * B' = 0  1/2   1/4  -5/2  -5/4     2  1  0            0  1 -1  2  -2  1/2  -1/2  0
 *      0 -1/2   1/4   5/2  -5/4    -2  1  0       A' = 0  1  1  4   4  1/4   1/4  0
 *      0    2     4  -5/2    -5   1/2  1  0            0  1 -1  8  -8  1/8  -1/8  0
 *      0   -2     4   5/2    -5  -1/2  1  0            0  1  1 16  16 1/16  1/16  1
 *      0   -1     0  21/4     0 -21/4  0  1
 *
 * The tile's lines are those that the filter runs over: for one that runs along a line, lines and pixels change places.
 */
#include "cpu/simd/winograd.h"

#include "cpu/simd/vmath.h"

enum { POSITIONS = 8, PARTS = 2, TAPS = 4, IN = POSITIONS + TAPS, OUT = POSITIONS - TAPS + 1, ALL_TAPS = 7 };

/* clang-format off */
#define UNROLL _Pragma("GCC unroll 12")

WEFT_INLINE weft_v times(float s, weft_v v, weft_v add)
{
    return weft_v_fma(weft_v_set(s), v, add);
}

/* B' times a column. */
WEFT_INLINE void input_line(const weft_v *d, weft_v *o)
{
    const weft_v one = times(-4.25f, d[4], d[2] + d[6]), one_odd = times(-4.25f, d[3], d[1] + d[5]);
    const weft_v two = times(.25f, d[2], times(-1.25f, d[4], d[6]));
    const weft_v two_odd = times(.5f, d[1], times(-2.5f, d[3], times(2, d[5], weft_v_set(0))));
    const weft_v half = times(4, d[2], times(-5, d[4], d[6]));
    const weft_v half_odd = times(2, d[1], times(-2.5f, d[3], times(.5f, d[5], weft_v_set(0))));
    o[0] = times(5.25f, d[4] - d[2], d[0] - d[6]);
    o[1] = one + one_odd;
    o[2] = one - one_odd;
    o[3] = two + two_odd;
    o[4] = two - two_odd;
    o[5] = half + half_odd;
    o[6] = half - half_odd;
    o[7] = times(5.25f, d[3] - d[5], d[7] - d[1]);
}

/* A' times a column. */
WEFT_INLINE void output_line(const weft_v *m, weft_v *o)
{
    const weft_v p = m[1] + m[2], q = m[1] - m[2], r = m[3] + m[4], s = m[3] - m[4], t = m[5] + m[6], u = m[5] - m[6];
    o[0] = m[0] + p + r + t;
    o[1] = times(2, s, times(.5f, u, q));
    o[2] = times(4, r, times(.25f, t, p));
    o[3] = times(8, s, times(.125f, u, q));
    o[4] = times(16, r, times(.0625f, t, p)) + m[7];
}

WEFT_INLINE void input_vector(const weft_winograd_input *t, int64_t c, int n, const bool whole)
{
    weft_v d[IN];
    UNROLL for (int i = 0; i < IN; i++) {
        const float *p = t->x + i * t->line + c;
        if (whole)
            d[i] = weft_v_load(p);
        else
            d[i] = i >= t->top && i < t->bottom && t->left < t->right ? weft_v_load_n(p, n) : weft_v_set(0);
    }
    UNROLL for (int part = 0; part < PARTS; part++) {
        weft_v o[POSITIONS];
        input_line(d + part * TAPS, o);
        UNROLL for (int p = 0; p < POSITIONS; p++)
            weft_v_store(t->v + p * t->position + part * t->part + c, o[p]);
    }
}

static void input(const weft_winograd_input *t)
{
    const bool whole = t->top == 0 && t->bottom == IN && t->left < t->right;
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

WEFT_INLINE void output_sums(const weft_winograd_output *t, int64_t c, weft_v *sum)
{
    const weft_v bias = weft_v_load(t->bias + c);
    weft_v m[POSITIONS];
    UNROLL for (int p = 0; p < POSITIONS; p++)
        m[p] = weft_v_load(t->m + p * t->position + c);
    output_line(m, sum);
    UNROLL for (int i = 0; i < OUT; i++)
        sum[i] += bias;
}

/* Whole tiles, whole vectors, NONE, RELU or RELU6. */
static void output_whole(const weft_winograd_output *t, int64_t c)
{
    const weft_v_range range = weft_v_act_range(t->act);
    const bool stream = t->stream && WEFT_LANES * sizeof(float) == WEFT_CACHE_LINE;
    weft_v sum[OUT];
    output_sums(t, c, sum);
    UNROLL for (int i = 0; i < OUT; i++) {
        weft_v v = sum[i];
        if (t->residual)
            v += weft_v_load(t->residual + i * t->r_line + c);
        v = weft_v_clamp(v, range.low, range.high);
        if (stream)
            weft_v_stream(t->y + i * t->y_line + c, v);
        else
            weft_v_store(t->y + i * t->y_line + c, v);
    }
}

static void output_part(const weft_winograd_output *t, int64_t c, int n)
{
    weft_v sum[OUT];
    output_sums(t, c, sum);
    for (int i = 0; i < t->height; i++) {
        weft_v v = sum[i];
        if (t->residual)
            v += weft_v_load_n(t->residual + i * t->r_line + c, n);
        weft_v_store_n(t->y + i * t->y_line + c, weft_v_act(t->act, v), n);
    }
}

static void output(const weft_winograd_output *t)
{
    int64_t c = 0;
    if (t->height == OUT && weft_act_clamps(t->act))
        for (; c < t->channels / WEFT_LANES * WEFT_LANES; c += WEFT_LANES)
            output_whole(t, c);
    for (; c < t->channels; c += WEFT_LANES)
        output_part(t, c, t->channels - c < WEFT_LANES ? (int)(t->channels - c) : WEFT_LANES);
}

/* G times a column of four: of the point a the row is (1, a, a^2, a^3), times 1, -2/9, 1/90, 32/45 for 0, +-1, +-2,
 * +-1/2; of infinity it is the last tap. */
WEFT_INLINE void filter_line(const weft_v *g, weft_v *o)
{
    const weft_v one = weft_v_set(-2.0f / 9), two = weft_v_set(1.0f / 90), half = weft_v_set(32.0f / 45);
    const weft_v even[] = { g[0] + g[2], times(4, g[2], g[0]), times(.25f, g[2], g[0]) };
    const weft_v odd[] = { g[1] + g[3], times(8, g[3], g[1] + g[1]), times(.125f, g[3], g[1] * weft_v_set(.5f)) };
    o[0] = g[0];
    o[1] = (even[0] + odd[0]) * one;
    o[2] = (even[0] - odd[0]) * one;
    o[3] = (even[1] + odd[1]) * two;
    o[4] = (even[1] - odd[1]) * two;
    o[5] = (even[2] + odd[2]) * half;
    o[6] = (even[2] - odd[2]) * half;
    o[7] = g[3];
}

static void filter(const weft_winograd_filter *f)
{
    for (int64_t c = 0; c < f->count; c += WEFT_LANES) {
        const int n = f->count - c < WEFT_LANES ? (int)(f->count - c) : WEFT_LANES;
        UNROLL for (int part = 0; part < PARTS; part++) {
            weft_v g[TAPS], o[POSITIONS];
            UNROLL for (int r = 0; r < TAPS; r++)
                g[r] = part * TAPS + r < ALL_TAPS ? weft_v_load_n(f->wt + (part * TAPS + r) * f->tap + c, n)
                                                  : weft_v_set(0);
            filter_line(g, o);
            UNROLL for (int p = 0; p < POSITIONS; p++)
                weft_v_store(f->u + (part * POSITIONS + p) * f->position + c, o[p]);
        }
    }
}
/* clang-format on */

static void fence(void)
{
    weft_v_fence();
}

const weft_winograd_table WEFT_SIMD_NAME(weft_winograd_line_) = {
    .stride = 1, .out = OUT, .in = IN, .line = true, .parts = PARTS, .positions = POSITIONS, .products = POSITIONS,
    .spans = POSITIONS, .input = input, .output = output, .filter = filter, .fence = fence,
};
