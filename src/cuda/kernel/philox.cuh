/* SPDX-License-Identifier: Apache-2.0
 *
 * Counter-based random numbers on the device: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as
 * easy as 1, 2, 3", SC 2011), the words of base/rng.h. */
#ifndef WEFT_CUDA_KERNEL_PHILOX_CUH
#define WEFT_CUDA_KERNEL_PHILOX_CUH

#include "cuda/kernel/kcompat.cuh"

/* Four words of block `index` of a stream. */
__device__ __forceinline__ uint4 weft_philox(uint64_t seed, uint64_t stream, uint64_t index)
{
    enum { ROUNDS = 10 };
    unsigned key[2] = { (unsigned)seed, (unsigned)(seed >> 32) };
    uint4 v = { (unsigned)index, (unsigned)(index >> 32), (unsigned)stream, (unsigned)(stream >> 32) };
#pragma unroll
    for (int round = 0; round < ROUNDS; round++) {
        const uint64_t x = (uint64_t)v.x * 0xd2511f53u, z = (uint64_t)v.z * 0xcd9e8d57u;
        v.x = (unsigned)(z >> 32) ^ v.y ^ key[0];
        v.y = (unsigned)z;
        v.z = (unsigned)(x >> 32) ^ v.w ^ key[1];
        v.w = (unsigned)x;
        key[0] += 0x9e3779b9u;
        key[1] += 0xbb67ae85u;
    }
    return v;
}

#endif
