/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights of LeNet-5's partial convolution among zeros, where its gradients want them, and back.
 *
 * Mapping: a thread for each tap of each pair of maps. The table is an argument, PAIRS of it a launch; LeNet-5 has 96.
 * Traffic: a few kilobytes. */
#include "cuda/kernel/conv_grad.h"
#include "cuda/kernel/device.cuh"

enum { PAIRS = 1024, NONE = -1 };

/* The weight of each pair, counted from the first of the launch; NONE where the maps do not meet. */
struct partial_pairs {
    short weight[PAIRS];
};

template <typename T, typename U> struct partial_job {
    const T *from;
    U *to;
    int64_t sparse_ld, full_ld;
    int64_t first, sparse; /* pair and weight */
    int count, c, taps;
    partial_pairs pairs;
};

/* Where a thread's element lies among all and among those that are; false: it is zero, or no element. */
template <typename T, typename U>
__device__ __forceinline__ bool partial_places(const partial_job<T, U> &job, int64_t *full, int64_t *sparse)
{
    const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x), pair = i / job.taps, tap = i - pair * job.taps;
    *full = -1;
    if (pair >= job.count)
        return false;
    const int64_t k = (job.first + pair) / job.c, c = job.first + pair - k * job.c;
    *full = (k * job.taps + tap) * job.full_ld + c;
    *sparse = ((job.sparse + job.pairs.weight[pair]) * job.taps + tap) * job.sparse_ld;
    return job.pairs.weight[pair] != NONE;
}

template <typename T, typename U> __global__ void __launch_bounds__(WEFT_BLOCK) partial_expand(partial_job<T, U> job)
{
    weft_begin();
    int64_t full, sparse;
    const bool met = partial_places(job, &full, &sparse);
    if (full >= 0)
        weft_set(job.to + full, met ? weft_to_float(job.from[sparse]) : 0);
}

template <typename T, typename U> __global__ void __launch_bounds__(WEFT_BLOCK) partial_collect(partial_job<T, U> job)
{
    weft_begin();
    int64_t full, sparse;
    if (partial_places(job, &full, &sparse))
        weft_set(job.to + sparse, weft_to_float(job.from[full]));
}

/* Expands, or else collects, all pairs. */
template <typename T, typename U, bool EXPAND> static int for_pairs(const weft_partial_weights_args *a, void *stream)
{
    const int64_t pairs = (int64_t)a->k * a->c;
    partial_job<T, U> job;
    job.from = static_cast<const T *>(a->from.data);
    job.to = static_cast<U *>(a->to.data);
    job.sparse_ld = EXPAND ? a->from.ld : a->to.ld;
    job.full_ld = EXPAND ? a->to.ld : a->from.ld;
    job.c = a->c, job.taps = a->taps;
    job.sparse = 0;
    for (job.first = 0; job.first < pairs; job.first += PAIRS) {
        short met = 0;
        job.count = (int)(pairs - job.first < PAIRS ? pairs - job.first : (int64_t)PAIRS);
        for (int i = 0; i < job.count; i++)
            job.pairs.weight[i] = a->table[job.first + i] ? met++ : (short)NONE;
        const dim3 grid((unsigned)((job.count * (int64_t)job.taps + WEFT_BLOCK - 1) / WEFT_BLOCK));
        int status;
        if constexpr (EXPAND)
            status = WEFT_LAUNCH((partial_expand<T, U>), grid, dim3(WEFT_BLOCK), 0, stream, job);
        else
            status = WEFT_LAUNCH((partial_collect<T, U>), grid, dim3(WEFT_BLOCK), 0, stream, job);
        if (status != 0)
            return status;
        job.sparse += met;
    }
    return 0;
}

template <typename T, typename U> static int expand(const weft_partial_weights_args *a, void *stream)
{
    return for_pairs<T, U, true>(a, stream);
}

template <typename T, typename U> static int collect(const weft_partial_weights_args *a, void *stream)
{
    return for_pairs<T, U, false>(a, stream);
}

static bool fits(const weft_partial_weights_args *a, const weft_kview &sparse, const weft_kview &full)
{
    return weft_view_fits(sparse, 1) && weft_view_fits(full, a->c) && a->k > 0 && a->taps > 0 &&
           a->taps <= INT32_MAX / PAIRS - WEFT_BLOCK && a->table;
}

int weft_launch_partial_expand(const weft_partial_weights_args *a, void *stream)
{
    if (!fits(a, a->from, a->to))
        return WEFT_INVALID_VALUE;
    if (a->dtype == WEFT_F32 && a->to_dtype == WEFT_F16)
        return expand<float, weft_f16>(a, stream);
    if (a->dtype == WEFT_F32 && a->to_dtype == WEFT_BF16)
        return expand<float, weft_bf16>(a, stream);
    return WEFT_BY_DTYPES(a->dtype, a->to_dtype, expand, a, stream);
}

int weft_launch_partial_collect(const weft_partial_weights_args *a, void *stream)
{
    if (!fits(a, a->to, a->from))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPES(a->dtype, a->to_dtype, collect, a, stream);
}
