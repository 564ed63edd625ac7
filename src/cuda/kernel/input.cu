/* SPDX-License-Identifier: Apache-2.0
 *
 * From images to a network's input in one pass: normalise, convert, pad the channels.
 *
 * Mapping: a thread for each pixel. Traffic: x once (a byte or four a channel), y once, padding included. */
#include "cuda/kernel/device.cuh"

enum { MOST_CHANNELS = 4, MOST_PADDED = 8 };

template <typename X, typename T> struct input_job {
    const X *x;
    T *y;
    int64_t y_ld;
    unsigned rows;
    int c, padded;
    const float *scale, *offset;
};

__device__ __forceinline__ float input_value(unsigned char x)
{
    return (float)x;
}

__device__ __forceinline__ float input_value(float x)
{
    return x;
}

/* V channels at a time: the width of the store. */
template <typename X, typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK) input(input_job<X, T> job)
{
    weft_begin();
    const unsigned row = blockIdx.x * blockDim.x + threadIdx.x;
    if (row >= job.rows)
        return;
    const X *px = job.x + (int64_t)row * job.c;
    float all[MOST_PADDED] = {};
#pragma unroll
    for (int c = 0; c < MOST_CHANNELS; c++)
        if (c < job.c)
            all[c] = job.scale ? fmaf(input_value(px[c]), job.scale[c], job.offset[c]) : input_value(px[c]);
    T *y = job.y + (int64_t)row * job.y_ld;
#pragma unroll
    for (int c = 0; c < MOST_PADDED; c += V) {
        if (c >= job.padded)
            continue;
        float piece[V];
#pragma unroll
        for (int i = 0; i < V; i++)
            piece[i] = all[c + i];
        weft_store<T, V>(y + c, piece);
    }
}

template <typename X, typename T> static int launch(const weft_input_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    input_job<X, T> job;
    job.x = static_cast<const X *>(a->x);
    job.y = static_cast<T *>(a->y.data);
    job.y_ld = a->y.ld;
    job.rows = (unsigned)a->rows;
    job.c = a->c, job.padded = a->padded > 0 ? a->padded : a->c;
    job.scale = a->scale, job.offset = a->offset;
    const dim3 grid((job.rows + WEFT_BLOCK - 1) / WEFT_BLOCK);
    if (job.padded % V == 0 && weft_is_wide(a->y, sizeof(T)))
        return WEFT_LAUNCH((input<X, T, V>), grid, dim3(WEFT_BLOCK), 0, stream, job);
    return WEFT_LAUNCH((input<X, T, 1>), grid, dim3(WEFT_BLOCK), 0, stream, job);
}

template <typename T> static int by_pixel(const weft_input_args *a, void *stream)
{
    return a->x_dtype == WEFT_U8 ? launch<unsigned char, T>(a, stream) : launch<float, T>(a, stream);
}

int weft_launch_input(const weft_input_args *a, void *stream)
{
    const int padded = a->padded > 0 ? a->padded : a->c;
    if (!a->x || (a->x_dtype != WEFT_U8 && a->x_dtype != WEFT_F32) || a->c < 1 || a->c > MOST_CHANNELS ||
        padded < a->c || padded > MOST_PADDED || !a->scale != !a->offset ||
        !weft_view_fits(a->y, padded) || !weft_rows_fit(a->rows))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, by_pixel, a, stream);
}
