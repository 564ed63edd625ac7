/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax over rows.
 *
 * Mapping: a block for each row; threads take its channels blockDim apart. Passes: the maximum, the sum of
 * exponentials, the quotients; the row stays in L1 after the first. Traffic: x and y once. A network has one such layer
 * with as many rows as images: it is launch time that counts. */
#include "cuda/kernel/device.cuh"

enum { THREADS = 128, WARPS = THREADS / WEFT_WARP };

template <typename T, typename U> struct softmax_job {
    const T *x;
    U *y;
    int64_t x_ld, y_ld;
    int c;
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

template <typename T, typename U> __global__ void __launch_bounds__(THREADS) softmax(softmax_job<T, U> job)
{
    weft_begin();
    WEFT_SHARED(float, part, WARPS);
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

    __syncthreads(); /* y may be x: nobody reads another's channels from here on */
    for (int j = (int)threadIdx.x; j < job.c; j += THREADS)
        weft_set(job.y + row * job.y_ld + j, expf(weft_to_float(x[j]) - most) * share);
}

template <typename T, typename U> static int launch(const weft_softmax_args *a, void *stream)
{
    softmax_job<T, U> job;
    job.x = static_cast<const T *>(a->x.data);
    job.y = static_cast<U *>(a->y.data);
    job.x_ld = a->x.ld, job.y_ld = a->y.ld;
    job.c = a->c;
    return WEFT_LAUNCH((softmax<T, U>), dim3((unsigned)a->rows), dim3(THREADS), 0, stream, job);
}

int weft_launch_softmax(const weft_softmax_args *a, void *stream)
{
    if (!weft_view_fits(a->x, a->c) || !weft_view_fits(a->y, a->c) || !weft_rows_fit(a->rows))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPES(a->dtype, a->y_dtype, launch, a, stream);
}
