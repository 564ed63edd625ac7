/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of depthwise convolutions.
 *
 * turn_window: weights from the store to [taps][channels], so that a pack of channels is one load.
 * depthwise_dx: gathers. x of the block over packs of V channels, y over pixels of x; a thread goes through the outputs
 * whose windows hold its pixel: at a stride of S, dilation 1, every S-th tap. Traffic: dy about (K / S)^2 times from L1
 * and L2, once from memory; dx once. Strides of 1 have a faster way (conv_grad.h).
 * depthwise_dw: a block has up to MOST_PACKS packs of channels and a part of all strips of outputs side by side. x of
 * the block over packs, y over strips: a thread keeps the sums of all taps, so that an output is loaded once, and a
 * line of pixels once for all outputs of the strip. A line's loads are under way together; what lies outside is loaded
 * from the edge and made zero. Threads are added in shared memory, parts by the blocks that are last (steps.cuh), or by
 * dw_join where there are no counters: in a fixed order. Traffic: x K times from L1, once from memory; dy once. Bound
 * by instructions, of which two of five multiply and add. For 3x3 and 5x5 at strides of 1 and 2; others take
 * depthwise_dw_any, a tap for each block, and dw_join. */
#include "cuda/kernel/columns.cuh"
#include "cuda/kernel/conv_grad.cuh"
#include "cuda/kernel/steps.cuh"

enum { MOST_PACKS = 32, FULL = 2 * WEFT_MULTIPROCESSORS, ALL_BLOCKS = 512, MOST_PARTS = FULL, LEAST_UNITS = 4 };
enum { JOIN_LANES = 8 };

/* ---- weights ---- */

template <typename F, typename T> struct turn_job {
    const F *from;
    T *to;
    int64_t from_ld, to_c, to_tap, count;
    int c, taps, padded;
    bool flips;
};

template <typename F, typename T> __global__ void __launch_bounds__(WEFT_BLOCK) turn_window(turn_job<F, T> job)
{
    weft_begin();
    const int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= job.count)
        return;
    const int tap = (int)(i / job.padded), c = (int)(i - (int64_t)tap * job.padded);
    const int from = job.flips ? job.taps - 1 - tap : tap;
    weft_set(job.to + c * job.to_c + tap * job.to_tap,
             c < job.c ? weft_to_float(job.from[((int64_t)c * job.taps + from) * job.from_ld]) : 0.f);
}

template <typename F, typename T> static int turn(const weft_depthwise_turn_args *a, void *stream)
{
    turn_job<F, T> job;
    job.from = static_cast<const F *>(a->from.data);
    job.to = static_cast<T *>(a->to);
    job.from_ld = a->from.ld;
    job.to_c = a->by_channel ? a->taps : 1, job.to_tap = a->by_channel ? 1 : a->ld_to;
    job.c = a->c, job.taps = a->taps;
    job.padded = a->by_channel ? a->c : (int)a->ld_to;
    job.flips = a->flips;
    job.count = (int64_t)a->taps * job.padded;
    const int64_t blocks = (job.count + WEFT_BLOCK - 1) / WEFT_BLOCK;
    if (blocks > INT32_MAX)
        return WEFT_INVALID_VALUE;
    return WEFT_LAUNCH((turn_window<F, T>), dim3((unsigned)blocks), dim3(WEFT_BLOCK), 0, stream, job);
}

int weft_launch_depthwise_turn(const weft_depthwise_turn_args *a, void *stream)
{
    if (!weft_view_fits(a->from, 1) || !a->to || a->c <= 0 || a->taps <= 0 ||
        (!a->by_channel && (a->ld_to < a->c || a->ld_to > INT32_MAX)))
        return WEFT_INVALID_VALUE;
    if (a->from_dtype == WEFT_F32 && a->dtype == WEFT_F16)
        return turn<float, weft_f16>(a, stream);
    if (a->from_dtype == WEFT_F32 && a->dtype == WEFT_BF16)
        return turn<float, weft_bf16>(a, stream);
    return WEFT_BY_DTYPES(a->from_dtype, a->dtype, turn, a, stream);
}

/* ---- dx ---- */

template <typename T> struct depthwise_dx_job {
    const T *dy, *wt, *residual;
    T *dx;
    int64_t dy_ld, dx_ld, wt_ld, residual_ld;
    int rows, packs;
    weft_kwindow win;
};

