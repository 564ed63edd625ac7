/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of two batch norms whose results were added, and of the activation behind that: Ioffe & Szegedy 2015,
 * twice. With g = dy slope(z), z what the activation gave, and of each norm d = x - mean:
 *
 *   pair_sums: S = sum of g, P = sum of g d of either over columns.cuh's parts; the last block of a group joins them,
 *     as norm_dx.cu has it: dbeta = S, dgamma = P rstd, tilt = -gamma rstd^3 P / m, lift = -gamma rstd S / m
 *   pair_dx: dx = gamma rstd g + tilt d + lift of both, persistent, from the last row to the first
 *   join_pair: the join as a launch, where there are no counters
 *
 * g is computed in both passes and never stored. Traffic: dy, z and both x twice, both dx once: ten times a map, where
 * one norm after the other moves twelve in twice the launches. Bound by memory. */
#include "cuda/kernel/columns.cuh"
#include "cuda/kernel/slope.cuh"

/* Rows of a thread that are loaded together, of four tensors. */
enum { TOGETHER = 2, FULL = 2 * WEFT_MULTIPROCESSORS /* blocks */, SUM = 0, PRODUCT = 1, SIDES = 2, TOTALS = 3 };

template <typename T> struct pair_side {
    const T *x;
    T *dx;
    int64_t x_ld, dx_ld;
    const float *mean, *rstd, *gamma;
    float *dgamma, *dbeta, *tilt, *lift; /* [c] */
};

template <typename T> struct pair_job {
    const T *dy, *z;
    int64_t dy_ld, z_ld, rows;
    int c, packs, parts;
    weft_act act;
    pair_side<T> side[SIDES];
    float *totals; /* [parts][TOTALS][c] */
    unsigned *turns;
};

/* What a thread has loaded of one row. */
template <typename T, int V> struct pair_row {
    weft_raw<T, V> dy, z, x[SIDES];

    __device__ __forceinline__ void load(const pair_job<T> &job, int64_t row, int c)
    {
        dy.load(job.dy + row * job.dy_ld + c);
        z.load(job.z + row * job.z_ld + c);
#pragma unroll
        for (int s = 0; s < SIDES; s++)
            x[s].load(job.side[s].x + row * job.side[s].x_ld + c);
    }

    __device__ __forceinline__ void find_g(weft_act act, float (&g)[V]) const
    {
        float result[V], slope[V];
        z.spread(result);
        dy.spread(g);
        weft_slope<V>(act, result, slope);
#pragma unroll
        for (int i = 0; i < V; i++)
            g[i] *= slope[i];
    }
};

/* ---- the sums ---- */

template <typename T> __device__ __forceinline__ void finish(const pair_job<T> &job, int c, const float (&sum)[TOTALS])
{
    const float share = 1 / (float)job.rows;
#pragma unroll
    for (int s = 0; s < SIDES; s++) {
        const pair_side<T> &side = job.side[s];
        const float rstd = side.rstd[c], gain = (side.gamma ? side.gamma[c] : 1.f) * rstd, product = sum[PRODUCT + s];
        side.dgamma[c] = product * rstd;
        side.dbeta[c] = sum[SUM];
        side.tilt[c] = -gain * rstd * (rstd * product) * share;
        side.lift[c] = -gain * sum[SUM] * share;
    }
}

/* All threads come. */
template <typename T, int V> __device__ __forceinline__ void join(const pair_job<T> &job, float *room)
{
    const weft_join_place p = weft_join_place_of(V, job.c);
    float sum[TOTALS];
    weft_join_sums<TOTALS>(job.totals, job.c, job.parts, p, room, sum);
    if (p.joins && p.lane == 0)
        finish(job, p.c, sum);
}

