/* SPDX-License-Identifier: Apache-2.0
 *
 * Elements moved, not changed: pad2d and crop2d as one shift of the image, and reshape between views whose rows differ.
 *
 * Mapping: shift as map.cu, one output pixel and pack a thread; reshape one element a thread, the index divided by the
 * rows' lengths. Traffic: each element read and written once. Both are counted as defects of a lowering that could have
 * had the producer write in place. */
#include "cuda/kernel/device.cuh"

/* ---- shift ---- */

template <typename T> struct shift_job {
    const T *x;
    T *y;
    int64_t x_ld, y_ld;
    int rows, packs, h, w, oh, ow, top, left;
};

template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK) shift(shift_job<T> job)
{
    weft_begin();
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const unsigned row = blockIdx.x * blockDim.y + threadIdx.y;
    if (pack >= job.packs || row >= (unsigned)job.rows)
        return;
    const unsigned line = row / (unsigned)job.ow, n = line / (unsigned)job.oh;
    const int ih = (int)(line - n * (unsigned)job.oh) - job.top, iw = (int)(row - line * (unsigned)job.ow) - job.left;
    float v[V];
#pragma unroll
    for (int i = 0; i < V; i++)
        v[i] = 0;
    if (ih >= 0 && ih < job.h && iw >= 0 && iw < job.w)
        weft_load<T, V>(job.x + (((int64_t)n * job.h + ih) * job.w + iw) * job.x_ld + c, v);
    weft_store<T, V>(job.y + (int64_t)row * job.y_ld + c, v);
}

template <typename T, int V> static int launch_shift(const weft_shift_args *a, void *stream)
{
    shift_job<T> job;
    job.x = static_cast<const T *>(a->x.data);
    job.y = static_cast<T *>(a->y.data);
    job.x_ld = a->x.ld, job.y_ld = a->y.ld;
    job.rows = a->n * a->oh * a->ow;
    job.packs = a->c / V;
    job.h = a->h, job.w = a->w, job.oh = a->oh, job.ow = a->ow;
    job.top = a->top, job.left = a->left;
    const weft_tiling t = weft_tile_rows(job.rows, job.packs, 1);
    return WEFT_LAUNCH((shift<T, V>), t.grid, t.block, 0, stream, job);
}

template <typename T> static int shift_by_width(const weft_shift_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const bool wide = a->c % V == 0 && weft_is_wide(a->x, sizeof(T)) && weft_is_wide(a->y, sizeof(T));
    return wide ? launch_shift<T, V>(a, stream) : launch_shift<T, 1>(a, stream);
}

int weft_launch_shift(const weft_shift_args *a, void *stream)
{
    if (!weft_view_fits(a->x, a->c) || !weft_view_fits(a->y, a->c) || a->n <= 0 || a->h <= 0 || a->w <= 0 ||
        a->oh <= 0 || a->ow <= 0 || !weft_rows_fit((int64_t)a->n * a->oh * a->ow))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, shift_by_width, a, stream);
}

/* ---- reshape ---- */

template <typename T> struct reshape_job {
    const T *x;
    T *y;
    int64_t x_ld, y_ld, count;
    int xc, yc;
};

template <typename T> __global__ void __launch_bounds__(WEFT_BLOCK) reshape(reshape_job<T> job)
{
    weft_begin();
    const int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= job.count)
        return;
    const int64_t from = i / job.xc, to = i / job.yc;
    job.y[to * job.y_ld + (i - to * job.yc)] = job.x[from * job.x_ld + (i - from * job.xc)];
}

template <typename T> static int launch_reshape(const weft_reshape_args *a, void *stream)
{
    reshape_job<T> job;
    job.x = static_cast<const T *>(a->x.data);
    job.y = static_cast<T *>(a->y.data);
    job.x_ld = a->x.ld, job.y_ld = a->y.ld;
    job.count = a->count;
    job.xc = a->xc, job.yc = a->yc;
    const unsigned blocks = (unsigned)((a->count + WEFT_BLOCK - 1) / WEFT_BLOCK);
    return WEFT_LAUNCH(reshape<T>, dim3(blocks), dim3(WEFT_BLOCK), 0, stream, job);
}

int weft_launch_reshape(const weft_reshape_args *a, void *stream)
{
    if (!weft_view_fits(a->x, a->xc) || !weft_view_fits(a->y, a->yc) || a->count <= 0 || a->count % a->xc != 0 ||
        a->count % a->yc != 0 || a->count / WEFT_BLOCK >= INT32_MAX)
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, launch_reshape, a, stream);
}
