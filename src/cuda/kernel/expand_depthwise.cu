/* SPDX-License-Identifier: Apache-2.0
 *
 * The first two layers of an inverted residual unit in one: a 1x1 convolution with activation that widens x, then a
 * depthwise convolution of the widened map, which lies in shared memory and nowhere else. In 16 bits, on tensor cores.
 * A depthwise convolution by itself is the same without the product: its pixels are copied.
 *
 * Mapping: a block computes CHUNK of the wide channels in a tile of one image. First its pixels, those of the tile and
 * what the window sees around them, become rows of a matrix product: a warp takes PIXELS of them at a time and all of
 * the chunk, two steps of DEPTH channels of x a time. x comes straight from memory: what a lane brings to both steps
 * are eight neighbours, 16 bytes. The weights were packed in the order that lanes want (expand_pack.cu). With bias and
 * activation the wide pixels are rounded to T, as a map in memory would be; outside of the image they are zeros.
 * Then the window, as products too: pixels of eight channels by a matrix whose diagonal holds a tap's weights, two taps
 * a step. Seven eighths of it multiply zeros, and still there are ten times fewer instructions than with one for each
 * product. A warp has two such groups of channels and every other PIXELS outputs of the tile. Channels lie in shared
 * memory in the order of mma.cuh, so that a lane ends up with four neighbours.
 * Traffic: x (tile + K - S)^2 / tile^2 times for each chunk, from L2; y once. What it saves is the wide map, once
 * written and read K times.
 * The sums of an image are those of one tile, in a fixed order: parts = tiles of an image. Those of the whole map, and
 * of its squares, are joined of the tiles' by blocks that are last (steps.cuh); only of what is copied. */
#include "cuda/kernel/expand.cuh"
#include "cuda/kernel/steps.cuh"

enum {
    PITCH = CHUNK + 8 /* spreads the banks */, HALVES = 2, WARPS = GROUPS * HALVES, THREADS = WARPS * WEFT_WARP,
    MOST_TILE = 31, MOST_SIDE = 512 /* of y */
};

template <typename T> struct expand_job {
    const T *x;
    const uint4 *expand;    /* [chunks][steps][GROUPS][lane]: a group's two products' weights of four channels */
    const unsigned *window; /* [chunks][GROUPS][pairs][2][lane]: of a pair of taps, for each half of a group */
    const float *expand_bias, *bias;
    weft_act expand_act, act;
    T *y;
    int x_ld, y_ld, c_in, c, steps;
    weft_kwindow win;
    int tile_h, tile_w; /* outputs */
    weft_area tiles;
    float *sums;        /* [n][tiles][c] */
    weft_map_sums all;
    weft_steps joins; /* of all */
};

/* A block's place: its outputs from (oh, ow), and the pixels of the wide map that these see, rows * cols from (top,
 * left). */
struct expand_place {
    int chunk, oh, ow, top, left, rows, cols;
};

template <typename T, int K, int S> __device__ __forceinline__ expand_place place_of(const expand_job<T> &job)
{
    const int tile = (int)blockIdx.y, tile_h = weft_row_of(job.tiles, tile);
    expand_place p;
    p.chunk = (int)blockIdx.x;
    p.oh = tile_h * job.tile_h;
    p.ow = (tile - tile_h * job.tiles.across) * job.tile_w;
    p.top = p.oh * S - job.win.pad.top;
    p.left = p.ow * S - job.win.pad.left;
    p.rows = (job.tile_h - 1) * S + K;
    p.cols = (job.tile_w - 1) * S + K;
    return p;
}

/* The wide pixels as they are in memory, zeros outside of the image: eight channels at a time, of which the pairs go to
 * both halves of their group by turns. */
