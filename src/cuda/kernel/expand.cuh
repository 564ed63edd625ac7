/* SPDX-License-Identifier: Apache-2.0
 *
 * What expand_depthwise.cu and the packing of its weights agree on. */
#ifndef WEFT_CUDA_KERNEL_EXPAND_CUH
#define WEFT_CUDA_KERNEL_EXPAND_CUH

#include "cuda/kernel/mma.cuh"

enum { CHUNK = 48 /* channels of a block */, GROUPS = CHUNK / 16 };

/* Steps of the product, which are taken by twos. */
__device__ __host__ __forceinline__ int steps_of(int c_in)
{
    return (c_in + 2 * DEPTH - 1) / (2 * DEPTH) * 2;
}

/* Pairs of taps: of two rows one below the other, column by column; of the last row, two columns. */
template <int K> struct expand_pairs {
    enum { UPPER = K / 2 * K, COUNT = UPPER + (K + 1) / 2 };
};

/* The row and column of a pair's first or second tap; a column beyond the window: none. */
template <int K> __device__ __forceinline__ void tap_of(int pair, int second, int *row, int *col)
{
    const bool upper = pair < expand_pairs<K>::UPPER;
    *row = upper ? pair / K * 2 + second : K - 1;
    *col = upper ? pair % K : (pair - expand_pairs<K>::UPPER) * 2 + second;
}

#endif
