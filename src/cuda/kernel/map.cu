/* SPDX-License-Identifier: Apache-2.0
 *
 * One element to one element: copies, casts, activations, additions, batch norm and input normalisation, all as one
 * kernel, y = act((x - mean) * gain + bias + scale * b + residual) with the parts that are there.
 *
 * Mapping: x over packs of V channels, y over rows; a thread keeps its channels' parameters for up to ROWS rows.
 * Traffic: each tensor once; bound by memory. Which parts are there is the same for all threads: no divergence. */
#include "cuda/kernel/device.cuh"

enum { ROWS = 8 };

template <typename T, typename U> struct map_job {
    const T *x, *b;
    U *y;
    int64_t x_ld, b_ld, y_ld;
    int rows, packs;
    const float *mean, *gain;
    float b_scale;
    weft_finish<T> end;
};

template <typename T, typename U, int V> __global__ void __launch_bounds__(WEFT_BLOCK) map(map_job<T, U> job)
{
    weft_begin();
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    if (pack >= job.packs)
        return;
    float mean[V], gain[V], bias[V];
    weft_load_or<V>(job.mean, c, 0, mean);
    weft_load_or<V>(job.gain, c, 1, gain);
    weft_load_or<V>(job.end.bias, c, 0, bias);
    const bool affine = job.mean || job.gain || job.end.bias;

    const unsigned step = gridDim.x * blockDim.y;
    for (unsigned row = blockIdx.x * blockDim.y + threadIdx.y; row < (unsigned)job.rows; row += step) {
        float v[V];
        weft_load<T, V>(job.x + (int64_t)row * job.x_ld + c, v);
        if (affine) { /* else the bits stay, -0 too */
#pragma unroll
            for (int i = 0; i < V; i++)
                v[i] = fmaf(v[i] - mean[i], gain[i], bias[i]);
        }
        if (job.b) {
            float b[V];
            weft_load<T, V>(job.b + (int64_t)row * job.b_ld + c, b);
#pragma unroll
            for (int i = 0; i < V; i++)
                v[i] = fmaf(job.b_scale, b[i], v[i]);
        }
        weft_finish_row<T, V>(job.end, row, c, v);
        weft_store<U, V>(job.y + (int64_t)row * job.y_ld + c, v);
    }
}

template <typename T, typename U, int V> static int launch(const weft_map_args *a, void *stream)
{
    map_job<T, U> job;
    job.x = static_cast<const T *>(a->x.data);
    job.b = static_cast<const T *>(a->b.data);
    job.y = static_cast<U *>(a->y.data);
    job.x_ld = a->x.ld, job.b_ld = a->b.ld, job.y_ld = a->y.ld;
    job.rows = (int)a->rows;
    job.packs = a->c / V;
    job.mean = a->mean;
    job.gain = a->gain;
    job.b_scale = a->b_scale != 0 ? a->b_scale : 1;
    job.end = weft_finish_of<T>(&a->epi);
    const weft_tiling t = weft_tile_rows(a->rows, job.packs, a->rows > 1 << 14 ? ROWS : 1);
    return WEFT_LAUNCH((map<T, U, V>), t.grid, t.block, 0, stream, job);
}

template <typename T, typename U> static int by_width(const weft_map_args *a, void *stream)
{
    constexpr int V = weft_wide<T, U>::V;
    const bool wide = a->c % V == 0 && weft_is_wide(a->x, sizeof(T)) && weft_is_wide(a->b, sizeof(T)) &&
                      weft_is_wide(a->y, sizeof(U)) && weft_epilogue_is_wide(a->epi, sizeof(T)) &&
                      weft_at_16(a->mean) && weft_at_16(a->gain);
    return wide ? launch<T, U, V>(a, stream) : launch<T, U, 1>(a, stream);
}

int weft_launch_map(const weft_map_args *a, void *stream)
{
    if (!weft_view_fits(a->x, a->c) || !weft_view_fits(a->y, a->c) || !weft_rows_fit(a->rows) ||
        !weft_epilogue_fits(a->epi, a->c) || (a->b.data && a->b.ld < a->c))
        return WEFT_INVALID_VALUE;
    if (a->dtype == WEFT_F32 && a->y_dtype == WEFT_F16)
        return by_width<float, weft_f16>(a, stream);
    if (a->dtype == WEFT_F32 && a->y_dtype == WEFT_BF16)
        return by_width<float, weft_bf16>(a, stream);
    return WEFT_BY_DTYPES(a->dtype, a->y_dtype, by_width, a, stream);
}
