/* SPDX-License-Identifier: Apache-2.0
 *
 * The statistics of batch norm in training: Ioffe & Szegedy 2015, algorithm 1.
 *
 * norm_stats: columns.cuh's partition. A thread sums deviations from its own first row, and their squares; threads,
 * then parts, are merged as means and squared deviations from those (Chan, Golub & LeVeque 1983), and means are kept as
 * their distance from a row of x: all in float, and a large mean costs no digits. The last block of a group of channels
 * joins its parts. Traffic: x once, 12 bytes for each channel and part. Bound by memory.
 * join_stats: the same join as a launch, where there are no counters. */
#include "cuda/kernel/columns.cuh"

/* IN_FLIGHT rows of a thread are loaded together. */
enum { IN_FLIGHT = 4, BLOCKS = 3 /* of a multiprocessor */, BASE = 0, MEAN = 1, SQUARES = 2, TOTALS = 3 };

template <typename T> struct stats_job {
    const T *x;
    int64_t x_ld, rows;
    int c, packs, parts;
    const float *gamma, *beta;
    double epsilon;
    bool unbiased;
    float *mean, *rstd, *variance, *shift;
    float *totals; /* [parts][TOTALS][c] */
    unsigned *turns;
};

/* Sets of numbers: how many, their mean, and the sum of their squared distances from it. */
struct moments_of {
    float count, mean, squares;
};

__device__ __forceinline__ void merge(moments_of &a, const moments_of &b)
{
    const float count = a.count + b.count, share = count > 0 ? b.count / count : 0.f, apart = b.mean - a.mean;
    a.squares += b.squares + apart * apart * a.count * share;
    a.mean = fmaf(apart, share, a.mean);
    a.count = count;
}

/* ---- a part ---- */

/* My rows' moments, means as distances from the part's first row, which is base. Returns how many they are. */
template <typename T, int V>
__device__ __forceinline__ float sum_thread(const stats_job<T> &job, const T *x, float *room, float (&base)[V],
                                            float (&mean)[V], float (&squares)[V])
{
    float shift[V];
    const int64_t step = weft_columns_step(), mine = weft_columns_first();
    const bool any = mine < job.rows;
    weft_load<T, V>(x + (any ? mine : 0) * job.x_ld, shift);
#pragma unroll
    for (int i = 0; i < V; i++)
        mean[i] = squares[i] = 0;
    if (threadIdx.y == 0) { /* it has a row */
#pragma unroll
        for (int i = 0; i < V; i++)
            room[threadIdx.x * V + i] = shift[i];
    }
    for (int64_t row = mine; row < job.rows; row += IN_FLIGHT * step) {
        weft_raw<T, V> raw[IN_FLIGHT];
#pragma unroll
        for (int e = 0; e < IN_FLIGHT; e++) {
            const int64_t at = row + e * step;
            raw[e].load(x + (at < job.rows ? at : row) * job.x_ld);
        }
#pragma unroll
        for (int e = 0; e < IN_FLIGHT; e++) {
            if (row + e * step >= job.rows)
                break;
            float v[V];
            raw[e].spread(v);
#pragma unroll
            for (int i = 0; i < V; i++) {
                const float d = v[i] - shift[i];
                mean[i] += d;
                squares[i] = fmaf(d, d, squares[i]);
            }
        }
    }
    __syncthreads();
    const float count = any ? (float)((job.rows - mine + step - 1) / step) : 0.f, share = any ? 1 / count : 0.f;
#pragma unroll
    for (int i = 0; i < V; i++) {
        base[i] = room[threadIdx.x * V + i];
        const float off = mean[i] * share;
        squares[i] = fmaxf(squares[i] - mean[i] * off, 0.f);
        mean[i] = (shift[i] - base[i]) + off;
    }
    __syncthreads();
    return count;
}

/* Threads one above the other, in a tree; the part's for threadIdx.y == 0. */
template <int V>
__device__ __forceinline__ void merge_rows(float count, float *room, float (&mean)[V], float (&squares)[V])
{
    const unsigned threads = blockDim.x * blockDim.y, me = threadIdx.y * blockDim.x + threadIdx.x;
    unsigned half = 1;
    while (2 * half < blockDim.y)
        half *= 2;
#pragma unroll
    for (int i = 0; i < V; i++) {
        room[i * threads + me] = mean[i];
        room[(V + i) * threads + me] = squares[i];
    }
    room[2 * V * threads + me] = count;
    for (; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.y >= half || threadIdx.y + half >= blockDim.y)
            continue;
        const unsigned other = me + half * blockDim.x;
        const float more = room[2 * V * threads + other];
#pragma unroll
        for (int i = 0; i < V; i++) {
            moments_of a = { count, mean[i], squares[i] };
            const moments_of b = { more, room[i * threads + other], room[(V + i) * threads + other] };
            merge(a, b);
            room[i * threads + me] = mean[i] = a.mean;
            room[(V + i) * threads + me] = squares[i] = a.squares;
        }
        room[2 * V * threads + me] = count += more;
    }
}

/* ---- all parts ---- */

