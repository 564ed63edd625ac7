/* SPDX-License-Identifier: Apache-2.0
 *
 * Squeeze-and-excitation up to its hidden layer, and back to it, in one launch for the whole batch.
 *
 * excite_join: x of the grid parts of images, y groups of packs of channels; a block sums its part of x, for gradients
 *   of x dy too, as map_product does. The last block of an image then has all of that image's layers: means, the hidden
 *   layer, a warp for ROWS units at a time, and for gradients (the formulas of src/op/squeeze_excite_grad.c) the gates
 *   and d2, LANES threads for each of EACH channels, and d1, all threads over the units and shares of the channels.
 *   Later images are summed meanwhile.
 * Traffic: maps once; the weights once an image (W2 twice, going back), from L2. Bound by memory while the weights are
 *   few: with more a block for an image would take longer than launches do, of few images, whose sums do not hide it,
 *   much earlier. */
#include "cuda/kernel/excite.cuh"
#include "cuda/kernel/map_product.cuh"
#include "cuda/kernel/slope.cuh"

enum { LANES = 4, EACH = 4, ROWS = 4 /* of W1 a warp */, MOST_PACKS = 8, PART = 256 /* pixels */, MOST_PARTS = 64 };
enum { MANY_IMAGES = 16, MOST_WEIGHTS = 1 << 16, MOST_OF_FEW = 1 << 13 };

template <typename T, typename W> struct join_job {
    const T *x, *dy;
    int64_t x_ld, dy_ld, w1_ld, w2_ld;
    const W *w1, *w2;
    const float *b1, *b2;
    float *totals; /* [n][parts][1 or 2][c] */
    int parts, pixels, c, reduced, packs;
    weft_act act, gate;
    weft_excite_room room; /* of a forward pass: mean and h */
};

/* The threads of the block that has an image's layers. Whole warps. */
struct join_place {
    int64_t n;
    int me, threads, lane, warp, warps;
};

__device__ __forceinline__ join_place join_place_of(unsigned n)
{
    join_place p;
    p.n = n;
    p.me = (int)(threadIdx.y * blockDim.x + threadIdx.x);
    p.threads = (int)(blockDim.x * blockDim.y);
    p.lane = p.me % WEFT_WARP;
    p.warp = p.me / WEFT_WARP;
    p.warps = p.threads / WEFT_WARP;
    return p;
}

/* ---- the layers of an image; each ends with all threads together ---- */

template <typename T, typename W, bool BOTH>
__device__ __forceinline__ void join_sums(const join_job<T, W> &job, const join_place &p)
{
    constexpr int N = BOTH ? 2 : 1;
    const float share = 1.f / (float)job.pixels;
    for (int c = p.me; c < job.c; c += p.threads) {
        const float *from = job.totals + p.n * job.parts * N * job.c + c;
        float sum = 0, product = 0;
#pragma unroll 4
        for (int part = 0; part < job.parts; part++) {
            sum += weft_fresh(from + (int64_t)part * N * job.c);
            if (BOTH)
                product += weft_fresh(from + ((int64_t)part * N + 1) * job.c);
        }
        job.room.mean[p.n * job.c + c] = sum * share;
        if (BOTH)
            job.room.product[p.n * job.c + c] = product;
    }
    __syncthreads();
}

template <typename T, typename W, bool BOTH>
__device__ __forceinline__ void find_hidden(const join_job<T, W> &job, const join_place &p)
{
    const float *mean = job.room.mean + p.n * job.c;
    for (int first = p.warp; first < job.reduced; first += ROWS * p.warps) { /* a whole warp */
        float sum[ROWS] = {};
#pragma unroll 4
        for (int c = p.lane; c < job.c; c += WEFT_WARP) {
#pragma unroll
            for (int e = 0; e < ROWS; e++) {
                const int r = weft_nearest(first + e * p.warps, job.reduced);
                sum[e] = fmaf(weft_to_float(job.w1[r * job.w1_ld + c]), mean[c], sum[e]);
            }
        }
#pragma unroll
        for (int e = 0; e < ROWS; e++) {
            const int r = first + e * p.warps;
            float v[1] = { weft_warp_sum(sum[e]) };
            if (r >= job.reduced || p.lane > 0)
                continue;
            v[0] += job.b1 ? job.b1[r] : 0;
            if (BOTH)
                job.room.v1[p.n * job.reduced + r] = v[0];
            weft_activate<1>(job.act, v);
            job.room.h[p.n * job.reduced + r] = v[0];
        }
    }
    __syncthreads();
}

