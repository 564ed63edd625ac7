/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution of images, whose pixels have up to four channels and lie 8 bytes apart: the first layer of a network, in
 * 16 bits, on tensor cores.
 *
 * Mapping: a block computes 16 GROUPS channels of a tile of one image. What the windows of the tile see is copied to
 * shared memory, with zeros outside of the image. Then a warp takes SIDE times PIXELS outputs at a time, two where many
 * steps share the weights' loads, and four taps that lie side by side a step: DEPTH columns are four pixels, of which
 * each lane of four has one. A row of the window is filled up to a multiple of four taps with weights of zero. The
 * weights, packed in the order that lanes want, come from L1.
 * Traffic: x about once, y once. */
#include "cuda/kernel/mma.cuh"

enum { WARPS = WEFT_BLOCK / WEFT_WARP, TAPS = 4, FEW_STEPS = 6 };

template <typename T> struct image_job {
    const uint2 *x;  /* a pixel each */
    const uint4 *wt; /* [chunks][steps][GROUPS][lane]: of a tap, four channels for each half of a group */
    const float *bias;
    T *y;
    weft_act act;
    int y_ld, k, chunks, quads, steps; /* quads: of taps in a row of the window */
    weft_kwindow win;
    int tile_h, tile_w, rows, cols; /* of outputs, and of what they see */
};

/* The block's pixels, and the biases of its channels from k. */
template <typename T, int GROUPS>
__device__ __forceinline__ void fetch(const image_job<T> &job, int top, int left, int k, uint2 *tile, float *bias)
{
    const weft_area area = weft_area_of(job.rows, job.cols);
    const uint2 zero = { 0, 0 };
    for (int i = (int)threadIdx.x; i < GROUPS * 16; i += WEFT_BLOCK)
        bias[i] = job.bias && k + i < job.k ? job.bias[k + i] : 0;
#pragma unroll 4
    for (int i = (int)threadIdx.x; i < area.count; i += WEFT_BLOCK) {
        const int row = weft_row_of(area, i), h = top + row, w = left + i - row * area.across;
        const bool inside = h >= 0 && h < job.win.h && w >= 0 && w < job.win.w;
        tile[i] = inside ? job.x[((int)blockIdx.z * job.win.h + h) * job.win.w + w] : zero;
    }
    __syncthreads();
}

/* Where the lane's pixels of the first tap are: of two rows of each product. */
template <typename T, int SIDE>
__device__ __forceinline__ void find_pixels(const image_job<T> &job, const weft_area &area, int first, int lane,
                                            int (&at)[SIDE * 2])
{
#pragma unroll
    for (int i = 0; i < SIDE * 2; i++) {
        const int pixel = weft_last_of(area, first + lane / 4 + i * (PIXELS / 2)), row = weft_row_of(area, pixel);
        at[i] = (row * job.win.stride_h) * job.cols + (pixel - row * area.across) * job.win.stride_w + lane % 4;
    }
}

template <typename T, int GROUPS, int SIDE>
__device__ __forceinline__ void multiply(const image_job<T> &job, const uint2 *tile, int (&at)[SIDE * 2], int w,
                                         float (&sum)[SIDE][GROUPS * 2][4])
{
    int quad = 0;
#pragma unroll 1
    for (int step = 0; step < job.steps; step++, w += GROUPS * WEFT_WARP) {
        unsigned a[SIDE][4];
#pragma unroll
        for (int side = 0; side < SIDE; side++) {
            const uint2 up = tile[at[side * 2]], down = tile[at[side * 2 + 1]];
            a[side][0] = up.x, a[side][1] = down.x, a[side][2] = up.y, a[side][3] = down.y;
        }
#pragma unroll
        for (int g = 0; g < GROUPS; g++) {
            const uint4 b = job.wt[w + g * WEFT_WARP];
            const unsigned low[2] = { b.x, b.y }, high[2] = { b.z, b.w };
#pragma unroll
            for (int side = 0; side < SIDE; side++) {
                weft_mma(sum[side][g * 2], a[side], low, T());
                weft_mma(sum[side][g * 2 + 1], a[side], high, T());
            }
        }
        quad = quad + 1 < job.quads ? quad + 1 : 0;
#pragma unroll
        for (int i = 0; i < SIDE * 2; i++)
            at[i] += quad ? TAPS : job.cols - (job.quads - 1) * TAPS;
    }
}

/* Two rows of one product: their activation and store. to: of the tile's first output and the lane's first channel. */
template <typename T, int GROUPS>
__device__ __forceinline__ void store(const image_job<T> &job, const weft_area &area, int first, int to, int channels,
                                      const float (&sum)[GROUPS * 2][4])
{
#pragma unroll
    for (int i = 0; i < 2; i++) {
        const int at = first + i * (PIXELS / 2), y = to + (at + weft_row_of(area, at) * (job.win.ow - area.across)) *
                                                         job.y_ld;
        float v[GROUPS * 4];
#pragma unroll
        for (int j = 0; j < GROUPS * 4; j++)
            v[j] = sum[j / 2][i * 2 + j % 2];
        weft_activate_near<GROUPS * 4>(job.act, v);
#pragma unroll
        for (int g = 0; g < GROUPS; g++) {
            uint2 bytes;
            weft_gather<T>(v + g * 4, &bytes);
            if (at < area.count && g * 16 < channels)
                *reinterpret_cast<uint2 *>(job.y + (y + g * 16)) = bytes;
        }
    }
}

