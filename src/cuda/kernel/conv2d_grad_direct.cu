/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of a convolution by their definition, for what no library takes: any groups, dilation, multiplier, pads.
 *
 * conv_dx: gathers. x of the block over packs of V input channels of one group, y over pixels of x; a thread goes
 * through the outputs whose windows hold its pixel. dy is shared by the lanes of a warp, weights are read V channels at
 * a time. Traffic: weights once per block from L2. Bound by instructions. conv_dw: a block has one tap of the window,
 * TILE filters, TILE channels of their group and one part of the outputs, STEP of which go through shared memory at a
 * time; a thread has EACH sums. conv_dw_join adds the parts, in order. Traffic: x and dy once for each tap and tile,
 * from L2. Bound by instructions: not fast. */
#include "cuda/kernel/conv_grad.cuh"

template <typename T> struct conv_dx_job {
    const T *dy, *wt, *residual;
    T *dx;
    int64_t dy_ld, dx_ld, residual_ld;
    int rows, packs, depth, per_group; /* depth: channels of a group; per_group: its filters */
    weft_kwindow win;
};

/* The filters of a group at one output and tap: sum += dy[k] wt[k]. */
template <typename T, int V>
__device__ __forceinline__ void conv_dx_add(const conv_dx_job<T> &job, const T *dy, const T *wt, float (&sum)[V])
{
    const int64_t filter = (int64_t)job.win.kernel_h * job.win.kernel_w * job.depth;
#pragma unroll 2
    for (int k = 0; k < job.per_group; k++, wt += filter) {
        float w[V];
        weft_load<T, V>(wt, w);
        const float d = weft_to_float(dy[k]);
#pragma unroll
        for (int i = 0; i < V; i++)
            sum[i] = fmaf(d, w[i], sum[i]);
    }
}

template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK, 2) conv_dx(conv_dx_job<T> job)
{
    weft_begin();
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const unsigned row = blockIdx.x * blockDim.y + threadIdx.y;
    if (pack >= job.packs || row >= (unsigned)job.rows)
        return;
    const weft_kwindow &win = job.win;
    const unsigned line = row / (unsigned)win.w, n = line / (unsigned)win.h;
    const int ih = (int)(line - n * (unsigned)win.h), iw = (int)(row - line * (unsigned)win.w);
    const int group = c / job.depth, first = group * job.per_group;
    const T *wt = job.wt + (int64_t)first * win.kernel_h * win.kernel_w * job.depth + (c - group * job.depth);
    float sum[V] = {};
#pragma unroll 1
    for (int r = 0; r < win.kernel_h; r++) {
        const int oh = weft_output_of(ih, win.pad.top, r, win.dilation, win.stride_h, win.oh);
#pragma unroll 1
        for (int s = 0; s < win.kernel_w && oh >= 0; s++) {
            const int ow = weft_output_of(iw, win.pad.left, s, win.dilation, win.stride_w, win.ow);
            if (ow < 0)
                continue;
            const T *dy = job.dy + (((int64_t)n * win.oh + oh) * win.ow + ow) * job.dy_ld + first;
            conv_dx_add<T, V>(job, dy, wt + (r * win.kernel_w + s) * (int64_t)job.depth, sum);
        }
    }
    if (job.residual) {
        float v[V];
        weft_load<T, V>(job.residual + (int64_t)row * job.residual_ld + c, v);
#pragma unroll
        for (int i = 0; i < V; i++)
            sum[i] += v[i];
    }
    weft_store<T, V>(job.dx + (int64_t)row * job.dx_ld + c, sum);
}

static bool conv_fits(const weft_kwindow &win, int c, int k, int groups)
{
    return weft_window_fits(win) && c > 0 && k > 0 && c % groups == 0 && k % groups == 0;
}

template <typename T, int V> static int launch_dx(const weft_conv2d_dx_args *a, void *stream)
{
    const int groups = a->groups > 0 ? a->groups : 1;
    conv_dx_job<T> job;
    job.dy = static_cast<const T *>(a->dy.data);
    job.wt = static_cast<const T *>(a->wt);
    job.residual = static_cast<const T *>(a->residual.data);
    job.dx = static_cast<T *>(a->dx.data);
    job.dy_ld = a->dy.ld, job.dx_ld = a->dx.ld, job.residual_ld = a->residual.ld;
    job.rows = a->win.n * a->win.h * a->win.w;
    job.packs = a->c / V;
    job.depth = a->c / groups, job.per_group = a->k / groups;
    job.win = weft_with_dilation(a->win);
    const weft_tiling t = weft_tile_rows(job.rows, job.packs < WEFT_WARP ? job.packs : WEFT_WARP, 1);
    const dim3 grid(t.grid.x, (unsigned)((job.packs + (int)t.block.x - 1) / (int)t.block.x));
    return WEFT_LAUNCH((conv_dx<T, V>), grid, t.block, 0, stream, job);
}