template <typename T>
__device__ __forceinline__ void copy(const expand_job<T> &job, const expand_place &p, T *tile)
{
    enum { EIGHTS = CHUNK / 8 };
    const weft_area area = weft_area_of(p.rows, p.cols);
    const int base = (int)blockIdx.z * job.win.h, first = p.chunk * CHUNK;
    const uint4 zero = { 0, 0, 0, 0 };
#pragma unroll 4
    for (int i = (int)threadIdx.x; i < area.count * EIGHTS; i += THREADS) {
        const int pixel = i / EIGHTS, eight = i - pixel * EIGHTS, row = weft_row_of(area, pixel);
        const int h = p.top + row, w = p.left + pixel - row * area.across, c = first + eight * 8;
        const bool inside = h >= 0 && h < job.win.h && w >= 0 && w < job.win.w && c < job.c;
        const T *from = job.x + (((base + h) * job.win.w + w) * job.x_ld + c);
        const uint4 v = inside ? *reinterpret_cast<const uint4 *>(from) : zero;
        const uint2 even = { v.x, v.z }, odd = { v.y, v.w };
        T *to = tile + pixel * PITCH + eight / 2 * 16 + eight % 2 * 4;
        *reinterpret_cast<uint2 *>(to) = even;
        *reinterpret_cast<uint2 *>(to + 8) = odd;
    }
}

/* The chunk's biases, of the product and then of the window; zeros where the tile reaches out of the image, and in
 * the pixel behind it, which the last tap's partner reads. */
template <typename T, bool COPIES>
__device__ __forceinline__ void prepare(const expand_job<T> &job, const expand_place &p, float *bias, T *tile)
{
    constexpr int WORDS = PITCH * (int)sizeof(T) / 16;
    const int i = (int)threadIdx.x, c = p.chunk * CHUNK + i, pixels = p.rows * p.cols;
    const uint4 zero = { 0, 0, 0, 0 };
    const bool inside = p.top >= 0 && p.left >= 0 && p.top + p.rows <= job.win.h && p.left + p.cols <= job.win.w;
    if (i < CHUNK) {
        bias[i] = job.expand_bias && c < job.c ? job.expand_bias[c] : 0;
        bias[CHUNK + i] = job.bias && c < job.c ? job.bias[c] : 0;
    }
    for (int pixel = (inside || COPIES ? pixels : 0) + i; pixel <= pixels; pixel += THREADS) {
        const int row = pixel / p.cols, h = p.top + row, w = p.left + pixel - row * p.cols;
        if (pixel < pixels && h >= 0 && h < job.win.h && w >= 0 && w < job.win.w)
            continue;
#pragma unroll
        for (int word = 0; word < WORDS; word++)
            reinterpret_cast<uint4 *>(tile)[pixel * WORDS + word] = zero;
    }
    if (COPIES)
        copy(job, p, tile);
    else
        __syncthreads(); /* biases are read, and zeros partly written over */
}

/* ---- the product ---- */

/* A lane's two pixels: where they begin in the image, and where they go in the tile, elements; negative: nowhere. */
struct expand_lane {
    int from[2], to[2], depth; /* depth: channels that there are, from the lane's first */
};

template <typename T>
__device__ __forceinline__ void load_pixels(const expand_job<T> &job, const expand_lane &l, int c, uint4 (&to)[2])
{
#pragma unroll
    for (int i = 0; i < 2; i++) {
        const uint4 zero = { 0, 0, 0, 0 };
        to[i] = c < l.depth ? *reinterpret_cast<const uint4 *>(job.x + (l.from[i] + c)) : zero;
    }
}

/* a: of two pixels; w: where the lane's weights of the step are. */
template <typename T>
__device__ __forceinline__ void multiply(const expand_job<T> &job, const unsigned (&a)[4], int w,
                                         float (&sum)[GROUPS * 2][4])
{
#pragma unroll
    for (int g = 0; g < GROUPS; g++) {
        const uint4 b = job.expand[w + g * WEFT_WARP];
        const unsigned low[2] = { b.x, b.y }, high[2] = { b.z, b.w };
        weft_mma(sum[g * 2], a, low, T());
        weft_mma(sum[g * 2 + 1], a, high, T());
    }
}

