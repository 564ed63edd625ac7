/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution by its definition, for what no library takes: any groups, dilation, multiplier; and LeNet-5's partial
 * convolution, whose maps see the maps that a table names.
 *
 * Mapping: x of the block over output channels, y over pixels; a thread sums one output. Pixels are shared by the lanes
 * of a warp (one line for all), weights are read 16 bytes of one filter at a time where the group's depth allows.
 * Traffic: weights once per block from L2, x kernel_h * kernel_w times from L1. Bound by instructions: not fast. */
#include "cuda/kernel/device.cuh"

template <typename T> struct direct_job {
    const T *x, *wt;
    T *y;
    int64_t x_ld, y_ld;
    int rows, k, depth, per_group; /* depth: channels of a group; per_group: its filters */
    weft_kwindow win;
    const int *first, *channel; /* partial convolution */
    weft_finish<T> end;
};

/* Output pixel of a row. */
struct direct_pixel {
    int n, oh, ow;
};

__device__ __forceinline__ direct_pixel direct_pixel_of(unsigned row, const weft_kwindow &win)
{
    const unsigned line = row / (unsigned)win.ow, n = line / (unsigned)win.oh;
    direct_pixel p;
    p.n = (int)n;
    p.oh = (int)(line - n * (unsigned)win.oh);
    p.ow = (int)(row - line * (unsigned)win.ow);
    return p;
}

template <typename T>
__device__ __forceinline__ void direct_store(const direct_job<T> &job, unsigned row, int k, float sum)
{
    float v[1] = { job.end.bias ? sum + job.end.bias[k] : sum };
    weft_finish_row<T, 1>(job.end, row, k, v);
    weft_store<T, 1>(job.y + (int64_t)row * job.y_ld + k, v);
}

template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK) direct(direct_job<T> job)
{
    weft_begin();
    const int k = (int)(blockIdx.y * blockDim.x + threadIdx.x);
    const unsigned row = blockIdx.x * blockDim.y + threadIdx.y;
    if (k >= job.k || row >= (unsigned)job.rows)
        return;
    const weft_kwindow &win = job.win;
    const direct_pixel p = direct_pixel_of(row, win);
    const T *wt = job.wt + (int64_t)k * win.kernel_h * win.kernel_w * job.depth;
    float sum = 0;
    for (int r = 0; r < win.kernel_h; r++) {
        for (int s = 0; s < win.kernel_w; s++, wt += job.depth) {
            const int ih = p.oh * win.stride_h - win.pad.top + r * win.dilation;
            const int iw = p.ow * win.stride_w - win.pad.left + s * win.dilation;
            if (ih < 0 || ih >= win.h || iw < 0 || iw >= win.w)
                continue;
            const T *x = job.x + (((int64_t)p.n * win.h + ih) * win.w + iw) * job.x_ld + k / job.per_group * job.depth;
            for (int c = 0; c < job.depth; c += V) {
                float px[V], w[V];
                weft_load<T, V>(x + c, px);
                weft_load<T, V>(wt + c, w);
#pragma unroll
                for (int i = 0; i < V; i++)
                    sum = fmaf(px[i], w[i], sum);
            }
        }
    }
    direct_store(job, row, k, sum);
}

template <typename T> __global__ void __launch_bounds__(WEFT_BLOCK) partial(direct_job<T> job)
{
    weft_begin();
    const int k = (int)(blockIdx.y * blockDim.x + threadIdx.x);
    const unsigned row = blockIdx.x * blockDim.y + threadIdx.y;
    if (k >= job.k || row >= (unsigned)job.rows)
        return;
    const weft_kwindow &win = job.win;
    const direct_pixel p = direct_pixel_of(row, win);
    float sum = 0;
    for (int link = job.first[k]; link < job.first[k + 1]; link++) {
        const T *wt = job.wt + (int64_t)link * win.kernel_h * win.kernel_w;
        for (int r = 0; r < win.kernel_h; r++) {
            const T *x = job.x + (((int64_t)p.n * win.h + p.oh + r) * win.w + p.ow) * job.x_ld + job.channel[link];
            for (int s = 0; s < win.kernel_w; s++, x += job.x_ld, wt++)
                sum = fmaf(weft_to_float(*x), weft_to_float(*wt), sum);
        }
    }
    direct_store(job, row, k, sum);
}

template <typename T>
static direct_job<T> job_of(weft_kview x, weft_kview y, const weft_kwindow *win, int k, const void *wt,
                            const weft_kepilogue *epi)
{
    direct_job<T> job = {};
    job.x = static_cast<const T *>(x.data);
    job.wt = static_cast<const T *>(wt);
    job.y = static_cast<T *>(y.data);
    job.x_ld = x.ld, job.y_ld = y.ld;
    job.rows = win->n * win->oh * win->ow;
    job.k = k;
    job.win = *win;
    job.win.dilation = win->dilation > 0 ? win->dilation : 1;
    job.end = weft_finish_of<T>(epi);
    return job;
}

template <typename T> static int launch_conv2d(const weft_conv2d_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const int groups = a->groups > 0 ? a->groups : 1;
    direct_job<T> job = job_of<T>(a->x, a->y, &a->win, a->k, a->wt, &a->epi);
    job.depth = a->c / groups;
    job.per_group = a->k / groups;
    const weft_tiling t = weft_tile_rows(job.rows, a->k < 64 ? a->k : 64, 1);
    const dim3 grid(t.grid.x, (unsigned)((a->k + (int)t.block.x - 1) / (int)t.block.x));
    if (job.depth % V == 0 && weft_is_wide(a->x, sizeof(T)) && weft_at_16(a->wt))
        return WEFT_LAUNCH((direct<T, V>), grid, t.block, 0, stream, job);
    return WEFT_LAUNCH((direct<T, 1>), grid, t.block, 0, stream, job);
}

int weft_launch_conv2d(const weft_conv2d_args *a, void *stream)
{
    const int groups = a->groups > 0 ? a->groups : 1;
    if (!weft_view_fits(a->x, a->c) || !weft_view_fits(a->y, a->k) || !a->wt || !weft_window_fits(a->win) ||
        a->c % groups != 0 || a->k % groups != 0 || !weft_epilogue_fits(a->epi, a->k))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, launch_conv2d, a, stream);
}

template <typename T> static int launch_partial(const weft_partial_conv2d_args *a, void *stream)
{
    direct_job<T> job = job_of<T>(a->x, a->y, &a->win, a->k, a->wt, &a->epi);
    job.first = a->first;
    job.channel = a->channel;
    const weft_tiling t = weft_tile_rows(job.rows, a->k, 1);
    return WEFT_LAUNCH(partial<T>, t.grid, t.block, 0, stream, job);
}

int weft_launch_partial_conv2d(const weft_partial_conv2d_args *a, void *stream)
{
    if (!a->x.data || !weft_view_fits(a->y, a->k) || !a->wt || !a->first || !a->channel || !weft_window_fits(a->win) ||
        !weft_epilogue_fits(a->epi, a->k))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, launch_partial, a, stream);
}
