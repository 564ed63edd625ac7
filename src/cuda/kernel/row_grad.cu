/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of what ends a network: softmax, and LeNet-5's radial basis functions. One such layer with as many rows as
 * images: it is launch time that counts, so that types are told apart in the kernel.
 *
 * softmax_grad: a block for each row, which stays in L1 for the second pass. rbf_grad: a thread for each element. */
#include "cuda/kernel/any.cuh"
#include "cuda/kernel/grad.h"

enum { THREADS = 128, WARPS = THREADS / WEFT_WARP };

struct softmax_grad_job {
    weft_any dy, y, dx;
    int c;
};

__global__ void __launch_bounds__(THREADS) softmax_grad(softmax_grad_job job)
{
    weft_begin();
    WEFT_SHARED(float, part, WARPS);
    const int64_t row = blockIdx.x;
    float sum = 0;
    for (int k = (int)threadIdx.x; k < job.c; k += THREADS)
        sum = fmaf(weft_load_any(job.dy, row, k), weft_load_any(job.y, row, k), sum);
    sum = weft_group_total<WARPS, false>(sum, part); /* dx may be dy or y: all have been read */
    for (int k = (int)threadIdx.x; k < job.c; k += THREADS)
        weft_store_any(job.dx, row, k, weft_load_any(job.y, row, k) * (weft_load_any(job.dy, row, k) - sum));
}

int weft_launch_softmax_grad(const weft_softmax_grad_args *a, void *stream)
{
    if (!weft_any_fits(a->dy, a->dy_dtype, a->c) || !weft_any_fits(a->y, a->y_dtype, a->c) ||
        !weft_any_fits(a->dx, a->dx_dtype, a->c) || !weft_rows_fit(a->rows))
        return WEFT_INVALID_VALUE;
    softmax_grad_job job;
    job.dy = weft_any_of(a->dy, a->dy_dtype);
    job.y = weft_any_of(a->y, a->y_dtype);
    job.dx = weft_any_of(a->dx, a->dx_dtype);
    job.c = a->c;
    return WEFT_LAUNCH(softmax_grad, dim3((unsigned)a->rows), dim3(THREADS), 0, stream, job);
}

struct rbf_grad_job {
    weft_any dy, x, centre, dx;
    int n, c, k;
};

__global__ void __launch_bounds__(THREADS) rbf_grad(rbf_grad_job job)
{
    weft_begin();
    const int c = (int)(blockIdx.y * THREADS + threadIdx.x);
    const int64_t n = blockIdx.x;
    if (c >= job.c)
        return;
    const float x = weft_load_any(job.x, n, c);
    float sum = 0;
    for (int k = 0; k < job.k; k++)
        sum = fmaf(weft_load_any(job.dy, n, k), x - weft_load_any(job.centre, k, c), sum);
    weft_store_any(job.dx, n, c, 2 * sum);
}

int weft_launch_rbf_grad(const weft_rbf_grad_args *a, void *stream)
{
    if (!weft_any_fits(a->dy, a->dy_dtype, a->k) || !weft_any_fits(a->x, a->x_dtype, a->c) ||
        !weft_any_fits(a->centre, a->centre_dtype, a->c) || !weft_any_fits(a->dx, a->dx_dtype, a->c) || a->n <= 0)
        return WEFT_INVALID_VALUE;
    rbf_grad_job job;
    job.dy = weft_any_of(a->dy, a->dy_dtype);
    job.x = weft_any_of(a->x, a->x_dtype);
    job.centre = weft_any_of(a->centre, a->centre_dtype);
    job.dx = weft_any_of(a->dx, a->dx_dtype);
    job.n = a->n, job.c = a->c, job.k = a->k;
    const dim3 grid((unsigned)a->n, (unsigned)((a->c + THREADS - 1) / THREADS));
    return WEFT_LAUNCH(rbf_grad, grid, dim3(THREADS), 0, stream, job);
}
