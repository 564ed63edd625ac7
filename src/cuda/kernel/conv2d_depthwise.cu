/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution + bias + residual + activation, and the sums of its output that squeeze-and-excitation wants.
 *
 * Mapping: a block computes a tile of one image: x of the block over at most MOST_PACKS packs of PACK channels (128
 * bytes of a pixel in 16 bits), y over strips of STRIP outputs side by side, z over bands of ROWS rows. A thread keeps
 * the sums of its strip and band in registers and walks the rows of pixels that they see: each pixel is loaded and made
 * a float once for all of them. What lies outside is loaded from the edge and made zero, so that no load waits behind a
 * branch. The block's weights are in shared memory, as floats. K and S, window and stride, are template arguments: 3x3
 * and 5x5 at strides 1 and 2 are nearly all there is. Others, and what is not aligned, take the kernel `any`: one
 * output and one pack a thread, like a pool.
 * Traffic: x about (tile + K - S) / tile times from L2, once from memory; y once. Not bound by it yet: on an H200 it
 * takes three times as long for 3x3, six to nine times for 5x5 (docs/benchmarks.md).
 * The sums of an image are those of one tile, in a fixed order: parts = tiles of an image. Those of the whole map, and
 * of its squares, are joined of the tiles' by blocks that are last (steps.cuh); bands of two rows leave no registers
 * for them. */
#include "cuda/kernel/steps.cuh"

enum { PACK = 4, STRIP = 4, MOST_PACKS = 16, TILE_ROWS = 8, FEW_THREADS = 1 << 16, SHARES = 4 };

template <typename T> struct depthwise_job {
    const T *x, *wt;
    T *y;
    int64_t x_ld, y_ld, wt_ld;
    int packs;
    weft_kwindow win;
    int tiles_w, tiles; /* of one image */
    float *sums;        /* [n][tiles][c] */
    weft_map_sums all;
    weft_steps joins; /* of all */
    int c;
    weft_finish<T> end;
};

/* Where a thread stands in its block, and its block in the image. */
struct depthwise_place {
    unsigned n, position, positions; /* positions: threads of one pack */
    int pack, band, strip;           /* of all */
};

template <typename T> __device__ __forceinline__ depthwise_place place_of(const depthwise_job<T> &job)
{
    depthwise_place p;
    p.n = blockIdx.x / (unsigned)job.tiles;
    const unsigned tile = blockIdx.x - p.n * (unsigned)job.tiles;
    const unsigned tile_h = tile / (unsigned)job.tiles_w, tile_w = tile - tile_h * (unsigned)job.tiles_w;
    p.position = threadIdx.z * blockDim.y + threadIdx.y;
    p.positions = blockDim.y * blockDim.z;
    p.pack = (int)(blockIdx.y * blockDim.x + threadIdx.x);
    p.band = (int)(tile_h * blockDim.z + threadIdx.z);
    p.strip = (int)(tile_w * blockDim.y + threadIdx.y);
    return p;
}

/* The block's sums over its positions, each channel's in order: of every SHARES-th position first, then of those. rows
 * has room for positions * blockDim.x * V floats; to is a row of all channels. */
template <typename T, int V>
__device__ __forceinline__ void sum_tile(const depthwise_job<T> &job, const depthwise_place &p, float *rows,
                                         const float *sum, float *to)
{
    const int wide = (int)blockDim.x * V, base = (int)(blockIdx.y * blockDim.x) * V;
    const int me = (int)(p.position * blockDim.x + threadIdx.x), threads = (int)(p.positions * blockDim.x);
    __syncthreads(); /* whatever was in rows */
#pragma unroll
    for (int i = 0; i < V; i++)
        rows[me * V + i] = sum[i];
    __syncthreads();
    const int shares = (int)p.positions < SHARES ? (int)p.positions : SHARES;
    for (int i = me; i < shares * wide; i += threads) {
        float total = 0;
        for (int at = i; at < (int)p.positions * wide; at += shares * wide)
            total += rows[at];
        rows[i] = total; /* nobody else reads it */
    }
    __syncthreads();
    for (int i = me; i < wide && base + i < job.c; i += threads) {
        float total = rows[i];
        for (int share = 1; share < shares; share++)
            total += rows[share * wide + i];
        to[base + i] = total;
    }
}

