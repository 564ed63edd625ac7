/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of batch norm with the activation behind it: Ioffe & Szegedy 2015, the formulas behind algorithm 1.
 * With d = x - mean and g = dy slope(gamma rstd d + beta):
 *
 *   norm_sums: S = sum of g, P = sum of g d over columns.cuh's parts; the last block of a group joins them: dbeta = S,
 *     dgamma = P rstd, and the two factors tilt = -gamma rstd^3 P / m and lift = -gamma rstd S / m
 *   norm_dx: dx = gamma rstd g + tilt d + lift + residual, persistent as norm_apply, from the last row to the first
 *   join_norm: the join as a launch, where there are no counters
 *
 * Neither the activation's argument nor its result is read: the slope is computed from x in both passes. Traffic: dy
 * and x twice (the second time from L2 as far as it holds them), residual and dx once. Bound by memory.
 * Of an activation behind an addition (g is wanted): the sums read its result z besides, and store g, which norm_dx
 * reads instead of dy. */
#include "cuda/kernel/columns.cuh"
#include "cuda/kernel/slope.cuh"

/* Rows of a thread that are loaded together: SUMMED of two tensors, GIVEN of three. */
enum { SUMMED = 4, GIVEN = 4, FULL = 2 * WEFT_MULTIPROCESSORS /* blocks */, SUM = 0, PRODUCT = 1, TOTALS = 2 };

template <typename T> struct norm_job {
    const T *dy, *x, *residual, *z;
    T *dx, *g;
    int64_t dy_ld, x_ld, residual_ld, z_ld, dx_ld, g_ld, rows;
    int c, packs, parts;
    const float *mean, *rstd, *gamma, *beta;
    bool frozen;
    float epsilon;
    weft_act act, join; /* join: of z */
    float *dgamma, *dbeta;
    float *tilt, *lift, *totals; /* [c], [c], [parts][TOTALS][c] */
    unsigned *turns;
};

/* 1 / deviation of a channel, from what the third input is. */
template <typename T> __device__ __forceinline__ float deviate(const norm_job<T> &job, float third)
{
    return job.frozen ? 1 / sqrtf(third + job.epsilon) : third;
}

/* What the slope is taken of: of the channels from c on. */
template <typename T, int V> struct norm_channels {
    float mean[V], gain[V], beta[V];

    __device__ __forceinline__ void load(const norm_job<T> &job, int c)
    {
        float gamma[V];
        weft_load<float, V>(job.mean + c, mean);
        weft_load<float, V>(job.rstd + c, gain);
        weft_load_or<V>(job.gamma, c, 1, gamma);
        weft_load_or<V>(job.act == WEFT_ACT_NONE ? nullptr : job.beta, c, 0, beta);
#pragma unroll
        for (int i = 0; i < V; i++)
            gain[i] = gamma[i] * deviate(job, gain[i]);
    }

    /* x becomes d, dy becomes g. */
    __device__ __forceinline__ void begin(weft_act act, float (&x)[V], float (&dy)[V]) const
    {
        float y[V], s[V];
#pragma unroll
        for (int i = 0; i < V; i++)
            x[i] -= mean[i];
        if (act == WEFT_ACT_NONE)
            return;
#pragma unroll
        for (int i = 0; i < V; i++)
            y[i] = fmaf(x[i], gain[i], beta[i]);
        weft_slope_before<V, sizeof(T) == 2>(act, y, s);
#pragma unroll
        for (int i = 0; i < V; i++)
            dy[i] *= s[i];
    }
};

/* ---- the sums ---- */

template <typename T> __device__ __forceinline__ void finish(const norm_job<T> &job, int c, float sum, float product)
{
    const float rstd = deviate(job, job.rstd[c]), gain = (job.gamma ? job.gamma[c] : 1.f) * rstd;
    const float share = job.frozen ? 0.f : 1 / (float)job.rows;
    job.dgamma[c] = product * rstd;
    job.dbeta[c] = sum;
    job.tilt[c] = -gain * rstd * (rstd * product) * share;
    job.lift[c] = -gain * sum * share;
}

/* All threads come. */
template <typename T, int V> __device__ __forceinline__ void join(const norm_job<T> &job, float *room)
{
    const weft_join_place p = weft_join_place_of(V, job.c);
    float sum[TOTALS];
    weft_join_sums<TOTALS>(job.totals, job.c, job.parts, p, room, sum);
    if (p.joins && p.lane == 0)
        finish(job, p.c, sum[SUM], sum[PRODUCT]);
}

