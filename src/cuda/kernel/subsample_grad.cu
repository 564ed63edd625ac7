/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of LeNet-5's S2: of its input, gain dy in each window, and of its gains, for each channel the sum of dy
 * times the sum of its window.
 *
 * gained: as map.cu, a pixel of dx and pack of channels a thread; windows do not overlap. Traffic: dx once, dy about
 * once. windows: a block takes 32 channels of one part of the outputs; its rows of threads walk them LANES apart, and
 * are summed in shared memory, in order. gains: a thread sums the parts of one channel. The partition depends on sizes
 * only. Traffic: x and dy once. */
#include "cuda/kernel/device.cuh"
#include "cuda/kernel/grad.h"

enum { LANES = WEFT_BLOCK / WEFT_WARP, PART = 128 /* outputs */, MOST_PARTS = 256 };

template <typename T> struct gained_job {
    const T *dy;
    T *dx;
    const float *gain;
    int64_t dy_ld, dx_ld;
    weft_kwindow win;
    int rows, packs;
};

template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK) gained(gained_job<T> job)
{
    weft_begin();
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const unsigned row = blockIdx.x * blockDim.y + threadIdx.y;
    if (pack >= job.packs || row >= (unsigned)job.rows)
        return;
    const weft_kwindow &win = job.win;
    const unsigned line = row / (unsigned)win.w, n = line / (unsigned)win.h;
    const int oh = (int)(line - n * (unsigned)win.h) / win.kernel_h;
    const int ow = (int)(row - line * (unsigned)win.w) / win.kernel_w;
    float v[V];
#pragma unroll
    for (int i = 0; i < V; i++)
        v[i] = 0;
    if (oh < win.oh && ow < win.ow) {
        float gain[V];
        weft_load<float, V>(job.gain + c, gain);
        weft_load<T, V>(job.dy + (((int64_t)n * win.oh + oh) * win.ow + ow) * job.dy_ld + c, v);
#pragma unroll
        for (int i = 0; i < V; i++)
            v[i] *= gain[i];
    }
    weft_store<T, V>(job.dx + (int64_t)row * job.dx_ld + c, v);
}

template <typename T, int V> static int launch_gained(const weft_subsample_grad_args *a, void *stream)
{
    gained_job<T> job;
    job.dy = static_cast<const T *>(a->dy.data);
    job.dx = static_cast<T *>(a->dx.data);
    job.gain = a->gain;
    job.dy_ld = a->dy.ld, job.dx_ld = a->dx.ld;
    job.win = a->win;
    job.rows = a->win.n * a->win.h * a->win.w;
    job.packs = a->c / V;
    const weft_tiling t = weft_tile_rows(job.rows, job.packs, 1);
    return WEFT_LAUNCH((gained<T, V>), t.grid, t.block, 0, stream, job);
}

template <typename T> static int by_width(const weft_subsample_grad_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const bool wide =
        a->c % V == 0 && weft_is_wide(a->dy, sizeof(T)) && weft_is_wide(a->dx, sizeof(T)) && weft_at_16(a->gain);
    return wide ? launch_gained<T, V>(a, stream) : launch_gained<T, 1>(a, stream);
}

/* Windows side by side, all inside of x. */
static bool windows_fit(const weft_kwindow &w)
{
    return weft_window_fits(w) && w.stride_h == w.kernel_h && w.stride_w == w.kernel_w && w.oh <= w.h / w.kernel_h &&
           w.ow <= w.w / w.kernel_w;
}

int weft_launch_subsample_dx(const weft_subsample_grad_args *a, void *stream)
{
    if (!weft_view_fits(a->dy, a->c) || !weft_view_fits(a->dx, a->c) || !windows_fit(a->win) || !a->gain)
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, by_width, a, stream);
}

/* ---- the gains ---- */

template <typename T> struct window_job {
    const T *dy, *x;
    int64_t dy_ld, x_ld;
    weft_kwindow win;
    int rows, parts, c; /* rows of dy */
    float *to;          /* [parts][c] */
};

