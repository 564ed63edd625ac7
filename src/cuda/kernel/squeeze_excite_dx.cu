/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of squeeze-and-excitation once the sums over each image are there (map_product of channel_sum.cu): the
 * formulas of src/op/squeeze_excite_grad.c, in four launches for the whole batch.
 *
 * excite_hidden: y of the grid an image, x the hidden units, a warp each: v1 and h = act(v1). The first block of an
 *   image adds up its parts.
 * excite_gates: y an image, x chunks of channels, LANES threads each: gates and d2; then the chunk's share of W2' d2, a
 *   thread for each unit.
 * excite_dx: z an image, y splits of rows, x chunks: d1 from all shares, if it is not there, TILE units at a time,
 *   W1' d1 of the block's channels, and dx of its rows.
 * excite_dw: sums over the images, a thread for each pair of a unit and a channel: a weight of W1 and one of W2. Where
 *   excite_join.cu has made all but these two, they are one launch: the first planes of z are excite_dw's blocks.
 * Traffic: dy and dx once; weights and what lies between from L2, some times. */
#include "cuda/kernel/columns.cuh"
#include "cuda/kernel/excite.cuh"
#include "cuda/kernel/slope.cuh"

enum {
    WARPS = WEFT_BLOCK / WEFT_WARP,
    CHUNK = 64, /* channels */
    LANES = WEFT_BLOCK / CHUNK,
    TILE = WEFT_BLOCK,
    MOST_PACKS = 8,
    EACH = 16, /* rows a thread */
    IN_FLIGHT = 4
};

template <typename T, typename W> struct excite_dx_job {
    const float *sums, *b1, *b2;
    const W *w1, *w2;
    const T *dy;
    T *dx;
    int64_t dy_ld, dx_ld, w1_ld, w2_ld;
    int parts, pixels, n, c, reduced, packs;
    int chunks; /* 0: d1 is there */
    int planes; /* of z, which are excite_dw's */
    weft_act act, gate;
    weft_excite_room room;
};

/* dw1[r][c] = sum over images of d1[r] mean[c], dw2[c][r] of d2[c] h[r]; db of d1 and d2. */
struct excite_weights {
    weft_excite_room room;
    float *dw1, *dw2, *db1, *db2;
    int64_t dw1_ld, dw2_ld;
    int n, c, reduced;
};

/* ---- the hidden layer ---- */

/* The sum over parts of what is wanted: 0 x, 1 x dy. */
template <typename T, typename W>
__device__ __forceinline__ float sum_parts(const excite_dx_job<T, W> &job, int64_t n, int which, int c)
{
    const float *from = job.sums + (n * job.parts * 2 + which) * job.c + c;
    float sum = 0;
#pragma unroll 4
    for (int part = 0; part < job.parts; part++)
        sum += from[(int64_t)part * 2 * job.c];
    return sum;
}

template <typename T, typename W> __global__ void __launch_bounds__(WEFT_BLOCK) excite_hidden(excite_dx_job<T, W> job)
{
    weft_begin();
    const int64_t n = blockIdx.y;
    const float share = 1.f / (float)job.pixels;
    for (int c = (int)threadIdx.x; blockIdx.x == 0 && c < job.c; c += WEFT_BLOCK) {
        job.room.mean[n * job.c + c] = sum_parts(job, n, 0, c) * share;
        job.room.product[n * job.c + c] = sum_parts(job, n, 1, c);
    }
    const int lane = (int)threadIdx.x % WEFT_WARP, r = (int)(blockIdx.x * WARPS + threadIdx.x / WEFT_WARP);
    if (r >= job.reduced) /* a whole warp */
        return;
    const W *w = job.w1 + r * job.w1_ld;
    float sum = 0;
#pragma unroll 4
    for (int c = lane; c < job.c; c += WEFT_WARP)
        sum = fmaf(weft_to_float(w[c]), sum_parts(job, n, 0, c) * share, sum);
    float v[1] = { weft_warp_sum(sum) + (job.b1 ? job.b1[r] : 0) };
    const int64_t at = n * job.reduced + r;
    if (lane == 0)
        job.room.v1[at] = v[0];
    weft_activate<1>(job.act, v);
    if (lane == 0)
        job.room.h[at] = v[0];
}

/* ---- the gates ---- */

