/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums of channels over all rows, and over each image of a map and of its product with another.
 *
 * channel_sum: columns.cuh's two stages; join_sum: the second as a launch, where there are no counters.
 * map_product: the same blocks, of one part of one image each; join_product: a thread for each image and channel.
 * Traffic: each tensor once. Bound by memory. */
#include "cuda/kernel/map_product.cuh"

enum { IN_FLIGHT = 4, PART = 256 /* pixels */, MOST_PARTS = 64 };

/* ---- over all rows ---- */

template <typename T> struct sum_job {
    const T *x;
    int64_t x_ld, rows;
    int c, packs, parts;
    float *y, *totals; /* [parts][c] */
    unsigned *turns;
};

/* All threads come. */
template <typename T, int V> __device__ __forceinline__ void join(const sum_job<T> &job, float *room)
{
    const weft_join_place p = weft_join_place_of(V, job.c);
    float sum[1];
    weft_join_sums<1>(job.totals, job.c, job.parts, p, room, sum);
    if (p.joins && p.lane == 0)
        job.y[p.c] = sum[0];
}

template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK, 2) channel_sum(sum_job<T> job)
{
    weft_begin();
    WEFT_SHARED(float, room, (V * WEFT_BLOCK));
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const bool there = pack < job.packs;
    float sum[V];
#pragma unroll
    for (int i = 0; i < V; i++)
        sum[i] = 0;
    const int64_t step = weft_columns_step();
    for (int64_t row = weft_columns_first(); there && row < job.rows; row += IN_FLIGHT * step) {
        weft_raw<T, V> raw[IN_FLIGHT];
#pragma unroll
        for (int e = 0; e < IN_FLIGHT; e++) {
            const int64_t at = row + e * step;
            raw[e].load(job.x + (at < job.rows ? at : row) * job.x_ld + c);
        }
#pragma unroll
        for (int e = 0; e < IN_FLIGHT; e++) {
            if (row + e * step >= job.rows)
                break;
            float v[V];
            raw[e].spread(v);
#pragma unroll
            for (int i = 0; i < V; i++)
                sum[i] += v[i];
        }
    }
    weft_add_rows<V>(room, sum);
    if (there && threadIdx.y == 0)
        weft_store<float, V>(job.totals + (int64_t)blockIdx.x * job.c + c, sum);
    if (job.turns && weft_is_last(job.turns + blockIdx.y, gridDim.x))
        join<T, V>(job, room);
}

template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK) join_sum(sum_job<T> job)
{
    weft_begin();
    WEFT_SHARED(float, room, WEFT_BLOCK);
    join<T, V>(job, room);
}

template <typename T, int V> static int launch_sum(const weft_channel_sum_args *a, void *stream)
{
    const weft_columns k = weft_columns_of(a->rows, a->c, V);
    sum_job<T> job;
    job.x = static_cast<const T *>(a->x.data);
    job.x_ld = a->x.ld, job.rows = a->rows;
    job.c = a->c, job.packs = k.packs, job.parts = k.parts;
    job.y = a->y, job.totals = a->scratch;
    job.turns = weft_turns_for(a->turns, k.grid);
    const int error = WEFT_LAUNCH((channel_sum<T, V>), k.grid, k.block, 0, stream, job);
    return error || job.turns ? error : WEFT_LAUNCH((join_sum<T, V>), weft_join_grid(k), k.block, 0, stream, job);
}

template <typename T> static int sum_by_width(const weft_channel_sum_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const bool wide = a->c % V == 0 && weft_is_wide(a->x, sizeof(T)) && weft_at_16(a->scratch);
    return wide ? launch_sum<T, V>(a, stream) : launch_sum<T, 1>(a, stream);
}

int weft_launch_channel_sum(const weft_channel_sum_args *a, void *stream)
{
    if (!weft_columns_fit(a->x, a->rows, a->c) || !a->y || !a->scratch)
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, sum_by_width, a, stream);
}

int64_t weft_channel_sum_floats(const weft_channel_sum_args *a)
{
    return weft_columns_scratch(a->rows, a->c, 16 / (int)weft_size_of(a->dtype), 1);
}

/* ---- over each image ---- */

template <typename T> struct product_job {
    const T *x, *dy;
    T *ds;         /* nullptr: to totals */
    float *totals; /* [n][parts][2][c] */
    int64_t x_ld, dy_ld, ds_ld;
    int pixels, parts, c, packs;
    bool means; /* the sums of x are wanted, too */
};

