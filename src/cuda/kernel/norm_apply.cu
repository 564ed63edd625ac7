/* SPDX-License-Identifier: Apache-2.0
 *
 * What is left of a norm when its statistics are there, with addition and activation; a tensor times a number; and the
 * product of a gradient with an activation's slope.
 *
 * Mapping: x over packs of V channels, y over rows; a thread keeps its channels' parameters and takes rows a grid
 * apart, IN_FLIGHT of them loaded together; the grid is not larger than fills a card. norm_apply begins with the last
 * row, which whoever made the statistics has read last. norm_finish makes them of sums first: each thread those of its
 * channels, the same everywhere; one block of each keeps them. Traffic: each tensor once; bound by memory. */
#include "cuda/kernel/columns.cuh"
#include "cuda/kernel/slope.cuh"

enum { IN_FLIGHT = 4, FULL = 3 * WEFT_MULTIPROCESSORS /* blocks */ };

/* Rows that a thread takes one after the other are gridDim.x * blockDim.y apart. */
static weft_tiling tile(int64_t rows, int packs)
{
    weft_tiling t = weft_tile_rows(rows, packs, rows > 1 << 12 ? IN_FLIGHT : 1);
    const unsigned most = t.grid.y < FULL ? FULL / t.grid.y : 1;
    if (t.grid.x > most)
        t.grid.x = most;
    return t;
}

/* ---- norms ---- */

template <typename T> struct apply_job {
    const T *x, *residual;
    T *y;
    int64_t x_ld, residual_ld, y_ld, rows;
    int packs;
    const float *mean, *rstd, *gamma, *shift;
    bool of_variance;
    float epsilon, factor;
    weft_act act;
};

/* gamma rstd is rounded before anything else is done, as the gradient does it. */
template <typename T, int V> __device__ __forceinline__ void find_gain(const apply_job<T> &job, int c, float (&gain)[V])
{
    float gamma[V];
    weft_load_or<V>(job.rstd, c, 1, gain);
    weft_load_or<V>(job.gamma, c, 1, gamma);
#pragma unroll
    for (int i = 0; i < V; i++)
        gain[i] = gamma[i] * (job.of_variance ? 1 / sqrtf(gain[i] + job.epsilon) : gain[i]) * job.factor;
}

/* My rows of the channels from c on. */
template <typename T, int V>
__device__ __forceinline__ void apply_rows(const apply_job<T> &job, int c, const float (&mean)[V],
                                           const float (&gain)[V], const float (&shift)[V])
{
    const int step = (int)weft_columns_step();
    for (int row = (int)(job.rows - 1 - weft_columns_first()); row >= 0; row -= IN_FLIGHT * step) {
        weft_raw<T, V> x[IN_FLIGHT], residual[IN_FLIGHT];
#pragma unroll
        for (int e = 0; e < IN_FLIGHT; e++) {
            const int64_t at = row - e * step < 0 ? row : row - e * step;
            x[e].load(job.x + at * job.x_ld + c);
            if (job.residual)
                residual[e].load(job.residual + at * job.residual_ld + c);
        }
#pragma unroll
        for (int e = 0; e < IN_FLIGHT; e++) {
            if (row - e * step < 0)
                break;
            float v[V], r[V];
            x[e].spread(v);
#pragma unroll
            for (int i = 0; i < V; i++)
                v[i] = fmaf(v[i] - mean[i], gain[i], shift[i]);
            if (job.residual) {
                residual[e].spread(r);
#pragma unroll
                for (int i = 0; i < V; i++)
                    v[i] += r[i];
            }
            if (sizeof(T) == 2 && job.act == WEFT_ACT_SWISH)
                weft_activate_near<V>(WEFT_ACT_SWISH, v);
            else
                weft_activate<V>(job.act, v);
            weft_store<T, V>(job.y + (int64_t)(row - e * step) * job.y_ld + c, v);
        }
    }
}

template <typename T, int V>
__global__ void __launch_bounds__(WEFT_BLOCK, WEFT_BLOCKS(3, 2)) norm_apply(apply_job<T> job)
{
    weft_begin();
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    if (pack >= job.packs)
        return;
    float mean[V], gain[V], shift[V];
    find_gain<T, V>(job, c, gain);
    weft_load_or<V>(job.mean, c, 0, mean);
    weft_load_or<V>(job.shift, c, 0, shift);
    apply_rows<T, V>(job, c, mean, gain, shift);
}

