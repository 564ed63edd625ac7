/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution + bias + residual + activation, and the sums of its output that squeeze-and-excitation wants.
 *
 * Mapping: a block computes a tile of one image: x of the block over at most MOST_PACKS packs of V channels (128 bytes
 * of a pixel), y over strips of STRIP outputs side by side, z over rows. A thread keeps its strip's sums in registers
 * and, one window row at a time, that row's weights; each pixel is loaded once for all outputs of the strip. K and S,
 * window and stride, are template arguments for that reason: 3x3 and 5x5 at strides 1 and 2 are nearly all there is.
 * Others, and what is not aligned, take the kernel `any`: one output and one pack a thread, like a pool.
 * Traffic: x about (tile + K - S) / tile times from L2, once from memory; y once; weights from L1. Bound by memory.
 * The sums of an image are those of one tile, in a fixed order: parts = tiles of an image. */
#include "cuda/kernel/device.cuh"

enum { STRIP = 4, MOST_PACKS = 8, TILE_ROWS = 8 };

template <typename T> struct depthwise_job {
    const T *x, *wt;
    T *y;
    int64_t x_ld, y_ld, wt_ld;
    int packs;
    weft_kwindow win;
    int tiles_w, tiles; /* of one image */
    float *sums;        /* [n][tiles][c] */
    int c;
    weft_finish<T> end;
};

/* The block's sums over its threads of one pack, added in order by the first of them. */
template <int V>
__device__ __forceinline__ void sum_tile(float *to, float *rows, unsigned packs, const float (&sum)[V], bool wanted)
{
    const unsigned position = threadIdx.z * blockDim.y + threadIdx.y, count = blockDim.y * blockDim.z;
    const unsigned me = position * packs + threadIdx.x;
#pragma unroll
    for (int i = 0; i < V; i++)
        rows[me * V + i] = sum[i];
    __syncthreads();
    if (position != 0 || !wanted)
        return;
    float total[V];
#pragma unroll
    for (int i = 0; i < V; i++)
        total[i] = 0;
    for (unsigned other = 0; other < count; other++) {
#pragma unroll
        for (int i = 0; i < V; i++)
            total[i] += rows[(other * packs + threadIdx.x) * V + i];
    }
#pragma unroll
    for (int i = 0; i < V; i++)
        to[i] = total[i];
}

/* ---- 3x3 and 5x5 ---- */

/* One window row: px runs over the strip's pixels of image row ih. */
template <typename T, int V, int K, int S>
__device__ __forceinline__ void add_row(const depthwise_job<T> &job, const T *line, int iw, const T *wt,
                                        float (&sum)[STRIP][V])
{
    float w[K][V];
#pragma unroll
    for (int s = 0; s < K; s++)
        weft_load<T, V>(wt + s * job.wt_ld, w[s]);
#pragma unroll
    for (int j = 0; j < (STRIP - 1) * S + K; j++) {
        if (iw + j < 0 || iw + j >= job.win.w)
            continue;
        float px[V];
        weft_load<T, V>(line + (int64_t)(iw + j) * job.x_ld, px);
#pragma unroll
        for (int t = 0; t < STRIP; t++) {
            if (j - t * S < 0 || j - t * S >= K)
                continue;
#pragma unroll
            for (int i = 0; i < V; i++)
                sum[t][i] = fmaf(px[i], w[j - t * S][i], sum[t][i]);
        }
    }
}

