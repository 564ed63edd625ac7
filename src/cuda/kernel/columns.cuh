/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums over the rows of a tensor, channel by channel, in two stages with a fixed partition: what depends on sizes only.
 *
 * A block has up to 8 packs of channels (128 bytes, so that a row's piece is a line of the cache) of one part of the
 * rows, of which each thread has several under way; it then adds up its threads in a tree. Blocks are two for each of
 * 132 multiprocessors, not more: all parts are read again by the block that joins the group's, several threads to a
 * channel. A kernel of few registers may have three. */
#ifndef WEFT_CUDA_KERNEL_COLUMNS_CUH
#define WEFT_CUDA_KERNEL_COLUMNS_CUH

#include "cuda/kernel/device.cuh"
#include "cuda/kernel/norm.h"

/* V elements of T as they are loaded, 16 bytes or one element. */
template <typename T, int V> struct weft_raw {
    weft_piece<T, V> piece;
    __device__ __forceinline__ void load(const T *from)
    {
        piece.load(from);
    }
    __device__ __forceinline__ void spread(float (&v)[V]) const
    {
        piece.spread(v, ~0u);
    }
};
template <typename T> struct weft_raw<T, 1> {
    T one;
    __device__ __forceinline__ void load(const T *from)
    {
        one = *from;
    }
    __device__ __forceinline__ void spread(float (&v)[1]) const
    {
        v[0] = weft_to_float(one);
    }
};

/* ---- the partition ---- */

struct weft_columns {
    int64_t rows;
    int c, packs, parts;
    dim3 grid, block; /* x of the grid over parts, y over groups of channels */
};

/* blocks: of a multiprocessor. */
inline weft_columns weft_columns_of(int64_t rows, int c, int v, int blocks = 2)
{
    enum { MOST_PACKS = 8, EACH = 8 /* rows a thread at least */ };
    const int full = blocks * WEFT_MULTIPROCESSORS;
    weft_columns k;
    k.rows = rows, k.c = c, k.packs = c / v;
    const int most = v == 1 ? (int)WEFT_WARP : (int)MOST_PACKS;
    const int groups = (k.packs + most - 1) / most, x = (k.packs + groups - 1) / groups, y = WEFT_BLOCK / x;
    const int64_t wanted = (rows + y * EACH - 1) / (y * EACH), room = full / groups > 0 ? full / groups : 1;
    k.parts = (int)(wanted < room ? wanted : room);
    k.block = dim3((unsigned)x, (unsigned)y);
    k.grid = dim3((unsigned)k.parts, (unsigned)groups);
    return k;
}

/* The most parts that there are for any alignment: scratch is asked for before addresses are known. */
inline int64_t weft_columns_scratch(int64_t rows, int c, int v, int each, int blocks = 2)
{
    const int64_t narrow = weft_columns_of(rows, c, 1, blocks).parts;
    const int64_t wide = c % v == 0 ? weft_columns_of(rows, c, v, blocks).parts : 0;
    return (narrow > wide ? narrow : wide) * each * c;
}

inline bool weft_columns_fit(const weft_kview &x, int64_t rows, int c)
{
    return weft_view_fits(x, c) && weft_rows_fit(rows) && c <= 65535 * WEFT_WARP;
}

/* Part p has of every parts * blockDim.y rows those from p * blockDim.y on, blockDim.y of them: all blocks go through
 * the tensor side by side, so that its last rows are what the caches hold when a second pass begins with them. My first
 * row, and the rows from one of mine to the next. */
__device__ __forceinline__ int64_t weft_columns_first()
{
    return (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
}

__device__ __forceinline__ int64_t weft_columns_step()
{
    return (int64_t)gridDim.x * blockDim.y;
}

/* Rows of a part. */
__device__ __forceinline__ int weft_columns_count(int64_t rows, int part, int parts)
{
    const int y = (int)blockDim.y, turns = (int)(rows / ((int64_t)parts * y));
    const int left = (int)(rows - (int64_t)turns * parts * y) - part * y;
    return turns * y + (left < 0 ? 0 : left < y ? left : y);
}

/* Rows that lie together, of an image: of part `part` from *first to before the result; they differ by one at most. */
__device__ __forceinline__ int64_t weft_columns_part(int64_t rows, unsigned part, unsigned parts, int64_t *first)
{
    const unsigned each = (unsigned)rows / parts, more = (unsigned)rows - each * parts;
    *first = (int64_t)part * each + (part < more ? part : more);
    return *first + each + (part < more);
}

/* ---- the first stage ---- */

/* v[i] = sum of those of all threads with my threadIdx.x, for threadIdx.y == 0; the others' are spoilt. All threads
 * come. room [N * WEFT_BLOCK] of the block. */
template <int N> __device__ __forceinline__ void weft_add_rows(float *room, float (&v)[N])
{
    const unsigned threads = blockDim.x * blockDim.y, me = threadIdx.y * blockDim.x + threadIdx.x;
    unsigned half = 1;
    while (2 * half < blockDim.y)
        half *= 2;
#pragma unroll
    for (int i = 0; i < N; i++)
        room[i * threads + me] = v[i];
    for (; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.y < half && threadIdx.y + half < blockDim.y) {
#pragma unroll
            for (int i = 0; i < N; i++) {
                v[i] += room[i * threads + me + half * blockDim.x];
                room[i * threads + me] = v[i];
            }
        }
    }
}

/* ---- the second stage ---- */

/* Who joins what: the channels of the block's group, lane by lane; the other threads stay idle. */
struct weft_join_place {
    int c, lane, lanes, width;
    bool joins;
};

__device__ __forceinline__ weft_join_place weft_join_place_of(int v, int c)
{
    const int threads = (int)(blockDim.x * blockDim.y), me = (int)(threadIdx.y * blockDim.x + threadIdx.x);
    weft_join_place p;
    p.width = (int)blockDim.x * v, p.lanes = threads / p.width;
    p.lane = me / p.width;
    p.c = (int)blockIdx.y * p.width + me - p.lane * p.width;
    p.joins = p.lane < p.lanes && p.c < c;
    return p;
}

/* sum[i] = sum over parts of totals[part][i][c], for lane 0. All threads come; room [N * WEFT_BLOCK]. */
template <int N>
__device__ __forceinline__ void weft_join_sums(const float *totals, int c, int parts, const weft_join_place &p,
                                               float *room, float (&sum)[N])
{
    const int me = (int)(threadIdx.y * blockDim.x + threadIdx.x);
#pragma unroll
    for (int i = 0; i < N; i++)
        sum[i] = 0;
    if (p.joins) {
#pragma unroll 4
        for (int part = p.lane; part < parts; part += p.lanes) {
#pragma unroll
            for (int i = 0; i < N; i++)
                sum[i] += weft_fresh(totals + ((int64_t)part * N + i) * c + p.c);
        }
    }
    __syncthreads(); /* room may still be read */
#pragma unroll
    for (int i = 0; i < N; i++)
        room[i * WEFT_BLOCK + me] = sum[i];
    __syncthreads();
    if (p.joins && p.lane == 0)
        for (int lane = 1; lane < p.lanes; lane++) {
#pragma unroll
            for (int i = 0; i < N; i++)
                sum[i] += room[i * WEFT_BLOCK + lane * p.width + me];
        }
}

/* A second stage that is a launch of its own has the first one's blocks, a block for each group: the same bits. */
inline dim3 weft_join_grid(const weft_columns &k)
{
    return dim3(1, k.grid.y);
}

/* The counters, if they do for so many groups. */
inline unsigned *weft_turns_for(unsigned *turns, const dim3 &grid)
{
    return grid.y <= WEFT_TURNS ? turns : nullptr;
}

#endif