/* S: the stride along both axes, at a dilation of 1; 0: whatever they are. */
template <typename T, int V, int S>
__global__ void __launch_bounds__(WEFT_BLOCK, 4) depthwise_dx(depthwise_dx_job<T> job)
{
    weft_begin();
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const unsigned row = blockIdx.x * blockDim.y + threadIdx.y;
    if (pack >= job.packs || row >= (unsigned)job.rows)
        return;
    const weft_kwindow &win = job.win;
    const unsigned line = row / (unsigned)win.w, n = line / (unsigned)win.h;
    const int ih = (int)(line - n * (unsigned)win.h), iw = (int)(row - line * (unsigned)win.w);
    const int step = S > 0 ? S : 1;
    float sum[V] = {};
#pragma unroll 1
    for (int r = S > 0 ? (ih + win.pad.top) % step : 0; r < win.kernel_h; r += step) {
        const int oh = S > 0 ? (ih + win.pad.top - r) / step
                             : weft_output_of(ih, win.pad.top, r, win.dilation, win.stride_h, win.oh);
        if (oh < 0 || oh >= win.oh || r > ih + win.pad.top)
            continue;
        const T *dy = job.dy + ((int64_t)n * win.oh + oh) * win.ow * job.dy_ld + c;
        const T *wt = job.wt + (int64_t)r * win.kernel_w * job.wt_ld + c;
        for (int s = S > 0 ? (iw + win.pad.left) % step : 0; s < win.kernel_w; s += step) {
            const int ow = S > 0 ? (iw + win.pad.left - s) / step
                                 : weft_output_of(iw, win.pad.left, s, win.dilation, win.stride_w, win.ow);
            if (ow < 0 || ow >= win.ow || s > iw + win.pad.left)
                continue;
            float d[V], w[V];
            weft_load<T, V>(dy + ow * job.dy_ld, d);
            weft_load<T, V>(wt + s * job.wt_ld, w);
#pragma unroll
            for (int i = 0; i < V; i++)
                sum[i] = fmaf(d[i], w[i], sum[i]);
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

template <typename T, int V> static int launch_dx(const weft_depthwise_dx_args *a, void *stream)
{
    depthwise_dx_job<T> job;
    job.dy = static_cast<const T *>(a->dy.data);
    job.wt = static_cast<const T *>(a->wt);
    job.residual = static_cast<const T *>(a->residual.data);
    job.dx = static_cast<T *>(a->dx.data);
    job.dy_ld = a->dy.ld, job.dx_ld = a->dx.ld, job.wt_ld = a->ld_wt, job.residual_ld = a->residual.ld;
    job.rows = a->win.n * a->win.h * a->win.w;
    job.packs = a->c / V;
    job.win = weft_with_dilation(a->win);
    const weft_tiling t = weft_tile_rows(job.rows, job.packs, 1);
    if (job.win.stride_h == 2 && job.win.stride_w == 2 && job.win.dilation == 1)
        return WEFT_LAUNCH((depthwise_dx<T, V, 2>), t.grid, t.block, 0, stream, job);
    return WEFT_LAUNCH((depthwise_dx<T, V, 0>), t.grid, t.block, 0, stream, job);
}

template <typename T> static int dx_by_width(const weft_depthwise_dx_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const bool wide = a->c % V == 0 && weft_is_wide(a->dy, sizeof(T)) && weft_is_wide(a->dx, sizeof(T)) &&
                      weft_is_wide(a->residual, sizeof(T)) && weft_at_16(a->wt) && a->ld_wt % V == 0;
    return wide ? launch_dx<T, V>(a, stream) : launch_dx<T, 1>(a, stream);
}

int weft_launch_depthwise_dx(const weft_depthwise_dx_args *a, void *stream)
{
    if (!weft_window_fits(a->win) || a->win.pad.top < 0 || a->win.pad.left < 0 || !weft_view_fits(a->dy, a->c) ||
        !weft_view_fits(a->dx, a->c) || !a->wt || a->ld_wt < a->c || (a->residual.data && a->residual.ld < a->c))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, dx_by_width, a, stream);
}

/* ---- dw ---- */

template <typename T> struct depthwise_dw_job {
    const T *x, *dy;
    float *to; /* [parts][taps][c] */
    int64_t x_ld, dy_ld;
    int packs, c;
    unsigned units, strips; /* what parts and lanes divide; strips: units of a line */
    weft_kwindow win;
    weft_steps steps;
    float *dw;
    int64_t dw_ld;
};

/* The first of a part's units; blockIdx.x is the part. */
__device__ __forceinline__ unsigned dw_first(unsigned units, unsigned part, unsigned parts)
{
    return (unsigned)((uint64_t)units * part / parts);
}

/* The sum of the lanes' values for each x, in the order of lanes, for the first of them. */
template <int V> __device__ __forceinline__ void dw_add_lanes(float *room, float (&sum)[V])
{
    const unsigned me = threadIdx.y * blockDim.x + threadIdx.x;
    __syncthreads(); /* what was there may still be read */
#pragma unroll
    for (int i = 0; i < V; i++)
        room[me * V + i] = sum[i];
    __syncthreads();
    for (unsigned lane = 1; threadIdx.y == 0 && lane < blockDim.y; lane++) {
#pragma unroll
        for (int i = 0; i < V; i++)
            sum[i] += room[(me + lane * blockDim.x) * V + i];
    }
}

/* Channels of a thread and outputs of a strip: as many as leave registers for the sums of all taps. Lines of networks
 * are multiples of 7, mostly. */
__host__ __device__ constexpr int dw_pack(int k, int s)
{
    return k == 3 && s == 1 ? 4 : 2;
}

__host__ __device__ constexpr int dw_strip(int k, int s)
{
    return k == 5 && s == 2 ? 4 : 7;
}

/* Whether a strip's outputs are all there, and all its columns but the outer K / 2 on each side: most are, where lines
 * are a multiple of STRIP. */
template <int K, int S> __device__ __forceinline__ bool dw_is_full(const weft_kwindow &win, int ow)
{
    constexpr int STRIP = dw_strip(K, S);
    const int first = ow * S - win.pad.left;
    return ow + STRIP <= win.ow && first >= -(K / 2) && first + (STRIP - 1) * S + K <= win.w + K / 2;
}

/* A strip's outputs from ow on of one line of dy, and the lines of pixels from ih on that they see, into the sums of
 * taps. x is where the image begins. IS_FULL: dw_is_full. */
template <typename T, int K, int S, int V, bool IS_FULL>
__device__ __forceinline__ void dw_add_strip(const depthwise_dw_job<T> &job, const T *x, const T *dy, int ih, int ow,
                                             float (&sum)[K][K * V])
{
    constexpr int STRIP = dw_strip(K, S), COLS = (STRIP - 1) * S + K;
    const weft_kwindow &win = job.win;
    const int first = ow * S - win.pad.left, x_ld = (int)job.x_ld, dy_ld = (int)job.dy_ld;
    weft_piece<T, V> ys[STRIP];
    float d[STRIP][V];
#pragma unroll
    for (int t = 0; t < STRIP; t++)
        ys[t].load(dy + (IS_FULL ? ow + t : weft_nearest(ow + t, win.ow)) * dy_ld);
#pragma unroll
    for (int t = 0; t < STRIP; t++)
        ys[t].spread(d[t], IS_FULL ? ~0u : weft_inside(ow + t, win.ow));
#pragma unroll
    for (int r = 0; r < K; r++) {
        if (ih + r < 0 || ih + r >= win.h)
            continue;
        const T *line = x + (int64_t)((ih + r) * win.w) * job.x_ld;
        weft_piece<T, V> xs[COLS];
#pragma unroll
        for (int j = 0; j < COLS; j++) {
            const bool is_there = IS_FULL && j >= K / 2 && j < COLS - K / 2;
            xs[j].load(line + (is_there ? first + j : weft_nearest(first + j, win.w)) * x_ld);
        }
#pragma unroll
        for (int j = 0; j < COLS; j++) {
            const bool is_there = IS_FULL && j >= K / 2 && j < COLS - K / 2;
            float px[V];
            xs[j].spread(px, is_there ? ~0u : weft_inside(first + j, win.w));
#pragma unroll
            for (int t = 0; t < STRIP; t++) {
                const int s = j - t * S;
                if (s < 0 || s >= K)
                    continue;
#pragma unroll
                for (int i = 0; i < V; i++)
                    sum[r][s * V + i] = fmaf(d[t][i], px[i], sum[r][s * V + i]);
            }
        }
    }
}

template <typename T, int K, int S>
__global__ void __launch_bounds__(WEFT_BLOCK, 2) depthwise_dw(depthwise_dw_job<T> job)
{
    weft_begin();
    constexpr int V = dw_pack(K, S), STRIP = dw_strip(K, S);
    WEFT_SHARED(float, room, (WEFT_BLOCK * K * V));
    const weft_kwindow &win = job.win;
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const unsigned last = dw_first(job.units, blockIdx.x + 1, gridDim.x);
    float sum[K][K * V] = {};
    unsigned u = dw_first(job.units, blockIdx.x, gridDim.x) + threadIdx.y;
    for (; pack < job.packs && u < last; u += blockDim.y) {
        const unsigned line = u / job.strips, n = line / (unsigned)win.oh;
        const int ih = (int)(line - n * (unsigned)win.oh) * S - win.pad.top;
        const int ow = (int)(u - line * job.strips) * STRIP;
        const T *x = job.x + (int64_t)n * win.h * win.w * job.x_ld + c;
        const T *dy = job.dy + (int64_t)line * win.ow * job.dy_ld + c;
        if (dw_is_full<K, S>(win, ow))
            dw_add_strip<T, K, S, V, true>(job, x, dy, ih, ow, sum);
        else
            dw_add_strip<T, K, S, V, false>(job, x, dy, ih, ow, sum);
    }
    float *to = job.to + (int64_t)blockIdx.x * K * K * job.c + c;
#pragma unroll
    for (int r = 0; r < K; r++) {
        __syncthreads(); /* room may still be read */
        weft_add_rows<K * V>(room, sum[r]);
        if (threadIdx.y > 0 || pack >= job.packs)
            continue;
#pragma unroll
        for (int s = 0; s < K; s++) {
            weft_piece<float, V> taps;
            float v[V];
#pragma unroll
            for (int i = 0; i < V; i++)
                v[i] = sum[r][s * V + i];
            taps.pack(v);
            taps.store(to + (r * K + s) * (int64_t)job.c);
        }
    }
    if (!job.steps.turns)
        return;
    const int base = (int)(blockIdx.y * blockDim.x) * V, end = base + (int)blockDim.x * V;
    const weft_rows_joiner join = { job.to, job.dw, job.dw_ld, K * K * job.dw_ld,
                                    job.c,  K * K,  base,      end < job.c ? end : job.c };
    weft_join_steps(job.steps, blockIdx.y, blockIdx.x, join);
}

/* blockIdx.z: the tap. Units are outputs. */
template <typename T, int V>
__global__ void __launch_bounds__(WEFT_BLOCK, 2) depthwise_dw_any(depthwise_dw_job<T> job)
{
    weft_begin();
    WEFT_SHARED(float, room, (WEFT_BLOCK * V));
    const weft_kwindow &win = job.win;
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const int r = (int)blockIdx.z / win.kernel_w, s = (int)blockIdx.z - r * win.kernel_w;
    const unsigned last = dw_first(job.units, blockIdx.x + 1, gridDim.x);
    float sum[V] = {};
    unsigned u = dw_first(job.units, blockIdx.x, gridDim.x) + threadIdx.y;
    for (; pack < job.packs && u < last; u += blockDim.y) {
        const unsigned line = u / (unsigned)win.ow, n = line / (unsigned)win.oh;
        const int ih = (int)(line - n * (unsigned)win.oh) * win.stride_h - win.pad.top + r * win.dilation;
        const int iw = (int)(u - line * (unsigned)win.ow) * win.stride_w - win.pad.left + s * win.dilation;
        if (ih < 0 || ih >= win.h || iw < 0 || iw >= win.w)
            continue;
        float px[V], d[V];
        weft_load<T, V>(job.x + (((int64_t)n * win.h + ih) * win.w + iw) * job.x_ld + c, px);
        weft_load<T, V>(job.dy + (int64_t)u * job.dy_ld + c, d);
#pragma unroll
        for (int i = 0; i < V; i++)
            sum[i] = fmaf(d[i], px[i], sum[i]);
    }
    dw_add_lanes<V>(room, sum);
    if (threadIdx.y == 0 && pack < job.packs)
        weft_store<float, V>(job.to + ((int64_t)blockIdx.x * gridDim.z + blockIdx.z) * job.c + c, sum);
}

struct dw_join_job {
    const float *parts_of; /* [parts][count], count = taps * c */
    float *to;
    int64_t count, to_ld;
    int parts, c, taps;
};

/* x of the block over tap and channel, y over parts, JOIN_LANES apart. */
__global__ void __launch_bounds__(WEFT_BLOCK) dw_join(dw_join_job job)
{
    weft_begin();
    WEFT_SHARED(float, room, WEFT_BLOCK);
    const int64_t i = (int64_t)blockIdx.x * WEFT_WARP + threadIdx.x;
    float sum[1] = {};
#pragma unroll 4
    for (int part = (int)threadIdx.y; i < job.count && part < job.parts; part += JOIN_LANES)
        sum[0] += job.parts_of[part * job.count + i];
    dw_add_lanes<1>(room, sum);
    const int64_t tap = i / job.c;
    if (threadIdx.y == 0 && i < job.count)
        job.to[((i - tap * job.c) * job.taps + tap) * job.to_ld] = sum[0];
}

/* ---- dw on the host ---- */

/* How a launch is cut: threads, packs of V channels, units and parts. */
struct dw_shape {
    bool strips; /* depthwise_dw, not depthwise_dw_any */
    int v, packs;
    dim3 block;
    unsigned units, per_line, parts, columns; /* columns: blocks side by side */
};

static bool dw_has_kernel(const weft_depthwise_dw_args *a)
{
    const weft_kwindow &w = a->win;
    return w.kernel_h == w.kernel_w && (w.kernel_h == 3 || w.kernel_h == 5) && w.stride_h == w.stride_w &&
           w.stride_h <= 2 && w.dilation <= 1 && a->x.ld <= INT32_MAX / w.w && a->dy.ld <= INT32_MAX / w.ow;
}

/* Whether packs of v channels can be loaded. */
static bool dw_is_packed(const weft_kview &view, size_t size, int v)
{
    return (uintptr_t)view.data % ((size_t)v * size) == 0 && view.ld % v == 0;
}

static dw_shape dw_shape_by(const weft_depthwise_dw_args *a, bool strips, int v)
{
    const weft_kwindow &w = a->win;
    dw_shape s;
    s.strips = strips;
    s.v = v;
    s.packs = a->c / v;
    s.columns = (unsigned)((s.packs + MOST_PACKS - 1) / MOST_PACKS);
    const int x = (s.packs + (int)s.columns - 1) / (int)s.columns;
    const int strip = strips ? dw_strip(w.kernel_h, w.stride_h) : 1;
    s.per_line = (unsigned)((w.ow + strip - 1) / strip);
    s.units = (unsigned)w.n * (unsigned)w.oh * s.per_line;
    s.block = dim3((unsigned)x, (unsigned)(WEFT_BLOCK / x));
    while (s.block.y > 1 && s.block.y / 2 >= s.units)
        s.block.y /= 2;
    const unsigned wanted = (strips ? FULL : ALL_BLOCKS) / s.columns, most = s.units / (s.block.y * LEAST_UNITS);
    s.parts = wanted < most ? wanted : most;
    s.parts = s.parts > MOST_PARTS ? (unsigned)MOST_PARTS : s.parts > 0 ? s.parts : 1;
    return s;
}

/* Of sizes, and of what can be loaded. */
static dw_shape dw_shape_of(const weft_depthwise_dw_args *a)
{
    const size_t size = weft_size_of(a->dtype);
    const int wide = (int)(16 / size), pack = dw_pack(a->win.kernel_h, a->win.stride_h);
    if (dw_has_kernel(a) && a->c % pack == 0 && dw_is_packed(a->x, size, pack) && dw_is_packed(a->dy, size, pack) &&
        weft_at_16(a->scratch))
        return dw_shape_by(a, true, pack);
    const bool packed = a->c % wide == 0 && weft_is_wide(a->x, size) && weft_is_wide(a->dy, size);
    return dw_shape_by(a, false, packed ? wide : 1);
}

/* For any of the shapes, whatever the addresses will be. */
int64_t weft_depthwise_dw_floats(const weft_depthwise_dw_args *a)
{
    const int wide = (int)(16 / weft_size_of(a->dtype)), pack = dw_pack(a->win.kernel_h, a->win.stride_h);
    const dw_shape strips = dw_shape_by(a, true, a->c % pack == 0 ? pack : 1), one = dw_shape_by(a, false, 1);
    const dw_shape packs = dw_shape_by(a, false, a->c % wide == 0 ? wide : 1);
    unsigned parts = strips.parts > one.parts ? strips.parts : one.parts;
    parts = packs.parts > parts ? packs.parts : parts;
    return (int64_t)parts * a->win.kernel_h * a->win.kernel_w * a->c;
}

/* Of sizes, for dense tensors of aligned memory. */
bool weft_depthwise_dw_joins(const weft_depthwise_dw_args *a)
{
    unsigned turn = 0;
    const int pack = dw_pack(a->win.kernel_h, a->win.stride_h);
    if (!dw_has_kernel(a) || a->c % pack != 0)
        return false;
    const dw_shape s = dw_shape_by(a, true, pack);
    return weft_steps_of(&turn, s.parts, s.columns).turns != nullptr;
}

template <typename T>
static int launch_parts(const weft_depthwise_dw_args *a, const dw_shape &s, const weft_steps &steps, void *stream)
{
    depthwise_dw_job<T> job;
    job.x = static_cast<const T *>(a->x.data);
    job.dy = static_cast<const T *>(a->dy.data);
    job.to = a->scratch;
    job.x_ld = a->x.ld, job.dy_ld = a->dy.ld;
    job.packs = s.packs, job.c = a->c;
    job.units = s.units, job.strips = s.per_line;
    job.win = weft_with_dilation(a->win);
    job.steps = steps;
    job.dw = static_cast<float *>(a->dw.data), job.dw_ld = a->dw.ld;
    const bool one = job.win.stride_h == 1;
    const dim3 grid(s.parts, s.columns), all(s.parts, s.columns, (unsigned)(job.win.kernel_h * job.win.kernel_w));
    if (!s.strips && s.v == 1)
        return WEFT_LAUNCH((depthwise_dw_any<T, 1>), all, s.block, 0, stream, job);
    if (!s.strips)
        return WEFT_LAUNCH((depthwise_dw_any<T, weft_wide<T>::V>), all, s.block, 0, stream, job);
    if (job.win.kernel_h == 3)
        return one ? WEFT_LAUNCH((depthwise_dw<T, 3, 1>), grid, s.block, 0, stream, job)
                   : WEFT_LAUNCH((depthwise_dw<T, 3, 2>), grid, s.block, 0, stream, job);
    return one ? WEFT_LAUNCH((depthwise_dw<T, 5, 1>), grid, s.block, 0, stream, job)
               : WEFT_LAUNCH((depthwise_dw<T, 5, 2>), grid, s.block, 0, stream, job);
}

template <typename T> static int launch_dw(const weft_depthwise_dw_args *a, void *stream)
{
    const dw_shape s = dw_shape_of(a);
    const weft_steps steps = weft_steps_of(s.strips ? a->turns : nullptr, s.parts, s.columns);
    const int status = launch_parts<T>(a, s, steps, stream);
    if (status != 0 || steps.turns)
        return status;
    dw_join_job join;
    join.parts_of = a->scratch;
    join.to = static_cast<float *>(a->dw.data);
    join.to_ld = a->dw.ld;
    join.parts = (int)s.parts, join.c = a->c, join.taps = a->win.kernel_h * a->win.kernel_w;
    join.count = (int64_t)join.taps * a->c;
    const dim3 grid((unsigned)((join.count + WEFT_WARP - 1) / WEFT_WARP));
    return WEFT_LAUNCH(dw_join, grid, dim3(WEFT_WARP, JOIN_LANES), 0, stream, join);
}

int weft_launch_depthwise_dw(const weft_depthwise_dw_args *a, void *stream)
{
    if (!weft_window_fits(a->win) || !weft_view_fits(a->x, a->c) || !weft_view_fits(a->dy, a->c) ||
        !weft_view_fits(a->dw, 1) || !a->scratch || (int64_t)a->win.kernel_h * a->win.kernel_w > 65535)
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, launch_dw, a, stream);
}