template <typename T, typename W> __global__ void __launch_bounds__(WEFT_BLOCK) excite_gates(excite_dx_job<T, W> job)
{
    weft_begin();
    WEFT_SHARED(float, d2, CHUNK);
    const int64_t n = blockIdx.y;
    const int me = (int)threadIdx.x, lane = me % LANES, base = (int)blockIdx.x * CHUNK, c = base + me / LANES;
    const float *h = job.room.h + n * job.reduced;
    const W *w = job.w2 + (c < job.c ? c * job.w2_ld : 0);
    float sum = 0;
#pragma unroll 4
    for (int r = lane; r < job.reduced; r += LANES)
        sum = fmaf(weft_to_float(w[r]), h[r], sum);
#pragma unroll
    for (int step = 1; step < LANES; step *= 2)
        sum += __shfl_xor_sync(0xffffffffu, sum, step);
    if (lane == 0) {
        float v[1] = { sum + (job.b2 && c < job.c ? job.b2[c] : 0) }, mine = 0;
        if (c < job.c) {
            mine = weft_slope_at(job.gate, v[0]) * job.room.product[n * job.c + c];
            weft_activate<1>(job.gate, v);
            job.room.gates[n * job.c + c] = v[0];
            job.room.d2[n * job.c + c] = mine;
        }
        d2[me / LANES] = mine;
    }
    __syncthreads();
    const int there = job.c - base < CHUNK ? job.c - base : (int)CHUNK;
    for (int r = me; r < job.reduced; r += WEFT_BLOCK) {
        float share = 0;
#pragma unroll 8
        for (int i = 0; i < there; i++)
            share = fmaf(weft_to_float(job.w2[(base + i) * job.w2_ld + r]), d2[i], share);
        job.room.shares[(n * job.chunks + blockIdx.x) * job.reduced + r] = share;
    }
}

/* ---- the parameters ---- */

/* Tile after tile of a warp of channels by as many units as the block has warps. */
__device__ __forceinline__ void find_weights(const excite_weights &w, unsigned tile)
{
    const int across = (w.c + WEFT_WARP - 1) / WEFT_WARP, me = (int)(threadIdx.y * blockDim.x + threadIdx.x);
    const int down = (int)tile / across;
    const int c = ((int)tile - down * across) * WEFT_WARP + me % WEFT_WARP, r = down * WARPS + me / WEFT_WARP;
    if (c >= w.c || r >= w.reduced)
        return;
    float first = 0, second = 0, first_bias = 0, second_bias = 0;
#pragma unroll 8
    for (int i = 0; i < w.n; i++) {
        const int64_t wide = (int64_t)i * w.c + c, narrow = (int64_t)i * w.reduced + r;
        const float d1 = w.room.d1[narrow], d2 = w.room.d2[wide];
        first = fmaf(d1, w.room.mean[wide], first);
        second = fmaf(d2, w.room.h[narrow], second);
        first_bias += d1;
        second_bias += d2;
    }
    w.dw1[r * w.dw1_ld + c] = first;
    w.dw2[c * w.dw2_ld + r] = second;
    if (w.db1 && c == 0)
        w.db1[r] = first_bias;
    if (w.db2 && r == 0)
        w.db2[c] = second_bias;
}

__global__ void __launch_bounds__(WEFT_BLOCK) excite_dw(excite_weights weights)
{
    weft_begin();
    find_weights(weights, blockIdx.x);
}

/* ---- dx ---- */

/* W1' d1 of the block's channels to room; the first block of an image keeps d1 if it is made here. All threads come;
 * tile [TILE]. */
template <typename T, typename W, int V>
__device__ __forceinline__ void find_offset(const excite_dx_job<T, W> &job, int c, bool there, float *tile, float *room)
{
    float offset[V];
    const unsigned threads = blockDim.x * blockDim.y, me = threadIdx.y * blockDim.x + threadIdx.x;
    const int64_t n = (int)blockIdx.z - job.planes;
    const bool keeps = job.chunks && blockIdx.x == 0 && blockIdx.y == 0;
#pragma unroll
    for (int i = 0; i < V; i++)
        offset[i] = 0;
    for (int first = 0; first < job.reduced; first += TILE) {
        __syncthreads(); /* tile may still be read */
        for (int r = first + (int)me; r < job.reduced && r < first + TILE; r += (int)threads) {
            const int64_t at = n * job.reduced + r;
            const float *share = job.room.shares + n * job.chunks * job.reduced + r;
            float sum = job.chunks ? 0 : job.room.d1[at];
#pragma unroll 4
            for (int chunk = 0; chunk < job.chunks; chunk++)
                sum += share[(int64_t)chunk * job.reduced];
            if (job.chunks)
                sum *= weft_slope_at(job.act, job.room.v1[at]);
            tile[r - first] = sum;
            if (keeps)
                job.room.d1[at] = sum;
        }
        __syncthreads();
        const int last = job.reduced < first + TILE ? job.reduced : first + TILE;
#pragma unroll 2
        for (int r = first + (int)threadIdx.y; there && r < last; r += (int)blockDim.y) {
#pragma unroll
            for (int i = 0; i < V; i++)
                offset[i] = fmaf(weft_to_float(job.w1[r * job.w1_ld + c + i]), tile[r - first], offset[i]);
        }
    }
    weft_add_rows<V>(room, offset);
    __syncthreads(); /* room may still be read */
    if (threadIdx.y == 0) {
#pragma unroll
        for (int i = 0; i < V; i++)
            room[threadIdx.x * V + i] = offset[i];
    }
    __syncthreads();
}

