/* SPDX-License-Identifier: Apache-2.0
 *
 * All that a kernel may use of CUDA beyond the language itself. The same .cu file is compiled by nvcc, and with
 * WEFT_EMU by any C++ compiler against tests/cuda/emu, which runs blocks on the CPU and watches them. Both sides give
 * the same names; what is not here (PTX, matrix units, cooperative groups, textures, __shared__ and <<< >>> written
 * out) has no place in a kernel.
 *
 *   WEFT_LAUNCH(kernel, grid, block, shared bytes, stream, arguments...)   queues; the int that launchers return
 *   WEFT_SET_DEVICE(index)                                                 the thread's launches are for it; an int too
 *   WEFT_SHARED(type, name, count), WEFT_DYN_SHARED(type, name)            arrays of the block; unset at its start
 *   weft_f16, weft_bf16, weft_to_float, weft_f16_of, weft_bf16_of          16-bit numbers, computed with as floats
 *   threadIdx blockIdx blockDim gridDim, uint2 uint4, dim3, __syncthreads, __syncwarp, __shfl_xor_sync,
 *   __shfl_down_sync, __shfl_sync, __ballot_sync, __fdividef, fmaf and the functions of <math.h> on floats */
#ifndef WEFT_CUDA_KERNEL_KCOMPAT_CUH
#define WEFT_CUDA_KERNEL_KCOMPAT_CUH

#if defined(WEFT_EMU)

#include <emu.h>

#else

#include <cuda_runtime.h>
#include <stdint.h>

/* Two bytes with a type, so that templates tell them apart. */
struct weft_f16 {
    unsigned short bits;
};
struct weft_bf16 {
    unsigned short bits;
};

/* The conversions are one instruction each; NVIDIA's headers for them double the time to compile a kernel. */
__device__ __forceinline__ float weft_to_float(weft_f16 x)
{
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
    return y;
}

__device__ __forceinline__ float weft_to_float(weft_bf16 x)
{
    return __uint_as_float((unsigned)x.bits << 16);
}

__device__ __forceinline__ float weft_to_float(float x)
{
    return x;
}

__device__ __forceinline__ weft_f16 weft_f16_of(float x)
{
    weft_f16 y;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
    return y;
}

__device__ __forceinline__ weft_bf16 weft_bf16_of(float x)
{
    weft_bf16 y;
#if __CUDA_ARCH__ >= 800
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
#else /* to nearest, ties to even; a NaN stays one */
    const unsigned u = __float_as_uint(x);
    y.bits = x != x ? 0x7fff : (unsigned short)((u + 0x7fff + (u >> 16 & 1)) >> 16);
#endif
    return y;
}

#define WEFT_SHARED(type, name, count) __shared__ type name[count]
#define WEFT_DYN_SHARED(type, name)                                                                                    \
    extern __shared__ __align__(16) unsigned char weft_dyn_shared_[];                                                  \
    type *const name = reinterpret_cast<type *>(weft_dyn_shared_)
#define WEFT_LAUNCH(kernel, grid, block, shared, stream, ...)                                                          \
    (kernel<<<(grid), (block), (shared), static_cast<cudaStream_t>(stream)>>>(__VA_ARGS__), (int)cudaGetLastError())
#define WEFT_SET_DEVICE(index) ((int)cudaSetDevice(index))

#endif
#endif