template <typename T, int V, int K, int S> __global__ void __launch_bounds__(WEFT_BLOCK) depthwise(depthwise_job<T> job)
{
    WEFT_DYN_SHARED(float, rows);
    const weft_kwindow &win = job.win;
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const unsigned n = blockIdx.x / (unsigned)job.tiles, tile = blockIdx.x - n * (unsigned)job.tiles;
    const unsigned tile_h = tile / (unsigned)job.tiles_w, tile_w = tile - tile_h * (unsigned)job.tiles_w;
    const int oh = (int)(tile_h * blockDim.z + threadIdx.z);
    const int ow = (int)(tile_w * blockDim.y + threadIdx.y) * STRIP;
    const bool mine = pack < job.packs && oh < win.oh && ow < win.ow;

    float total[V];
#pragma unroll
    for (int i = 0; i < V; i++)
        total[i] = 0;
    if (mine) {
        float sum[STRIP][V];
        weft_load_or<V>(job.end.bias, c, 0, sum[0]);
#pragma unroll
        for (int t = 1; t < STRIP; t++) {
#pragma unroll
            for (int i = 0; i < V; i++)
                sum[t][i] = sum[0][i];
        }
        const int iw = ow * S - win.pad.left;
#pragma unroll 1
        for (int r = 0; r < K; r++) {
            const int ih = oh * S - win.pad.top + r;
            if (ih >= 0 && ih < win.h)
                add_row<T, V, K, S>(job, job.x + ((int64_t)n * win.h + ih) * win.w * job.x_ld + c, iw,
                                    job.wt + r * K * job.wt_ld + c, sum);
        }
        const int64_t first = ((int64_t)n * win.oh + oh) * win.ow + ow;
#pragma unroll
        for (int t = 0; t < STRIP; t++) {
            if (ow + t >= win.ow)
                continue;
            weft_finish_row<T, V>(job.end, first + t, c, sum[t]);
            weft_store<T, V>(job.y + (first + t) * job.y_ld + c, sum[t]);
#pragma unroll
            for (int i = 0; i < V; i++)
                total[i] += weft_rounded<T>(sum[t][i]);
        }
    }
    if (job.sums) /* the same for all threads */
        sum_tile<V>(job.sums + (int64_t)blockIdx.x * job.c + c, rows, blockDim.x, total, pack < job.packs);
}

/* ---- any window ---- */

/* Four blocks on a multiprocessor: left to itself the compiler wants six on sm_86, in 40 registers, and spills. */
template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK, 4) any(depthwise_job<T> job)
{
    WEFT_DYN_SHARED(float, rows);
    const weft_kwindow &win = job.win;
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const unsigned n = blockIdx.x / (unsigned)job.tiles, tile = blockIdx.x - n * (unsigned)job.tiles;
    const unsigned tile_h = tile / (unsigned)job.tiles_w, tile_w = tile - tile_h * (unsigned)job.tiles_w;
    const int oh = (int)(tile_h * blockDim.z + threadIdx.z), ow = (int)(tile_w * blockDim.y + threadIdx.y);

    float sum[V];
    weft_load_or<V>(pack < job.packs ? job.end.bias : nullptr, c, 0, sum);
    const bool mine = pack < job.packs && oh < win.oh && ow < win.ow;
    if (mine) {
        for (int r = 0; r < win.kernel_h; r++) {
            const int ih = oh * win.stride_h - win.pad.top + r * win.dilation;
            if (ih < 0 || ih >= win.h)
                continue;
            const T *line = job.x + ((int64_t)n * win.h + ih) * win.w * job.x_ld + c;
            const T *wt = job.wt + (int64_t)r * win.kernel_w * job.wt_ld + c;
            for (int s = 0; s < win.kernel_w; s++, wt += job.wt_ld) {
                const int iw = ow * win.stride_w - win.pad.left + s * win.dilation;
                if (iw < 0 || iw >= win.w)
                    continue;
                float px[V], w[V];
                weft_load<T, V>(line + (int64_t)iw * job.x_ld, px);
                weft_load<T, V>(wt, w);
#pragma unroll
                for (int i = 0; i < V; i++)
                    sum[i] = fmaf(px[i], w[i], sum[i]);
            }
        }
        const int64_t row = ((int64_t)n * win.oh + oh) * win.ow + ow;
        weft_finish_row<T, V>(job.end, row, c, sum);
        weft_store<T, V>(job.y + row * job.y_ld + c, sum);
    }
#pragma unroll
    for (int i = 0; i < V; i++)
        sum[i] = mine ? weft_rounded<T>(sum[i]) : 0;
    if (job.sums)
        sum_tile<V>(job.sums + (int64_t)blockIdx.x * job.c + c, rows, blockDim.x, sum, pack < job.packs);
}

/* ---- the host's side ---- */

struct depthwise_plan {
    bool wide;
    int k, s; /* of the templates; 0: any */
    int strip;
    unsigned x, y, z, tiles_h, tiles_w, chunks;
};

/* Packs per block: the width that wastes the fewest threads. */
static unsigned packs_per_block(unsigned packs, unsigned most)
{
    unsigned best = packs < most ? packs : most;
    for (unsigned x = best; x > most / 2; x--)
        if ((packs + x - 1) / x * x < (packs + best - 1) / best * best)
            best = x;
    return best;
}

