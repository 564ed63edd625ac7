/* SPDX-License-Identifier: Apache-2.0
 *
 * All that a kernel may use of CUDA beyond the language itself. The same .cu file is compiled by nvcc, and with
 * WEFT_EMU by any C++ compiler against tests/cuda/emu, which runs blocks on the CPU and watches them. Both sides give
 * the same names; what is not here (PTX, cooperative groups, textures, __shared__ and <<< >>> written out) has no place
 * in a kernel.
 *
 *   WEFT_LAUNCH(kernel, grid, block, shared bytes, stream, arguments...)   queues; the int that launchers return
 *   WEFT_SET_DEVICE(index, overlap)                                        the thread's launches are for it; an int too
 *   weft_begin()                                                           first in every kernel, see below
 *   WEFT_SHARED(type, name, count), WEFT_DYN_SHARED(type, name)            arrays of the block; unset at its start
 *   weft_f16, weft_bf16, weft_to_float, weft_f16_of, weft_bf16_of          16-bit numbers, computed with as floats
 *   weft_mma(d, a, b, T()), weft_mma_rows(d, row, b, T())                  the tensor cores' product, of a whole warp
 *   weft_mma_end()                                                         d can be read only after it; no instruction
 *   weft_hold_loads()                                                      compilers move no load to before it
 *   weft_is_last(turn, blocks), weft_fresh(address)                        for sums in two stages, see below
 *   weft_clamp(x, low, high), weft_exp2(x), weft_reciprocal(x)             an instruction or two; the last two near
 *   __grid_constant__                                                      an argument stays where it is, even indexed
 *   threadIdx blockIdx blockDim gridDim, uint2 uint4, dim3, __syncthreads, __syncwarp, __shfl_xor_sync,
 *   __shfl_down_sync, __shfl_sync, __ballot_sync, __fdividef, __byte_perm, fmaf and the functions of <math.h> on
 *   floats */
#ifndef WEFT_CUDA_KERNEL_KCOMPAT_CUH
#define WEFT_CUDA_KERNEL_KCOMPAT_CUH

/* Of the card that grids are made to fill (H100, H200). */
enum { WEFT_MULTIPROCESSORS = 132 };

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

/* d[16][8] += a[16][16] b[16][8] of 16-bit T, the sums floats; all lanes of a warp call. With g = lane / 4 and t =
 * lane % 4, a lane has d[g][2t, 2t + 1] and d[g + 8][the same]; a[g][2t, 2t + 1], a[g + 8][the same], a[g][2t + 8,
 * 2t + 9], a[g + 8][the same]; b[2t, 2t + 1][g], b[2t + 8, 2t + 9][g], two numbers a word. Before compute capability
 * 8.0 there is no such product: NaN. */
#if __CUDA_ARCH__ >= 800
#define WEFT_MMA(type)                                                                                                 \
    asm("mma.sync.aligned.m16n8k16.row.col.f32." type "." type                                                         \
        ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %11, %12, %13};"                                     \
        : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])                                                               \
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(d[0]), "f"(d[1]), "f"(d[2]), "f"(d[3]))
#else
#define WEFT_MMA(type) d[0] = d[1] = d[2] = d[3] = __uint_as_float(0x7fc00000 | (a[0] & b[0] & 1))
#endif

__device__ __forceinline__ void weft_mma(float *d, const unsigned (&a)[4], const unsigned (&b)[2], weft_f16)
{
    WEFT_MMA("f16");
}

__device__ __forceinline__ void weft_mma(float *d, const unsigned (&a)[4], const unsigned (&b)[2], weft_bf16)
{
    WEFT_MMA("bf16");
}

/* The same with a from shared memory, four matrices of eight rows of eight numbers: lane l names where row l % 8 of
 * matrix l / 8 begins, at a multiple of 16 bytes, and has of each matrix the numbers 2t and 2t + 1 of row g. */
