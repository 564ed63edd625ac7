/* SPDX-License-Identifier: Apache-2.0
 *
 * Each pixel of an image times that image's factors, y = act(x * s + residual).
 *
 * Mapping: as map.cu, z of the grid an image; a thread keeps its factors for up to ROWS pixels. Traffic: each tensor
 * once; bound by memory. */
#include "cuda/kernel/device.cuh"

enum { ROWS = 8 };

template <typename T, typename S> struct scale_job {
    const T *x;
    const S *s;
    T *y;
    int64_t x_ld, s_ld, y_ld;
    int pixels, packs;
    weft_finish<T> end;
};

template <typename T, typename S, int V> __global__ void __launch_bounds__(WEFT_BLOCK) scale(scale_job<T, S> job)
{
    weft_begin();
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    if (pack >= job.packs)
        return;
    float s[V];
    weft_load<S, V>(job.s + (int64_t)blockIdx.z * job.s_ld + c, s);
    const unsigned step = gridDim.x * blockDim.y;
    for (unsigned p = blockIdx.x * blockDim.y + threadIdx.y; p < (unsigned)job.pixels; p += step) {
        const int64_t row = (int64_t)blockIdx.z * job.pixels + p;
        float v[V];
        weft_load<T, V>(job.x + row * job.x_ld + c, v);
#pragma unroll
        for (int i = 0; i < V; i++)
            v[i] *= s[i];
        weft_finish_row<T, V>(job.end, row, c, v);
        weft_store<T, V>(job.y + row * job.y_ld + c, v);
    }
}

template <typename T, typename S, int V> static int launch(const weft_channel_scale_args *a, void *stream)
{
    scale_job<T, S> job;
    job.x = static_cast<const T *>(a->x.data);
    job.s = static_cast<const S *>(a->s.data);
    job.y = static_cast<T *>(a->y.data);
    job.x_ld = a->x.ld, job.s_ld = a->s.ld, job.y_ld = a->y.ld;
    job.pixels = a->pixels;
    job.packs = a->c / V;
    job.end = weft_finish_of<T>(&a->epi);
    weft_tiling t = weft_tile_rows(a->pixels, job.packs, (int64_t)a->n * a->pixels > 1 << 14 ? ROWS : 1);
    t.grid.z = (unsigned)a->n;
    return WEFT_LAUNCH((scale<T, S, V>), t.grid, t.block, 0, stream, job);
}

template <typename T, typename S> static int by_width(const weft_channel_scale_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const bool wide = a->c % V == 0 && weft_is_wide(a->x, sizeof(T)) && weft_is_wide(a->s, sizeof(S)) &&
                      weft_is_wide(a->y, sizeof(T)) && weft_epilogue_is_wide(a->epi, sizeof(T));
    return wide ? launch<T, S, V>(a, stream) : launch<T, S, 1>(a, stream);
}

int weft_launch_channel_scale(const weft_channel_scale_args *a, void *stream)
{
    if (!weft_view_fits(a->x, a->c) || !weft_view_fits(a->s, a->c) || !weft_view_fits(a->y, a->c) || a->n <= 0 ||
        a->n > 65535 || a->pixels <= 0 || !weft_rows_fit((int64_t)a->n * a->pixels) || a->epi.bias ||
        !weft_epilogue_fits(a->epi, a->c))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPES(a->dtype, a->s_dtype, by_width, a, stream);
}
