/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax over rows, and the largest elements of each.
 *
 * Mapping: a block for each row; threads take its channels blockDim apart. Passes: the maximum, the sum of
 * exponentials, the largest elements if asked for, the quotients; the row stays in L1 after the first. Traffic: x and y
 * once. A network has one such layer with as many rows as images: it is launch time that counts. */
#include "cuda/kernel/device.cuh"

enum { THREADS = 128, WARPS = THREADS / WEFT_WARP, MOST_TOP = 32 };

template <typename T, typename U> struct softmax_job {
    const T *x;
    U *y;
    int64_t x_ld, y_ld;
    int c, top;
    bool logits;
    float *top_value;
    int *top_index;
};

/* Of the whole block, in every thread; part has a slot for each warp. */
template <bool MAX> __device__ __forceinline__ float block_total(float v, float *part)
{
    v = MAX ? weft_warp_max(v) : weft_warp_sum(v);
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

/* Is (a, i) before (b, j)? The larger value, of equals the lower index; index -1 is after all. */
__device__ __forceinline__ bool before(float a, int i, float b, int j)
{
    return i >= 0 && (j < 0 || a > b || (a == b && i < j));
}

/* The first element of the row after (value, index), in every thread; index -1: there is none that is not a NaN. */
template <typename T>
__device__ __forceinline__ void next_largest(const T *x, int c, float *value, int *index, float *part, int *part_index)
{
    float best = -INFINITY;
    int at = -1;
    for (int j = (int)threadIdx.x; j < c; j += THREADS) {
        const float v = weft_to_float(x[j]);
        const bool after = *index < 0 ? v == v : before(*value, *index, v, j) && v == v;
        if (after && before(v, j, best, at)) {
            best = v;
            at = j;
        }
    }
#pragma unroll
    for (int step = WEFT_WARP / 2; step > 0; step /= 2) {
        const float other = __shfl_xor_sync(0xffffffffu, best, step);
        const int other_at = __shfl_xor_sync(0xffffffffu, at, step);
        if (before(other, other_at, best, at)) {
            best = other;
            at = other_at;
        }
    }
    __syncthreads();
    if (threadIdx.x % WEFT_WARP == 0) {
        part[threadIdx.x / WEFT_WARP] = best;
        part_index[threadIdx.x / WEFT_WARP] = at;
    }
    __syncthreads();
    *value = part[0];
    *index = part_index[0];
#pragma unroll
    for (int w = 1; w < WARPS; w++) {
        if (before(part[w], part_index[w], *value, *index)) {
            *value = part[w];
            *index = part_index[w];
        }
    }
}

template <typename T, typename U> __global__ void __launch_bounds__(THREADS) softmax(softmax_job<T, U> job)
{
    WEFT_SHARED(float, part, WARPS);
    WEFT_SHARED(int, part_index, WARPS);
    const int64_t row = blockIdx.x;
    const T *x = job.x + row * job.x_ld;

    float most = -INFINITY;
    for (int j = (int)threadIdx.x; j < job.c; j += THREADS)
        most = fmaxf(most, weft_to_float(x[j]));
    most = block_total<true>(most, part);
    float sum = 0;
    for (int j = (int)threadIdx.x; j < job.c; j += THREADS)
        sum += expf(weft_to_float(x[j]) - most);
    const float share = 1.f / block_total<false>(sum, part);

    float value = 0;
    int index = -1;
    for (int i = 0; i < job.top; i++) {
        next_largest(x, job.c, &value, &index, part, part_index);
        if (threadIdx.x == 0) {
            job.top_value[row * job.top + i] = index < 0 ? NAN : job.logits ? value : expf(value - most) * share;
            job.top_index[row * job.top + i] = index;
        }
        if (index < 0) /* the same in all threads */
            value = -INFINITY, index = job.c;
    }
    __syncthreads(); /* y may be x: nobody reads another's channels from here on */
    if (!job.y)
        return;
    for (int j = (int)threadIdx.x; j < job.c; j += THREADS)
        weft_set(job.y + row * job.y_ld + j, expf(weft_to_float(x[j]) - most) * share);
}

template <typename T, typename U> static int launch(const weft_softmax_args *a, void *stream)
{
    softmax_job<T, U> job;
    job.x = static_cast<const T *>(a->x.data);
    job.y = static_cast<U *>(a->y.data);
    job.x_ld = a->x.ld, job.y_ld = a->y.ld;
    job.c = a->c, job.top = a->top;
    job.logits = a->logits;
    job.top_value = a->top_value;
    job.top_index = a->top_index;
    return WEFT_LAUNCH((softmax<T, U>), dim3((unsigned)a->rows), dim3(THREADS), 0, stream, job);
}

int weft_launch_softmax(const weft_softmax_args *a, void *stream)
{
    const bool top_fits =
        a->top >= 0 && a->top <= MOST_TOP && a->top <= a->c && (a->top == 0 || (a->top_value && a->top_index));
    if (!weft_view_fits(a->x, a->c) || (a->y.data && a->y.ld < a->c) || (!a->y.data && a->top == 0) || !top_fits ||
        !weft_rows_fit(a->rows))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPES(a->dtype, a->y_dtype, launch, a, stream);
}