static depthwise_plan plan_of(const weft_depthwise_args *a)
{
    const size_t size = weft_size_of(a->dtype);
    const int v = (int)(16 / size);
    const weft_kwindow &w = a->win;
    depthwise_plan p;
    p.wide = a->c % v == 0 && weft_is_wide(a->x, size) && weft_is_wide(a->y, size) && weft_at_16(a->wt) &&
             a->ld_wt * (int64_t)size % 16 == 0 && weft_epilogue_is_wide(a->epi, size);
    const bool square = w.kernel_h == w.kernel_w && w.stride_h == w.stride_w && w.dilation <= 1;
    const bool known = p.wide && square && (w.kernel_h == 3 || w.kernel_h == 5) && (w.stride_h == 1 || w.stride_h == 2);
    p.k = known ? w.kernel_h : 0;
    p.s = known ? w.stride_h : 0;
    p.strip = known ? (int)STRIP : 1;
    const unsigned packs = (unsigned)(p.wide ? a->c / v : a->c);
    const unsigned strips = ((unsigned)w.ow + (unsigned)p.strip - 1) / (unsigned)p.strip;
    p.x = packs_per_block(packs, p.wide ? (unsigned)MOST_PACKS : (unsigned)WEFT_WARP);
    p.z = w.oh < TILE_ROWS ? (unsigned)w.oh : (unsigned)TILE_ROWS;
    const unsigned room = WEFT_BLOCK / (p.x * p.z);
    p.y = room < 1 ? 1 : strips < room ? strips : room;
    while (p.x * p.y * p.z > WEFT_BLOCK)
        p.z--;
    p.tiles_h = ((unsigned)w.oh + p.z - 1) / p.z;
    p.tiles_w = (strips + p.y - 1) / p.y;
    p.chunks = (packs + p.x - 1) / p.x;
    return p;
}

int weft_depthwise_parts(const weft_depthwise_args *a)
{
    const depthwise_plan p = plan_of(a);
    return (int)(p.tiles_h * p.tiles_w);
}

template <typename T> static int launch(const weft_depthwise_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const depthwise_plan p = plan_of(a);
    depthwise_job<T> job;
    job.x = static_cast<const T *>(a->x.data);
    job.wt = static_cast<const T *>(a->wt);
    job.y = static_cast<T *>(a->y.data);
    job.x_ld = a->x.ld, job.y_ld = a->y.ld, job.wt_ld = a->ld_wt;
    job.packs = p.wide ? a->c / V : a->c;
    job.win = a->win;
    job.win.dilation = a->win.dilation > 0 ? a->win.dilation : 1;
    job.tiles_w = (int)p.tiles_w, job.tiles = (int)(p.tiles_h * p.tiles_w);
    job.sums = a->sums;
    job.c = a->c;
    job.end = weft_finish_of<T>(&a->epi);
    const dim3 grid((unsigned)a->win.n * p.tiles_h * p.tiles_w, p.chunks), block(p.x, p.y, p.z);
    const size_t shared = a->sums ? (size_t)p.x * p.y * p.z * (p.wide ? V : 1) * sizeof(float) : 0;
    if (p.k == 3 && p.s == 1)
        return WEFT_LAUNCH((depthwise<T, V, 3, 1>), grid, block, shared, stream, job);
    if (p.k == 3)
        return WEFT_LAUNCH((depthwise<T, V, 3, 2>), grid, block, shared, stream, job);
    if (p.k == 5 && p.s == 1)
        return WEFT_LAUNCH((depthwise<T, V, 5, 1>), grid, block, shared, stream, job);
    if (p.k == 5)
        return WEFT_LAUNCH((depthwise<T, V, 5, 2>), grid, block, shared, stream, job);
    if (p.wide)
        return WEFT_LAUNCH((any<T, V>), grid, block, shared, stream, job);
    return WEFT_LAUNCH((any<T, 1>), grid, block, shared, stream, job);
}

int weft_launch_depthwise(const weft_depthwise_args *a, void *stream)
{
    if (!weft_view_fits(a->x, a->c) || !weft_view_fits(a->y, a->c) || !a->wt || a->ld_wt < a->c ||
        !weft_window_fits(a->win) || !weft_epilogue_fits(a->epi, a->c))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, launch, a, stream);
}
