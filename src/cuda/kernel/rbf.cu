/* SPDX-License-Identifier: Apache-2.0
 *
 * LeNet-5's radial basis functions: LeCun 1998, eq. 7.
 *
 * Mapping: a warp for each output, its lanes 32 channels apart, then a sum over the warp. Traffic: x and the centres, a
 * few kilobytes, from L1; nothing but the launch costs. */
#include "cuda/kernel/device.cuh"

template <typename T, typename U> struct rbf_job {
    const T *x;
    U *y;
    int64_t x_ld, y_ld;
    int c, k;
    const float *centre;
};

template <typename T, typename U> __global__ void __launch_bounds__(WEFT_BLOCK) rbf(rbf_job<T, U> job)
{
    weft_begin();
    const unsigned n = blockIdx.y, k = blockIdx.x * blockDim.y + threadIdx.y;
    if (k >= (unsigned)job.k) /* a whole warp */
        return;
    const T *x = job.x + (int64_t)n * job.x_ld;
    const float *centre = job.centre + (int64_t)k * job.c;
    float sum = 0;
    for (int j = (int)threadIdx.x; j < job.c; j += WEFT_WARP) {
        const float d = weft_to_float(x[j]) - centre[j];
        sum = fmaf(d, d, sum);
    }
    sum = weft_warp_sum(sum);
    if (threadIdx.x == 0)
        weft_set(job.y + (int64_t)n * job.y_ld + k, sum);
}

template <typename T, typename U> static int launch(const weft_rbf_args *a, void *stream)
{
    rbf_job<T, U> job;
    job.x = static_cast<const T *>(a->x.data);
    job.y = static_cast<U *>(a->y.data);
    job.x_ld = a->x.ld, job.y_ld = a->y.ld;
    job.c = a->c, job.k = a->k;
    job.centre = a->centre;
    const unsigned warps = WEFT_BLOCK / WEFT_WARP;
    const dim3 grid(((unsigned)a->k + warps - 1) / warps, (unsigned)a->n);
    return WEFT_LAUNCH((rbf<T, U>), grid, dim3(WEFT_WARP, warps), 0, stream, job);
}

int weft_launch_rbf(const weft_rbf_args *a, void *stream)
{
    if (!weft_view_fits(a->x, a->c) || !weft_view_fits(a->y, a->k) || a->n <= 0 || a->n > 65535 || !a->centre)
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPES(a->dtype, a->y_dtype, launch, a, stream);
}