template <typename T, typename W>
__device__ __forceinline__ void find_gates(const join_job<T, W> &job, const join_place &p)
{
    const float *h = job.room.h + p.n * job.reduced;
    const int lane = p.me % LANES, across = p.threads / LANES;
    for (int first = 0; first < job.c; first += EACH * across) { /* all threads: a warp adds up together */
        float sum[EACH] = {};
#pragma unroll 4
        for (int r = lane; r < job.reduced; r += LANES) {
#pragma unroll
            for (int e = 0; e < EACH; e++) {
                const int c = weft_nearest(first + e * across + p.me / LANES, job.c);
                sum[e] = fmaf(weft_to_float(job.w2[c * job.w2_ld + r]), h[r], sum[e]);
            }
        }
#pragma unroll
        for (int e = 0; e < EACH; e++) {
            const int c = first + e * across + p.me / LANES;
#pragma unroll
            for (int step = 1; step < LANES; step *= 2)
                sum[e] += __shfl_xor_sync(0xffffffffu, sum[e], step);
            if (lane > 0 || c >= job.c)
                continue;
            const int64_t at = p.n * job.c + c;
            float v[1] = { sum[e] + (job.b2 ? job.b2[c] : 0) };
            job.room.d2[at] = weft_slope_at(job.gate, v[0]) * job.room.product[at];
            weft_activate<1>(job.gate, v);
            job.room.gates[at] = v[0];
        }
    }
    __syncthreads();
}

/* d1 = slope W2' d2: as many threads to a unit as there are, whose sums are added in order. shares [threads]. */
template <typename T, typename W>
__device__ __forceinline__ void find_d1(const join_job<T, W> &job, const join_place &p, float *shares)
{
    const float *d2 = job.room.d2 + p.n * job.c;
    const int width = job.reduced < p.threads ? job.reduced : p.threads, lanes = p.threads / width;
    const int lane = p.me / width;
    for (int first = 0; first < job.reduced; first += width) { /* all threads */
        const int r = first + p.me - lane * width;
        const bool there = r < job.reduced && lane < lanes;
        float sum = 0;
#pragma unroll 16
        for (int c = lane; there && c < job.c; c += lanes)
            sum = fmaf(weft_to_float(job.w2[c * job.w2_ld + r]), d2[c], sum);
        __syncthreads(); /* shares may still be read */
        shares[p.me] = sum;
        __syncthreads();
        if (!there || lane > 0)
            continue;
        for (int other = 1; other < lanes; other++)
            sum += shares[p.me + other * width];
        const int64_t at = p.n * job.reduced + r;
        job.room.d1[at] = sum * weft_slope_at(job.act, job.room.v1[at]);
    }
}

/* ---- the kernel ---- */

template <typename T, typename W, int V, bool BOTH>
__global__ void __launch_bounds__(WEFT_BLOCK, 2) excite_join(join_job<T, W> job, unsigned *turns)
{
    weft_begin();
    constexpr int N = BOTH ? 2 : 1;
    WEFT_SHARED(float, room, (N * V * WEFT_BLOCK));
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const bool there = pack < job.packs;
    const unsigned n = blockIdx.x / (unsigned)job.parts, part = blockIdx.x - n * (unsigned)job.parts;
    float sums[N * V];
    int64_t first;
    const int64_t end = weft_columns_part(job.pixels, part, (unsigned)job.parts, &first);
    const int64_t image = (int64_t)n * job.pixels;
    weft_sum_map<T, V, BOTH>(job.x + c, job.x_ld, job.dy + c, job.dy_ld, image + first + threadIdx.y,
                             there ? image + end : 0, sums);
    weft_add_rows<N * V>(room, sums);
    if (there && threadIdx.y == 0) {
        float *to = job.totals + (int64_t)blockIdx.x * N * job.c + c;
#pragma unroll
        for (int k = 0; k < N; k++) {
            float v[V];
#pragma unroll
            for (int i = 0; i < V; i++)
                v[i] = sums[k * V + i];
            weft_store<float, V>(to + k * job.c, v);
        }
    }
    if (!weft_is_last(turns + n, (unsigned)job.parts * gridDim.y)) /* the same for all threads */
        return;
    const join_place p = join_place_of(n);
    join_sums<T, W, BOTH>(job, p);
    find_hidden<T, W, BOTH>(job, p);
    if constexpr (BOTH) {
        find_gates(job, p);
        find_d1(job, p, room);
    }
}

/* ---- the host's side ---- */