template <typename T>
__device__ __forceinline__ void store_pixels(const expand_job<T> &job, const expand_lane &l,
                                             float (&sum)[GROUPS * 2][4], T *tile)
{
    float v[GROUPS * 8]; /* one activation for all */
#pragma unroll
    for (int i = 0; i < GROUPS * 8; i++)
        v[i] = sum[i / 4][i % 4];
    weft_activate_near<GROUPS * 8>(job.expand_act, v);
#pragma unroll
    for (int i = 0; i < 2; i++) {
        if (l.to[i] < 0)
            continue;
#pragma unroll
        for (int j = 0; j < GROUPS * 2; j++)
            *reinterpret_cast<unsigned *>(tile + l.to[i] + j * 8) = weft_repack(v + j * 4 + i * 2, T());
    }
}

/* The wide channels of all pixels that are in the image. */
template <typename T, bool SCARCE>
__device__ __forceinline__ void expand(const expand_job<T> &job, const expand_place &p, const float *bias, T *tile)
{
    const expand_thread t = thread_of_block();
    const int top = p.top < 0 ? 0 : p.top, left = p.left < 0 ? 0 : p.left;
    const weft_area area =
        weft_area_of(weft_smaller(p.top + p.rows, job.win.h) - top, weft_smaller(p.left + p.cols, job.win.w) - left);
    const int from = (((int)blockIdx.z * job.win.h + top) * job.win.w + left) * job.x_ld + t.quarter * 8;
    const int further = (job.win.w - area.across) * job.x_ld;
    const int to = ((top - p.top) * p.cols + left - p.left) * PITCH + t.quarter * 2;
    const int to_further = (p.cols - area.across) * PITCH;
    for (int first = t.warp * PIXELS; first < area.count; first += WARPS * PIXELS) { /* a whole warp */
        expand_lane lane;
        lane.depth = job.c_in - t.quarter * 8;
#pragma unroll
        for (int i = 0; i < 2; i++) {
            const int at = first + t.row + i * (PIXELS / 2), pixel = weft_last_of(area, at);
            const int row = weft_row_of(area, pixel);
            lane.from[i] = from + pixel * job.x_ld + row * further;
        }
        float sum[GROUPS * 2][4];
        weft_begin<GROUPS>(bias + t.quarter * 4, sum);
#pragma unroll 1
        for (int step = 0, w = p.chunk * job.steps * (GROUPS * WEFT_WARP) + t.lane; step < job.steps;
             step += 2, w += 2 * GROUPS * WEFT_WARP) {
            uint4 x[2];
            load_pixels(job, lane, step * DEPTH, x);
            const unsigned low[4] = { x[0].x, x[1].x, x[0].y, x[1].y }, high[4] = { x[0].z, x[1].z, x[0].w, x[1].w };
            multiply(job, low, w, sum);
            if (SCARCE)
                weft_hold_loads(); /* of the next weights */
            multiply(job, high, w + GROUPS * WEFT_WARP, sum);
        }
#pragma unroll
        for (int i = 0; i < 2; i++) {
            const int at = first + t.row + i * (PIXELS / 2);
            lane.to[i] = at < area.count ? to + at * PITCH + weft_row_of(area, at) * to_further : -1;
        }
        weft_mma_end();
        store_pixels(job, lane, sum, tile);
    }
}

/* ---- the window ---- */