/* dy of a row's channels from c on becomes g, which is stored. */
template <typename T, int V>
__device__ __forceinline__ void join_slope(const norm_job<T> &job, int64_t row, int c, const weft_raw<T, V> &result,
                                           float (&dy)[V])
{
    float z[V], s[V];
    result.spread(z);
    weft_slope<V>(job.join, z, s);
#pragma unroll
    for (int i = 0; i < V; i++)
        dy[i] *= s[i];
    weft_store<T, V>(job.g + row * job.g_ld + c, dy);
}

/* JOINS: there is a g to be stored. */
template <typename T, int V, bool JOINS>
__global__ void __launch_bounds__(WEFT_BLOCK, 2) norm_sums(norm_job<T> job)
{
    enum { LOADED = JOINS ? 3 : SUMMED }; /* of three tensors */
    weft_begin();
    WEFT_SHARED(float, room, (TOTALS * V * WEFT_BLOCK));
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const bool there = pack < job.packs;
    float sums[TOTALS * V];
#pragma unroll
    for (int i = 0; i < TOTALS * V; i++)
        sums[i] = 0;
    norm_channels<T, V> channels;
    channels.load(job, there ? c : 0);
    const int64_t step = weft_columns_step();
    for (int64_t row = weft_columns_first(); there && row < job.rows; row += LOADED * step) {
        weft_raw<T, V> x[LOADED], dy[LOADED], z[JOINS ? LOADED : 1];
#pragma unroll
        for (int e = 0; e < LOADED; e++) {
            const int64_t at = row + e * step < job.rows ? row + e * step : row;
            x[e].load(job.x + at * job.x_ld + c);
            dy[e].load(job.dy + at * job.dy_ld + c);
            if constexpr (JOINS)
                z[e].load(job.z + at * job.z_ld + c);
        }
#pragma unroll
        for (int e = 0; e < LOADED; e++) {
            if (row + e * step >= job.rows)
                break;
            float d[V], g[V];
            x[e].spread(d);
            dy[e].spread(g);
            if constexpr (JOINS)
                join_slope<T, V>(job, row + e * step, c, z[e], g);
            channels.begin(job.act, d, g);
#pragma unroll
            for (int i = 0; i < V; i++) {
                sums[SUM * V + i] += g[i];
                sums[PRODUCT * V + i] = fmaf(g[i], d[i], sums[PRODUCT * V + i]);
            }
        }
    }
    weft_add_rows<TOTALS * V>(room, sums);
    if (there && threadIdx.y == 0) {
#pragma unroll
        for (int t = 0; t < TOTALS; t++) {
            float v[V];
#pragma unroll
            for (int i = 0; i < V; i++)
                v[i] = sums[t * V + i];
            weft_store<float, V>(job.totals + ((int64_t)blockIdx.x * TOTALS + t) * job.c + c, v);
        }
    }
    if (job.turns && weft_is_last(job.turns + blockIdx.y, gridDim.x))
        join<T, V>(job, room);
}

template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK) join_norm(norm_job<T> job)
{
    weft_begin();
    WEFT_SHARED(float, room, (TOTALS * WEFT_BLOCK));
    join<T, V>(job, room);
}

/* ---- dx ---- */

template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK, 2) norm_dx(norm_job<T> job)
{
    weft_begin();
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    if (pack >= job.packs)
        return;
    float tilt[V], lift[V];
    norm_channels<T, V> channels;
    channels.load(job, c);
    weft_load<float, V>(job.tilt + c, tilt);
    weft_load<float, V>(job.lift + c, lift);
    const int step = (int)weft_columns_step();
    for (int row = (int)(job.rows - 1 - weft_columns_first()); row >= 0; row -= GIVEN * step) {
        weft_raw<T, V> x[GIVEN], dy[GIVEN], residual[GIVEN];
#pragma unroll
        for (int e = 0; e < GIVEN; e++) {
            const int64_t at = row - e * step < 0 ? row : row - e * step;
            x[e].load(job.x + at * job.x_ld + c);
            dy[e].load(job.dy + at * job.dy_ld + c);
            if (job.residual)
                residual[e].load(job.residual + at * job.residual_ld + c);
        }
#pragma unroll
        for (int e = 0; e < GIVEN; e++) {
            if (row - e * step < 0)
                break;
            float d[V], g[V], r[V];
            x[e].spread(d);
            dy[e].spread(g);
            channels.begin(job.act, d, g);
#pragma unroll
            for (int i = 0; i < V; i++)
                g[i] = fmaf(channels.gain[i], g[i], fmaf(tilt[i], d[i], lift[i]));
            if (job.residual) {
                residual[e].spread(r);
#pragma unroll
                for (int i = 0; i < V; i++)
                    g[i] += r[i];
            }
            weft_store<T, V>(job.dx + (int64_t)(row - e * step) * job.dx_ld + c, g);
        }
    }
}

/* ---- the host's side ---- */