template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK, 2) map_product(product_job<T> job)
{
    weft_begin();
    WEFT_SHARED(float, room, (2 * V * WEFT_BLOCK));
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const bool there = pack < job.packs;
    const unsigned n = blockIdx.x / (unsigned)job.parts, part = blockIdx.x - n * (unsigned)job.parts;
    float sums[2 * V];
    int64_t first;
    const int64_t end = weft_columns_part(job.pixels, part, (unsigned)job.parts, &first);
    const int64_t image = (int64_t)n * job.pixels;
    weft_sum_map<T, V, true>(job.x + c, job.x_ld, job.dy + c, job.dy_ld, image + first + threadIdx.y,
                             there ? image + end : 0, sums);
    weft_add_rows<2 * V>(room, sums);
    if (!there || threadIdx.y > 0)
        return;
    float mean[V], product[V];
#pragma unroll
    for (int i = 0; i < V; i++) {
        mean[i] = sums[i];
        product[i] = sums[V + i];
    }
    float *to = job.totals + (int64_t)blockIdx.x * 2 * job.c + c;
    if (job.means)
        weft_store<float, V>(to, mean);
    if (job.ds)
        weft_store<T, V>(job.ds + (int64_t)n * job.ds_ld + c, product);
    else
        weft_store<float, V>(to + job.c, product);
}

template <typename T> __global__ void __launch_bounds__(WEFT_BLOCK) join_product(product_job<T> job)
{
    weft_begin();
    const int c = (int)(blockIdx.y * blockDim.x + threadIdx.x);
    if (c >= job.c)
        return;
    const float *from = job.totals + ((int64_t)blockIdx.x * job.parts * 2 + 1) * job.c + c;
    float sum = 0;
#pragma unroll 8
    for (int part = 0; part < job.parts; part++)
        sum += from[(int64_t)part * 2 * job.c];
    weft_set(job.ds + (int64_t)blockIdx.x * job.ds_ld + c, sum);
}

int weft_map_product_parts(const weft_map_product_args *a)
{
    const int parts = (a->pixels + PART - 1) / PART;
    return parts < 1 ? 1 : parts > MOST_PARTS ? (int)MOST_PARTS : parts;
}

template <typename T> static product_job<T> product_job_of(const weft_map_product_args *a)
{
    product_job<T> job;
    job.x = static_cast<const T *>(a->x.data);
    job.dy = static_cast<const T *>(a->dy.data);
    job.ds = static_cast<T *>(a->ds.data);
    job.totals = a->scratch;
    job.x_ld = a->x.ld, job.dy_ld = a->dy.ld, job.ds_ld = a->ds.ld;
    job.pixels = a->pixels, job.parts = weft_map_product_parts(a), job.c = a->c;
    job.packs = 0;
    job.means = !job.ds;
    return job;
}

template <typename T, int V> static int launch_product(const weft_map_product_args *a, void *stream)
{
    product_job<T> job = product_job_of<T>(a);
    if (job.parts > 1)
        job.ds = nullptr;
    job.packs = a->c / V;
    dim3 block = weft_columns_of(a->pixels, a->c, V).block;
    while (block.y > 1 && (int64_t)block.y / 2 * job.parts >= a->pixels)
        block.y /= 2;
    const dim3 grid((unsigned)a->n * (unsigned)job.parts, ((unsigned)job.packs + block.x - 1) / block.x);
    return WEFT_LAUNCH((map_product<T, V>), grid, block, 0, stream, job);
}

template <typename T> static int product_by_width(const weft_map_product_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const product_job<T> job = product_job_of<T>(a);
    const bool wide = a->c % V == 0 && weft_is_wide(a->x, sizeof(T)) && weft_is_wide(a->dy, sizeof(T)) &&
                      weft_is_wide(a->ds, sizeof(T)) && weft_at_16(a->scratch);
    const int error = wide ? launch_product<T, V>(a, stream) : launch_product<T, 1>(a, stream);
    if (error || !job.ds || job.parts == 1)
        return error;
    const dim3 grid((unsigned)a->n, (unsigned)(a->c + WEFT_BLOCK - 1) / WEFT_BLOCK);
    return WEFT_LAUNCH(join_product<T>, grid, dim3(WEFT_BLOCK), 0, stream, job);
}

int weft_launch_map_product(const weft_map_product_args *a, void *stream)
{
    const bool direct = a->ds.data && weft_map_product_parts(a) == 1;
    if (a->n <= 0 || a->pixels <= 0 || !weft_columns_fit(a->x, (int64_t)a->n * a->pixels, a->c) ||
        !weft_view_fits(a->dy, a->c) || (a->ds.data && a->ds.ld < a->c) || (!direct && !a->scratch))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, product_by_width, a, stream);
}
