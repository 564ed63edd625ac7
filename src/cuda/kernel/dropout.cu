/* SPDX-License-Identifier: Apache-2.0
 *
 * Dropout and drop path, with the draws of op/dropout.h: element i has word i / 16 mod 4 of block 16 (i / 64) + i mod
 * 16, so that a thread which takes four packs 16 elements apart uses every word of its blocks. The step is read from
 * device memory: a recorded run draws anew.
 *
 * drop_elements: a thread for four packs. drop_images: a block takes packs of one part of one image, of which a thread
 * draws once; what is dropped is not read. Traffic: x, residual and y once. Bound by memory; ten rounds for four
 * elements are about half of what a card computes in that time. */
#include "cuda/kernel/device.cuh"
#include "cuda/kernel/loss.h"
#include "cuda/kernel/philox.cuh"

enum { GROUP = 64 /* elements of 16 blocks */, APART = 16, EACH = 8 /* rows of a thread */ };

template <typename T> struct dropout_job {
    const T *x, *residual;
    T *y;
    int64_t x_ld, residual_ld, y_ld, count;
    int c, of_image, parts, packs;
    bool dense;
    const int32_t *step;
    uint64_t seed, stream;
    uint32_t threshold;
    float scale;
};

/* v += the residual of a row's channels from c on. */
template <typename T, int V>
__device__ __forceinline__ void add_residual(const dropout_job<T> &job, int64_t row, int64_t c, float (&v)[V])
{
    float r[V];
    if (!job.residual)
        return;
    weft_load<T, V>(job.residual + row * job.residual_ld + c, r);
#pragma unroll
    for (int k = 0; k < V; k++)
        v[k] += r[k];
}

/* Draws of a step: the block that holds draw i of each word. */
__device__ __forceinline__ uint64_t block_of(int32_t step, int64_t i)
{
    return (uint64_t)(uint32_t)step << 32 | (uint64_t)(i / GROUP * APART + i % APART);
}

template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK, 4) drop_elements(dropout_job<T> job)
{
    weft_begin();
    const int64_t me = (int64_t)blockIdx.x * WEFT_BLOCK + threadIdx.x;
    const int64_t first = me / (APART / V) * GROUP + me % (APART / V) * V;
    if (first >= job.count)
        return;
    const uint64_t block = block_of(*job.step, first);
    unsigned kept[4] = { 0, 0, 0, 0 }; /* by word: bit k of element k of the pack */
#pragma unroll
    for (int k = 0; k < V; k++) {
        const uint4 words = weft_philox(job.seed, job.stream, block + (unsigned)k);
        kept[0] |= (words.x >= job.threshold ? 1u : 0u) << k;
        kept[1] |= (words.y >= job.threshold ? 1u : 0u) << k;
        kept[2] |= (words.z >= job.threshold ? 1u : 0u) << k;
        kept[3] |= (words.w >= job.threshold ? 1u : 0u) << k;
    }
#pragma unroll
    for (int w = 0; w < 4; w++) {
        const int64_t i = first + w * APART;
        if (i >= job.count)
            return;
        const int64_t row = job.dense ? 0 : i / job.c, c = i - row * job.c;
        float v[V];
        weft_load<T, V>(job.x + row * job.x_ld + c, v);
#pragma unroll
        for (int k = 0; k < V; k++)
            v[k] = kept[w] >> k & 1 ? v[k] * job.scale : 0.f;
        add_residual<T, V>(job, row, c, v);
        weft_store<T, V>(job.y + row * job.y_ld + c, v);
    }
}

