/* SPDX-License-Identifier: Apache-2.0
 *
 * The weights of expand_depthwise.cu in the order in which its lanes want them, a thread for each number; those of its
 * window by pack.cu. */
#include "cuda/kernel/expand.cuh"
#include "cuda/kernel/pack.h"

template <typename T>
__global__ void __launch_bounds__(WEFT_BLOCK) pack_product(const float *from, T *to, int c, int c_in, int count)
{
    weft_begin();
    const int steps = steps_of(c_in);
    for (int i = (int)(blockIdx.x * WEFT_BLOCK + threadIdx.x); i < count; i += (int)gridDim.x * WEFT_BLOCK) {
        const int lane = i / 8 % WEFT_WARP, group = i / (8 * WEFT_WARP) % GROUPS, at = i / (8 * WEFT_WARP * GROUPS);
        const int k = at / steps * CHUNK + group * 16 + weft_channel_of(i / 4 % 2, lane / 4);
        const int channel = at % steps / 2 * (2 * DEPTH) + lane % 4 * 8 + at % 2 * 4 + i % 4; /* steps is even */
        weft_set(to + i, k < c && channel < c_in ? from[(int64_t)k * c_in + channel] : 0);
    }
}

/* ---- the host's side ---- */

size_t weft_expand_product_bytes(int c, int c_in)
{
    return (size_t)weft_parts_of(c, CHUNK) * (size_t)steps_of(c_in) * GROUPS * WEFT_WARP * 16;
}

size_t weft_expand_window_bytes(int c, int kernel)
{
    const int pairs = kernel == 3 ? (int)expand_pairs<3>::COUNT : (int)expand_pairs<5>::COUNT;
    return (size_t)weft_parts_of(c, CHUNK) * GROUPS * (size_t)pairs * 2 * WEFT_WARP * 4;
}

template <typename T> static int launch_product(const weft_expand_pack_args *a, void *stream)
{
    /* Not through a: a launch that is recorded keeps what it is given, and a is gone when it runs. */
    const float *from = a->product_weights;
    T *to = static_cast<T *>(a->product);
    const int c = a->c, c_in = a->c_in, count = (int)(weft_expand_product_bytes(c, c_in) / sizeof(T));
    const dim3 blocks((unsigned)weft_parts_of(count, WEFT_BLOCK));
    return WEFT_LAUNCH((pack_product<T>), blocks, dim3(WEFT_BLOCK), 0, stream, from, to, c, c_in, count);
}

int weft_launch_expand_pack(const weft_expand_pack_args *a, void *stream)
{
    if ((a->c_in && (!a->product_weights || !a->product)) || !a->window_weights || !a->window ||
        !weft_at_16(a->product) || !weft_at_16(a->window) || a->c <= 0 || a->c_in < 0 ||
        (a->kernel != 3 && a->kernel != 5) ||
        weft_expand_product_bytes(a->c, a->c_in) > INT32_MAX)
        return WEFT_INVALID_VALUE;
    if (a->dtype != WEFT_F16 && a->dtype != WEFT_BF16)
        return WEFT_INVALID_VALUE;
    const int error = !a->c_in                ? 0
                      : a->dtype == WEFT_F16 ? launch_product<weft_f16>(a, stream)
                                             : launch_product<weft_bf16>(a, stream);
    weft_pack_segment window = {};
    window.from = a->window_weights, window.to = a->window, window.dtype = a->dtype;
    window.layout = WEFT_PACK_WINDOW;
    window.cols = a->c, window.kernel = a->kernel;
    return error ? error : weft_launch_pack(&window, 1, stream);
}