template <typename T, int GROUPS, int SIDE>
__global__ void __launch_bounds__(WEFT_BLOCK, WEFT_BLOCKS(SIDE == 1 ? 3 : 2, SIDE == 1 ? 2 : 1)) image(image_job<T> job)
{
    weft_begin();
    WEFT_DYN_SHARED(uint2, tile);
    WEFT_SHARED(float, bias, (GROUPS * 16));
    const int tile_w = (int)(blockIdx.x / (unsigned)job.chunks), chunk = (int)blockIdx.x - tile_w * job.chunks;
    const int oh = (int)blockIdx.y * job.tile_h, ow = tile_w * job.tile_w, lane = (int)threadIdx.x % WEFT_WARP;
    const int k = chunk * GROUPS * 16;
    fetch<T, GROUPS>(job, oh * job.win.stride_h - job.win.pad.top, ow * job.win.stride_w - job.win.pad.left, k, tile,
                     bias);
    const weft_area area = weft_area_of(weft_smaller(job.tile_h, job.win.oh - oh),
                                        weft_smaller(job.tile_w, job.win.ow - ow));
    const int to = (((int)blockIdx.z * job.win.oh + oh) * job.win.ow + ow) * job.y_ld + k + lane % 4 * 4;
    constexpr int ROWS = SIDE * PIXELS;
    for (int first = (int)threadIdx.x / WEFT_WARP * ROWS; first < area.count; first += WARPS * ROWS) { /* a warp */
        int at[SIDE * 2];
        float sum[SIDE][GROUPS * 2][4];
        find_pixels<T, SIDE>(job, area, first, lane, at);
#pragma unroll
        for (int side = 0; side < SIDE; side++)
            weft_begin<GROUPS>(bias + lane % 4 * 4, sum[side]);
        multiply<T, GROUPS, SIDE>(job, tile, at, chunk * job.steps * (GROUPS * WEFT_WARP) + lane, sum);
        weft_mma_end();
#pragma unroll
        for (int side = 0; side < SIDE; side++)
            store<T, GROUPS>(job, area, first + side * PIXELS + lane / 4, to, job.k - k - lane % 4 * 4,
                             sum[side]);
    }
}

/* ---- the weights ---- */

struct image_weights {
    const float *from; /* [k][kernel_h][kernel_w][c] */
    int k, kernel_h, kernel_w, c, groups, quads, count;
};

template <typename T> __global__ void __launch_bounds__(WEFT_BLOCK) pack_image(image_weights w, T *to)
{
    weft_begin();
    const int i = (int)(blockIdx.x * WEFT_BLOCK + threadIdx.x);
    if (i >= w.count)
        return;
    const int lane = i / 8 % WEFT_WARP, at = i / (8 * WEFT_WARP), step = at / w.groups % (w.quads * w.kernel_h);
    const int chunk = at / w.groups / (w.quads * w.kernel_h), c = i % 4;
    const int k = (chunk * w.groups + at % w.groups) * 16 + weft_channel_of(i / 4 % 2, lane / 4);
    const int row = step / w.quads, col = step % w.quads * TAPS + lane % 4;
    const bool there = k < w.k && col < w.kernel_w && c < w.c;
    weft_set(to + i, there ? w.from[((k * w.kernel_h + row) * w.kernel_w + col) * w.c + c] : 0);
}

/* ---- the host's side ---- */

/* Sixteens of channels that a block computes: as few too many as can be. */
static int groups_of(int k)
{
    int best = 4;
    for (int groups = 3; groups >= 2; groups--)
        if (weft_parts_of(k, 16 * groups) * groups < weft_parts_of(k, 16 * best) * best)
            best = groups;
    return best;
}

/* The tile whose blocks take the least time: of steps, and of fetching. */
static void find_tile(const weft_image_args *a, int steps, int rows, int *tile_h, int *tile_w)
{
    enum { MOST = 64 };
    const int most = steps > FEW_STEPS ? 256 : 512; /* outputs */
    const weft_kwindow &w = a->win;
    const int quads = weft_parts_of(w.kernel_w, TAPS);
    double least = INFINITY;
    for (int th = 1; th <= w.oh && th <= MOST; th++) {
        for (int tw = 1; tw <= w.ow && tw <= MOST && th * tw <= most; tw++) {
            const int pixels = ((th - 1) * w.stride_h + w.kernel_h) * ((tw - 1) * w.stride_w + quads * TAPS);
            const int turns = weft_parts_of(th * tw, WARPS * rows);
            const double blocks = (double)w.n * weft_parts_of(w.oh, th) * weft_parts_of(w.ow, tw);
            const double waves = blocks < 2 * LARGE_CARD ? 1 : blocks / (2 * LARGE_CARD);
            const double time = waves * (turns * rows * (steps * 6. + 16) + pixels + 800);
            if ((size_t)pixels * sizeof(uint2) <= MOST_SHARED && time < least) {
                least = time;
                *tile_h = th, *tile_w = tw;
            }
        }
    }
}