/* The outputs of a warp: two rows of a product's, of which a lane has four neighbouring channels each. */
template <typename T, int TOTALS>
__device__ __forceinline__ void store_outputs(const expand_job<T> &job, int to, const weft_area &area, int first,
                                              bool there, const float (&sum)[2][4], float (&total)[TOTALS])
{
    float v[8];
#pragma unroll
    for (int i = 0; i < 8; i++)
        v[i] = sum[i % 4 / 2][i / 4 * 2 + i % 2];
    weft_activate_near<8>(job.act, v);
#pragma unroll
    for (int i = 0; i < 2; i++) {
        const int at = first + i * (PIXELS / 2);
        if (at >= area.count || !there)
            continue;
        uint2 bytes;
        weft_gather<T>(v + i * 4, &bytes);
        *reinterpret_cast<uint2 *>(
            job.y + (to + (at + weft_row_of(area, at) * (job.win.ow - area.across)) * job.y_ld)) = bytes;
        if (!job.sums && (TOTALS == 4 || !job.all.to))
            continue;
        float stored[4];
        weft_spread<T>(bytes, ~0u, stored);
#pragma unroll
        for (int k = 0; k < TOTALS; k++)
            total[k] = k < 4 ? total[k] + stored[k] : fmaf(stored[k % 4], stored[k % 4], total[k]);
    }
}

template <typename T, int K, int S, bool SCARCE, int TOTALS>
__device__ __forceinline__ void compute(const expand_job<T> &job, const expand_place &p,
                                        const unsigned (&taps)[expand_pairs<K>::COUNT][2], const float *bias,
                                        const T *tile, float (&total)[TOTALS])
{
    const weft_area area =
        weft_area_of(weft_smaller(job.tile_h, job.win.oh - p.oh), weft_smaller(job.tile_w, job.win.ow - p.ow));
    const expand_thread t = thread_of_block();
    const int second = t.lane / 16, group = t.warp / HALVES, half = t.warp % HALVES;
    const int c = p.chunk * CHUNK + group * 16 + t.quarter * 4;
    const unsigned low = t.row % 2 ? 0x1044 : 0x4410, high = t.row % 2 ? 0x3244 : 0x4432; /* of a word's two taps */
    const int to = (((int)blockIdx.z * job.win.oh + p.oh) * job.win.ow + p.ow) * job.y_ld + c;
    const int upper = second * p.cols * PITCH + group * 16, lower = ((K - 1) * p.cols + second) * PITCH + group * 16;
    for (int first = half * PIXELS; first < area.count; first += HALVES * PIXELS) { /* a whole warp */
        const int pixel = weft_last_of(area, first + t.lane % 16);
        const int at = (pixel * S + weft_row_of(area, pixel) * S * (p.cols - area.across)) * PITCH;
        float sum[2][4];
        if (SCARCE)
            weft_hold_loads();
        weft_begin<1>(bias + CHUNK + group * 16 + t.quarter * 4, sum);
#pragma unroll
        for (int i = 0; i < expand_pairs<K>::COUNT; i++) {
            const bool above = i < expand_pairs<K>::UPPER;
            const int from = at + (above ? upper + (i / K * 2 * p.cols + i % K) * PITCH
                                         : lower + (i - expand_pairs<K>::UPPER) * 2 * PITCH);
#pragma unroll
            for (int j = 0; j < 2; j++) {
                const unsigned b[2] = { __byte_perm(taps[i][j], 0, low), __byte_perm(taps[i][j], 0, high) };
                weft_mma_rows(sum[j], tile + (from + j * 8), b, T());
            }
        }
        weft_mma_end();
        store_outputs(job, to, area, first + t.row, c < job.c, sum, total);
    }
}

/* The tile's sums, to a row of all channels: of the rows of each warp's products, then of its two halves. */
template <typename T>
__device__ __forceinline__ void store_sums(const expand_job<T> &job, const expand_place &p, const float *total,
                                           float *part, float *to)
{
    const expand_thread t = thread_of_block();
    __syncthreads(); /* biases may still be read */
#pragma unroll
    for (int k = 0; k < 4; k++) {
        float sum = total[k];
#pragma unroll
        for (int step = 4; step < WEFT_WARP; step *= 2)
            sum += __shfl_xor_sync(0xffffffffu, sum, step);
        if (t.row == 0)
            part[t.warp % HALVES * CHUNK + t.warp / HALVES * 16 + t.quarter * 4 + k] = sum;
    }
    __syncthreads();
    const int i = (int)threadIdx.x, c = p.chunk * CHUNK + i;
    if (i < CHUNK && c < job.c)
        to[c] = part[i] + part[CHUNK + i];
}

