/* SPDX-License-Identifier: Apache-2.0
 *
 * Mean and variance of each channel over all rows.
 *
 * moments: a block takes 32 channels; its rows of threads walk the tensor's rows LANES apart, twice (sums, then
 * deviations from the mean, so that a large mean costs no digits); the lanes are summed in shared memory, in order: the
 * bits depend on sizes only. Traffic: x twice. It fills a card only where there are thousands of channels. */
#include "cuda/kernel/device.cuh"

enum { LANES = WEFT_BLOCK / WEFT_WARP };

template <typename T> struct moments_job {
    const T *x;
    int64_t x_ld, rows;
    int c;
    float *mean, *variance;
};

/* The sum of all lanes' values of my channel, for every lane. */
__device__ __forceinline__ float sum_lanes(float *lanes, float mine)
{
    const unsigned me = threadIdx.y * WEFT_WARP + threadIdx.x;
    __syncthreads(); /* the last sum may still be read */
    lanes[me] = mine;
    __syncthreads();
    float sum = 0;
    for (unsigned lane = 0; lane < LANES; lane++)
        sum += lanes[lane * WEFT_WARP + threadIdx.x];
    return sum;
}

template <typename T> __global__ void __launch_bounds__(WEFT_BLOCK) moments(moments_job<T> job)
{
    weft_begin();
    WEFT_SHARED(float, lanes, WEFT_BLOCK);
    const int c = (int)(blockIdx.x * WEFT_WARP + threadIdx.x);
    const bool mine = c < job.c;
    float sum = 0, squares = 0;
    for (int64_t r = threadIdx.y; mine && r < job.rows; r += LANES)
        sum += weft_to_float(job.x[r * job.x_ld + c]);
    const float mean = sum_lanes(lanes, sum) / (float)job.rows;
    for (int64_t r = threadIdx.y; mine && r < job.rows; r += LANES) {
        const float d = weft_to_float(job.x[r * job.x_ld + c]) - mean;
        squares = fmaf(d, d, squares);
    }
    const float variance = sum_lanes(lanes, squares) / (float)job.rows;
    if (mine && threadIdx.y == 0) {
        job.mean[c] = mean;
        job.variance[c] = variance;
    }
}

template <typename T> static int launch_moments(const weft_moments_args *a, void *stream)
{
    moments_job<T> job;
    job.x = static_cast<const T *>(a->x.data);
    job.x_ld = a->x.ld, job.rows = a->rows, job.c = a->c;
    job.mean = a->mean, job.variance = a->variance;
    const dim3 grid((unsigned)((a->c + WEFT_WARP - 1) / WEFT_WARP));
    return WEFT_LAUNCH(moments<T>, grid, dim3(WEFT_WARP, LANES), 0, stream, job);
}

int weft_launch_moments(const weft_moments_args *a, void *stream)
{
    if (!weft_view_fits(a->x, a->c) || !a->mean || !a->variance || !weft_rows_fit(a->rows))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, launch_moments, a, stream);
}