template <typename T, typename W, int V>
__global__ void __launch_bounds__(WEFT_BLOCK, 2) excite_dx(excite_dx_job<T, W> job, excite_weights weights)
{
    weft_begin();
    if ((int)blockIdx.z < job.planes) { /* a whole block */
        find_weights(weights, (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x);
        return;
    }
    WEFT_SHARED(float, tile, TILE);
    WEFT_SHARED(float, room, (V * WEFT_BLOCK));
    const int pack = (int)(blockIdx.x * blockDim.x + threadIdx.x), c = pack * V;
    const bool there = pack < job.packs;
    find_offset<T, W, V>(job, c, there, tile, room);
    if (!there)
        return;
    const int64_t n = (int)blockIdx.z - job.planes;
    const float share = 1.f / (float)job.pixels;
    float offset[V], gate[V];
#pragma unroll
    for (int i = 0; i < V; i++) {
        offset[i] = room[threadIdx.x * V + i] * share;
        gate[i] = job.room.gates[n * job.c + c + i];
    }
    int64_t first;
    const int64_t image = n * job.pixels;
    const int64_t last = image + weft_columns_part(job.pixels, blockIdx.y, gridDim.y, &first);
    for (int64_t row = image + first + threadIdx.y; row < last; row += IN_FLIGHT * blockDim.y) {
        weft_raw<T, V> dy[IN_FLIGHT];
#pragma unroll
        for (int e = 0; e < IN_FLIGHT; e++) {
            const int64_t at = row + e * blockDim.y < last ? row + e * blockDim.y : row;
            dy[e].load(job.dy + at * job.dy_ld + c);
        }
#pragma unroll
        for (int e = 0; e < IN_FLIGHT; e++) {
            if (row + e * blockDim.y >= last)
                break;
            float v[V];
            dy[e].spread(v);
#pragma unroll
            for (int i = 0; i < V; i++)
                v[i] = fmaf(gate[i], v[i], offset[i]);
            weft_store<T, V>(job.dx + (row + e * blockDim.y) * job.dx_ld + c, v);
        }
    }
}

/* ---- the host's side ---- */

static int chunks_of(int c)
{
    return (c + CHUNK - 1) / CHUNK;
}

int64_t weft_excite_dx_floats(const weft_excite_dx_args *a)
{
    return (int64_t)a->n * (4 * (int64_t)a->c + (3 + chunks_of(a->c)) * (int64_t)a->reduced);
}

template <typename T, typename W> static excite_dx_job<T, W> job_of(const weft_excite_dx_args *a)
{
    excite_dx_job<T, W> job;
    job.sums = a->sums, job.b1 = a->b1, job.b2 = a->b2;
    job.w1 = static_cast<const W *>(a->w1.data), job.w2 = static_cast<const W *>(a->w2.data);
    job.w1_ld = a->w1.ld, job.w2_ld = a->w2.ld;
    job.dy = static_cast<const T *>(a->dy.data);
    job.dx = static_cast<T *>(a->dx.data);
    job.dy_ld = a->dy.ld, job.dx_ld = a->dx.ld;
    job.parts = a->parts, job.pixels = a->pixels, job.n = a->n, job.c = a->c, job.reduced = a->reduced;
    job.chunks = chunks_of(a->c), job.packs = 0, job.planes = 0;
    job.act = a->act, job.gate = a->gate;
    job.room = weft_excite_room_of(a);
    return job;
}

static excite_weights weights_of(const weft_excite_dx_args *a)
{
    excite_weights w;
    w.room = weft_excite_room_of(a);
    w.dw1 = static_cast<float *>(a->dw1.data), w.dw2 = static_cast<float *>(a->dw2.data);
    w.db1 = a->db1, w.db2 = a->db2;
    w.dw1_ld = a->dw1.ld, w.dw2_ld = a->dw2.ld;
    w.n = a->n, w.c = a->c, w.reduced = a->reduced;
    return w;
}

static unsigned tiles_of(const weft_excite_dx_args *a)
{
    return (unsigned)((a->c + WEFT_WARP - 1) / WEFT_WARP) * (unsigned)((a->reduced + WARPS - 1) / WARPS);
}

/* rest: with the parameters' gradients, where d1 is there. */
template <typename T, typename W, int V>
static int launch_dx(const weft_excite_dx_args *a, bool rest, void *stream)
{
    excite_dx_job<T, W> job = job_of<T, W>(a);
    const excite_weights weights = weights_of(a);
    job.packs = job.c / V;
    const unsigned x = V == 1 ? (unsigned)WEFT_WARP : (unsigned)MOST_PACKS, y = WEFT_BLOCK / x;
    const unsigned splits = ((unsigned)job.pixels + EACH * y - 1) / (EACH * y);
    dim3 grid(((unsigned)job.packs + x - 1) / x, splits < 65535 ? splits : 65535, (unsigned)job.n);
    if (rest) {
        job.chunks = 0;
        job.planes = (int)((tiles_of(a) + grid.x * grid.y - 1) / (grid.x * grid.y));
        grid.z += (unsigned)job.planes;
    }
    return grid.z > 65535 ? (int)WEFT_INVALID_VALUE
                          : WEFT_LAUNCH((excite_dx<T, W, V>), grid, dim3(x, y), 0, stream, job, weights);
}

template <typename T, typename W> static int dx_by_width(const weft_excite_dx_args *a, bool rest, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const bool wide = a->c % V == 0 && weft_is_wide(a->dy, sizeof(T)) && weft_is_wide(a->dx, sizeof(T));
    return wide ? launch_dx<T, W, V>(a, rest, stream) : launch_dx<T, W, 1>(a, rest, stream);
}

template <typename T, typename W> static int launch(const weft_excite_dx_args *a, void *stream)
{
    const excite_dx_job<T, W> job = job_of<T, W>(a);
    const excite_weights weights = weights_of(a);
    const unsigned n = (unsigned)a->n;
    int error = WEFT_LAUNCH((excite_hidden<T, W>), dim3(((unsigned)a->reduced + WARPS - 1) / WARPS, n),
                            dim3(WEFT_BLOCK), 0, stream, job);
    if (!error)
        error = WEFT_LAUNCH((excite_gates<T, W>), dim3((unsigned)job.chunks, n), dim3(WEFT_BLOCK), 0, stream, job);
    if (!error)
        error = dx_by_width<T, W>(a, false, stream);
    return error ? error : WEFT_LAUNCH(excite_dw, dim3(tiles_of(a)), dim3(WEFT_BLOCK), 0, stream, weights);
}

bool weft_excite_dx_fits(const weft_excite_dx_args *a)
{
    const bool acts = (int)a->act >= 0 && a->act < WEFT_ACT_COUNT && (int)a->gate >= 0 && a->gate < WEFT_ACT_COUNT;
    return a->n > 0 && a->n <= 65535 && a->pixels > 0 && a->parts > 0 && a->c > 0 && a->reduced > 0 && a->sums &&
           weft_view_fits(a->w1, a->c) && weft_view_fits(a->w2, a->reduced) && weft_view_fits(a->dw1, a->c) &&
           weft_view_fits(a->dw2, a->reduced) && a->scratch && acts && a->c <= 65535 * WARPS &&
           a->reduced <= 65535 * WARPS && weft_view_fits(a->dy, a->c) && weft_view_fits(a->dx, a->c) &&
           weft_rows_fit((int64_t)a->n * a->pixels) && (int64_t)a->c * a->reduced <= INT32_MAX;
}

int weft_launch_excite_dx(const weft_excite_dx_args *a, void *stream)
{
    return weft_excite_dx_fits(a) ? WEFT_BY_DTYPES(a->dtype, a->w_dtype, launch, a, stream) : (int)WEFT_INVALID_VALUE;
}

template <typename T, typename W> static int rest_of(const weft_excite_dx_args *a, void *stream)
{
    return dx_by_width<T, W>(a, true, stream);
}

int weft_excite_dx_rest(const weft_excite_dx_args *a, void *stream)
{
    return WEFT_BY_DTYPES(a->dtype, a->w_dtype, rest_of, a, stream);
}