/* Blocks that can be made to fit on a multiprocessor. */
constexpr __device__ __host__ int most_blocks(int kernel)
{
    return kernel == 3 ? 4 : 3;
}

/* BLOCKS: that are to fit, most_blocks or one less, which then have more registers. */
template <typename T, int K, int S, int BLOCKS, bool COPIES>
__global__ void __launch_bounds__(THREADS, WEFT_BLOCKS(BLOCKS, 2)) expand_depthwise(expand_job<T> job)
{
    weft_begin();
    constexpr bool SCARCE = BLOCKS == most_blocks(K); /* registers */
    WEFT_DYN_SHARED(T, tile);
    WEFT_SHARED(float, part, (HALVES * CHUNK));
    const expand_place p = place_of<T, K, S>(job);
    prepare<T, COPIES>(job, p, part, tile);
    if (!COPIES)
        expand<T, SCARCE>(job, p, part, tile);
    constexpr int COUNT = expand_pairs<K>::COUNT;
    const expand_thread t = thread_of_block();
    const unsigned *window = job.window + (p.chunk * GROUPS + t.warp / HALVES) * (COUNT * 2 * WEFT_WARP) + t.lane;
    unsigned taps[COUNT][2];
    constexpr int TOTALS = COPIES && !(SCARCE && K == 5) ? 8 : 4;
    float total[TOTALS] = {};
#pragma unroll
    for (int i = 0; i < COUNT * 2; i++)
        taps[i / 2][i % 2] = window[i * WEFT_WARP];
    __syncthreads();
    compute<T, K, S, SCARCE, TOTALS>(job, p, taps, part, tile, total);
    const unsigned at = blockIdx.z * gridDim.y + blockIdx.y;
    if (job.sums) /* the same for all threads */
        store_sums(job, p, total, part, job.sums + (int64_t)at * job.c);
    if constexpr (TOTALS == 8) {
        if (!job.all.to)
            return;
        float *to = job.all.scratch + (int64_t)at * 2 * job.c;
        store_sums(job, p, total, part, to);
        store_sums(job, p, total + 4, part, to + job.c);
        const int base = p.chunk * CHUNK, end = weft_smaller(base + CHUNK, job.c);
        weft_join_steps(job.joins, blockIdx.x, at,
                        weft_rows_joiner{ job.all.scratch, job.all.to, job.c, 1, job.c, 2, base, end });
    }
}

/* ---- the host's side ---- */

/* Pixels side by side that so many outputs see. */
static int seen_of(int outputs, const weft_kwindow &win)
{
    return (outputs - 1) * win.stride_h + win.kernel_h;
}

static size_t shared_of(const weft_expand_tile &tile, const weft_kwindow &win)
{
    return (size_t)((seen_of(tile.h, win) * seen_of(tile.w, win) + 1) * PITCH) * 2;
}

/* About the clocks of a multiprocessor for a block, measured on an H200: of PIXELS pixels that become wide, loads of
 * x and of the weights and stores, or instructions; of PIXELS outputs of a group, loads of two taps for each half;
 * and what the block does besides. With swish both are bound by its exponentials. */
static double work_of(const weft_expand_depthwise_args *a, const weft_expand_tile &tile)
{
    const int taps = a->win.kernel_h * a->win.kernel_w, h = seen_of(tile.h, a->win), w = seen_of(tile.w, a->win);
    const int pixels = (h < a->win.h ? h : a->win.h) * (w < a->win.w ? w : a->win.w);
    const double loads = 20. * steps_of(a->c_in) + 12;
    const double product = a->expand_act == WEFT_ACT_SWISH && loads < 96 ? 96 : loads, copied = 24;
    const double reads = 4. * (taps + 1), window = a->act == WEFT_ACT_SWISH && reads < 48 ? 48 : reads;
    return weft_parts_of(pixels, PIXELS) * (a->c_in ? product + 10 : copied) +
           weft_parts_of(tile.h * tile.w, PIXELS) * GROUPS * (window + 10) + 800;
}

