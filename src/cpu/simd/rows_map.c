/* SPDX-License-Identifier: Apache-2.0
 *
 * Elementwise kernels: scale, shift, residual and activation in one pass; a weighted sum of two tensors. Bound: DRAM,
 * or, with tanh and sigmoid, the polynomial (about 25 instructions a vector): so few loads are then under way at a time
 * that what lies two kilobytes ahead has to be fetched besides. */
#include "cpu/simd/rows_set.h"

enum { LANES = WEFT_LANES, AHEAD = 512 };

WEFT_INLINE weft_v affine_at(const weft_affine *p, const float *x, const float *residual, int64_t c, int lanes)
{
    weft_v v = weft_v_load_n(x + c, lanes);
    if (p->centre)
        v -= weft_v_load_n(p->centre + c, lanes);
    if (p->scale && p->shift)
        v = weft_v_fma(v, weft_v_load_n(p->scale + c, lanes), weft_v_load_n(p->shift + c, lanes));
    else if (p->scale)
        v *= weft_v_load_n(p->scale + c, lanes);
    if (residual)
        v += weft_v_load_n(residual + c, lanes);
    return v;
}

WEFT_INLINE void affine_rows(const weft_affine *p, weft_act act, bool stream)
{
    const float *x = p->x, *residual = p->residual;
    float *y = p->y;
    for (int64_t r = 0; r < p->rows; r++) {
        int64_t c = 0;
        for (; c + LANES <= p->channels; c += LANES) {
            const weft_v v = weft_v_act(act, affine_at(p, x, residual, c, LANES));
            if (!weft_act_clamps(act))
                __builtin_prefetch(x + c + AHEAD);
            if (stream)
                weft_v_stream(y + c, v);
            else
                weft_v_store(y + c, v);
        }
        const int left = (int)(p->channels - c);
        if (left > 0)
            weft_v_store_tail(y + c, weft_v_act(act, affine_at(p, x, residual, c, left)), left);
        x += p->x_ld;
        y += p->y_ld;
        if (residual)
            residual += p->r_ld;
    }
}

void weft_rows_affine(const weft_affine *p)
{
#define AFFINE(act)                                                                                \
    case act:                                                                                      \
        if (p->stream)                                                                             \
            affine_rows(p, act, true);                                                             \
        else                                                                                       \
            affine_rows(p, act, false);                                                            \
        break;

    switch (p->act) {
        AFFINE(WEFT_ACT_NONE)
        AFFINE(WEFT_ACT_RELU)
        AFFINE(WEFT_ACT_RELU6)
        AFFINE(WEFT_ACT_TANH)
        AFFINE(WEFT_ACT_SIGMOID)
        AFFINE(WEFT_ACT_SWISH)
        AFFINE(WEFT_ACT_HARD_SIGMOID)
        AFFINE(WEFT_ACT_HARD_SWISH)
        AFFINE(WEFT_ACT_LECUN_TANH)
        AFFINE(WEFT_ACT_LEAKY_RELU)
    case WEFT_ACT_COUNT:
        break;
    }
#undef AFFINE
    if (p->stream)
        weft_v_fence();
}

WEFT_INLINE void sum2_rows(const weft_sum2 *p, bool clamps, bool stream)
{
    const weft_v_range range = weft_v_act_range(p->act);
    const weft_v scale = weft_v_set(p->scale);
    const float *a = p->a, *b = p->b;
    float *y = p->y;
    for (int64_t r = 0; r < p->rows; r++, a += p->a_ld, b += p->b_ld, y += p->y_ld) {
        int64_t c = 0;
        for (; c + LANES <= p->channels; c += LANES) {
            const weft_v v = weft_v_fma(weft_v_load(b + c), scale, weft_v_load(a + c));
            const weft_v w = clamps ? weft_v_clamp(v, range.low, range.high) : weft_v_act(p->act, v);
            if (stream)
                weft_v_stream(y + c, w);
            else
                weft_v_store(y + c, w);
        }
        const int left = (int)(p->channels - c);
        if (left > 0) {
            const weft_v v = weft_v_fma(weft_v_load_tail(b + c, left), scale, weft_v_load_tail(a + c, left));
            weft_v_store_tail(y + c, weft_v_act(p->act, v), left);
        }
    }
}

void weft_rows_sum2(const weft_sum2 *p)
{
    if (!weft_act_clamps(p->act))
        sum2_rows(p, false, false);
    else if (p->stream)
        sum2_rows(p, true, true);
    else
        sum2_rows(p, true, false);
    if (p->stream)
        weft_v_fence();
}
