/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of row kernels of one instruction set, and the two loops that measure the machine's roofs: multiply-adds
 * that never leave the registers, and a copy that goes around the caches. */
#include "cpu/simd/rows_set.h"

enum { LANES = WEFT_LANES, CHAINS = 12 };

void weft_rows_spin(int64_t steps)
{
    weft_v chain[CHAINS];
    const weft_v gain = weft_v_set(0.999f), push = weft_v_set(0.001f);
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++)
        chain[i] = weft_v_set((float)i);
    for (int64_t s = 0; s < steps; s++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            chain[i] = weft_v_fma(chain[i], gain, push);
    weft_v sum = chain[0];
#pragma GCC unroll 12
    for (int i = 1; i < CHAINS; i++)
        sum += chain[i];
    volatile float sink = weft_v_sum(sum);
    (void)sink;
}

void weft_rows_copy(float *to, const float *from, int64_t n)
{
    for (int64_t i = 0; i < n; i += 64)
#pragma GCC unroll 16
        for (int j = 0; j < 64; j += LANES)
            weft_v_stream(to + i + j, weft_v_load(from + i + j));
    weft_v_fence();
}

#define WEFT_TEXT2(x) #x
#define WEFT_TEXT(x) WEFT_TEXT2(x)

const weft_rows WEFT_SIMD_NAME(weft_rows_) = {
    .isa = WEFT_TEXT(WEFT_SIMD_ISA),
    .lanes = LANES,
    .depthwise = weft_rows_depthwise,
    .depthwise_dw = weft_rows_depthwise_dw,
    .max_pool = weft_rows_max_pool,
    .avg_pool = weft_rows_avg_pool,
    .max_pool_dx = weft_rows_max_pool_dx,
    .avg_pool_dx = weft_rows_avg_pool_dx,
    .response_dx = weft_rows_response_dx,
    .dot_rows = weft_rows_dot_rows,
    .max_rows_dx = weft_rows_max_rows_dx,
    .affine = weft_rows_affine,
    .sum2 = weft_rows_sum2,
    .response = weft_rows_response,
    .slope = weft_rows_slope,
    .moments = weft_rows_moments,
    .products = weft_rows_products,
    .norm_dx = weft_rows_norm_dx,
    .drop = weft_rows_drop,
    .add_rows = weft_rows_add_rows,
    .sum_rows = weft_rows_sum_rows,
    .max_rows = weft_rows_max_rows,
    .softmax = weft_rows_softmax,
    .dot = weft_rows_dot,
    .mix = weft_rows_mix,
    .spin = weft_rows_spin,
    .copy = weft_rows_copy,
};
