/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels that are there to be right or wrong in one way (emulator.c). */
#include "emulator_kernels.h"

#include "cuda/kernel/kcompat.cuh"

/* ---- right ---- */

__global__ void sum(const float *from, int count, float *to)
{
    weft_begin();
    WEFT_SHARED(float, part, 32);
    WEFT_DYN_SHARED(float, total);
    float v = 0;
    for (int i = (int)threadIdx.x; i < count; i += (int)blockDim.x)
        v += from[i];
    for (int step = 16; step > 0; step /= 2)
        v += __shfl_down_sync(0xffffffffu, v, step);
    if (threadIdx.x % 32 == 0)
        part[threadIdx.x / 32] = v;
    __syncthreads();
    if (threadIdx.x == 0) {
        *total = 0;
        for (unsigned w = 0; w < blockDim.x / 32; w++)
            *total += part[w];
    }
    __syncthreads();
    if (threadIdx.x < 2)
        to[threadIdx.x] = *total;
}

int emulator_sum(int threads, const float *from, int count, float *to)
{
    return WEFT_LAUNCH(sum, dim3(1), dim3((unsigned)threads), sizeof(float), nullptr, from, count, to);
}

__global__ void votes(float *to)
{
    weft_begin();
    const unsigned thread = threadIdx.y * blockDim.x + threadIdx.x;
    const unsigned odd = __ballot_sync(0xffffffffu, thread % 2 == 1);
    const unsigned from_first = __shfl_sync(0xffffffffu, odd, 0);
    __syncwarp();
    if (thread % 32 == 1)
        to[thread / 32] = (float)__builtin_popcount(from_first);
}

int emulator_votes(float *to)
{
    return WEFT_LAUNCH(votes, dim3(1), dim3(35, 2), 0, nullptr, to);
}

/* Two words of a row of halves, columns 2t and 2t + 1. */
__device__ unsigned pair_of(const unsigned short *row, int t)
{
    return (unsigned)row[2 * t + 1] << 16 | row[2 * t];
}