template <typename T> __global__ void __launch_bounds__(WEFT_BLOCK) windows(window_job<T> job)
{
    weft_begin();
    WEFT_SHARED(float, lanes, WEFT_BLOCK);
    const int c = (int)(blockIdx.y * WEFT_WARP + threadIdx.x);
    const weft_kwindow &win = job.win;
    const int first = (int)((int64_t)job.rows * blockIdx.x / job.parts);
    const int last = (int)((int64_t)job.rows * (blockIdx.x + 1) / job.parts);
    float sum = 0;
    for (int row = first + (int)threadIdx.y; c < job.c && row < last; row += LANES) {
        const unsigned line = (unsigned)row / (unsigned)win.ow, n = line / (unsigned)win.oh;
        const int ih = (int)(line - n * (unsigned)win.oh) * win.stride_h;
        const int iw = (int)((unsigned)row - line * (unsigned)win.ow) * win.stride_w;
        float pixels = 0;
        for (int r = 0; r < win.kernel_h; r++) {
            const T *x = job.x + (((int64_t)n * win.h + ih + r) * win.w + iw) * job.x_ld + c;
            for (int s = 0; s < win.kernel_w; s++)
                pixels += weft_to_float(x[s * job.x_ld]);
        }
        sum = fmaf(weft_to_float(job.dy[row * job.dy_ld + c]), pixels, sum);
    }
    lanes[threadIdx.y * WEFT_WARP + threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y != 0 || c >= job.c)
        return;
    for (unsigned lane = 1; lane < LANES; lane++)
        sum += lanes[lane * WEFT_WARP + threadIdx.x];
    job.to[(int64_t)blockIdx.x * job.c + c] = sum;
}

__global__ void __launch_bounds__(WEFT_BLOCK) gains(const float *from, float *to, int parts, int c)
{
    weft_begin();
    const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= c)
        return;
    float sum = 0;
    for (int part = 0; part < parts; part++)
        sum += from[(int64_t)part * c + i];
    to[i] = sum;
}

int weft_subsample_parts(const weft_subsample_grad_args *a)
{
    const int64_t rows = (int64_t)a->win.n * a->win.oh * a->win.ow, parts = (rows + PART - 1) / PART;
    return parts < 1 ? 1 : parts > MOST_PARTS ? (int)MOST_PARTS : (int)parts;
}

template <typename T> static int launch(const weft_subsample_grad_args *a, void *stream)
{
    window_job<T> job = {};
    job.dy = static_cast<const T *>(a->dy.data);
    job.x = static_cast<const T *>(a->x.data);
    job.dy_ld = a->dy.ld, job.x_ld = a->x.ld;
    job.win = a->win;
    job.rows = a->win.n * a->win.oh * a->win.ow;
    job.parts = weft_subsample_parts(a);
    job.c = a->c;
    job.to = a->scratch;
    const dim3 grid((unsigned)job.parts, (unsigned)((a->c + WEFT_WARP - 1) / WEFT_WARP));
    const int status = WEFT_LAUNCH(windows<T>, grid, dim3(WEFT_WARP, LANES), 0, stream, job);
    if (status != 0)
        return status;
    const dim3 blocks((unsigned)((a->c + WEFT_BLOCK - 1) / WEFT_BLOCK));
    const float *from = a->scratch;
    float *to = a->dgain;
    const int parts = job.parts, c = a->c;
    return WEFT_LAUNCH(gains, blocks, dim3(WEFT_BLOCK), 0, stream, from, to, parts, c);
}

int weft_launch_subsample_dg(const weft_subsample_grad_args *a, void *stream)
{
    if (!weft_view_fits(a->dy, a->c) || !weft_view_fits(a->x, a->c) || !windows_fit(a->win) || !a->dgain || !a->scratch)
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, launch, a, stream);
}
