/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables of segments as kernels see them (update.h): each segment has blocks of CHUNK elements of its own, the last one
 * a rest; a block finds its segment by the blocks before each. Arrays of any type. Adam's moments. Sums over a block in
 * double, in a fixed order. */
#ifndef WEFT_CUDA_KERNEL_SEGMENT_CUH
#define WEFT_CUDA_KERNEL_SEGMENT_CUH

#include "cuda/kernel/device.cuh"
#include "cuda/kernel/update.h"

enum { WEFT_ARGUMENT_BYTES = 1 << 14, WEFT_PIECE = 4 /* elements that a thread takes at once */ };

/* Where the segments of a launch begin, in blocks; a part of its table. */
template <int MOST, int CHUNK> struct weft_blocks {
    unsigned first[MOST + 1];  /* blocks before each segment, and before the end */
    unsigned short rest[MOST]; /* elements of its last block */
    unsigned short count;      /* segments */
    static_assert(CHUNK <= 65535, "what is left of a chunk has 16 bits");

    static int64_t of(int64_t elements)
    {
        return (elements + CHUNK - 1) / CHUNK;
    }

    /* Appends a segment. False: there is no room, or it is none. */
    bool add(int64_t elements)
    {
        if (count == 0)
            first[0] = 0;
        const int64_t blocks = of(elements), all = elements > 0 ? first[count] + blocks : INT64_MAX;
        if (count >= MOST || all > INT32_MAX)
            return false;
        rest[count] = (unsigned short)(elements - (blocks - 1) * CHUNK);
        first[++count] = (unsigned)all;
        return true;
    }

    /* The segment of a block. */
    __device__ __forceinline__ int segment(unsigned block) const
    {
        int low = 0, high = count;
        while (high - low > 1) {
            const int middle = (low + high) / 2;
            if (first[middle] <= block)
                low = middle;
            else
                high = middle;
        }
        return low;
    }

    /* The block's elements of its segment: from here on, so many. */
    __device__ __forceinline__ int64_t from(unsigned block, int s) const
    {
        return (int64_t)(block - first[s]) * CHUNK;
    }

    __device__ __forceinline__ int elements(unsigned block, int s) const
    {
        return block + 1 == first[s + 1] ? (int)rest[s] : CHUNK;
    }
};

/* An array whose type the table says. */
struct weft_typed {
    const void *data;
    int dtype;

    __device__ __forceinline__ weft_typed from(int64_t i) const
    {
        const int64_t size = dtype == WEFT_F32 ? 4 : 2;
        const weft_typed rest = { static_cast<const char *>(data) + i * size, dtype };
        return rest;
    }
    /* WEFT_PIECE elements are one load. */
    __device__ __forceinline__ bool is_wide() const
    {
        return (uintptr_t)data % (dtype == WEFT_F32 ? 16 : 8) == 0;
    }
    template <typename T, int V> __device__ __forceinline__ void load_as(int64_t i, float (&v)[V]) const
    {
        const T *x = static_cast<const T *>(data) + i;
        if constexpr (V == 1) {
            v[0] = weft_to_float(*x);
        } else {
            weft_piece<T, V> piece;
            piece.load(x);
            piece.spread(v, ~0u);
        }
    }
    template <int V> __device__ __forceinline__ void load(int64_t i, float (&v)[V]) const
    {
        static_assert(V == 1 || V == WEFT_PIECE, "the whole or one");
        if (dtype == WEFT_F32)
            load_as<float, V>(i, v);
        else if (dtype == WEFT_F16)
            load_as<weft_f16, V>(i, v);
        else
            load_as<weft_bf16, V>(i, v);
    }
};

/* Adam's moments, which lamb has, too: m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2. */
struct weft_moments_rule {
    float beta1, rest1, beta2, rest2, epsilon, log_first, log_second;

    explicit weft_moments_rule(const weft_update_args *a)
        : beta1((float)a->momentum), rest1((float)(1 - a->momentum)), beta2((float)a->rho), rest2((float)(1 - a->rho)),
          epsilon((float)a->epsilon), log_first((float)log(a->momentum)), log_second((float)log(a->rho))
    {
    }
    /* 1 - beta^t, without the digits that are lost where beta^t is near 1. */
    __device__ __forceinline__ float short_of(float log_beta, float t) const
    {
        return -expm1f(t * log_beta);
    }
    /* What sqrt(v) is to be multiplied with. */
    __device__ __forceinline__ float correct_root(float t) const
    {
        return 1 / sqrtf(short_of(log_second, t));
    }
    __device__ __forceinline__ void step(float g, float &m, float &v) const
    {
        m = fmaf(beta1, m, g * rest1);
        v = fmaf(beta2, v, g * g * rest2);
    }
    __device__ __forceinline__ float direction(float m, float v, float correct) const
    {
        return m / fmaf(correct, sqrtf(v), epsilon);
    }
};

/* The sum over the block, for thread 0; all come. lanes: of the block, one for each warp. */
__device__ __forceinline__ double weft_block_sum(double v, double *lanes)
{
#pragma unroll
    for (int step = WEFT_WARP / 2; step > 0; step /= 2)
        v += __shfl_down_sync(0xffffffffu, v, step);
    __syncthreads(); /* of the last sum */
    if (threadIdx.x % WEFT_WARP == 0)
        lanes[threadIdx.x / WEFT_WARP] = v;
    __syncthreads();
    double sum = 0;
    if (threadIdx.x == 0)
        for (unsigned w = 0; w < blockDim.x / WEFT_WARP; w++)
            sum += lanes[w];
    return sum;
}

#endif