struct finish_job {
    const float *sums, *squares, *beta;
    float rows, epsilon, unbiased; /* unbiased: the variance that is kept is so many times that of the batch */
    float *mean, *rstd, *variance, *shift;
};

/* gain comes as gamma. */
template <int V>
__device__ __forceinline__ void find_statistics(const finish_job &job, int c, float (&mean)[V], float (&gain)[V],
                                                float (&shift)[V])
{
    float rstd[V], variance[V];
    weft_load<float, V>(job.sums + c, mean);
    weft_load<float, V>(job.squares + c, variance);
    weft_load<float, V>(job.beta + c, shift);
#pragma unroll
    for (int i = 0; i < V; i++) {
        mean[i] /= job.rows;
        variance[i] = fmaxf(fmaf(-mean[i], mean[i], variance[i] / job.rows), 0.f);
        rstd[i] = 1 / sqrtf(variance[i] + job.epsilon);
        gain[i] *= rstd[i];
        variance[i] *= job.unbiased;
    }
    if (blockIdx.x > 0 || threadIdx.y > 0)
        return;
    weft_store<float, V>(job.mean + c, mean);
    weft_store<float, V>(job.rstd + c, rstd);
    weft_store<float, V>(job.variance + c, variance);
    weft_store<float, V>(job.shift + c, shift);
}

template <typename T, int V>
__global__ void __launch_bounds__(WEFT_BLOCK, WEFT_BLOCKS(3, 2)) norm_finish(apply_job<T> job, finish_job statistics)
{
    weft_begin();
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    if (pack >= job.packs)
        return;
    float mean[V], gain[V], shift[V];
    weft_load_or<V>(job.gamma, c, 1, gain);
    find_statistics<V>(statistics, c, mean, gain, shift);
    apply_rows<T, V>(job, c, mean, gain, shift);
}

template <typename T, int V> static apply_job<T> job_of(const weft_norm_apply_args *a)
{
    apply_job<T> job;
    job.x = static_cast<const T *>(a->x.data);
    job.residual = static_cast<const T *>(a->residual.data);
    job.y = static_cast<T *>(a->y.data);
    job.x_ld = a->x.ld, job.residual_ld = a->residual.ld, job.y_ld = a->y.ld;
    job.rows = a->rows, job.packs = a->c / V;
    job.mean = a->mean, job.rstd = a->rstd, job.gamma = a->gamma, job.shift = a->shift;
    job.of_variance = a->of_variance && a->rstd;
    job.epsilon = (float)a->epsilon, job.factor = a->factor;
    job.act = a->act;
    return job;
}

template <typename T, int V> static int launch_apply(const weft_norm_apply_args *a, void *stream)
{
    const apply_job<T> job = job_of<T, V>(a);
    const weft_tiling t = tile(a->rows, job.packs);
    return WEFT_LAUNCH((norm_apply<T, V>), t.grid, t.block, 0, stream, job);
}

static bool maps_are_wide(const weft_norm_apply_args *a, int v, int size)
{
    return a->c % v == 0 && weft_is_wide(a->x, size) && weft_is_wide(a->residual, size) && weft_is_wide(a->y, size) &&
           weft_at_16(a->gamma);
}

template <typename T> static int apply_by_width(const weft_norm_apply_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const bool wide = maps_are_wide(a, V, sizeof(T)) && weft_at_16(a->mean) && weft_at_16(a->rstd) &&
                      weft_at_16(a->shift);
    return wide ? launch_apply<T, V>(a, stream) : launch_apply<T, 1>(a, stream);
}

static bool apply_fits(const weft_norm_apply_args *a)
{
    const weft_kepilogue end = { nullptr, a->residual, a->act };
    return weft_view_fits(a->x, a->c) && weft_view_fits(a->y, a->c) && weft_rows_fit(a->rows) &&
           weft_epilogue_fits(end, a->c);
}

int weft_launch_norm_apply(const weft_norm_apply_args *a, void *stream)
{
    return apply_fits(a) ? WEFT_BY_DTYPE(a->dtype, apply_by_width, a, stream) : WEFT_INVALID_VALUE;
}