/* base + mean is the mean of a channel. */
template <typename T>
__device__ __forceinline__ void finish(const stats_job<T> &job, int c, float base, const moments_of &m)
{
    const double exact = (double)base + (double)m.mean, rows = (double)job.rows;
    const float mean = (float)exact, rstd = (float)(1 / sqrt((double)m.squares / rows + job.epsilon));
    const float gain = job.gamma ? job.gamma[c] * rstd : rstd;
    job.mean[c] = mean;
    job.rstd[c] = rstd;
    job.variance[c] = (float)((double)m.squares / (job.unbiased && job.rows > 1 ? rows - 1 : rows));
    job.shift[c] = (float)((double)job.beta[c] - (exact - (double)mean) * (double)gain);
}

/* All threads come. room [TOTALS * WEFT_BLOCK]. */
template <typename T, int V> __device__ __forceinline__ void join(const stats_job<T> &job, float *room)
{
    const weft_join_place p = weft_join_place_of(V, job.c);
    const int me = (int)(threadIdx.y * blockDim.x + threadIdx.x);
    moments_of sum = { 0, 0, 0 };
    float base = 0;
    if (p.joins) {
        const float *totals = job.totals + p.c;
        base = weft_fresh(totals);
#pragma unroll 4
        for (int part = p.lane; part < job.parts; part += p.lanes) {
            const float *of = totals + (int64_t)part * TOTALS * job.c;
            const moments_of b = { (float)weft_columns_count(job.rows, part, job.parts),
                                   (weft_fresh(of) - base) + weft_fresh(of + MEAN * job.c),
                                   weft_fresh(of + SQUARES * job.c) };
            merge(sum, b);
        }
    }
    __syncthreads(); /* room may still be read */
    room[me] = sum.count, room[WEFT_BLOCK + me] = sum.mean, room[2 * WEFT_BLOCK + me] = sum.squares;
    __syncthreads();
    if (!p.joins || p.lane > 0)
        return;
    for (int other = me + p.width; other < p.lanes * p.width; other += p.width) {
        const moments_of b = { room[other], room[WEFT_BLOCK + other], room[2 * WEFT_BLOCK + other] };
        merge(sum, b);
    }
    finish(job, p.c, base, sum);
}

template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK, BLOCKS) norm_stats(stats_job<T> job)
{
    weft_begin();
    WEFT_SHARED(float, room, ((2 * V + 1) * WEFT_BLOCK));
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const bool there = pack < job.packs;
    float base[V], mean[V], squares[V];
    const float count = sum_thread<T, V>(job, job.x + (there ? c : 0), room, base, mean, squares);
    merge_rows<V>(count, room, mean, squares);
    if (there && threadIdx.y == 0) {
        float *to = job.totals + (int64_t)blockIdx.x * TOTALS * job.c + c;
        weft_store<float, V>(to + BASE * job.c, base);
        weft_store<float, V>(to + MEAN * job.c, mean);
        weft_store<float, V>(to + SQUARES * job.c, squares);
    }
    if (job.turns && weft_is_last(job.turns + blockIdx.y, gridDim.x))
        join<T, V>(job, room);
}

template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK) join_stats(stats_job<T> job)
{
    weft_begin();
    WEFT_SHARED(float, room, (TOTALS * WEFT_BLOCK));
    join<T, V>(job, room);
}

/* ---- the host's side ---- */

template <typename T, int V> static int launch(const weft_norm_stats_args *a, void *stream)
{
    const weft_columns k = weft_columns_of(a->rows, a->c, V, BLOCKS);
    stats_job<T> job;
    job.x = static_cast<const T *>(a->x.data);
    job.x_ld = a->x.ld, job.rows = a->rows;
    job.c = a->c, job.packs = k.packs, job.parts = k.parts;
    job.gamma = a->gamma, job.beta = a->beta;
    job.epsilon = a->epsilon, job.unbiased = a->unbiased;
    job.mean = a->mean, job.rstd = a->rstd, job.variance = a->variance, job.shift = a->shift;
    job.totals = a->scratch;
    job.turns = weft_turns_for(a->turns, k.grid);
    const int error = WEFT_LAUNCH((norm_stats<T, V>), k.grid, k.block, 0, stream, job);
    return error || job.turns ? error : WEFT_LAUNCH((join_stats<T, V>), weft_join_grid(k), k.block, 0, stream, job);
}

template <typename T> static int by_width(const weft_norm_stats_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const bool wide = a->c % V == 0 && weft_is_wide(a->x, sizeof(T)) && weft_at_16(a->scratch);
    return wide ? launch<T, V>(a, stream) : launch<T, 1>(a, stream);
}

int weft_launch_norm_stats(const weft_norm_stats_args *a, void *stream)
{
    if (!weft_columns_fit(a->x, a->rows, a->c) || !a->beta || !a->mean || !a->rstd || !a->variance || !a->shift ||
        !a->scratch)
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, by_width, a, stream);
}

int64_t weft_norm_stats_floats(const weft_norm_stats_args *a)
{
    return weft_columns_scratch(a->rows, a->c, 16 / (int)weft_size_of(a->dtype), TOTALS, BLOCKS);
}