template <typename T> static int dx_by_width(const weft_conv2d_dx_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const bool wide = a->c / (a->groups > 0 ? a->groups : 1) % V == 0 && weft_is_wide(a->dx, sizeof(T)) &&
                      weft_is_wide(a->residual, sizeof(T)) && weft_at_16(a->wt);
    return wide ? launch_dx<T, V>(a, stream) : launch_dx<T, 1>(a, stream);
}

int weft_launch_conv2d_dx(const weft_conv2d_dx_args *a, void *stream)
{
    if (!conv_fits(a->win, a->c, a->k, a->groups > 0 ? a->groups : 1) || !weft_view_fits(a->dy, a->k) ||
        !weft_view_fits(a->dx, a->c) || !a->wt || (a->residual.data && a->residual.ld < a->c))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, dx_by_width, a, stream);
}

/* ---- weights ---- */

enum { TILE = 32, STEP = 16, EACH = TILE * TILE / WEFT_BLOCK, PART = 512 /* outputs */, MOST_FLOATS = 1 << 22 };

template <typename T> struct conv_dw_job {
    const T *x, *dy;
    float *to; /* of part p, filter k, tap t: to + p * part_step + (k * taps + t) * to_ld */
    int64_t x_ld, dy_ld, to_ld, part_step;
    int rows, parts, depth, per_group, c_tiles, k_tiles;
    weft_kwindow win;
};

/* What a block works on. */
struct conv_dw_place {
    int part, tap, group, c, k; /* c and k: the first of its tile, within the group */
};

template <typename T> __device__ __forceinline__ conv_dw_place conv_dw_place_of(const conv_dw_job<T> &job)
{
    const int taps = job.win.kernel_h * job.win.kernel_w;
    unsigned i = blockIdx.x;
    conv_dw_place p;
    p.tap = (int)(i % (unsigned)taps);
    i /= (unsigned)taps;
    p.c = (int)(i % (unsigned)job.c_tiles) * TILE;
    i /= (unsigned)job.c_tiles;
    p.k = (int)(i % (unsigned)job.k_tiles) * TILE;
    i /= (unsigned)job.k_tiles;
    p.part = (int)(i % (unsigned)job.parts);
    p.group = (int)(i / (unsigned)job.parts);
    return p;
}

/* The pixel of x that output `row` meets at the tap; -1: none. */
__device__ __forceinline__ int64_t conv_pixel_of(const weft_kwindow &win, unsigned row, int tap)
{
    const unsigned line = row / (unsigned)win.ow, n = line / (unsigned)win.oh;
    const int r = tap / win.kernel_w, s = tap - r * win.kernel_w;
    const int ih = (int)(line - n * (unsigned)win.oh) * win.stride_h - win.pad.top + r * win.dilation;
    const int iw = (int)(row - line * (unsigned)win.ow) * win.stride_w - win.pad.left + s * win.dilation;
    return ih < 0 || ih >= win.h || iw < 0 || iw >= win.w ? -1 : ((int64_t)n * win.h + ih) * win.w + iw;
}

/* STEP outputs from `first` on, those before last: their pixels' channels and their filters, zeros for what is not
 * there. */
template <typename T>
__device__ __forceinline__ void conv_dw_fill(const conv_dw_job<T> &job, const conv_dw_place &p, int first, int last,
                                             float *xs, float *ys)
{
    for (int i = (int)threadIdx.x; i < STEP * TILE; i += WEFT_BLOCK) {
        const int row = first + i / TILE, j = i % TILE;
        const int64_t pixel = row < last ? conv_pixel_of(job.win, (unsigned)row, p.tap) : -1;
        const bool has_c = pixel >= 0 && p.c + j < job.depth, has_k = pixel >= 0 && p.k + j < job.per_group;
        xs[i] = has_c ? weft_to_float(job.x[pixel * job.x_ld + p.group * job.depth + p.c + j]) : 0;
        ys[i] = has_k ? weft_to_float(job.dy[row * job.dy_ld + p.group * job.per_group + p.k + j]) : 0;
    }
}

