/* SPDX-License-Identifier: Apache-2.0
 *
 * The small matrix times vector products inside a squeeze-excite gate. `dot` reads a weight row per output (many
 * inputs, few outputs), four outputs at a time; `mix` holds outputs in the lanes (few inputs, many outputs). */
#include "cpu/simd/rows_set.h"

enum { LANES = WEFT_LANES, WIDE = 4 };

static float act_of(weft_act act, float x)
{
    return weft_v_act(act, weft_v_set(x))[0];
}

/* `count` (a constant) outputs from row wt on. */
WEFT_INLINE void dot_of(const float *x, const float *wt, int64_t step, int64_t ins, int count, float *sum)
{
    weft_v total[WIDE] = {{0}, {0}, {0}, {0}};
    int64_t i = 0;
    for (; i + LANES <= ins; i += LANES) {
        const weft_v v = weft_v_load(x + i);
#pragma GCC unroll 4
        for (int o = 0; o < count; o++)
            total[o] = weft_v_fma(v, weft_v_load(wt + o * step + i), total[o]);
    }
    const int left = (int)(ins - i);
    if (left > 0) {
        const weft_v v = weft_v_load_tail(x + i, left);
        for (int o = 0; o < count; o++)
            total[o] = weft_v_fma(v, weft_v_load_tail(wt + o * step + i, left), total[o]);
    }
    for (int o = 0; o < count; o++)
        sum[o] = weft_v_sum(total[o]);
}

void weft_rows_dot(const float *x, const float *wt, int64_t step, const float *bias, int64_t ins, int64_t outs,
                   weft_act act, float *y)
{
    int64_t o = 0;
    for (; o + WIDE <= outs; o += WIDE)
        dot_of(x, wt + o * step, step, ins, WIDE, y + o);
    for (; o < outs; o++)
        dot_of(x, wt + o * step, step, ins, 1, y + o);
    for (o = 0; o < outs; o++)
        y[o] = act_of(act, y[o] + (bias ? bias[o] : 0.0f));
}

void weft_rows_mix(const float *x, const float *wt, int64_t step, const float *bias, int64_t ins, int64_t outs,
                   weft_act act, float *y)
{
    for (int64_t o = 0; o < outs; o += LANES) {
        const int lanes = outs - o < LANES ? (int)(outs - o) : LANES;
        weft_v even = bias ? weft_v_load_n(bias + o, lanes) : weft_v_set(0.0f), odd = weft_v_set(0.0f);
        int64_t i = 0;
        for (; i + 2 <= ins; i += 2) {
            even = weft_v_fma(weft_v_set(x[i]), weft_v_load_n(wt + i * step + o, lanes), even);
            odd = weft_v_fma(weft_v_set(x[i + 1]), weft_v_load_n(wt + (i + 1) * step + o, lanes), odd);
        }
        if (i < ins)
            even = weft_v_fma(weft_v_set(x[i]), weft_v_load_n(wt + i * step + o, lanes), even);
        weft_v_store_n(y + o, weft_v_act(act, even + odd), lanes);
    }
}