template <typename T>
__device__ __forceinline__ void weft_mma_rows(float *d, const T *row, const unsigned (&b)[2], T type)
{
    const unsigned at = (unsigned)__cvta_generic_to_shared(row);
    unsigned a[4];
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(a[0]), "=r"(a[1]), "=r"(a[2]), "=r"(a[3])
                 : "r"(at));
    weft_mma(d, a, b, type);
}
#define weft_mma_end() ((void)0)
#define weft_hold_loads() __syncwarp()

/* A NaN stays one. */
__device__ __forceinline__ float weft_clamp(float x, float low, float high)
{
#if __CUDA_ARCH__ >= 800
    asm("max.NaN.f32 %0, %0, %1;" : "+f"(x) : "f"(low));
    asm("min.NaN.f32 %0, %0, %1;" : "+f"(x) : "f"(high));
    return x;
#else
    return x < low ? low : x > high ? high : x;
#endif
}

__device__ __forceinline__ float weft_exp2(float x)
{
    asm("ex2.approx.ftz.f32 %0, %0;" : "+f"(x));
    return x;
}

__device__ __forceinline__ float weft_reciprocal(float x)
{
    asm("rcp.approx.ftz.f32 %0, %0;" : "+f"(x));
    return x;
}

/* Whether this block is the last of so many to call; all of its threads call. The last one sees what all others had
 * written before, by weft_fresh. *turn is 0 before, and again after. */
__device__ __forceinline__ bool weft_is_last(unsigned *turn, unsigned blocks)
{
    __shared__ bool last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0 && threadIdx.y == 0 && threadIdx.z == 0)
        last = atomicInc(turn, blocks - 1) == blocks - 1;
    __syncthreads();
    __threadfence();
    return last;
}

__device__ __forceinline__ float weft_fresh(const float *from)
{
    return __ldcg(from);
}

/* From compute capability 9.0 on a kernel's blocks may come to a multiprocessor while those of the launch before still
 * run (programmatic dependent launch), so that no time passes between the two. Here they wait until all that was
 * launched before has ended and is seen: a kernel that did not call would read what is not written yet. */
__device__ __forceinline__ void weft_begin(void)
{
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;");
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/* Blocks that are to fit on a multiprocessor, for __launch_bounds__: as many as were measured to pay on compute
 * capability 9.0, and fewer where the compiler would then run out of registers. */
#if __CUDA_ARCH__ == 900
#define WEFT_BLOCKS(hopper, others) (hopper)
#else
#define WEFT_BLOCKS(hopper, others) (others)
#endif

#define WEFT_SHARED(type, name, count) __shared__ type name[count]
#define WEFT_DYN_SHARED(type, name)                                                                                    \
    extern __shared__ __align__(16) unsigned char weft_dyn_shared_[];                                                  \
    type *const name = reinterpret_cast<type *>(weft_dyn_shared_)

/* Whether this thread's launches may begin before the one before them has ended. Those that leave multiprocessors idle
 * do not: chains of such small launches took longer by it (EfficientNet-B0 of one image on an H200: 0.34 ms, 0.30). */
extern thread_local bool weft_overlaps;

template <typename... P, typename... A>
inline int weft_launch(dim3 grid, dim3 block, size_t shared, void *stream, void (*kernel)(P...), A... arguments)
{
    cudaLaunchAttribute overlap = {};
    overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    overlap.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config = {};
    config.gridDim = grid, config.blockDim = block, config.dynamicSmemBytes = shared;
    config.stream = static_cast<cudaStream_t>(stream);
    config.attrs = &overlap;
    config.numAttrs = weft_overlaps && (uint64_t)grid.x * grid.y * grid.z >= WEFT_MULTIPROCESSORS;
    const int error = (int)cudaLaunchKernelEx(&config, kernel, static_cast<P>(arguments)...);
    return error ? error : (int)cudaGetLastError();
}

#define WEFT_LAUNCH(kernel, grid, block, shared, stream, ...)                                                          \
    weft_launch((grid), (block), (shared), (stream), kernel, __VA_ARGS__)
#define WEFT_SET_DEVICE(index, overlap) (weft_overlaps = (overlap), (int)cudaSetDevice(index))

#endif
#endif
