/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient of local response normalisation, Krizhevsky 2012, section 3.3: with t = k + a s of each channel,
 * dx = dy t^-beta - 2 a beta x (sum of dy x t^(-beta - 1) over the window). What a channel gives to itself is taken
 * together with the first term, dy t^(-beta - 1) (t - 2 a beta x x): of large x the two are nearly equal.
 *
 * Mapping: a block takes up to 256 channels of one or more rows. First its threads find what a channel gives to itself
 * and to its neighbours, for the channels and `reach` more to each side, into shared memory; then a thread sums the
 * window of its channel. Neighbours' x come from L1. Traffic: dy, x and dx once. beta = 3/4, that of every
 * network, takes two square roots instead of a power. */
#include "cuda/kernel/device.cuh"
#include "cuda/kernel/grad.h"

template <typename T> struct lrn_grad_job {
    const T *dy, *x, *residual;
    T *dx;
    int64_t dy_ld, x_ld, residual_ld, dx_ld;
    int rows, c, reach;
    float k, a, beta, twice; /* twice: 2 a beta */
};

template <typename T> __global__ void __launch_bounds__(WEFT_BLOCK) lrn_grad(lrn_grad_job<T> job)
{
    weft_begin();
    WEFT_DYN_SHARED(float, shared);
    const int wide = (int)blockDim.x + 2 * job.reach;
    float *given = shared + (int)threadIdx.y * 2 * wide, *own = given + wide; /* of channels from c0 - reach on */
    const int c0 = (int)(blockIdx.y * blockDim.x), c = c0 + (int)threadIdx.x;
    const unsigned row = blockIdx.x * blockDim.y + threadIdx.y;
    const bool there = row < (unsigned)job.rows;
    const T *x = job.x + (int64_t)row * job.x_ld, *dy = job.dy + (int64_t)row * job.dy_ld;
    for (int i = (int)threadIdx.x; there && i < wide; i += (int)blockDim.x) {
        const int at = c0 - job.reach + i;
        if (at < 0 || at >= job.c) {
            given[i] = 0;
            continue;
        }
        const int low = at < job.reach ? 0 : at - job.reach;
        const int high = job.c - 1 - at < job.reach ? job.c - 1 : at + job.reach;
        float sum = 0;
        for (int j = low; j <= high; j++) {
            const float v = weft_to_float(x[j]);
            sum = fmaf(v, v, sum);
        }
        const float t = fmaf(job.a, sum, job.k);
        const float power = job.beta == .75f ? sqrtf(sqrtf(t)) : powf(t, 1 - job.beta); /* times t */
        const float v = weft_to_float(x[at]), d = weft_to_float(dy[at]) * (power / t / t);
        own[i] = d * fmaf(-job.twice * v, v, t);
        given[i] = d * v;
    }
    __syncthreads();
    if (!there || c >= job.c)
        return;
    float sum = 0;
    for (int i = 0; i < job.reach; i++)
        sum += given[(int)threadIdx.x + i] + given[(int)threadIdx.x + 2 * job.reach - i];
    float v = fmaf(-job.twice * weft_to_float(x[c]), sum, own[(int)threadIdx.x + job.reach]);
    if (job.residual)
        v += weft_to_float(job.residual[(int64_t)row * job.residual_ld + c]);
    weft_set(job.dx + (int64_t)row * job.dx_ld + c, v);
}

template <typename T> static int launch(const weft_lrn_grad_args *a, void *stream)
{
    lrn_grad_job<T> job = {};
    job.dy = static_cast<const T *>(a->dy.data);
    job.x = static_cast<const T *>(a->x.data);
    job.residual = static_cast<const T *>(a->residual.data);
    job.dx = static_cast<T *>(a->dx.data);
    job.dy_ld = a->dy.ld, job.x_ld = a->x.ld, job.residual_ld = a->residual.ld, job.dx_ld = a->dx.ld;
    job.rows = (int)a->rows;
    job.c = a->c;
    job.reach = a->reach < a->c ? a->reach : a->c - 1; /* beyond there are no channels */
    job.k = a->k, job.a = a->a, job.beta = a->beta;
    job.twice = (float)(2 * (double)a->a * (double)a->beta);
    weft_tiling t = weft_tile_rows(a->rows, a->c, 1);
    size_t bytes;
    for (;; t.block.y /= 2) {
        bytes = (size_t)t.block.y * 2 * ((size_t)t.block.x + 2 * (size_t)job.reach) * sizeof(float);
        if (bytes <= 48u << 10 || t.block.y == 1)
            break;
    }
    t.grid.x = (unsigned)((a->rows + t.block.y - 1) / t.block.y);
    return WEFT_LAUNCH(lrn_grad<T>, t.grid, t.block, bytes, stream, job);
}

int weft_launch_lrn_grad(const weft_lrn_grad_args *a, void *stream)
{
    enum { MOST_REACH = 2048 }; /* that of the op, for which shared memory is enough */
    if (!weft_view_fits(a->dy, a->c) || !weft_view_fits(a->x, a->c) || !weft_view_fits(a->dx, a->c) ||
        (a->residual.data && a->residual.ld < a->c) || !weft_rows_fit(a->rows) || a->reach < 0 || a->reach > MOST_REACH)
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, launch, a, stream);
}