/* Of tilt and lift, floats. */
static int64_t vectors(int c)
{
    return 2 * (((int64_t)c + 3) / 4 * 4);
}

template <typename T, int V> static norm_job<T> job_of(const weft_norm_dx_args *a, const weft_columns &k)
{
    norm_job<T> job;
    job.dy = static_cast<const T *>(a->dy.data);
    job.x = static_cast<const T *>(a->x.data);
    job.residual = static_cast<const T *>(a->residual.data);
    job.dx = static_cast<T *>(a->dx.data);
    job.dy_ld = a->dy.ld, job.x_ld = a->x.ld, job.residual_ld = a->residual.ld, job.dx_ld = a->dx.ld;
    job.rows = a->rows;
    job.c = a->c, job.packs = k.packs, job.parts = k.parts;
    job.mean = a->mean, job.rstd = a->rstd, job.gamma = a->gamma, job.beta = a->beta;
    job.frozen = a->frozen, job.epsilon = (float)a->epsilon;
    job.act = a->g.data ? WEFT_ACT_NONE : a->act, job.join = a->act;
    job.z = static_cast<const T *>(a->z.data), job.z_ld = a->z.ld;
    job.g = static_cast<T *>(a->g.data), job.g_ld = a->g.ld;
    job.dgamma = a->dgamma, job.dbeta = a->dbeta;
    job.tilt = a->scratch, job.lift = a->scratch + vectors(a->c) / 2, job.totals = a->scratch + vectors(a->c);
    job.turns = weft_turns_for(a->turns, k.grid);
    return job;
}

template <typename T, int V> static int launch(const weft_norm_dx_args *a, void *stream)
{
    const weft_columns k = weft_columns_of(a->rows, a->c, V);
    norm_job<T> job = job_of<T, V>(a, k);
    int error = job.g ? WEFT_LAUNCH((norm_sums<T, V, true>), k.grid, k.block, 0, stream, job)
                      : WEFT_LAUNCH((norm_sums<T, V, false>), k.grid, k.block, 0, stream, job);
    if (!error && !job.turns)
        error = WEFT_LAUNCH((join_norm<T, V>), weft_join_grid(k), k.block, 0, stream, job);
    if (error)
        return error;
    if (job.g)
        job.dy = job.g, job.dy_ld = job.g_ld;
    weft_tiling t = weft_tile_rows(a->rows, k.packs, a->rows > 1 << 12 ? GIVEN : 1);
    const unsigned most = t.grid.y < FULL ? FULL / t.grid.y : 1;
    if (t.grid.x > most)
        t.grid.x = most;
    return WEFT_LAUNCH((norm_dx<T, V>), t.grid, t.block, 0, stream, job);
}

template <typename T> static int by_width(const weft_norm_dx_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const bool wide = a->c % V == 0 && weft_is_wide(a->dy, sizeof(T)) && weft_is_wide(a->x, sizeof(T)) &&
                      weft_is_wide(a->residual, sizeof(T)) && weft_is_wide(a->dx, sizeof(T)) &&
                      weft_is_wide(a->z, sizeof(T)) && weft_is_wide(a->g, sizeof(T)) && weft_at_16(a->mean) &&
                      weft_at_16(a->rstd) && weft_at_16(a->gamma) && weft_at_16(a->beta) && weft_at_16(a->scratch);
    return wide ? launch<T, V>(a, stream) : launch<T, 1>(a, stream);
}

/* Whether there is all that the activation needs. */
static bool takes_act(const weft_norm_dx_args *a)
{
    if (a->g.data)
        return a->act != WEFT_ACT_NONE && a->act != WEFT_ACT_SWISH && a->act != WEFT_ACT_HARD_SWISH && !a->frozen &&
               weft_view_fits(a->z, a->c) && weft_view_fits(a->g, a->c);
    return a->act != WEFT_ACT_SIGMOID && a->act != WEFT_ACT_TANH && a->act != WEFT_ACT_LECUN_TANH &&
           (a->act == WEFT_ACT_NONE || a->beta);
}

int weft_launch_norm_dx(const weft_norm_dx_args *a, void *stream)
{
    const weft_kepilogue end = { nullptr, a->residual, a->act };
    if (!weft_columns_fit(a->x, a->rows, a->c) || !weft_view_fits(a->dy, a->c) || !weft_view_fits(a->dx, a->c) ||
        !weft_epilogue_fits(end, a->c) || !takes_act(a) || !a->mean || !a->rstd || !a->dgamma || !a->dbeta ||
        !a->scratch)
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, by_width, a, stream);
}

int64_t weft_norm_dx_floats(const weft_norm_dx_args *a)
{
    return vectors(a->c) + weft_columns_scratch(a->rows, a->c, 16 / (int)weft_size_of(a->dtype), TOTALS);
}