template <typename T> __global__ void __launch_bounds__(WEFT_BLOCK) conv_dw(conv_dw_job<T> job)
{
    weft_begin();
    WEFT_SHARED(float, xs, (STEP * TILE));
    WEFT_SHARED(float, ys, (STEP * TILE));
    const conv_dw_place p = conv_dw_place_of(job);
    const int first = (int)((int64_t)job.rows * p.part / job.parts);
    const int last = (int)((int64_t)job.rows * (p.part + 1) / job.parts);
    const int c = (int)threadIdx.x % TILE, k = (int)threadIdx.x / TILE * EACH;
    float sum[EACH] = {};
    for (int row = first; row < last; row += STEP) {
        conv_dw_fill(job, p, row, last, xs, ys);
        __syncthreads();
        for (int j = 0; j < STEP; j++) {
#pragma unroll
            for (int i = 0; i < EACH; i++)
                sum[i] = fmaf(xs[j * TILE + c], ys[j * TILE + k + i], sum[i]);
        }
        __syncthreads();
    }
    const int taps = job.win.kernel_h * job.win.kernel_w;
#pragma unroll
    for (int i = 0; i < EACH; i++)
        if (p.c + c < job.depth && p.k + k + i < job.per_group)
            job.to[p.part * job.part_step +
                   ((int64_t)(p.group * job.per_group + p.k + k + i) * taps + p.tap) * job.to_ld + p.c + c] = sum[i];
}

struct conv_dw_join_job {
    const float *parts_of; /* [parts][count] */
    float *to;
    int64_t count, to_ld;
    int parts, cols;
};

__global__ void __launch_bounds__(WEFT_BLOCK) conv_dw_join(conv_dw_join_job job)
{
    weft_begin();
    const int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= job.count)
        return;
    float sum = job.parts_of[i];
    for (int part = 1; part < job.parts; part++)
        sum += job.parts_of[part * job.count + i];
    const int64_t row = i / job.cols;
    job.to[row * job.to_ld + (i - row * job.cols)] = sum;
}

static int64_t dw_count(const weft_conv2d_dw_args *a)
{
    return (int64_t)a->k * a->win.kernel_h * a->win.kernel_w * (a->c / (a->groups > 0 ? a->groups : 1));
}

/* Floats of a part: the same for channels that are padded and those that are not, as cuDNN's plan of the two is one. */
static int64_t dw_part(const weft_conv2d_dw_args *a)
{
    const int depth = a->c / (a->groups > 0 ? a->groups : 1);
    return dw_count(a) / depth * ((depth + 7) / 8 * 8);
}

/* Parts of so many outputs, but no more than memory is spent on. */
static int dw_parts(const weft_conv2d_dw_args *a)
{
    const int64_t rows = (int64_t)a->win.n * a->win.oh * a->win.ow;
    const int64_t parts = (rows + PART - 1) / PART, most = MOST_FLOATS / dw_part(a);
    return (int)(parts < most ? parts : most > 1 ? most : 1);
}

int64_t weft_conv2d_dw_floats(const weft_conv2d_dw_args *a)
{
    const int parts = dw_parts(a);
    return parts > 1 ? parts * dw_part(a) : 0;
}

template <typename T> static int launch_dw(const weft_conv2d_dw_args *a, void *stream)
{
    const int groups = a->groups > 0 ? a->groups : 1;
    const int64_t count = dw_count(a);
    conv_dw_job<T> job;
    job.parts = dw_parts(a);
    job.x = static_cast<const T *>(a->x.data);
    job.dy = static_cast<const T *>(a->dy.data);
    job.depth = a->c / groups, job.per_group = a->k / groups;
    job.to = job.parts > 1 ? a->scratch : static_cast<float *>(a->dw.data);
    job.x_ld = a->x.ld, job.dy_ld = a->dy.ld;
    job.to_ld = job.parts > 1 ? job.depth : a->dw.ld;
    job.part_step = count;
    job.rows = a->win.n * a->win.oh * a->win.ow;
    job.c_tiles = (job.depth + TILE - 1) / TILE, job.k_tiles = (job.per_group + TILE - 1) / TILE;
    job.win = weft_with_dilation(a->win);
    const int64_t blocks =
        (int64_t)job.win.kernel_h * job.win.kernel_w * job.c_tiles * job.k_tiles * job.parts * groups;
    const int64_t joins = (count + WEFT_BLOCK - 1) / WEFT_BLOCK;
    if (blocks > INT32_MAX || joins > INT32_MAX || !job.to)
        return WEFT_INVALID_VALUE;
    const int status = WEFT_LAUNCH(conv_dw<T>, dim3((unsigned)blocks), dim3(WEFT_BLOCK), 0, stream, job);
    if (status != 0 || job.parts == 1)
        return status;
    const conv_dw_join_job join = {
        a->scratch, static_cast<float *>(a->dw.data), count, a->dw.ld, job.parts, job.depth
    };
    return WEFT_LAUNCH(conv_dw_join, dim3((unsigned)joins), dim3(WEFT_BLOCK), 0, stream, join);
}

int weft_launch_conv2d_dw(const weft_conv2d_dw_args *a, void *stream)
{
    const int groups = a->groups > 0 ? a->groups : 1;
    if (!conv_fits(a->win, a->c, a->k, groups) || !weft_view_fits(a->x, a->c) || !weft_view_fits(a->dy, a->k) ||
        !weft_view_fits(a->dw, a->c / groups))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, launch_dw, a, stream);
}