template <typename T> __global__ void product(const unsigned short *from, bool rows, float *to)
{
    weft_begin();
    WEFT_SHARED(T, tile, (16 * 16));
    const int lane = (int)threadIdx.x, g = lane / 4, t = lane % 4;
    const unsigned short *b = from + 16 * 16;
    const unsigned a_words[4] = { pair_of(from + g * 16, t), pair_of(from + (g + 8) * 16, t),
                                  pair_of(from + g * 16, t + 4), pair_of(from + (g + 8) * 16, t + 4) };
    unsigned b_words[2];
    for (int i = 0; i < 2; i++)
        b_words[i] = (unsigned)b[(2 * t + 8 * i + 1) * 8 + g] << 16 | b[(2 * t + 8 * i) * 8 + g];
    for (int i = lane; i < 16 * 16; i += 32)
        tile[i].bits = from[i];
    __syncwarp();
    float d[4];
    for (int i = 0; i < 4; i++)
        d[i] = to[(g + i / 2 * 8) * 8 + 2 * t + i % 2];
    if (rows)
        weft_mma_rows(d, tile + lane % 16 * 16 + lane / 16 * 8, b_words, T());
    else
        weft_mma(d, a_words, b_words, T());
    weft_mma_end();
    for (int i = 0; i < 4; i++)
        to[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = d[i];
}

int emulator_product(const unsigned short *from, bool is_bf16, bool rows, float *to)
{
    if (is_bf16)
        return WEFT_LAUNCH(product<weft_bf16>, dim3(1), dim3(32), 0, nullptr, from, rows, to);
    return WEFT_LAUNCH(product<weft_f16>, dim3(1), dim3(32), 0, nullptr, from, rows, to);
}

__global__ void unset(float *to)
{
    weft_begin();
    WEFT_SHARED(float, cell, 1);
    to[blockIdx.x] = cell[0];
    cell[0] = 1;
}

int emulator_unset(float *to)
{
    return WEFT_LAUNCH(unset, dim3(4), dim3(1), 0, nullptr, to);
}

/* ---- wrong ---- */

__global__ void missing_barrier(const float *from, float *to)
{
    weft_begin();
    WEFT_SHARED(float, cell, 64);
    cell[threadIdx.x] = from[threadIdx.x];
    if (threadIdx.x == 40) {
        float v = 0;
        for (int i = 0; i < 64; i++)
            v += cell[i];
        to[0] = v;
    }
}

int emulator_missing_barrier(const float *from, float *to)
{
    return WEFT_LAUNCH(missing_barrier, dim3(1), dim3(64), 0, nullptr, from, to);
}

__global__ void early(const float *from, float *to)
{
    to[threadIdx.x] = from[threadIdx.x];
    if (threadIdx.x < 63)
        weft_begin();
}

int emulator_early(const float *from, float *to)
{
    return WEFT_LAUNCH(early, dim3(2), dim3(64), 0, nullptr, from, to);
}

__global__ void divergent(const float *from, float *to)
{
    weft_begin();
    if (from[threadIdx.x] > 0)
        __syncthreads();
    else
        to[threadIdx.x] = (float)__shfl_xor_sync(0xffffffffu, 1, 1);
}

int emulator_divergent(const float *from, float *to)
{
    return WEFT_LAUNCH(divergent, dim3(2), dim3(64), 0, nullptr, from, to);
}

__global__ void early_return(const float *from, float *to)
{
    weft_begin();
    if (threadIdx.x >= 50)
        return;
    __syncthreads();
    to[threadIdx.x] = from[threadIdx.x];
}

int emulator_early_return(const float *from, float *to)
{
    return WEFT_LAUNCH(early_return, dim3(1), dim3(64), 0, nullptr, from, to);
}

__global__ void two_barriers(const float *from, float *to)
{
    weft_begin();
    if (threadIdx.x < 32)
        __syncthreads();
    else
        __syncthreads(); /* another one */
    to[threadIdx.x] = from[threadIdx.x];
}

int emulator_two_barriers(const float *from, float *to)
{
    return WEFT_LAUNCH(two_barriers, dim3(1), dim3(64), 0, nullptr, from, to);
}

__global__ void half_warp(const float *from, float *to)
{
    weft_begin();
    if (threadIdx.x < 16)
        to[threadIdx.x] = __shfl_xor_sync(0xffffffffu, from[threadIdx.x], 1);
}

int emulator_half_warp(const float *from, float *to)
{
    return WEFT_LAUNCH(half_warp, dim3(1), dim3(32), 0, nullptr, from, to);
}

/* Products of ones where `first` lanes and then `second` lanes of a warp take part, with an end or without. */
__global__ void products(int first, int second, bool apart, bool end, float *to)
{
    weft_begin();
    float d[4] = {};
    const unsigned ones = 0x3c003c00, a[4] = { ones, ones, ones, ones }, b[2] = { ones, ones };
    const int lane = (int)threadIdx.x;
    if (lane < first)
        weft_mma(d, a, b, weft_f16());
    if (apart && lane >= first)
        weft_mma(d, a, b, weft_f16());
    if (lane < second)
        weft_mma(d, a, b, weft_f16());
    if (end)
        weft_mma_end();
    to[lane] = d[0];
}

int emulator_half_product(const float *, float *to)
{
    return WEFT_LAUNCH(products, dim3(1), dim3(32), 0, nullptr, 16, 0, false, true, to);
}

int emulator_two_products(const float *, float *to)
{
    return WEFT_LAUNCH(products, dim3(1), dim3(32), 0, nullptr, 16, 0, true, true, to);
}

int emulator_unequal_products(const float *, float *to)
{
    return WEFT_LAUNCH(products, dim3(1), dim3(32), 0, nullptr, 32, 31, false, true, to);
}

__global__ void endless(float *to)
{
    weft_begin();
    float d[4] = {};
    const unsigned a[4] = {}, b[2] = {};
    for (int i = 0; i < 64; i++) /* as many as may wait */
        weft_mma(d, a, b, weft_f16());
    to[threadIdx.x] = d[0];
}

int emulator_endless_products(const float *, float *to)
{
    return WEFT_LAUNCH(endless, dim3(1), dim3(32), 0, nullptr, to);
}

int emulator_endless_product(const float *, float *to)
{
    return WEFT_LAUNCH(products, dim3(1), dim3(32), 0, nullptr, 32, 32, false, false, to);
}

__global__ void beyond(const float *from, float *to)
{
    weft_begin();
    to[threadIdx.x] = __shfl_xor_sync(0xffffffffu, from[threadIdx.x], 16);
}

int emulator_beyond(const float *from, float *to)
{
    return WEFT_LAUNCH(beyond, dim3(1), dim3(20), 0, nullptr, from, to);
}

__global__ void left_out(const float *from, float *to)
{
    weft_begin();
    to[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, from[threadIdx.x], 1);
}

int emulator_left_out(const float *from, float *to)
{
    return WEFT_LAUNCH(left_out, dim3(1), dim3(32), 0, nullptr, from, to);
}

__global__ void copy(const float *from, float *to)
{
    weft_begin();
    to[threadIdx.x % 32] = from[threadIdx.x % 32];
}

int emulator_crowd(const float *from, float *to)
{
    return WEFT_LAUNCH(copy, dim3(1), dim3(2048), 0, nullptr, from, to);
}

int emulator_empty(const float *from, float *to)
{
    return WEFT_LAUNCH(copy, dim3(0), dim3(32), 0, nullptr, from, to);
}

int emulator_tall(const float *from, float *to)
{
    return WEFT_LAUNCH(copy, dim3(1, 65536), dim3(32), 0, nullptr, from, to);
}

int emulator_much_dynamic(const float *from, float *to)
{
    return WEFT_LAUNCH(copy, dim3(1), dim3(32), 48 * 1024 + 4, nullptr, from, to);
}

__global__ void much_static(const float *from, float *to)
{
    weft_begin();
    WEFT_SHARED(float, a, 8192);
    WEFT_SHARED(float, b, 8192);
    a[threadIdx.x] = b[threadIdx.x] = from[threadIdx.x];
    to[threadIdx.x] = a[threadIdx.x] + b[threadIdx.x];
}

int emulator_much_static(const float *from, float *to)
{
    return WEFT_LAUNCH(much_static, dim3(1), dim3(32), 0, nullptr, from, to);
}