template <typename T, int V> static int launch_finish(const weft_norm_finish_args *a, void *stream)
{
    const float rows = (float)a->apply.rows;
    const apply_job<T> job = job_of<T, V>(&a->apply);
    const finish_job statistics = { a->sums,
                                    a->squares,
                                    a->beta,
                                    rows,
                                    (float)a->epsilon,
                                    a->unbiased && a->apply.rows > 1 ? rows / (rows - 1) : 1.f,
                                    a->mean,
                                    a->rstd,
                                    a->variance,
                                    a->shift };
    const weft_tiling t = tile(a->apply.rows, job.packs);
    return WEFT_LAUNCH((norm_finish<T, V>), t.grid, t.block, 0, stream, job, statistics);
}

template <typename T> static int finish_by_width(const weft_norm_finish_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const bool wide = maps_are_wide(&a->apply, V, sizeof(T)) && weft_at_16(a->sums) && weft_at_16(a->squares) &&
                      weft_at_16(a->beta) && weft_at_16(a->mean) && weft_at_16(a->rstd) && weft_at_16(a->variance) &&
                      weft_at_16(a->shift);
    return wide ? launch_finish<T, V>(a, stream) : launch_finish<T, 1>(a, stream);
}

int weft_launch_norm_finish(const weft_norm_finish_args *a, void *stream)
{
    if (!apply_fits(&a->apply) || !a->sums || !a->squares || !a->beta || !a->mean || !a->rstd || !a->variance ||
        !a->shift)
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->apply.dtype, finish_by_width, a, stream);
}

/* ---- slopes ---- */

template <typename T> struct slope_job {
    const T *dy, *v;
    T *dx;
    int64_t dy_ld, v_ld, dx_ld, rows;
    int packs;
    weft_act act;
};

template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK, WEFT_BLOCKS(3, 2)) slope(slope_job<T> job)
{
    weft_begin();
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    if (pack >= job.packs)
        return;
    const int64_t step = weft_columns_step();
    for (int64_t row = weft_columns_first(); row < job.rows; row += IN_FLIGHT * step) {
        weft_raw<T, V> dy[IN_FLIGHT], kept[IN_FLIGHT];
#pragma unroll
        for (int e = 0; e < IN_FLIGHT; e++) {
            const int64_t at = row + e * step < job.rows ? row + e * step : row;
            dy[e].load(job.dy + at * job.dy_ld + c);
            kept[e].load(job.v + at * job.v_ld + c);
        }
#pragma unroll
        for (int e = 0; e < IN_FLIGHT; e++) {
            if (row + e * step >= job.rows)
                break;
            float v[V], s[V], d[V];
            kept[e].spread(v);
            dy[e].spread(d);
            weft_slope<V>(job.act, v, s);
#pragma unroll
            for (int i = 0; i < V; i++)
                d[i] *= s[i];
            weft_store<T, V>(job.dx + (row + e * step) * job.dx_ld + c, d);
        }
    }
}

template <typename T, int V> static int launch_slope(const weft_slope_args *a, void *stream)
{
    slope_job<T> job;
    job.dy = static_cast<const T *>(a->dy.data);
    job.v = static_cast<const T *>(a->v.data);
    job.dx = static_cast<T *>(a->dx.data);
    job.dy_ld = a->dy.ld, job.v_ld = a->v.ld, job.dx_ld = a->dx.ld;
    job.rows = a->rows, job.packs = a->c / V;
    job.act = a->act;
    const weft_tiling t = tile(a->rows, job.packs);
    return WEFT_LAUNCH((slope<T, V>), t.grid, t.block, 0, stream, job);
}

template <typename T> static int slope_by_width(const weft_slope_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const bool wide = a->c % V == 0 && weft_is_wide(a->dy, sizeof(T)) && weft_is_wide(a->v, sizeof(T)) &&
                      weft_is_wide(a->dx, sizeof(T));
    return wide ? launch_slope<T, V>(a, stream) : launch_slope<T, 1>(a, stream);
}

int weft_launch_slope(const weft_slope_args *a, void *stream)
{
    if (!weft_view_fits(a->dy, a->c) || !weft_view_fits(a->v, a->c) || !weft_view_fits(a->dx, a->c) ||
        !weft_rows_fit(a->rows) || (int)a->act < 0 || a->act >= WEFT_ACT_COUNT)
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, slope_by_width, a, stream);
}
