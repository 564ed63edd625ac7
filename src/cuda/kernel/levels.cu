/* SPDX-License-Identifier: Apache-2.0
 *
 * Images as bytes to a network's values, by a table for each channel, padded with zero channels.
 *
 * Mapping: a thread for each pixel, or for as many of four channels as 16 bytes hold, in turns, so that a block reads
 * the table once: it comes with the launch, as an argument, and lies in shared memory. Traffic: a byte a channel, y
 * once, padding included. Bound by memory. */
#include "cuda/kernel/levels.h"

#include "cuda/kernel/device.cuh"

enum { LEVELS = 256, MOST_CHANNELS = 3, MOST_PADDED = 8, QUAD = 4, MOST_BLOCKS = 2048, TABLE = MOST_CHANNELS * LEVELS };

template <typename T> struct levels_job {
    const unsigned char *x;
    T *y;
    int64_t x_ld, y_ld, rows;
    unsigned pixels;
    int c, padded;
    float table[TABLE];
};

/* PACKED: y is dense, of four channels, and written 16 bytes at a time; else element by element. */
template <typename T, bool PACKED>
__global__ void __launch_bounds__(WEFT_BLOCK) levels(const __grid_constant__ levels_job<T> job)
{
    weft_begin();
    constexpr int V = weft_wide<T>::V, P = PACKED ? V / QUAD : 1; /* elements, pixels */
    WEFT_SHARED(float, table, TABLE);
    for (int i = (int)threadIdx.x; i < job.c * LEVELS; i += WEFT_BLOCK)
        table[i] = job.table[i];
    __syncthreads();
    for (int64_t first = ((int64_t)blockIdx.x * WEFT_BLOCK + threadIdx.x) * P; first < job.rows;
         first += (int64_t)gridDim.x * WEFT_BLOCK * P) {
        float all[P * QUAD] = {};
#pragma unroll
        for (int p = 0; p < P; p++) {
            const int64_t row = first + p < job.rows ? first + p : first, n = row / job.pixels;
            const unsigned char *px = job.x + n * job.x_ld + (row - n * job.pixels) * job.c;
#pragma unroll
            for (int c = 0; c < MOST_CHANNELS; c++)
                if (c < job.c)
                    all[p * QUAD + c] = table[c * LEVELS + px[c]];
        }
        if constexpr (PACKED) {
            if (first + P <= job.rows) {
                weft_store<T, V>(job.y + first * QUAD, all);
                continue;
            }
        }
#pragma unroll
        for (int p = 0; p < P; p++)
            for (int c = 0; c < job.padded && first + p < job.rows; c++)
                weft_set(job.y + (first + p) * job.y_ld + c, c < QUAD ? all[p * QUAD + c] : 0.f);
    }
}

template <typename T> static int by_pixel(const weft_levels_args *a, void *stream)
{
    levels_job<T> job = {};
    job.x = a->x;
    job.y = static_cast<T *>(a->y.data);
    job.x_ld = a->x_ld, job.y_ld = a->y.ld, job.rows = a->n * a->pixels;
    job.pixels = (unsigned)a->pixels;
    job.c = a->c, job.padded = a->padded;
    for (int i = 0; i < a->c * LEVELS; i++)
        job.table[i] = a->table[i];
    const bool packed = a->padded == QUAD && a->y.ld == QUAD && weft_at_16(a->y.data);
    const int64_t each = WEFT_BLOCK * (packed ? weft_wide<T>::V / QUAD : 1), most = MOST_BLOCKS;
    const int64_t blocks = (job.rows + each - 1) / each;
    const dim3 grid((unsigned)(blocks < most ? blocks : most));
    if (packed)
        return WEFT_LAUNCH((levels<T, true>), grid, dim3(WEFT_BLOCK), 0, stream, job);
    return WEFT_LAUNCH((levels<T, false>), grid, dim3(WEFT_BLOCK), 0, stream, job);
}

int weft_launch_levels(const weft_levels_args *a, void *stream)
{
    if (!a->x || !a->table || a->n <= 0 || a->pixels <= 0 || a->pixels > INT32_MAX || a->c < 1 ||
        a->c > MOST_CHANNELS || a->padded < a->c || a->padded > MOST_PADDED || a->x_ld < a->pixels * a->c ||
        !weft_view_fits(a->y, a->padded))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, by_pixel, a, stream);
}
