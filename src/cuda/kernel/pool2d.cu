/* SPDX-License-Identifier: Apache-2.0
 *
 * Pools over windows: the largest, the mean, and LeNet-5's trainable sum.
 *
 * Mapping: as map.cu, one output pixel and pack of channels a thread, which walks its window. Traffic: x from L2 once
 * for each window a pixel is in (L1 holds what neighbours share), from memory about once; y once. Bound by memory. */
#include "cuda/kernel/device.cuh"

enum { SUBSAMPLE = 2 }; /* a third kind, beside weft_pool_kind */

template <typename T> struct pool_job {
    const T *x;
    T *y;
    int64_t x_ld, y_ld;
    int rows, packs;
    weft_kwindow win;
    bool count_border, zero_border;
    const float *gain;
    weft_finish<T> end;
};

/* The window's rows (or columns) that lie inside the image, and inside image and padding. */
struct pool_span {
    int low, high, padded; /* of the image, high excluded; how many with the padding */
};

__device__ __forceinline__ pool_span pool_span_of(int first, int kernel, int size, int after)
{
    pool_span s;
    s.low = first < 0 ? 0 : first;
    s.high = first + kernel < size ? first + kernel : size;
    s.padded = (first + kernel < size + after ? first + kernel : size + after) - first;
    return s;
}

template <typename T, int V, int KIND> __global__ void __launch_bounds__(WEFT_BLOCK) pool(pool_job<T> job)
{
    weft_begin();
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const unsigned row = blockIdx.x * blockDim.y + threadIdx.y;
    if (pack >= job.packs || row >= (unsigned)job.rows)
        return;
    const weft_kwindow &win = job.win;
    const unsigned line = row / (unsigned)win.ow, n = line / (unsigned)win.oh;
    const pool_span v = pool_span_of((int)(line - n * (unsigned)win.oh) * win.stride_h - win.pad.top, win.kernel_h,
                                     win.h, win.pad.bottom);
    const pool_span u = pool_span_of((int)(row - line * (unsigned)win.ow) * win.stride_w - win.pad.left, win.kernel_w,
                                     win.w, win.pad.right);
    const int inside = (v.high - v.low) * (u.high - u.low), padded = v.padded * u.padded;

    float sum[V];
    const float start = KIND != WEFT_POOL_MAX ? 0 : job.zero_border && inside < padded ? 0 : -INFINITY;
#pragma unroll
    for (int i = 0; i < V; i++)
        sum[i] = start;
    for (int ih = v.low; ih < v.high; ih++) {
        const T *x = job.x + (((int64_t)n * win.h + ih) * win.w + u.low) * job.x_ld + c;
        for (int iw = u.low; iw < u.high; iw++, x += job.x_ld) {
            float px[V];
            weft_load<T, V>(x, px);
#pragma unroll
            for (int i = 0; i < V; i++)
                sum[i] = KIND == WEFT_POOL_MAX ? fmaxf(sum[i], px[i]) : sum[i] + px[i];
        }
    }
    if (KIND == WEFT_POOL_AVG) {
        const float share = 1.f / (float)(job.count_border ? padded : inside);
#pragma unroll
        for (int i = 0; i < V; i++)
            sum[i] *= share;
    }
    if (KIND == SUBSAMPLE) {
        float gain[V], bias[V];
        weft_load_or<V>(job.gain, c, 1, gain);
        weft_load_or<V>(job.end.bias, c, 0, bias);
#pragma unroll
        for (int i = 0; i < V; i++)
            sum[i] = fmaf(gain[i], sum[i], bias[i]);
        weft_finish_row<T, V>(job.end, row, c, sum);
    }
    weft_store<T, V>(job.y + (int64_t)row * job.y_ld + c, sum);
}

template <typename T> static pool_job<T> job_of(weft_kview x, weft_kview y, const weft_kwindow *win)
{
    pool_job<T> job = {};
    job.x = static_cast<const T *>(x.data);
    job.y = static_cast<T *>(y.data);
    job.x_ld = x.ld, job.y_ld = y.ld;
    job.rows = win->n * win->oh * win->ow;
    job.win = *win;
    return job;
}

template <typename T, int V, int KIND> static int launch(pool_job<T> job, int c, void *stream)
{
    job.packs = c / V;
    const weft_tiling t = weft_tile_rows(job.rows, job.packs, 1);
    return WEFT_LAUNCH((pool<T, V, KIND>), t.grid, t.block, 0, stream, job);
}

template <typename T> static int pool_by_width(const weft_pool2d_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const bool wide = a->c % V == 0 && weft_is_wide(a->x, sizeof(T)) && weft_is_wide(a->y, sizeof(T));
    pool_job<T> job = job_of<T>(a->x, a->y, &a->win);
    job.count_border = a->count_border;
    job.zero_border = a->zero_border;
    if (a->kind == WEFT_POOL_MAX)
        return wide ? launch<T, V, WEFT_POOL_MAX>(job, a->c, stream) : launch<T, 1, WEFT_POOL_MAX>(job, a->c, stream);
    return wide ? launch<T, V, WEFT_POOL_AVG>(job, a->c, stream) : launch<T, 1, WEFT_POOL_AVG>(job, a->c, stream);
}

int weft_launch_pool2d(const weft_pool2d_args *a, void *stream)
{
    if (!weft_view_fits(a->x, a->c) || !weft_view_fits(a->y, a->c) || !weft_window_fits(a->win))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, pool_by_width, a, stream);
}

template <typename T> static int subsample_by_width(const weft_subsample_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const bool wide = a->c % V == 0 && weft_is_wide(a->x, sizeof(T)) && weft_is_wide(a->y, sizeof(T)) &&
                      weft_at_16(a->gain) && weft_epilogue_is_wide(a->epi, sizeof(T));
    pool_job<T> job = job_of<T>(a->x, a->y, &a->win);
    job.gain = a->gain;
    job.end = weft_finish_of<T>(&a->epi);
    return wide ? launch<T, V, SUBSAMPLE>(job, a->c, stream) : launch<T, 1, SUBSAMPLE>(job, a->c, stream);
}

int weft_launch_subsample(const weft_subsample_args *a, void *stream)
{
    if (!weft_view_fits(a->x, a->c) || !weft_view_fits(a->y, a->c) || !weft_window_fits(a->win) ||
        !weft_epilogue_fits(a->epi, a->c))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, subsample_by_width, a, stream);
}
