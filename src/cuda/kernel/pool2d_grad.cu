/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of pools over windows, in gather form: each pixel of dx sums, in the order of lines, then columns, what the
 * windows that hold it give, so that nothing is added to memory and the bits depend on sizes only.
 *
 * share (average): as map.cu, a pixel and pack of channels a thread. Traffic: dx once, dy from memory about once.
 * winners (maximum): a block takes a tile of dx and up to 8 packs of channels (a line of memory) of one image. First it
 * finds, once, where in each window that meets the tile the maximum is, as a byte in shared memory; then its pixels
 * gather. Of x a tile of 16x16 reads 81 windows of 3x3 at stride 2 where 64 are its own; neighbours' are in L1.
 * Traffic: x, dy, dx about once. Bound by memory.
 * winner (maximum over windows of more than 256 pixels, which no network has): a thread for each element, which looks
 * through all windows that it is in. */
#include "cuda/kernel/device.cuh"
#include "cuda/kernel/grad.h"

enum { TILE = 16, MOST_PACKS = 8, MOST_SHARED = 24 << 10 /* bytes */, MOST_CODES = 256 };

template <typename T> struct pool_grad_job {
    const T *dy, *x, *residual;
    T *dx;
    int64_t dy_ld, x_ld, residual_ld, dx_ld;
    weft_kwindow win;
    int rows, packs, c;
    bool count_border, zero_border;
    int tile_h, tile_w, tiles_h, tiles_w, windows; /* windows: most that meet a tile */
};

/* Windows along one axis that hold position at, low to high, both included; none if low > high. */
struct window_range {
    int low, high;
};

__device__ __forceinline__ window_range windows_of(int first, int last, int kernel, int stride, int before, int count)
{
    window_range r;
    const int low = first + before - kernel + 1;
    r.low = low <= 0 ? 0 : (low + stride - 1) / stride;
    r.high = (last + before) / stride;
    r.high = r.high < count ? r.high : count - 1;
    return r;
}

/* Pixels of a window along one axis that a mean is over. */
__device__ __forceinline__ int counted(int start, int kernel, int size, int after, bool border)
{
    const int last = size + (border ? after : 0), end = start + kernel;
    return (end < last ? end : last) - (start < 0 && !border ? 0 : start);
}

template <typename T, int V>
__device__ __forceinline__ void finish(const pool_grad_job<T> &job, int64_t row, int c, float (&sum)[V])
{
    if (job.residual) {
        float r[V];
        weft_load<T, V>(job.residual + row * job.residual_ld + c, r);
#pragma unroll
        for (int i = 0; i < V; i++)
            sum[i] += r[i];
    }
    weft_store<T, V>(job.dx + row * job.dx_ld + c, sum);
}

template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK) share(pool_grad_job<T> job)
{
    weft_begin();
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const unsigned row = blockIdx.x * blockDim.y + threadIdx.y;
    if (pack >= job.packs || row >= (unsigned)job.rows)
        return;
    const weft_kwindow &win = job.win;
    const unsigned line = row / (unsigned)win.w, n = line / (unsigned)win.h;
    const int ih = (int)(line - n * (unsigned)win.h), iw = (int)(row - line * (unsigned)win.w);
    const window_range v = windows_of(ih, ih, win.kernel_h, win.stride_h, win.pad.top, win.oh);
    const window_range u = windows_of(iw, iw, win.kernel_w, win.stride_w, win.pad.left, win.ow);
    float sum[V];
#pragma unroll
    for (int i = 0; i < V; i++)
        sum[i] = 0;
    for (int oh = v.low; oh <= v.high; oh++) {
        const int high =
            counted(oh * win.stride_h - win.pad.top, win.kernel_h, win.h, win.pad.bottom, job.count_border);
        const T *dy = job.dy + (((int64_t)n * win.oh + oh) * win.ow) * job.dy_ld + c;
        for (int ow = u.low; ow <= u.high; ow++) {
            const int wide =
                counted(ow * win.stride_w - win.pad.left, win.kernel_w, win.w, win.pad.right, job.count_border);
            const float part = 1.f / (float)(high * wide);
            float d[V];
            weft_load<T, V>(dy + ow * job.dy_ld, d);
#pragma unroll
            for (int i = 0; i < V; i++)
                sum[i] = fmaf(d[i], part, sum[i]);
        }
    }
    finish<T, V>(job, row, c, sum);
}

