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

/* Number i of a window as lanes want it, of weights [c][K][K]; turned: half round. */
template <int K> __device__ __forceinline__ float weft_window_at(const float *from, int c, int i, bool turned)
{
    const int lane = i / 2 % WEFT_WARP, half = i / (2 * WEFT_WARP) % 2, at = i / (4 * WEFT_WARP);
    const int k = at / expand_pairs<K>::COUNT * 16 + weft_channel_of(half, lane / 4);
    int row, col;
    tap_of<K>(at % expand_pairs<K>::COUNT, i % 2, &row, &col);
    const int tap = row * K + col;
    const bool there = k < c && col < K && lane / 8 == lane % 4;
    return there ? from[(int64_t)k * K * K + (turned ? K * K - 1 - tap : tap)] : 0.f;
}

/* A thread: its warp and, in products, the row of 8 and the 4 of 16 columns that are its lane's. */
struct expand_thread {
    int warp, lane, row, quarter;
};

__device__ __forceinline__ expand_thread thread_of_block()
{
    expand_thread t;
    t.warp = (int)threadIdx.x / WEFT_WARP;
    t.lane = (int)threadIdx.x % WEFT_WARP;
    t.row = t.lane / 4;
    t.quarter = t.lane % 4;
    return t;
}

#endif