bool weft_image_takes(const weft_image_args *a)
{
    const weft_kwindow &w = a->win;
    return (a->dtype == WEFT_F16 || a->dtype == WEFT_BF16) && a->c <= 4 && a->x.ld == 4 && a->k % 8 == 0 &&
           a->y.ld % 4 == 0 && w.dilation <= 1 && w.kernel_h <= 16 && w.kernel_w <= 16 && w.stride_h <= 8 &&
           w.stride_w <= 8 && weft_is_near(a->act) && (int64_t)w.n * w.oh * w.ow * a->y.ld <= INT32_MAX;
}

size_t weft_image_bytes(const weft_image_args *a)
{
    const int groups = groups_of(a->k), steps = a->win.kernel_h * weft_parts_of(a->win.kernel_w, TAPS);
    return (size_t)weft_parts_of(a->k, 16 * groups) * (size_t)(steps * groups) * WEFT_WARP * 16;
}

template <typename T, int SIDE> static int launch_side(const weft_image_args *a, void *stream)
{
    const weft_kwindow &w = a->win;
    const int groups = groups_of(a->k);
    image_job<T> job;
    job.x = static_cast<const uint2 *>(a->x.data), job.wt = static_cast<const uint4 *>(a->wt);
    job.bias = a->bias, job.act = a->act;
    job.y = static_cast<T *>(a->y.data), job.y_ld = (int)a->y.ld;
    job.k = a->k, job.chunks = weft_parts_of(a->k, 16 * groups);
    job.quads = weft_parts_of(w.kernel_w, TAPS), job.steps = w.kernel_h * job.quads;
    job.win = w;
    find_tile(a, job.steps, SIDE * PIXELS, &job.tile_h, &job.tile_w);
    job.rows = (job.tile_h - 1) * w.stride_h + w.kernel_h;
    job.cols = (job.tile_w - 1) * w.stride_w + job.quads * TAPS;
    const dim3 grid((unsigned)(job.chunks * weft_parts_of(w.ow, job.tile_w)), (unsigned)weft_parts_of(w.oh, job.tile_h),
                    (unsigned)w.n);
    const size_t shared = (size_t)(job.rows * job.cols) * sizeof(uint2);
    if (groups == 2)
        return WEFT_LAUNCH((image<T, 2, SIDE>), grid, dim3(WEFT_BLOCK), shared, stream, job);
    if (groups == 3)
        return WEFT_LAUNCH((image<T, 3, SIDE>), grid, dim3(WEFT_BLOCK), shared, stream, job);
    return WEFT_LAUNCH((image<T, 4, SIDE>), grid, dim3(WEFT_BLOCK), shared, stream, job);
}

template <typename T> static int launch(const weft_image_args *a, void *stream)
{
    const bool few = a->win.kernel_h * weft_parts_of(a->win.kernel_w, TAPS) <= FEW_STEPS;
    return few ? launch_side<T, 1>(a, stream) : launch_side<T, 2>(a, stream);
}

int weft_launch_image(const weft_image_args *a, void *stream)
{
    if (!weft_window_fits(a->win) || a->win.n > 65535 || a->c <= 0 || !weft_view_fits(a->x, a->c) ||
        !weft_view_fits(a->y, a->k) || !a->wt || (int)a->act < 0 || a->act >= WEFT_ACT_COUNT || !weft_image_takes(a) ||
        !weft_at_16(a->wt) || !weft_at_16(a->bias) || (uintptr_t)a->x.data % 8 || (uintptr_t)a->y.data % 8)
        return WEFT_INVALID_VALUE;
    return a->dtype == WEFT_F16 ? launch<weft_f16>(a, stream) : launch<weft_bf16>(a, stream);
}

int weft_launch_image_pack(const weft_image_args *a, const float *weights, void *to, void *stream)
{
    image_weights w = { weights, a->k, a->win.kernel_h, a->win.kernel_w, a->c, groups_of(a->k), 0, 0 };
    if (!weights || !to || a->k <= 0 || a->c <= 0 || w.kernel_h <= 0 || w.kernel_w <= 0)
        return WEFT_INVALID_VALUE;
    w.quads = weft_parts_of(w.kernel_w, TAPS);
    w.count = (int)(weft_image_bytes(a) / 2);
    const dim3 grid((unsigned)weft_parts_of(w.count, WEFT_BLOCK));
    if (a->dtype == WEFT_F16)
        return WEFT_LAUNCH((pack_image<weft_f16>), grid, dim3(WEFT_BLOCK), 0, stream, w, static_cast<weft_f16 *>(to));
    return WEFT_LAUNCH((pack_image<weft_bf16>), grid, dim3(WEFT_BLOCK), 0, stream, w, static_cast<weft_bf16 *>(to));
}