/* ---- the maximum ---- */

/* A window's pixels of one axis that are looked at, counted within the window: low included, high excluded. */
__device__ __forceinline__ window_range looked_at(int start, int kernel, int size, int after, bool zeros)
{
    window_range r;
    const int end = size + (zeros ? after : 0) - start;
    r.low = start < 0 && !zeros ? -start : 0;
    r.high = end < kernel ? end : kernel;
    return r;
}

/* Where the maxima of a window's V channels are, counted within the window: the first of equal ones. */
template <typename T, int V>
__device__ __forceinline__ void find(const pool_grad_job<T> &job, unsigned n, int oh, int ow, int c, int (&code)[V])
{
    const weft_kwindow &win = job.win;
    const int top = oh * win.stride_h - win.pad.top, left = ow * win.stride_w - win.pad.left;
    const window_range v = looked_at(top, win.kernel_h, win.h, win.pad.bottom, job.zero_border);
    const window_range u = looked_at(left, win.kernel_w, win.w, win.pad.right, job.zero_border);
    float most[V];
#pragma unroll
    for (int i = 0; i < V; i++) {
        most[i] = -INFINITY;
        code[i] = v.low * win.kernel_w + u.low;
    }
    for (int r = v.low; r < v.high; r++) {
        const T *x = job.x + (((int64_t)n * win.h + top + r) * win.w + left) * job.x_ld + c;
        const bool line = top + r >= 0 && top + r < win.h;
        for (int s = u.low; s < u.high; s++) {
            float px[V];
            if (line && left + s >= 0 && left + s < win.w) {
                weft_load<T, V>(x + s * job.x_ld, px);
            } else {
#pragma unroll
                for (int i = 0; i < V; i++)
                    px[i] = 0;
            }
            const int at = r * win.kernel_w + s;
#pragma unroll
            for (int i = 0; i < V; i++) {
                code[i] = px[i] > most[i] ? at : code[i];
                most[i] = px[i] > most[i] ? px[i] : most[i];
            }
        }
    }
}

