/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of pools over whole images.
 *
 * spread (average): a block takes up to 8 packs of channels of one part of one image; a thread has its pack of dy in
 * registers and stores it to EACH pixels. Traffic: dx once.
 * largest (maximum): a block takes up to 8 packs of one image; rows of threads look for the first of the largest among
 * pixels that lie blockDim.y apart, agree in shared memory, and write. Traffic: x and dx once. */
#include "cuda/kernel/device.cuh"
#include "cuda/kernel/grad.h"

enum { EACH = 8 /* pixels of a thread */, MOST_PACKS = 8 };

template <typename T, typename U> struct global_grad_job {
    const U *dy;
    const T *x, *residual;
    T *dx;
    int64_t dy_ld, x_ld, residual_ld, dx_ld;
    int pixels, parts, packs;
};

template <typename T, typename U, int V> __global__ void __launch_bounds__(WEFT_BLOCK) spread(global_grad_job<T, U> job)
{
    weft_begin();
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const unsigned n = blockIdx.x / (unsigned)job.parts, part = blockIdx.x - n * (unsigned)job.parts;
    if (pack >= job.packs)
        return;
    float d[V];
    weft_load<U, V>(job.dy + n * job.dy_ld + c, d);
#pragma unroll
    for (int i = 0; i < V; i++)
        d[i] /= (float)job.pixels;
    for (int p = (int)(part * blockDim.y + threadIdx.y); p < job.pixels; p += job.parts * (int)blockDim.y) {
        const int64_t row = (int64_t)n * job.pixels + p;
        float v[V];
#pragma unroll
        for (int i = 0; i < V; i++)
            v[i] = 0;
        if (job.residual)
            weft_load<T, V>(job.residual + row * job.residual_ld + c, v);
#pragma unroll
        for (int i = 0; i < V; i++)
            v[i] += d[i];
        weft_store<T, V>(job.dx + row * job.dx_ld + c, v);
    }
}

template <typename T, typename U, int V>
__global__ void __launch_bounds__(WEFT_BLOCK) largest(global_grad_job<T, U> job)
{
    weft_begin();
    WEFT_SHARED(float, mosts, (WEFT_BLOCK * V));
    WEFT_SHARED(int, places, (WEFT_BLOCK * V));
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const bool mine = pack < job.packs;
    const unsigned me = threadIdx.y * blockDim.x + threadIdx.x;
    const int64_t first = (int64_t)blockIdx.x * job.pixels;
    float most[V];
    int place[V];
#pragma unroll
    for (int i = 0; i < V; i++) {
        most[i] = -INFINITY;
        place[i] = 0;
    }
    for (int p = (int)threadIdx.y; mine && p < job.pixels; p += (int)blockDim.y) {
        float px[V];
        weft_load<T, V>(job.x + (first + p) * job.x_ld + c, px);
#pragma unroll
        for (int i = 0; i < V; i++) {
            place[i] = px[i] > most[i] ? p : place[i];
            most[i] = px[i] > most[i] ? px[i] : most[i];
        }
    }
#pragma unroll
    for (int i = 0; i < V; i++) {
        mosts[me * V + i] = most[i];
        places[me * V + i] = place[i];
    }
    __syncthreads();
    if (!mine)
        return;
    for (unsigned other = 0; other < blockDim.y; other++) {
#pragma unroll
        for (int i = 0; i < V; i++) {
            const unsigned at = (other * blockDim.x + threadIdx.x) * V + i;
            const bool better = mosts[at] > most[i] || (mosts[at] == most[i] && places[at] < place[i]);
            place[i] = better ? places[at] : place[i];
            most[i] = better ? mosts[at] : most[i];
        }
    }
    float d[V];
    weft_load<U, V>(job.dy + (int64_t)blockIdx.x * job.dy_ld + c, d);
    for (int p = (int)threadIdx.y; p < job.pixels; p += (int)blockDim.y) {
        float v[V];
#pragma unroll
        for (int i = 0; i < V; i++)
            v[i] = p == place[i] ? d[i] : 0;
        weft_store<T, V>(job.dx + (first + p) * job.dx_ld + c, v);
    }
}

template <typename T, typename U, int V>
static int launch(global_grad_job<T, U> job, const weft_global_pool_grad_args *a, void *stream)
{
    job.packs = a->c / V;
    const bool max = a->kind == WEFT_POOL_MAX;
    const int most = V == 1 ? (int)WEFT_WARP : (int)MOST_PACKS, each = max ? 1 : (int)EACH;
    const int x = job.packs < most ? job.packs : most;
    int y = WEFT_BLOCK / x;
    while (y > 1 && y / 2 * each >= a->pixels)
        y /= 2;
    job.parts = max ? 1 : (a->pixels + y * each - 1) / (y * each);
    const int64_t blocks = (int64_t)a->n * job.parts;
    const dim3 grid((unsigned)blocks, (unsigned)((job.packs + x - 1) / x)), block((unsigned)x, (unsigned)y);
    return max ? WEFT_LAUNCH((largest<T, U, V>), grid, block, 0, stream, job)
               : WEFT_LAUNCH((spread<T, U, V>), grid, block, 0, stream, job);
}

template <typename T, typename U> static int by_width(const weft_global_pool_grad_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const bool wide = a->c % V == 0 && weft_is_wide(a->dy, sizeof(U)) && weft_is_wide(a->dx, sizeof(T)) &&
                      weft_is_wide(a->x, sizeof(T)) && weft_is_wide(a->residual, sizeof(T));
    global_grad_job<T, U> job = {};
    job.dy = static_cast<const U *>(a->dy.data);
    job.x = static_cast<const T *>(a->x.data);
    job.residual = static_cast<const T *>(a->residual.data);
    job.dx = static_cast<T *>(a->dx.data);
    job.dy_ld = a->dy.ld, job.x_ld = a->x.ld, job.residual_ld = a->residual.ld, job.dx_ld = a->dx.ld;
    job.pixels = a->pixels;
    return wide ? launch<T, U, V>(job, a, stream) : launch<T, U, 1>(job, a, stream);
}

int weft_launch_global_pool_grad(const weft_global_pool_grad_args *a, void *stream)
{
    const bool max = a->kind == WEFT_POOL_MAX;
    if (!weft_view_fits(a->dy, a->c) || !weft_view_fits(a->dx, a->c) || (max && !weft_view_fits(a->x, a->c)) ||
        (a->residual.data && (max || a->residual.ld < a->c)) || a->n <= 0 || a->pixels <= 0 ||
        !weft_rows_fit((int64_t)a->n * a->pixels))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPES(a->dtype, a->dy_dtype, by_width, a, stream);
}