/* What is wanted of total: sums of the block's outputs, then of their squares. All threads come. */
template <typename T, int V, bool SQUARES>
__device__ __forceinline__ void store_sums(const depthwise_job<T> &job, const depthwise_place &p, float *rows,
                                           const float (&total)[2 * V])
{
    if (job.sums) /* the same for all threads */
        sum_tile<T, V>(job, p, rows, total, job.sums + (int64_t)blockIdx.x * job.c);
    if constexpr (SQUARES) {
        if (!job.all.to)
            return;
        float *to = job.all.scratch + (int64_t)blockIdx.x * 2 * job.c;
        sum_tile<T, V>(job, p, rows, total, to);
        sum_tile<T, V>(job, p, rows, total + V, to + job.c);
        const int base = (int)(blockIdx.y * blockDim.x) * V, end = base + (int)blockDim.x * V;
        weft_join_steps(job.joins, blockIdx.y, blockIdx.x,
                        weft_rows_joiner{ job.all.scratch, job.all.to, job.c, 1, job.c, 2, base,
                                          end < job.c ? end : job.c });
    }
}

/* ---- 3x3 and 5x5 ---- */

/* The weights of the block's channels as [K * K][blockDim.x * PACK]. */
template <typename T, int K> __device__ __forceinline__ void fetch_weights(const depthwise_job<T> &job, float *to)
{
    const int wide = (int)blockDim.x * PACK, base = (int)(blockIdx.y * blockDim.x) * PACK;
    const int threads = (int)(blockDim.x * blockDim.y * blockDim.z);
    const int me = (int)((threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x);
    for (int i = me; i < K * K * wide; i += threads) {
        const int tap = i / wide, c = base + i - tap * wide;
        to[i] = c < job.c ? weft_to_float(job.wt[tap * job.wt_ld + c]) : 0;
    }
}

/* The columns that a strip sees: where each lies in its row, and which there are, a bit each. */
template <int COLS> struct depthwise_columns {
    int at[COLS];
    unsigned inside;
};

template <int COLS>
__device__ __forceinline__ void find_columns(int first, int count, int ld, depthwise_columns<COLS> *to)
{
    to->inside = 0;
#pragma unroll
    for (int j = 0; j < COLS; j++) {
        to->inside |= (weft_inside(first + j, count) & 1u) << j;
        to->at[j] = weft_nearest(first + j, count) * ld;
    }
}

template <typename T, int COLS>
__device__ __forceinline__ void load_row(const T *line, const depthwise_columns<COLS> &columns,
                                         weft_piece<T, PACK> (&to)[COLS])
{
#pragma unroll
    for (int j = 0; j < COLS; j++)
        to[j].load(line + columns.at[j]);
}

/* Row i of a band's pixels goes into the sums of all outputs that see it; there: the columns of it that there are. */
template <typename T, int K, int S, int ROWS, int COLS>
__device__ __forceinline__ void add_row(const weft_piece<T, PACK> (&row)[COLS], unsigned there, int i,
                                        const float *weights, float (&sum)[ROWS * STRIP][PACK])
{
    float px[COLS][PACK];
#pragma unroll
    for (int j = 0; j < COLS; j++)
        row[j].spread(px[j], 0u - (there >> j & 1u));
#pragma unroll
    for (int band = 0; band < ROWS; band++) {
        const int r = i - band * S;
        if (r < 0 || r >= K)
            continue;
#pragma unroll
        for (int s = 0; s < K; s++) {
            float w[PACK];
            weft_load<float, PACK>(weights + (r * K + s) * (int)blockDim.x * PACK, w);
#pragma unroll
            for (int t = 0; t < STRIP; t++) {
#pragma unroll
                for (int v = 0; v < PACK; v++)
                    sum[band * STRIP + t][v] = fmaf(px[t * S + s][v], w[v], sum[band * STRIP + t][v]);
            }
        }
    }
}

/* What a thread's sums begin with. */
template <int COUNT> __device__ __forceinline__ void begin_sums(const float *bias, int c, float (&sum)[COUNT][PACK])
{
    float first[PACK];
    weft_load_or<PACK>(bias, c, 0, first);
#pragma unroll
    for (int t = 0; t < COUNT; t++) {
#pragma unroll
        for (int v = 0; v < PACK; v++)
            sum[t][v] = first[v];
    }
}

/* Residual, activation and store of a strip; its outputs, as stored, and their squares are added to total. */
template <typename T, bool SQUARES>
__device__ __forceinline__ void finish_strip(const depthwise_job<T> &job, int64_t first, int c, int there,
                                             float (*sum)[PACK], float (&total)[2 * PACK])
{
    float all[STRIP * PACK]; /* one activation for all: its code is long */
#pragma unroll
    for (int t = 0; t < STRIP; t++) {
        weft_piece<T, PACK> piece;
        float r[PACK];
        if (job.end.residual && t < there) {
            piece.load(job.end.residual + (first + t) * job.end.residual_ld + c);
            piece.spread(r, ~0u);
        }
#pragma unroll
        for (int v = 0; v < PACK; v++)
            all[t * PACK + v] = sum[t][v] + (job.end.residual && t < there ? r[v] : 0);
    }
    weft_activate<STRIP * PACK>(job.end.act, all);
#pragma unroll
    for (int t = 0; t < STRIP; t++) {
        if (t >= there)
            continue;
        weft_piece<T, PACK> piece;
        float y[PACK];
#pragma unroll
        for (int v = 0; v < PACK; v++)
            y[v] = all[t * PACK + v];
        piece.pack(y);
        piece.store(job.y + (first + t) * job.y_ld + c);
#pragma unroll
        for (int v = 0; v < PACK; v++) {
            const float stored = weft_rounded<T>(y[v]);
            total[v] += stored;
            if (SQUARES)
                total[PACK + v] = fmaf(stored, stored, total[PACK + v]);
        }
    }
}

template <typename T, int K, int S, int ROWS>
__device__ __forceinline__ void compute(const depthwise_job<T> &job, const depthwise_place &p, const float *weights,
                                        float (&total)[2 * PACK])
{
    constexpr int COLS = (STRIP - 1) * S + K, SEEN = (ROWS - 1) * S + K;
    constexpr bool AHEAD = sizeof(T) == 2; /* the next row is under way while one is summed; floats leave no room */
    const weft_kwindow &win = job.win;
    const int c = p.pack * PACK, oh = p.band * ROWS, ow = p.strip * STRIP;
    const int ih = oh * S - win.pad.top, ld = (int)job.x_ld;
    const T *x = job.x + (int64_t)p.n * win.h * win.w * ld + c;
    float sum[ROWS * STRIP][PACK];
    depthwise_columns<COLS> columns;
    weft_piece<T, PACK> row[COLS], next[COLS] = {};
    find_columns<COLS>(ow * S - win.pad.left, win.w, ld, &columns);
    if (AHEAD)
        load_row<T, COLS>(x + (int64_t)(weft_nearest(ih, win.h) * win.w) * ld, columns, next);
    begin_sums<ROWS * STRIP>(job.end.bias, c, sum);
#pragma unroll(K == 3 && AHEAD ? SEEN : 1)
    for (int i = 0; i < SEEN; i++) {
        const int ahead = AHEAD ? i + 1 : i;
#pragma unroll
        for (int j = 0; j < COLS; j++)
            row[j] = next[j];
        if (ahead < SEEN)
            load_row<T, COLS>(x + (int64_t)(weft_nearest(ih + ahead, win.h) * win.w) * ld, columns,
                              AHEAD ? next : row);
        add_row<T, K, S, ROWS, COLS>(row, columns.inside & weft_inside(ih + i, win.h), i,
                                     weights + (int)threadIdx.x * PACK, sum);
    }
#pragma unroll
    for (int band = 0; band < ROWS; band++)
        if (oh + band < win.oh)
            finish_strip<T, ROWS == 1>(job, ((int64_t)p.n * win.oh + oh + band) * win.ow + ow, c, win.ow - ow,
                                       sum + band * STRIP, total);
}

template <typename T, int K, int S, int ROWS>
__global__ void __launch_bounds__(WEFT_BLOCK, 2) depthwise(depthwise_job<T> job)
{
    weft_begin();
    WEFT_DYN_SHARED(float, shared);
    const depthwise_place p = place_of(job);
    float total[2 * PACK] = {};
    fetch_weights<T, K>(job, shared);
    __syncthreads();
    if (p.pack < job.packs && p.band * ROWS < job.win.oh && p.strip * STRIP < job.win.ow)
        compute<T, K, S, ROWS>(job, p, shared, total);
    store_sums<T, PACK, ROWS == 1>(job, p, shared, total);
}

/* ---- any window ---- */

/* Four blocks on a multiprocessor: left to itself the compiler wants six on sm_86, in 40 registers, and spills. */
template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK, 4) any(depthwise_job<T> job)
{
    weft_begin();
    WEFT_DYN_SHARED(float, rows);
    const weft_kwindow &win = job.win;
    const depthwise_place p = place_of(job);
    const int c = p.pack * V, oh = p.band, ow = p.strip;

    float sum[V];
    weft_load_or<V>(p.pack < job.packs ? job.end.bias : nullptr, c, 0, sum);
    const bool mine = p.pack < job.packs && oh < win.oh && ow < win.ow;
    if (mine) {
        for (int r = 0; r < win.kernel_h; r++) {
            const int ih = oh * win.stride_h - win.pad.top + r * win.dilation;
            if (ih < 0 || ih >= win.h)
                continue;
            const T *line = job.x + ((int64_t)p.n * win.h + ih) * win.w * job.x_ld + c;
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
        const int64_t row = ((int64_t)p.n * win.oh + oh) * win.ow + ow;
        weft_finish_row<T, V>(job.end, row, c, sum);
        weft_store<T, V>(job.y + row * job.y_ld + c, sum);
    }
    float total[2 * V];
#pragma unroll
    for (int i = 0; i < V; i++) {
        total[i] = mine ? weft_rounded<T>(sum[i]) : 0;
        total[V + i] = total[i] * total[i];
    }
    store_sums<T, V, true>(job, p, rows, total);
}

/* ---- the host's side ---- */

struct depthwise_plan {
    bool wide;
    int k, s, rows; /* of the templates; k 0: any */
    unsigned packs, x, y, z, tiles_h, tiles_w, chunks;
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

static unsigned parts_of(unsigned count, unsigned size)
{
    return (count + size - 1) / size;
}

/* Bands of two rows share their pixels, unless there are hardly threads enough for the card as it is. With a stride of
 * 2 they would share little. */
static int rows_of(const weft_depthwise_args *a, unsigned packs)
{
    const weft_kwindow &w = a->win;
    if (a->rows)
        return a->rows;
    const int64_t strips = parts_of((unsigned)w.ow, STRIP);
    return (int64_t)w.n * w.oh * strips * packs >= 2 * FEW_THREADS ? 2 : 1;
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
    const bool known = p.wide && square && (w.kernel_h == 3 || w.kernel_h == 5) &&
                       (w.stride_h == 1 || w.stride_h == 2) && (int64_t)w.w * a->x.ld <= INT32_MAX;
    p.k = known ? w.kernel_h : 0;
    p.s = known ? w.stride_h : 0;
    p.packs = (unsigned)(known ? a->c / PACK : p.wide ? a->c / v : a->c);
    p.rows = known && w.stride_h == 1 ? rows_of(a, p.packs) : 1;
    const unsigned strips = parts_of((unsigned)w.ow, known ? (unsigned)STRIP : 1);
    const unsigned bands = parts_of((unsigned)w.oh, (unsigned)p.rows), most = TILE_ROWS / (unsigned)p.rows;
    p.x = packs_per_block(p.packs, known ? (unsigned)MOST_PACKS : p.wide ? 8 : (unsigned)WEFT_WARP);
    p.z = bands < most ? bands : most;
    const unsigned room = WEFT_BLOCK / (p.x * p.z);
    p.y = room < 1 ? 1 : strips < room ? strips : room;
    while (p.x * p.y * p.z > WEFT_BLOCK)
        p.z--;
    p.tiles_h = parts_of(bands, p.z);
    p.tiles_w = parts_of(strips, p.y);
    p.chunks = parts_of(p.packs, p.x);
    return p;
}

int weft_depthwise_parts(const weft_depthwise_args *a)
{
    const depthwise_plan p = plan_of(a);
    return (int)(p.tiles_h * p.tiles_w);
}

static weft_steps steps_of(const weft_depthwise_args *a, const depthwise_plan &p, unsigned *turns)
{
    return weft_steps_of(turns, (unsigned)a->win.n * p.tiles_h * p.tiles_w, p.chunks);
}

bool weft_depthwise_takes_sums(const weft_depthwise_args *a)
{
    unsigned turn = 0;
    const depthwise_plan p = plan_of(a);
    return p.rows == 1 && steps_of(a, p, &turn).turns != nullptr;
}

/* Bytes that a block shares: its weights, then its sums. */
static size_t shared_of(const weft_depthwise_args *a, const depthwise_plan &p)
{
    const size_t v = p.k ? (size_t)PACK : p.wide ? 16 / weft_size_of(a->dtype) : 1;
    const bool sums_up = a->sums || a->all.to;
    const size_t weights = (size_t)(p.k * p.k) * p.x * v, sums = sums_up ? (size_t)p.x * p.y * p.z * v : 0;
    return (weights > sums ? weights : sums) * sizeof(float);
}

template <typename T> static int launch(const weft_depthwise_args *a, void *stream)
{
    const depthwise_plan p = plan_of(a);
    depthwise_job<T> job;
    job.x = static_cast<const T *>(a->x.data);
    job.wt = static_cast<const T *>(a->wt);
    job.y = static_cast<T *>(a->y.data);
    job.x_ld = a->x.ld, job.y_ld = a->y.ld, job.wt_ld = a->ld_wt;
    job.packs = (int)p.packs;
    job.win = a->win;
    job.win.dilation = a->win.dilation > 0 ? a->win.dilation : 1;
    job.tiles_w = (int)p.tiles_w, job.tiles = (int)(p.tiles_h * p.tiles_w);
    job.sums = a->sums;
    job.all = a->all;
    job.joins = steps_of(a, p, a->all.turns);
    if (a->all.to && (!job.joins.turns || p.rows > 1))
        return WEFT_INVALID_VALUE;
    job.c = a->c;
    job.end = weft_finish_of<T>(&a->epi);
    const dim3 grid((unsigned)a->win.n * p.tiles_h * p.tiles_w, p.chunks), block(p.x, p.y, p.z);
    const size_t shared = shared_of(a, p);
    if (p.k == 3 && p.s == 1 && p.rows == 2)
        return WEFT_LAUNCH((depthwise<T, 3, 1, 2>), grid, block, shared, stream, job);
    if (p.k == 3 && p.s == 1)
        return WEFT_LAUNCH((depthwise<T, 3, 1, 1>), grid, block, shared, stream, job);
    if (p.k == 3)
        return WEFT_LAUNCH((depthwise<T, 3, 2, 1>), grid, block, shared, stream, job);
    if (p.k == 5 && p.s == 1 && p.rows == 2)
        return WEFT_LAUNCH((depthwise<T, 5, 1, 2>), grid, block, shared, stream, job);
    if (p.k == 5 && p.s == 1)
        return WEFT_LAUNCH((depthwise<T, 5, 1, 1>), grid, block, shared, stream, job);
    if (p.k == 5)
        return WEFT_LAUNCH((depthwise<T, 5, 2, 1>), grid, block, shared, stream, job);
    if (p.wide)
        return WEFT_LAUNCH((any<T, weft_wide<T>::V>), grid, block, shared, stream, job);
    return WEFT_LAUNCH((any<T, 1>), grid, block, shared, stream, job);
}

int weft_launch_depthwise(const weft_depthwise_args *a, void *stream)
{
    if (!weft_view_fits(a->x, a->c) || !weft_view_fits(a->y, a->c) || !a->wt || a->ld_wt < a->c ||
        !weft_window_fits(a->win) || !weft_epilogue_fits(a->epi, a->c) || a->rows < 0 || a->rows > 2 ||
        (a->all.to && !a->all.scratch))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, launch, a, stream);
}
