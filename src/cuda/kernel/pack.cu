/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters on their way from the store (fp32, as the op has them) to what a kernel reads: another type, rows of
 * another pitch, turned round, with zeros behind.
 *
 * Mapping: a thread for each element of the padded matrix, along its columns. Traffic: each element read and written
 * once, when the store has changed. */
#include "cuda/kernel/device.cuh"

template <typename T> struct pack_job {
    const float *from;
    T *to;
    int64_t to_row, to_col, count;
    int rows, cols, padded_cols;
};

template <typename T> __global__ void __launch_bounds__(WEFT_BLOCK) pack(pack_job<T> job)
{
    const int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= job.count)
        return;
    const int row = (int)(i / job.padded_cols), col = (int)(i - (int64_t)row * job.padded_cols);
    const bool inside = row < job.rows && col < job.cols;
    weft_set(job.to + row * job.to_row + col * job.to_col,
             inside ? job.from[(int64_t)row * job.cols + col] : 0.f);
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
