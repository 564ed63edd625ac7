/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters on their way from the store (fp32, as the op has them) to what a kernel reads: another type, rows turned
 * into columns, zeros behind, the order in which a kernel's lanes want them. Many in one launch (update.h has the
 * idea), a block for PACKED_CHUNK numbers of one result, in the result's order.
 *
 * What only changes its type goes by 16 bytes of the result for each thread where both begin at a multiple of 16.
 * Traffic: each number read and written once, when the store has changed: in training that is every step. */
#include "cuda/kernel/expand.cuh"
#include "cuda/kernel/pack.h"
#include "cuda/kernel/segment.cuh"

enum { PACKED_CHUNK = 8192 };
enum pack_kind { FLAT, ROWS, WINDOW };

struct pack_table {
    const float *from[WEFT_PACK_SEGMENTS];
    void *to[WEFT_PACK_SEGMENTS];
    int cols[WEFT_PACK_SEGMENTS], padded[WEFT_PACK_SEGMENTS];
    int from_row[WEFT_PACK_SEGMENTS], from_col[WEFT_PACK_SEGMENTS]; /* of a window: kernel, turned */
    weft_blocks<WEFT_PACK_SEGMENTS, PACKED_CHUNK> blocks;
    unsigned char dtype[WEFT_PACK_SEGMENTS], kind[WEFT_PACK_SEGMENTS];
};

/* What a block has to do. */
struct pack_chunk {
    const float *from;
    int64_t at; /* of the result's numbers, the first */
    int count, cols, padded, from_row, from_col, kind;
};

template <typename T, int V> __device__ __forceinline__ void pack_flat(const pack_chunk &k, T *to)
{
    const float *from = k.from + k.at;
    to += k.at;
    const int whole = ((uintptr_t)from | (uintptr_t)to) % 16 == 0 ? k.count / V * V : 0;
#pragma unroll 2
    for (int i = (int)threadIdx.x * V; i < whole; i += WEFT_BLOCK * V) {
        float v[V];
        weft_load<float, V>(from + i, v);
        weft_store<T, V>(to + i, v);
    }
    for (int i = whole + (int)threadIdx.x; i < k.count; i += WEFT_BLOCK)
        weft_set(to + i, from[i]);
}

template <typename T> __device__ __forceinline__ void pack_rows(const pack_chunk &k, T *to)
{
    for (int i = (int)threadIdx.x; i < k.count; i += WEFT_BLOCK) {
        const int64_t at = k.at + i, row = at / k.padded;
        const int col = (int)(at - row * k.padded);
        weft_set(to + at, col < k.cols ? k.from[row * k.from_row + (int64_t)col * k.from_col] : 0.f);
    }
}

template <typename T> __device__ __forceinline__ void pack_window(const pack_chunk &k, T *to)
{
    for (int i = (int)threadIdx.x; i < k.count; i += WEFT_BLOCK) {
        const int at = (int)k.at + i;
        weft_set(to + at, k.from_row == 3 ? weft_window_at<3>(k.from, k.cols, at, k.from_col != 0)
                                          : weft_window_at<5>(k.from, k.cols, at, k.from_col != 0));
    }
}

template <typename T, int V> __device__ __forceinline__ void pack_one(const pack_chunk &k, void *to)
{
    if (k.kind == FLAT)
        pack_flat<T, V>(k, static_cast<T *>(to));
    else if (k.kind == ROWS)
        pack_rows<T>(k, static_cast<T *>(to));
    else if (V == 8) /* of 16 bits */
        pack_window<T>(k, static_cast<T *>(to));
}

__global__ void __launch_bounds__(WEFT_BLOCK) pack(const __grid_constant__ pack_table table)
{
    weft_begin();
    const int s = table.blocks.segment(blockIdx.x);
    const pack_chunk k = { table.from[s], table.blocks.from(blockIdx.x, s), table.blocks.elements(blockIdx.x, s),
                           table.cols[s], table.padded[s],  table.from_row[s],  table.from_col[s], table.kind[s] };
    if (table.dtype[s] == WEFT_F32)
        pack_one<float, 4>(k, table.to[s]);
    else if (table.dtype[s] == WEFT_F16)
        pack_one<weft_f16, 8>(k, table.to[s]);
    else
        pack_one<weft_bf16, 8>(k, table.to[s]);
}

/* ---- the host's side ---- */

/* Numbers of a segment's result; 0: it is none. */
static int64_t count_of(const weft_pack_segment &a)
{
    const int64_t padded = a.padded > a.cols ? a.padded : a.cols;
    if (!a.from || !a.to || !weft_is_float(a.dtype) || a.cols <= 0)
        return 0;
    if (a.layout == WEFT_PACK_WINDOW)
        return a.dtype != WEFT_F32 && weft_at_16(a.to) && (a.kernel == 3 || a.kernel == 5)
                   ? (int64_t)weft_expand_window_bytes(a.cols, a.kernel) / 2
                   : 0;
    return a.layout == WEFT_PACK_ROWS && a.rows > 0 && a.rows <= INT64_MAX / padded ? a.rows * padded : 0;
}

/* Rows that follow each other as they did, with nothing behind. */
static bool is_flat(const weft_pack_segment &a)
{
    return a.layout == WEFT_PACK_ROWS && a.padded <= a.cols && a.from_row == a.cols && (a.cols == 1 || a.from_col == 1);
}

static void add(pack_table &table, int s, const weft_pack_segment &a)
{
    const bool window = a.layout == WEFT_PACK_WINDOW;
    table.from[s] = a.from;
    table.to[s] = a.to;
    table.dtype[s] = (unsigned char)a.dtype;
    table.kind[s] = (unsigned char)(window ? WINDOW : is_flat(a) ? FLAT : ROWS);
    table.cols[s] = a.cols;
    table.padded[s] = a.padded > a.cols ? a.padded : a.cols;
    table.from_row[s] = window ? a.kernel : a.from_row;
    table.from_col[s] = window ? a.turned : a.from_col;
    if (!window && a.turned) { /* the last row first */
        table.from[s] += (a.rows - 1) * a.from_row;
        table.from_row[s] = -a.from_row;
        table.kind[s] = ROWS;
    }
}

int weft_launch_pack(const weft_pack_segment *segments, int count, void *stream)
{
    static_assert(sizeof(pack_table) <= WEFT_ARGUMENT_BYTES, "the table is a kernel's argument");
    pack_table table = {};
    if (!segments || count <= 0)
        return WEFT_INVALID_VALUE;
    for (int s = 0; s < count; s++) {
        if (!table.blocks.add(count_of(segments[s])))
            return WEFT_INVALID_VALUE;
        add(table, s, segments[s]);
    }
    const dim3 grid(table.blocks.first[count]);
    return WEFT_LAUNCH(pack, grid, dim3(WEFT_BLOCK), 0, stream, table);
}