bool weft_excite_joins(int n, int c, int reduced)
{
    return n <= WEFT_TURNS && (int64_t)c * reduced <= (n < MANY_IMAGES ? MOST_OF_FEW : MOST_WEIGHTS);
}

static int parts_of(int pixels)
{
    const int parts = (pixels + PART - 1) / PART;
    return parts < 1 ? 1 : parts > MOST_PARTS ? (int)MOST_PARTS : parts;
}

/* Whole warps: packs of one channel are 32, of several at most 8, by a power of two. */
template <typename T, typename W, int V, bool BOTH>
static int launch_join(join_job<T, W> job, int n, unsigned *turns, void *stream)
{
    job.packs = job.c / V;
    const int most = V == 1 ? (int)WEFT_WARP : (int)MOST_PACKS, groups = (job.packs + most - 1) / most;
    const int x = V == 1 ? most : (job.packs + groups - 1) / groups;
    int y = 1;
    while (2 * y * x <= WEFT_BLOCK)
        y *= 2;
    const dim3 grid((unsigned)n * (unsigned)job.parts, (unsigned)groups), block((unsigned)x, (unsigned)y);
    return WEFT_LAUNCH((excite_join<T, W, V, BOTH>), grid, block, 0, stream, job, turns);
}

template <typename T> static int squeeze(const weft_squeeze_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    join_job<T, T> job = {};
    job.x = static_cast<const T *>(a->x.data), job.x_ld = a->x.ld;
    job.w1 = static_cast<const T *>(a->w1), job.w1_ld = a->c, job.b1 = a->b1;
    job.parts = parts_of(a->pixels), job.pixels = a->pixels, job.c = a->c, job.reduced = a->reduced;
    job.act = a->act;
    job.room.h = a->hidden, job.room.mean = a->scratch, job.totals = a->scratch + (int64_t)a->n * a->c;
    const bool wide = a->c % V == 0 && weft_is_wide(a->x, sizeof(T)) && weft_at_16(job.totals);
    return wide ? launch_join<T, T, V, false>(job, a->n, a->turns, stream)
                : launch_join<T, T, 1, false>(job, a->n, a->turns, stream);
}

static bool map_fits(const weft_kview &x, int n, int pixels, int c, int reduced)
{
    return n > 0 && pixels > 0 && c > 0 && reduced > 0 && weft_view_fits(x, c) &&
           weft_rows_fit((int64_t)n * pixels) && weft_excite_joins(n, c, reduced);
}

int weft_launch_squeeze(const weft_squeeze_args *a, void *stream)
{
    if (!map_fits(a->x, a->n, a->pixels, a->c, a->reduced) || !a->w1 || !a->hidden || !a->scratch || !a->turns ||
        (int)a->act < 0 || a->act >= WEFT_ACT_COUNT)
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, squeeze, a, stream);
}

int64_t weft_squeeze_floats(const weft_squeeze_args *a)
{
    return (int64_t)a->n * a->c * (1 + parts_of(a->pixels));
}

template <typename T, typename W> static int launch(const weft_excite_join_args *args, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const weft_excite_dx_args *a = &args->dx;
    join_job<T, W> job = {};
    job.x = static_cast<const T *>(args->x.data), job.x_ld = args->x.ld;
    job.dy = static_cast<const T *>(a->dy.data), job.dy_ld = a->dy.ld;
    job.w1 = static_cast<const W *>(a->w1.data), job.w1_ld = a->w1.ld, job.b1 = a->b1;
    job.w2 = static_cast<const W *>(a->w2.data), job.w2_ld = a->w2.ld, job.b2 = a->b2;
    job.parts = a->parts, job.pixels = a->pixels, job.c = a->c, job.reduced = a->reduced;
    job.act = a->act, job.gate = a->gate;
    job.totals = const_cast<float *>(a->sums), job.room = weft_excite_room_of(a);
    const bool wide = a->c % V == 0 && weft_is_wide(args->x, sizeof(T)) && weft_is_wide(a->dy, sizeof(T)) &&
                      weft_at_16(a->sums);
    const int error = wide ? launch_join<T, W, V, true>(job, a->n, args->turns, stream)
                           : launch_join<T, W, 1, true>(job, a->n, args->turns, stream);
    return error ? error : weft_excite_dx_rest(a, stream);
}

int weft_launch_excite_dx_joined(const weft_excite_join_args *a, void *stream)
{
    if (!map_fits(a->x, a->dx.n, a->dx.pixels, a->dx.c, a->dx.reduced) || !a->turns || !weft_excite_dx_fits(&a->dx))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPES(a->dx.dtype, a->dx.w_dtype, launch, a, stream);
}