template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK, 2) pair_sums(pair_job<T> job)
{
    weft_begin();
    WEFT_SHARED(float, room, (TOTALS * V * WEFT_BLOCK));
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const bool there = pack < job.packs;
    float sums[TOTALS * V], mean[SIDES][V];
#pragma unroll
    for (int i = 0; i < TOTALS * V; i++)
        sums[i] = 0;
#pragma unroll
    for (int s = 0; s < SIDES; s++)
        weft_load<float, V>(job.side[s].mean + (there ? c : 0), mean[s]);
    const int64_t step = weft_columns_step();
    for (int64_t row = weft_columns_first(); there && row < job.rows; row += TOGETHER * step) {
        pair_row<T, V> rows[TOGETHER];
#pragma unroll
        for (int e = 0; e < TOGETHER; e++)
            rows[e].load(job, row + e * step < job.rows ? row + e * step : row, c);
#pragma unroll
        for (int e = 0; e < TOGETHER; e++) {
            if (row + e * step >= job.rows)
                break;
            float g[V];
            rows[e].find_g(job.act, g);
#pragma unroll
            for (int i = 0; i < V; i++)
                sums[SUM * V + i] += g[i];
#pragma unroll
            for (int s = 0; s < SIDES; s++) {
                float x[V];
                rows[e].x[s].spread(x);
#pragma unroll
                for (int i = 0; i < V; i++)
                    sums[(PRODUCT + s) * V + i] = fmaf(g[i], x[i] - mean[s][i], sums[(PRODUCT + s) * V + i]);
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

template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK) join_pair(pair_job<T> job)
{
    weft_begin();
    WEFT_SHARED(float, room, (TOTALS * WEFT_BLOCK));
    join<T, V>(job, room);
}

/* ---- dx ---- */

/* What a row is multiplied with, of the channels from c on. */
template <int V> struct pair_channels {
    float mean[V], gain[V], tilt[V], lift[V];

    template <typename T> __device__ __forceinline__ void load(const pair_side<T> &side, int c)
    {
        float gamma[V];
        weft_load<float, V>(side.mean + c, mean);
        weft_load<float, V>(side.rstd + c, gain);
        weft_load_or<V>(side.gamma, c, 1, gamma);
        weft_load<float, V>(side.tilt + c, tilt);
        weft_load<float, V>(side.lift + c, lift);
#pragma unroll
        for (int i = 0; i < V; i++)
            gain[i] *= gamma[i];
    }
};

template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK, 2) pair_dx(pair_job<T> job)
{
    weft_begin();
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    if (pack >= job.packs)
        return;
    pair_channels<V> channels[SIDES];
#pragma unroll
    for (int s = 0; s < SIDES; s++)
        channels[s].load(job.side[s], c);
    const int step = (int)weft_columns_step();
    for (int row = (int)(job.rows - 1 - weft_columns_first()); row >= 0; row -= TOGETHER * step) {
        pair_row<T, V> rows[TOGETHER];
#pragma unroll
        for (int e = 0; e < TOGETHER; e++)
            rows[e].load(job, row - e * step < 0 ? row : row - e * step, c);
#pragma unroll
        for (int e = 0; e < TOGETHER; e++) {
            if (row - e * step < 0)
                break;
            float g[V];
            rows[e].find_g(job.act, g);
#pragma unroll
            for (int s = 0; s < SIDES; s++) {
                const pair_channels<V> &of = channels[s];
                float v[V];
                rows[e].x[s].spread(v);
#pragma unroll
                for (int i = 0; i < V; i++)
                    v[i] = fmaf(of.gain[i], g[i], fmaf(of.tilt[i], v[i] - of.mean[i], of.lift[i]));
                weft_store<T, V>(job.side[s].dx + (int64_t)(row - e * step) * job.side[s].dx_ld + c, v);
            }
        }
    }
}

/* ---- the host's side ---- */

/* Of a vector in scratch, floats. */
static int64_t vector(int c)
{
    return ((int64_t)c + 3) / 4 * 4;
}

template <typename T, int V> static pair_job<T> job_of(const weft_norm_pair_args *a, const weft_columns &k)
{
    pair_job<T> job;
    job.dy = static_cast<const T *>(a->dy.data), job.dy_ld = a->dy.ld;
    job.z = static_cast<const T *>(a->z.data), job.z_ld = a->z.ld;
    job.rows = a->rows;
    job.c = a->c, job.packs = k.packs, job.parts = k.parts;
    job.act = a->act;
    for (int s = 0; s < SIDES; s++) {
        const weft_norm_pair_side &from = a->side[s];
        pair_side<T> &side = job.side[s];
        side.x = static_cast<const T *>(from.x.data), side.x_ld = from.x.ld;
        side.dx = static_cast<T *>(from.dx.data), side.dx_ld = from.dx.ld;
        side.mean = from.mean, side.rstd = from.rstd, side.gamma = from.gamma;
        side.dgamma = from.dgamma, side.dbeta = from.dbeta;
        side.tilt = a->scratch + 2 * s * vector(a->c), side.lift = side.tilt + vector(a->c);
    }
    job.totals = a->scratch + 2 * SIDES * vector(a->c);
    job.turns = weft_turns_for(a->turns, k.grid);
    return job;
}

template <typename T, int V> static int launch(const weft_norm_pair_args *a, void *stream)
{
    const weft_columns k = weft_columns_of(a->rows, a->c, V);
    const pair_job<T> job = job_of<T, V>(a, k);
    int error = WEFT_LAUNCH((pair_sums<T, V>), k.grid, k.block, 0, stream, job);
    if (!error && !job.turns)
        error = WEFT_LAUNCH((join_pair<T, V>), weft_join_grid(k), k.block, 0, stream, job);
    if (error)
        return error;
    weft_tiling t = weft_tile_rows(a->rows, k.packs, a->rows > 1 << 12 ? TOGETHER : 1);
    const unsigned most = t.grid.y < FULL ? FULL / t.grid.y : 1;
    if (t.grid.x > most)
        t.grid.x = most;
    return WEFT_LAUNCH((pair_dx<T, V>), t.grid, t.block, 0, stream, job);
}

static bool side_is_wide(const weft_norm_pair_side &s, int size)
{
    return weft_is_wide(s.x, size) && weft_is_wide(s.dx, size) && weft_at_16(s.mean) && weft_at_16(s.rstd) &&
           weft_at_16(s.gamma);
}

template <typename T> static int by_width(const weft_norm_pair_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const bool wide = a->c % V == 0 && weft_is_wide(a->dy, sizeof(T)) && weft_is_wide(a->z, sizeof(T)) &&
                      side_is_wide(a->side[0], sizeof(T)) && side_is_wide(a->side[1], sizeof(T)) &&
                      weft_at_16(a->scratch);
    return wide ? launch<T, V>(a, stream) : launch<T, 1>(a, stream);
}

static bool side_fits(const weft_norm_pair_side &s, int c)
{
    return weft_view_fits(s.x, c) && weft_view_fits(s.dx, c) && s.mean && s.rstd && s.dgamma && s.dbeta;
}

int weft_launch_norm_pair(const weft_norm_pair_args *a, void *stream)
{
    const bool act = (int)a->act > 0 && a->act < WEFT_ACT_COUNT && a->act != WEFT_ACT_SWISH &&
                     a->act != WEFT_ACT_HARD_SWISH;
    if (!weft_columns_fit(a->dy, a->rows, a->c) || !weft_view_fits(a->z, a->c) || !side_fits(a->side[0], a->c) ||
        !side_fits(a->side[1], a->c) || !act || !a->scratch)
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, by_width, a, stream);
}

int64_t weft_norm_pair_floats(const weft_norm_pair_args *a)
{
    return 2 * SIDES * vector(a->c) + weft_columns_scratch(a->rows, a->c, 16 / (int)weft_size_of(a->dtype), TOTALS);
}