/* Of all blocks, as they share the multiprocessors of a large card. With fewer on each they have more registers, but
 * wait more. */
static double time_of(double blocks, double work, int each, int most)
{
    return ceil(blocks / (LARGE_CARD * each)) * each * work * (each < most ? 1.1 : 1);
}

/* Whether a block can find its place by weft_row_of. */
static bool count_fits(const weft_expand_tile &tile, const weft_kwindow &win)
{
    const int64_t across = weft_parts_of(win.ow, tile.w);
    return across * across * weft_parts_of(win.oh, tile.h) < 1 << 20;
}

weft_expand_tile weft_expand_depthwise_tile(const weft_expand_depthwise_args *a)
{
    const weft_kwindow &win = a->win;
    const int most = most_blocks(win.kernel_h);
    weft_expand_tile best = {};
    double least = INFINITY;
    for (int h = 1; h <= win.oh && h <= MOST_TILE; h++) {
        for (int w = 1; w <= win.ow && w <= MOST_TILE; w++) {
            weft_expand_tile tile = { h, w, most };
            if (shared_of(tile, win) > MOST_SHARED || !count_fits(tile, win))
                continue;
            const double work = work_of(a, tile), blocks = (double)win.n * weft_parts_of(win.oh, h) *
                                                           weft_parts_of(win.ow, w) * weft_parts_of(a->c, CHUNK);
            for (; tile.blocks >= most - 1; tile.blocks--) {
                const double time = time_of(blocks, work, tile.blocks, most);
                if (time < least) {
                    least = time;
                    best = tile;
                }
            }
        }
    }
    return best;
}

static bool tile_fits(const weft_expand_depthwise_args *a)
{
    const weft_expand_tile &t = a->tile;
    const int most = most_blocks(a->win.kernel_h);
    return t.h > 0 && t.w > 0 && t.h <= MOST_TILE && t.w <= MOST_TILE && (t.blocks == most || t.blocks == most - 1) &&
           shared_of(t, a->win) <= MOST_SHARED && count_fits(t, a->win);
}

/* Whether each window along a side sees the image: a tile that sees none of it has no pixels to widen. */
static bool windows_meet(int pad, int kernel, int stride, int outputs, int pixels)
{
    return pad < kernel && (outputs - 1) * stride - pad < pixels;
}

bool weft_expand_depthwise_takes(const weft_expand_depthwise_args *a)
{
    const weft_kwindow &w = a->win;
    return (a->dtype == WEFT_F16 || a->dtype == WEFT_BF16) && a->c_in % 8 == 0 && a->c % 8 == 0 && a->x.ld % 8 == 0 &&
           a->y.ld % 8 == 0 && w.kernel_h == w.kernel_w && (w.kernel_h == 3 || w.kernel_h == 5) &&
           w.stride_h == w.stride_w && (w.stride_h == 1 || (w.stride_h == 2 && a->c_in)) && w.dilation <= 1 &&
           (int64_t)w.n * w.h * w.w * a->x.ld <= INT32_MAX && (int64_t)w.n * w.oh * w.ow * a->y.ld <= INT32_MAX &&
           w.oh <= MOST_SIDE && w.ow <= MOST_SIDE && windows_meet(w.pad.top, w.kernel_h, w.stride_h, w.oh, w.h) &&
           windows_meet(w.pad.left, w.kernel_w, w.stride_w, w.ow, w.w) && weft_is_near(a->expand_act) &&
           weft_is_near(a->act);
}

int weft_expand_depthwise_parts(const weft_expand_depthwise_args *a)
{
    return weft_parts_of(a->win.oh, a->tile.h) * weft_parts_of(a->win.ow, a->tile.w);
}

