/* SPDX-License-Identifier: Apache-2.0
 *
 * Mean or maximum of each image and channel; also the squeeze of squeeze-and-excitation. Two stages with a fixed
 * partition, no atomics: the order of every sum depends on sizes only.
 *
 * gather: a block takes up to 8 packs of channels of one part of one image; LANES rows of threads walk its pixels LANES
 * apart, then the rows are summed in shared memory, in order. join: a thread sums the parts of one channel.
 * Traffic: x once; the parts, n * parts * c floats, twice. Bound by memory. */
#include "cuda/kernel/device.cuh"

enum { PART = 256 /* pixels */, MOST_PARTS = 64, MOST_PACKS = 8 };

template <typename T, typename U> struct gather_job {
    const T *x;
    U *y; /* [n][parts] rows of y_ld */
    int64_t x_ld, y_ld;
    int pixels, parts, packs;
    bool max;
    float share;
};

template <typename T, typename U, int V> __global__ void __launch_bounds__(WEFT_BLOCK) gather(gather_job<T, U> job)
{
    weft_begin();
    WEFT_SHARED(float, rows, (WEFT_BLOCK * V));
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const unsigned n = blockIdx.x / (unsigned)job.parts, part = blockIdx.x - n * (unsigned)job.parts;
    const int first = (int)((int64_t)job.pixels * part / job.parts);
    const int last = (int)((int64_t)job.pixels * (part + 1) / job.parts);
    const unsigned me = threadIdx.y * blockDim.x + threadIdx.x;

    float sum[V];
#pragma unroll
    for (int i = 0; i < V; i++)
        sum[i] = job.max ? -INFINITY : 0;
    if (pack < job.packs) {
        const T *x = job.x + ((int64_t)n * job.pixels) * job.x_ld + c;
        for (int p = first + (int)threadIdx.y; p < last; p += (int)blockDim.y) {
            float px[V];
            weft_load<T, V>(x + p * job.x_ld, px);
#pragma unroll
            for (int i = 0; i < V; i++)
                sum[i] = job.max ? fmaxf(sum[i], px[i]) : sum[i] + px[i];
        }
    }
#pragma unroll
    for (int i = 0; i < V; i++)
        rows[me * V + i] = sum[i];
    __syncthreads();
    if (threadIdx.y == 0 && pack < job.packs) {
        for (unsigned other = 1; other < blockDim.y; other++) {
#pragma unroll
            for (int i = 0; i < V; i++) {
                const float v = rows[(other * blockDim.x + me) * V + i];
                sum[i] = job.max ? fmaxf(sum[i], v) : sum[i] + v;
            }
        }
#pragma unroll
        for (int i = 0; i < V; i++)
            sum[i] *= job.share;
        weft_store<U, V>(job.y + (int64_t)blockIdx.x * job.y_ld + c, sum);
    }
}

template <typename U> struct join_job {
    const float *parts_of; /* [n][parts][c] */
    U *y;
    int64_t y_ld;
    int parts, c;
    bool max;
    float share;
};

template <typename U> __global__ void __launch_bounds__(WEFT_BLOCK) join(join_job<U> job)
{
    weft_begin();
    const int c = (int)(blockIdx.y * blockDim.x + threadIdx.x);
    const unsigned n = blockIdx.x;
    if (c >= job.c)
        return;
    const float *from = job.parts_of + (int64_t)n * job.parts * job.c + c;
    float sum = from[0];
    for (int part = 1; part < job.parts; part++) {
        from += job.c;
        sum = job.max ? fmaxf(sum, *from) : sum + *from;
    }
    weft_set(job.y + (int64_t)n * job.y_ld + c, sum * job.share);
}

int weft_global_pool_parts(const weft_global_pool_args *a)
{
    const int parts = (a->pixels + PART - 1) / PART;
    return parts < 1 ? 1 : parts > MOST_PARTS ? (int)MOST_PARTS : parts;
}

/* x to parts rows of y for each image. */
template <typename T, typename U, int V>
static int launch_gather(const weft_global_pool_args *a, U *y, int64_t y_ld, int parts, float share, void *stream)
{
    gather_job<T, U> job;
    job.x = static_cast<const T *>(a->x.data);
    job.y = y;
    job.x_ld = a->x.ld, job.y_ld = y_ld;
    job.pixels = a->pixels, job.parts = parts;
    job.packs = a->c / V;
    job.max = a->kind == WEFT_POOL_MAX;
    job.share = share;
    const unsigned most = V == 1 ? (unsigned)WEFT_WARP : (unsigned)MOST_PACKS, packs = (unsigned)job.packs;
    const unsigned x = packs < most ? packs : most;
    unsigned y_threads = WEFT_BLOCK / x;
    while (y_threads > 1 && y_threads / 2 * (unsigned)parts >= (unsigned)a->pixels)
        y_threads /= 2;
    const dim3 grid((unsigned)a->n * (unsigned)parts, (packs + x - 1) / x);
    return WEFT_LAUNCH((gather<T, U, V>), grid, dim3(x, y_threads), 0, stream, job);
}

template <typename T, typename U>
static int gather_by_width(const weft_global_pool_args *a, U *y, int64_t y_ld, int parts, float share, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const weft_kview to = { y, y_ld };
    const bool wide =
        a->c % V == 0 && weft_is_wide(a->x, sizeof(T)) && weft_is_wide(to, sizeof(U)) && V * sizeof(U) % 16 == 0;
    return wide ? launch_gather<T, U, V>(a, y, y_ld, parts, share, stream)
                : launch_gather<T, U, 1>(a, y, y_ld, parts, share, stream);
}

template <typename U> static int launch_join(const weft_global_pool_args *a, int parts, float share, void *stream)
{
    join_job<U> job;
    job.parts_of = a->scratch;
    job.y = static_cast<U *>(a->y.data);
    job.y_ld = a->y.ld;
    job.parts = parts, job.c = a->c;
    job.max = a->kind == WEFT_POOL_MAX;
    job.share = share;
    const dim3 grid((unsigned)a->n, (unsigned)((a->c + WEFT_BLOCK - 1) / WEFT_BLOCK));
    return WEFT_LAUNCH(join<U>, grid, dim3(WEFT_BLOCK), 0, stream, job);
}

template <typename T, typename U> static int global_pool(const weft_global_pool_args *a, void *stream)
{
    const int parts = weft_global_pool_parts(a);
    const float share = a->kind == WEFT_POOL_MAX ? 1.f : 1.f / (float)a->pixels;
    if (a->y.data && parts == 1)
        return gather_by_width<T, U>(a, static_cast<U *>(a->y.data), a->y.ld, 1, share, stream);
    if (!a->scratch)
        return WEFT_INVALID_VALUE;
    const int status = gather_by_width<T, float>(a, a->scratch, a->c, parts, 1, stream);
    return status != 0 || !a->y.data ? status : launch_join<U>(a, parts, share, stream);
}

int weft_launch_global_pool(const weft_global_pool_args *a, void *stream)
{
    if (!weft_view_fits(a->x, a->c) || (a->y.data && a->y.ld < a->c) || a->n <= 0 || a->pixels <= 0 ||
        !weft_rows_fit((int64_t)a->n * a->pixels))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPES(a->dtype, a->y_dtype, global_pool, a, stream);
}
