/* SPDX-License-Identifier: Apache-2.0
 *
 * Local response normalisation across channels: Krizhevsky 2012, section 3.3.
 *
 * Mapping: as map.cu with one channel a thread; neighbours' channels come from L1, since a warp reads them in one line.
 * Traffic: x and y once. The window's 2 * reach + 1 loads of L1 a channel cost less than the memory's time while reach
 * is 2. beta = 3/4, that of every network, takes two square roots instead of a power. */
#include "cuda/kernel/device.cuh"

template <typename T> struct lrn_job {
    const T *x;
    T *y;
    int64_t x_ld, y_ld;
    int rows, c, reach;
    float k, a, beta;
};

template <typename T> __global__ void __launch_bounds__(WEFT_BLOCK) lrn(lrn_job<T> job)
{
    weft_begin();
    const int c = (int)(blockIdx.y * blockDim.x + threadIdx.x);
    const unsigned row = blockIdx.x * blockDim.y + threadIdx.y;
    if (c >= job.c || row >= (unsigned)job.rows)
        return;
    const T *x = job.x + (int64_t)row * job.x_ld;
    const int low = c < job.reach ? 0 : c - job.reach;
    const int high = job.c - 1 - c < job.reach ? job.c - 1 : c + job.reach;
    float sum = 0;
    for (int j = low; j <= high; j++) {
        const float v = weft_to_float(x[j]);
        sum = fmaf(v, v, sum);
    }
    const float t = fmaf(job.a, sum, job.k);
    const float root = sqrtf(t);
    const float factor = job.beta == .75f ? 1.f / (root * sqrtf(root)) : powf(t, -job.beta);
    weft_set(job.y + (int64_t)row * job.y_ld + c, weft_to_float(x[c]) * factor);
}

template <typename T> static int launch(const weft_lrn_args *a, void *stream)
{
    lrn_job<T> job;
    job.x = static_cast<const T *>(a->x.data);
    job.y = static_cast<T *>(a->y.data);
    job.x_ld = a->x.ld, job.y_ld = a->y.ld;
    job.rows = (int)a->rows;
    job.c = a->c, job.reach = a->reach;
    job.k = a->k, job.a = a->a, job.beta = a->beta;
    const weft_tiling t = weft_tile_rows(a->rows, a->c, 1);
    return WEFT_LAUNCH(lrn<T>, t.grid, t.block, 0, stream, job);
}

int weft_launch_lrn(const weft_lrn_args *a, void *stream)
{
    if (!weft_view_fits(a->x, a->c) || !weft_view_fits(a->y, a->c) || !weft_rows_fit(a->rows) || a->reach < 0)
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, launch, a, stream);
}