template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK) winners(pool_grad_job<T> job)
{
    weft_begin();
    constexpr int WORDS = (V + 3) / 4; /* of four codes each */
    WEFT_DYN_SHARED(unsigned, codes);
    const weft_kwindow &win = job.win;
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const bool mine = pack < job.packs;
    const unsigned line = blockIdx.x / (unsigned)job.tiles_w, n = line / (unsigned)job.tiles_h;
    const int h0 = (int)(line - n * (unsigned)job.tiles_h) * job.tile_h;
    const int w0 = (int)(blockIdx.x - line * (unsigned)job.tiles_w) * job.tile_w;
    const int high = h0 + job.tile_h < win.h ? job.tile_h : win.h - h0;
    const int wide = w0 + job.tile_w < win.w ? job.tile_w : win.w - w0;
    const window_range v = windows_of(h0, h0 + high - 1, win.kernel_h, win.stride_h, win.pad.top, win.oh);
    const window_range u = windows_of(w0, w0 + wide - 1, win.kernel_w, win.stride_w, win.pad.left, win.ow);
    const int across = u.high - u.low + 1, all = mine && across > 0 ? (v.high - v.low + 1) * across : 0;

    for (int i = (int)threadIdx.y; i < all; i += (int)blockDim.y) {
        int code[V];
        find<T, V>(job, n, v.low + i / across, u.low + i % across, c, code);
#pragma unroll
        for (int w = 0; w < WORDS; w++) {
            unsigned word = 0;
#pragma unroll
            for (int k = 0; k < 4 && w * 4 + k < V; k++)
                word |= (unsigned)code[w * 4 + k] << 8 * k;
            codes[(i * (int)blockDim.x + (int)threadIdx.x) * WORDS + w] = word;
        }
    }
    __syncthreads();
    for (int p = (int)threadIdx.y; mine && p < high * wide; p += (int)blockDim.y) {
        const int ih = h0 + p / wide, iw = w0 + p % wide;
        const window_range y = windows_of(ih, ih, win.kernel_h, win.stride_h, win.pad.top, win.oh);
        const window_range x = windows_of(iw, iw, win.kernel_w, win.stride_w, win.pad.left, win.ow);
        float sum[V];
#pragma unroll
        for (int i = 0; i < V; i++)
            sum[i] = 0;
        for (int oh = y.low; oh <= y.high; oh++) {
            for (int ow = x.low; ow <= x.high; ow++) {
                const int at = (oh - v.low) * across + ow - u.low;
                const unsigned me = (unsigned)((ih - oh * win.stride_h + win.pad.top) * win.kernel_w + iw -
                                               ow * win.stride_w + win.pad.left);
                float d[V];
                weft_load<T, V>(job.dy + (((int64_t)n * win.oh + oh) * win.ow + ow) * job.dy_ld + c, d);
#pragma unroll
                for (int i = 0; i < V; i++) {
                    const unsigned word = codes[(at * (int)blockDim.x + (int)threadIdx.x) * WORDS + i / 4];
                    sum[i] += (word >> 8 * (i % 4) & 255) == me ? d[i] : 0.f;
                }
            }
        }
        finish<T, V>(job, ((int64_t)n * win.h + ih) * win.w + iw, c, sum);
    }
}

template <typename T> __global__ void __launch_bounds__(WEFT_BLOCK) winner(pool_grad_job<T> job)
{
    weft_begin();
    const int c = (int)(blockIdx.y * blockDim.x + threadIdx.x);
    const unsigned row = blockIdx.x * blockDim.y + threadIdx.y;
    if (c >= job.c || row >= (unsigned)job.rows)
        return;
    const weft_kwindow &win = job.win;
    const unsigned line = row / (unsigned)win.w, n = line / (unsigned)win.h;
    const int ih = (int)(line - n * (unsigned)win.h), iw = (int)(row - line * (unsigned)win.w);
    const window_range v = windows_of(ih, ih, win.kernel_h, win.stride_h, win.pad.top, win.oh);
    const window_range u = windows_of(iw, iw, win.kernel_w, win.stride_w, win.pad.left, win.ow);
    float sum[1] = { 0 };
    for (int oh = v.low; oh <= v.high; oh++) {
        for (int ow = u.low; ow <= u.high; ow++) {
            int code[1];
            find<T, 1>(job, n, oh, ow, c, code);
            if (code[0] ==
                (ih - oh * win.stride_h + win.pad.top) * win.kernel_w + iw - ow * win.stride_w + win.pad.left)
                sum[0] += weft_to_float(job.dy[(((int64_t)n * win.oh + oh) * win.ow + ow) * job.dy_ld + c]);
        }
    }
    finish<T, 1>(job, row, c, sum);
}

/* ---- launches ---- */

/* Most windows along one axis that meet `tile` positions. */
static int most_windows(int tile, int kernel, int stride, int count)
{
    const int most = (tile + kernel - 2) / stride + 1;
    return most < count ? most : count;
}

static size_t tile_bytes(const weft_kwindow &win, int h, int w, int packs, int words)
{
    return (size_t)most_windows(h, win.kernel_h, win.stride_h, win.oh) *
           (size_t)most_windows(w, win.kernel_w, win.stride_w, win.ow) * (size_t)(packs * words) * sizeof(unsigned);
}