template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK) drop_images(dropout_job<T> job)
{
    weft_begin();
    const int pack = (int)(blockIdx.y * blockDim.x + threadIdx.x), c = pack * V;
    const unsigned n = blockIdx.x / (unsigned)job.parts, part = blockIdx.x - n * (unsigned)job.parts;
    if (pack >= job.packs)
        return;
    const uint4 words = weft_philox(job.seed, job.stream, block_of(*job.step, n));
    const unsigned w = n / APART % 4, draw = w == 0 ? words.x : w == 1 ? words.y : w == 2 ? words.z : words.w;
    const bool kept = draw >= job.threshold;
    for (int r = (int)(part * blockDim.y + threadIdx.y); r < job.of_image; r += job.parts * (int)blockDim.y) {
        const int64_t row = (int64_t)n * job.of_image + r;
        float v[V];
#pragma unroll
        for (int k = 0; k < V; k++)
            v[k] = 0;
        if (kept)
            weft_load<T, V>(job.x + row * job.x_ld + c, v);
#pragma unroll
        for (int k = 0; k < V; k++)
            v[k] *= job.scale;
        add_residual<T, V>(job, row, c, v);
        weft_store<T, V>(job.y + row * job.y_ld + c, v);
    }
}

template <typename T, int V> static int launch_images(dropout_job<T> job, int64_t images, void *stream)
{
    job.packs = job.c / V;
    const int x = job.packs < WEFT_WARP ? job.packs : (int)WEFT_WARP;
    int y = WEFT_BLOCK / x;
    while (y > 1 && y / 2 * EACH >= job.of_image)
        y /= 2;
    job.parts = (job.of_image + y * EACH - 1) / (y * EACH);
    const dim3 grid((unsigned)(images * job.parts), (unsigned)((job.packs + x - 1) / x));
    return WEFT_LAUNCH((drop_images<T, V>), grid, dim3((unsigned)x, (unsigned)y), 0, stream, job);
}

template <typename T, int V> static int launch_elements(dropout_job<T> job, void *stream)
{
    const int64_t threads = (job.count + GROUP - 1) / GROUP * (APART / V);
    const int64_t blocks = (threads + WEFT_BLOCK - 1) / WEFT_BLOCK;
    if (blocks > INT32_MAX)
        return WEFT_INVALID_VALUE;
    return WEFT_LAUNCH((drop_elements<T, V>), dim3((unsigned)blocks), dim3(WEFT_BLOCK), 0, stream, job);
}

template <typename T> static int by_width(const weft_dropout_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    dropout_job<T> job = {};
    job.x = static_cast<const T *>(a->x.data);
    job.residual = static_cast<const T *>(a->residual.data);
    job.y = static_cast<T *>(a->y.data);
    job.x_ld = a->x.ld, job.residual_ld = a->residual.ld, job.y_ld = a->y.ld;
    job.count = a->rows * a->c;
    job.c = a->c, job.of_image = a->of_image;
    job.dense = a->x.ld == a->c && a->y.ld == a->c && (!a->residual.data || a->residual.ld == a->c);
    job.step = a->step;
    job.seed = a->seed, job.stream = a->stream;
    job.threshold = a->threshold, job.scale = a->scale;
    if (a->of_image > 0) {
        const bool wide = a->c % V == 0 && weft_is_wide(a->x, sizeof(T)) && weft_is_wide(a->y, sizeof(T)) &&
                          weft_is_wide(a->residual, sizeof(T));
        const int64_t images = a->rows / a->of_image;
        return wide ? launch_images<T, V>(job, images, stream) : launch_images<T, 1>(job, images, stream);
    }
    const bool wide = job.dense ? job.count % V == 0 && weft_at_16(a->x.data) && weft_at_16(a->y.data) &&
                                      weft_at_16(a->residual.data)
                                : a->c % V == 0 && weft_is_wide(a->x, sizeof(T)) && weft_is_wide(a->y, sizeof(T)) &&
                                      weft_is_wide(a->residual, sizeof(T));
    return wide ? launch_elements<T, V>(job, stream) : launch_elements<T, 1>(job, stream);
}

int weft_launch_dropout(const weft_dropout_args *a, void *stream)
{
    const weft_kepilogue end = { nullptr, a->residual, WEFT_ACT_NONE };
    if (!weft_view_fits(a->x, a->c) || !weft_view_fits(a->y, a->c) || !weft_epilogue_fits(end, a->c) ||
        !weft_rows_fit(a->rows) || !a->step ||
        a->of_image < 0 || (a->of_image > 0 && a->rows % a->of_image != 0))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, by_width, a, stream);
}
