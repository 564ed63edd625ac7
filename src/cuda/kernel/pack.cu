/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters on their way from the store (fp32, as the op has them) to what a kernel reads: another type, rows of
 * another pitch, turned round, with zeros behind.
 *
 * pack: a thread for each element of the padded matrix, along its columns. pack_segments: many parameters that only
 * change their type in one launch (update.h), a block for CHUNK elements of one, a thread for 16 bytes of the result at
 * a time where both begin at a multiple of 16. Traffic: each element read and written once, when the store has changed:
 * in training that is every step. */
#include "cuda/kernel/segment.cuh"

template <typename T> struct pack_job {
    const float *from;
    T *to;
    int64_t to_row, to_col, count;
    int rows, cols, padded_cols;
};

template <typename T> __global__ void __launch_bounds__(WEFT_BLOCK) pack(pack_job<T> job)
{
    weft_begin();
    const int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= job.count)
        return;
    const int row = (int)(i / job.padded_cols), col = (int)(i - (int64_t)row * job.padded_cols);
    const bool inside = row < job.rows && col < job.cols;
    weft_set(job.to + row * job.to_row + col * job.to_col, inside ? job.from[(int64_t)row * job.cols + col] : 0.f);
}

template <typename T> static int launch(const weft_pack_args *a, void *stream)
{
    pack_job<T> job;
    job.from = a->from;
    job.to = static_cast<T *>(a->to);
    job.to_row = a->to_row, job.to_col = a->to_col;
    job.rows = a->rows, job.cols = a->cols;
    job.padded_cols = a->padded_cols > a->cols ? a->padded_cols : a->cols;
    job.count = (int64_t)(a->padded_rows > a->rows ? a->padded_rows : a->rows) * job.padded_cols;
    const int64_t blocks = (job.count + WEFT_BLOCK - 1) / WEFT_BLOCK;
    if (blocks >= INT32_MAX)
        return WEFT_INVALID_VALUE;
    return WEFT_LAUNCH(pack<T>, dim3((unsigned)blocks), dim3(WEFT_BLOCK), 0, stream, job);
}

int weft_launch_pack(const weft_pack_args *a, void *stream)
{
    if (!a->from || !a->to || a->rows <= 0 || a->cols <= 0 || a->to_row <= 0 || a->to_col <= 0)
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, launch, a, stream);
}

/* ---- many that only change their type ---- */

enum { CHUNK = 8192 };

struct pack_table {
    const float *from[WEFT_PACK_SEGMENTS];
    void *to[WEFT_PACK_SEGMENTS];
    weft_blocks<WEFT_PACK_SEGMENTS, CHUNK> blocks;
    unsigned char dtype[WEFT_PACK_SEGMENTS];
};

template <typename T, int V> __device__ __forceinline__ void pack_chunk(const float *from, T *to, int count)
{
    const int whole = ((uintptr_t)from | (uintptr_t)to) % 16 == 0 ? count / V * V : 0;
#pragma unroll 2
    for (int i = (int)threadIdx.x * V; i < whole; i += WEFT_BLOCK * V) {
        float v[V];
        weft_load<float, V>(from + i, v);
        weft_store<T, V>(to + i, v);
    }
    for (int i = whole + (int)threadIdx.x; i < count; i += WEFT_BLOCK)
        weft_set(to + i, from[i]);
}

__global__ void __launch_bounds__(WEFT_BLOCK) pack_segments(const __grid_constant__ pack_table table)
{
    weft_begin();
    const int s = table.blocks.segment(blockIdx.x), count = table.blocks.elements(blockIdx.x, s);
    const int64_t at = table.blocks.from(blockIdx.x, s);
    const float *from = table.from[s] + at;
    if (table.dtype[s] == WEFT_F32)
        pack_chunk<float, 4>(from, static_cast<float *>(table.to[s]) + at, count);
    else if (table.dtype[s] == WEFT_F16)
        pack_chunk<weft_f16, 8>(from, static_cast<weft_f16 *>(table.to[s]) + at, count);
    else
        pack_chunk<weft_bf16, 8>(from, static_cast<weft_bf16 *>(table.to[s]) + at, count);
}

int weft_launch_pack_segments(const weft_pack_segment *segments, int count, void *stream)
{
    static_assert(sizeof(pack_table) <= WEFT_ARGUMENT_BYTES, "the table is a kernel's argument");
    pack_table table = {};
    if (!segments || count <= 0)
        return WEFT_INVALID_VALUE;
    for (int s = 0; s < count; s++) {
        const weft_pack_segment &from = segments[s];
        if (!from.from || !from.to || !weft_is_float(from.dtype) || !table.blocks.add(from.count))
            return WEFT_INVALID_VALUE;
        table.from[s] = from.from;
        table.to[s] = from.to;
        table.dtype[s] = (unsigned char)from.dtype;
    }
    const dim3 grid(table.blocks.first[count]);
    return WEFT_LAUNCH(pack_segments, grid, dim3(WEFT_BLOCK), 0, stream, table);
}