static weft_steps sum_steps_of(const weft_expand_depthwise_args *a, unsigned *turns)
{
    return weft_steps_of(turns, (unsigned)(a->win.n * weft_expand_depthwise_parts(a)),
                         (unsigned)weft_parts_of(a->c, CHUNK));
}

bool weft_expand_depthwise_takes_sums(const weft_expand_depthwise_args *a)
{
    unsigned turn = 0;
    return !a->c_in && sum_steps_of(a, &turn).turns != nullptr;
}

template <typename T, int K, int S, bool COPIES>
static int launch_window(const weft_expand_tile &tile, const expand_job<T> &job, void *stream)
{
    const dim3 block(THREADS), grid((unsigned)weft_parts_of(job.c, CHUNK), (unsigned)job.tiles.count,
                                    (unsigned)job.win.n);
    const size_t shared = shared_of(tile, job.win);
    constexpr int MOST = most_blocks(K);
    if (tile.blocks == MOST && !(K == 5 && job.all.to)) /* no registers for squares */
        return WEFT_LAUNCH((expand_depthwise<T, K, S, MOST, COPIES>), grid, block, shared, stream, job);
    return WEFT_LAUNCH((expand_depthwise<T, K, S, MOST - 1, COPIES>), grid, block, shared, stream, job);
}

template <typename T> static int launch(const weft_expand_depthwise_args *a, void *stream)
{
    const weft_kwindow &w = a->win;
    const weft_expand_tile &tile = a->tile;
    expand_job<T> job;
    job.x = static_cast<const T *>(a->x.data);
    job.expand = static_cast<const uint4 *>(a->expand), job.window = static_cast<const unsigned *>(a->window);
    job.expand_bias = a->expand_bias, job.bias = a->bias;
    job.expand_act = a->expand_act, job.act = a->act;
    job.y = static_cast<T *>(a->y.data);
    job.x_ld = (int)a->x.ld, job.y_ld = (int)a->y.ld;
    job.c_in = a->c_in, job.c = a->c, job.steps = steps_of(a->c_in);
    job.win = w;
    job.tile_h = tile.h, job.tile_w = tile.w;
    job.tiles = weft_area_of(weft_parts_of(w.oh, tile.h), weft_parts_of(w.ow, tile.w));
    job.sums = a->sums, job.all = a->all, job.joins = sum_steps_of(a, a->all.turns);
    if (!a->c_in)
        return w.kernel_h == 3 ? launch_window<T, 3, 1, true>(tile, job, stream)
                               : launch_window<T, 5, 1, true>(tile, job, stream);
    if (w.stride_h == 1)
        return w.kernel_h == 3 ? launch_window<T, 3, 1, false>(tile, job, stream)
                               : launch_window<T, 5, 1, false>(tile, job, stream);
    return w.kernel_h == 3 ? launch_window<T, 3, 2, false>(tile, job, stream)
                           : launch_window<T, 5, 2, false>(tile, job, stream);
}

int weft_launch_expand_depthwise(const weft_expand_depthwise_args *a, void *stream)
{
    if (!weft_view_fits(a->x, a->c_in ? a->c_in : a->c) || !weft_view_fits(a->y, a->c) || !a->window ||
        (a->c_in && !a->expand) || !weft_window_fits(a->win) || a->win.n > 65535 ||
        !weft_expand_depthwise_takes(a) || !tile_fits(a) || !weft_is_wide(a->x, 2) || !weft_is_wide(a->y, 2) ||
        !weft_at_16(a->expand) || !weft_at_16(a->bias) ||
        (a->all.to && (!a->all.scratch || !a->all.turns || !weft_expand_depthwise_takes_sums(a))))
        return WEFT_INVALID_VALUE;
    return a->dtype == WEFT_F16 ? launch<weft_f16>(a, stream) : launch<weft_bf16>(a, stream);
}
