/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums over a part of an image, of a map and of its product with another. */
#ifndef WEFT_CUDA_KERNEL_MAP_PRODUCT_CUH
#define WEFT_CUDA_KERNEL_MAP_PRODUCT_CUH

#include "cuda/kernel/columns.cuh"

/* Of a thread's rows, blockDim.y apart, from row to before last: to sums those of V channels of x, then, of BOTH, those
 * of x dy. Some rows' loads are under way together. */
template <typename T, int V, bool BOTH>
__device__ __forceinline__ void weft_sum_map(const T *x, int64_t x_ld, const T *dy, int64_t dy_ld, int64_t row,
                                             int64_t last, float (&sums)[BOTH ? 2 * V : V])
{
    constexpr int IN_FLIGHT = 4;
#pragma unroll
    for (int i = 0; i < (BOTH ? 2 * V : V); i++)
        sums[i] = 0;
    for (; row < last; row += IN_FLIGHT * blockDim.y) {
        weft_raw<T, V> xs[IN_FLIGHT], dys[IN_FLIGHT];
#pragma unroll
        for (int e = 0; e < IN_FLIGHT; e++) {
            const int64_t at = row + e * blockDim.y < last ? row + e * blockDim.y : row;
            xs[e].load(x + at * x_ld);
            if (BOTH)
                dys[e].load(dy + at * dy_ld);
        }
#pragma unroll
        for (int e = 0; e < IN_FLIGHT; e++) {
            if (row + e * blockDim.y >= last)
                break;
            float v[V], d[V];
            xs[e].spread(v);
            if (BOTH)
                dys[e].spread(d);
#pragma unroll
            for (int i = 0; i < V; i++) {
                sums[i] += v[i];
                if (BOTH)
                    sums[V + i] = fmaf(v[i], d[i], sums[V + i]);
            }
        }
    }
}

#endif
