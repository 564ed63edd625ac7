/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels on tensor cores share. A warp multiplies PIXELS rows by DEPTH columns at a time, and its lane ends
 * up with two of eight neighbouring outputs of two rows. So outputs are taken by sixteens, a group, as two products:
 * their columns are channels in an order in which a lane has four neighbours, pairs 0, 2, 4, 6 in the first half and
 * the others in the second. Of DEPTH columns a lane brings four neighbours as well: it does not matter which is called
 * which as long as both sides agree. */
#ifndef WEFT_CUDA_KERNEL_MMA_CUH
#define WEFT_CUDA_KERNEL_MMA_CUH

#include "cuda/kernel/device.cuh"

enum { DEPTH = 16, PIXELS = 16, LARGE_CARD = 132 /* multiprocessors */, MOST_SHARED = 47 << 10 };

/* Of a group's sixteen channels, that of a column of its half. */
__device__ __forceinline__ int weft_channel_of(int half, int column)
{
    return column / 2 * 4 + half * 2 + column % 2;
}

/* What the sums of a lane begin with: bias of the lane's first channel of the first group. */
template <int GROUPS> __device__ __forceinline__ void weft_begin(const float *bias, float (&sum)[GROUPS * 2][4])
{
#pragma unroll
    for (int j = 0; j < GROUPS * 2; j++) {
#pragma unroll
        for (int i = 0; i < 4; i++)
            sum[j][i] = bias[j / 2 * 16 + j % 2 * 2 + i % 2];
    }
}

/* A rectangle of `count` pixels, `across` in a row, of rows that are further apart. */
struct weft_area {
    int across, count, magic;
};

__device__ __host__ __forceinline__ weft_area weft_area_of(int rows, int across)
{
    const weft_area a = { across, rows * across, (1 << 20) / across + 1 };
    return a;
}

/* Which row a pixel is in; pixel * across is below 2^20. */
__device__ __forceinline__ int weft_row_of(const weft_area &a, int pixel)
{
    return (int)((unsigned)pixel * (unsigned)a.magic >> 20);
}

__device__ __forceinline__ int weft_last_of(const weft_area &a, int pixel)
{
    return pixel < a.count ? pixel : a.count - 1;
}

__device__ __forceinline__ int weft_smaller(int a, int b)
{
    return a < b ? a : b;
}

inline int weft_parts_of(int count, int size)
{
    return (count + size - 1) / size;
}

#endif