template <typename T, int V> static int launch_winners(pool_grad_job<T> job, void *stream)
{
    const weft_kwindow &win = job.win;
    job.packs = job.c / V;
    const int most = V == 1 ? (int)WEFT_WARP : (int)MOST_PACKS, words = (V + 3) / 4;
    const int x = job.packs < most ? job.packs : most;
    job.tile_h = win.h < TILE ? win.h : (int)TILE;
    job.tile_w = win.w < TILE ? win.w : (int)TILE;
    while (tile_bytes(win, job.tile_h, job.tile_w, x, words) > MOST_SHARED && job.tile_h * job.tile_w > 1) {
        if (job.tile_h > job.tile_w)
            job.tile_h /= 2;
        else
            job.tile_w /= 2;
    }
    job.tiles_h = (win.h + job.tile_h - 1) / job.tile_h;
    job.tiles_w = (win.w + job.tile_w - 1) / job.tile_w;
    const int64_t blocks = (int64_t)win.n * job.tiles_h * job.tiles_w;
    int y = WEFT_BLOCK / x;
    while (y > 1 && y / 2 >= job.tile_h * job.tile_w)
        y /= 2;
    const dim3 grid((unsigned)blocks, (unsigned)((job.packs + x - 1) / x));
    return WEFT_LAUNCH((winners<T, V>), grid, dim3((unsigned)x, (unsigned)y),
                       tile_bytes(win, job.tile_h, job.tile_w, x, words), stream, job);
}

template <typename T, int V> static int launch_share(pool_grad_job<T> job, void *stream)
{
    job.packs = job.c / V;
    const weft_tiling t = weft_tile_rows(job.rows, job.packs, 1);
    return WEFT_LAUNCH((share<T, V>), t.grid, t.block, 0, stream, job);
}

template <typename T> static int launch_winner(pool_grad_job<T> job, void *stream)
{
    const weft_tiling t = weft_tile_rows(job.rows, job.c, 1);
    return WEFT_LAUNCH((winner<T>), t.grid, t.block, 0, stream, job);
}

template <typename T> static int by_width(const weft_pool2d_grad_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const bool max = a->kind == WEFT_POOL_MAX;
    const bool wide = a->c % V == 0 && weft_is_wide(a->dy, sizeof(T)) && weft_is_wide(a->dx, sizeof(T)) &&
                      (!max || weft_is_wide(a->x, sizeof(T))) && weft_is_wide(a->residual, sizeof(T));
    pool_grad_job<T> job = {};
    job.dy = static_cast<const T *>(a->dy.data);
    job.x = static_cast<const T *>(a->x.data);
    job.residual = static_cast<const T *>(a->residual.data);
    job.dx = static_cast<T *>(a->dx.data);
    job.dy_ld = a->dy.ld, job.x_ld = a->x.ld, job.residual_ld = a->residual.ld, job.dx_ld = a->dx.ld;
    job.win = a->win;
    job.rows = a->win.n * a->win.h * a->win.w;
    job.c = a->c;
    job.count_border = a->count_border;
    job.zero_border = a->zero_border;
    if (!max)
        return wide ? launch_share<T, V>(job, stream) : launch_share<T, 1>(job, stream);
    if ((int64_t)a->win.kernel_h * a->win.kernel_w > MOST_CODES)
        return launch_winner<T>(job, stream);
    return wide ? launch_winners<T, V>(job, stream) : launch_winners<T, 1>(job, stream);
}

int weft_launch_pool2d_grad(const weft_pool2d_grad_args *a, void *stream)
{
    if (!weft_view_fits(a->dy, a->c) || !weft_view_fits(a->dx, a->c) || !weft_window_fits(a->win) ||
        (a->kind == WEFT_POOL_MAX && !weft_view_fits(a->x, a->c)) || (a->residual.data && a->residual.ld < a->c))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, by_width, a, stream);
}
