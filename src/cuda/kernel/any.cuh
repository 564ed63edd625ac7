/* SPDX-License-Identifier: Apache-2.0
 *
 * Elements whose type is known when a kernel runs, for layers so small that one kernel for all types will do. */
#ifndef WEFT_CUDA_KERNEL_ANY_CUH
#define WEFT_CUDA_KERNEL_ANY_CUH

#include "cuda/kernel/device.cuh"

struct weft_any {
    void *data;
    int64_t ld;
    weft_dtype dtype;
};

inline weft_any weft_any_of(const weft_kview &view, weft_dtype dtype)
{
    weft_any any;
    any.data = view.data, any.ld = view.ld, any.dtype = dtype;
    return any;
}

inline bool weft_any_fits(const weft_kview &view, weft_dtype dtype, int64_t channels)
{
    return weft_view_fits(view, channels) && weft_is_float(dtype);
}

__device__ __forceinline__ float weft_load_any(const weft_any &from, int64_t row, int64_t c)
{
    const int64_t i = row * from.ld + c;
    if (from.dtype == WEFT_F32)
        return static_cast<const float *>(from.data)[i];
    return from.dtype == WEFT_F16 ? weft_to_float(static_cast<const weft_f16 *>(from.data)[i])
                                  : weft_to_float(static_cast<const weft_bf16 *>(from.data)[i]);
}

__device__ __forceinline__ void weft_store_any(const weft_any &to, int64_t row, int64_t c, float x)
{
    const int64_t i = row * to.ld + c;
    if (to.dtype == WEFT_F32)
        static_cast<float *>(to.data)[i] = x;
    else if (to.dtype == WEFT_F16)
        static_cast<weft_f16 *>(to.data)[i] = weft_f16_of(x);
    else
        static_cast<weft_bf16 *>(to.data)[i] = weft_bf16_of(x);
}

/* Sum or maximum of v over a group of WARPS warps, in every thread of it; part has a slot for each warp of the block. A
 * group of more than one warp is the block, all of whose threads come. */
template <int WARPS, bool MAX> __device__ __forceinline__ float weft_group_total(float v, float *part)
{
    v = MAX ? weft_warp_max(v) : weft_warp_sum(v);
    if (WARPS == 1)
        return v;
    __syncthreads(); /* part may still be read */
    if (threadIdx.x % WEFT_WARP == 0)
        part[threadIdx.x / WEFT_WARP] = v;
    __syncthreads();
    float total = part[0];
#pragma unroll
    for (int w = 1; w < WARPS; w++)
        total = MAX ? fmaxf(total, part[w]) : total + part[w];
    return total;
}

#endif
