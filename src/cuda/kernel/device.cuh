/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels share: packs of channels read and written 16 bytes at a time, activations, sums over warps and
 * blocks in a fixed order, and on the host the choice of types and widths. */
#ifndef WEFT_CUDA_KERNEL_DEVICE_CUH
#define WEFT_CUDA_KERNEL_DEVICE_CUH

#include <math.h>

#include "cuda/kernel/kcompat.cuh"
#include "cuda/kernel/kernels.h"

enum { WEFT_INVALID_VALUE = 1 /* cudaErrorInvalidValue */, WEFT_WARP = 32, WEFT_BLOCK = 256 };

/* ---- elements ---- */

__device__ __forceinline__ void weft_set(float *to, float x)
{
    *to = x;
}

__device__ __forceinline__ void weft_set(weft_f16 *to, float x)
{
    *to = weft_f16_of(x);
}

__device__ __forceinline__ void weft_set(weft_bf16 *to, float x)
{
    *to = weft_bf16_of(x);
}

/* x as it would be read back from T. */
template <typename T> __device__ __forceinline__ float weft_rounded(float x)
{
    T t;
    weft_set(&t, x);
    return weft_to_float(t);
}

/* ---- packs: V neighbouring elements as floats ----
 * The bytes of V > 1 elements are a multiple of 16 at an address that is one. */

__device__ __forceinline__ void weft_unpack(unsigned word, float *v, float)
{
    v[0] = __uint_as_float(word);
}

template <typename T> __device__ __forceinline__ void weft_unpack(unsigned word, float *v, T)
{
    T low, high;
    low.bits = (unsigned short)word;
    high.bits = (unsigned short)(word >> 16);
    v[0] = weft_to_float(low);
    v[1] = weft_to_float(high);
}

__device__ __forceinline__ unsigned weft_repack(const float *v, float)
{
    return __float_as_uint(v[0]);
}

template <typename T> __device__ __forceinline__ unsigned weft_repack(const float *v, T)
{
    T low, high;
    weft_set(&low, v[0]);
    weft_set(&high, v[1]);
    return (unsigned)low.bits | (unsigned)high.bits << 16;
}

/* The bytes of V neighbouring elements, 4, 8 or 16 of them, between a load and their use: loads that are written before
 * the first use are under way together. */
template <int BYTES> struct weft_bytes;
template <> struct weft_bytes<4> {
    typedef unsigned type;
};
template <> struct weft_bytes<8> {
    typedef uint2 type;
};
template <> struct weft_bytes<16> {
    typedef uint4 type;
};

template <typename T> __device__ __forceinline__ void weft_spread(unsigned from, unsigned keep, float *v)
{
    weft_unpack(from & keep, v, T());
}

template <typename T> __device__ __forceinline__ void weft_spread(uint2 from, unsigned keep, float *v)
{
    weft_unpack(from.x & keep, v, T());
    weft_unpack(from.y & keep, v + 4 / sizeof(T), T());
}

template <typename T> __device__ __forceinline__ void weft_spread(uint4 from, unsigned keep, float *v)
{
    const uint2 low = { from.x, from.y }, high = { from.z, from.w };
    weft_spread<T>(low, keep, v);
    weft_spread<T>(high, keep, v + 8 / sizeof(T));
}

template <typename T> __device__ __forceinline__ void weft_gather(const float *v, unsigned *to)
{
    *to = weft_repack(v, T());
}

template <typename T> __device__ __forceinline__ void weft_gather(const float *v, uint2 *to)
{
    to->x = weft_repack(v, T());
    to->y = weft_repack(v + 4 / sizeof(T), T());
}

template <typename T> __device__ __forceinline__ void weft_gather(const float *v, uint4 *to)
{
    uint2 low, high;
    weft_gather<T>(v, &low);
    weft_gather<T>(v + 8 / sizeof(T), &high);
    to->x = low.x, to->y = low.y, to->z = high.x, to->w = high.y;
}

template <typename T, int V> struct weft_piece {
    typedef typename weft_bytes<V * (int)sizeof(T)>::type type;
    type bytes;

    __device__ __forceinline__ void load(const T *from)
    {
        bytes = *reinterpret_cast<const type *>(from);
    }

    __device__ __forceinline__ void store(T *to) const
    {
        *reinterpret_cast<type *>(to) = bytes;
    }

    /* keep: all ones, or 0 for zeros. */
    __device__ __forceinline__ void spread(float (&v)[V], unsigned keep) const
    {
        weft_spread<T>(bytes, keep, v);
    }

    __device__ __forceinline__ void pack(const float (&v)[V])
    {
        weft_gather<T>(v, &bytes);
    }
};

template <typename T, int V> __device__ __forceinline__ void weft_load(const T *from, float (&v)[V])
{
    if (V == 1) {
        v[0] = weft_to_float(*from);
        return;
    }
    constexpr int each = 16 / (int)sizeof(T);
#pragma unroll
    for (int i = 0; i + each <= V; i += each)
        weft_spread<T>(*reinterpret_cast<const uint4 *>(from + i), ~0u, v + i);
}

template <typename T, int V> __device__ __forceinline__ void weft_store(T *to, const float (&v)[V])
{
    if (V == 1) {
        weft_set(to, v[0]);
        return;
    }
    constexpr int each = 16 / (int)sizeof(T);
#pragma unroll
    for (int i = 0; i + each <= V; i += each)
        weft_gather<T>(v + i, reinterpret_cast<uint4 *>(to + i));
}

/* Of a row or column that may lie outside: all ones if it does not; the nearest that there is. */
__device__ __forceinline__ unsigned weft_inside(int at, int count)
{
    return at >= 0 && at < count ? ~0u : 0;
}

__device__ __forceinline__ int weft_nearest(int at, int count)
{
    return at < 0 ? 0 : at < count ? at : count - 1;
}

/* V = 1 for any element, else the elements of T in 16 bytes, or of the narrower of two types. */
template <typename T, typename U = T> struct weft_wide {
    enum { V = sizeof(T) < sizeof(U) ? 16 / sizeof(T) : 16 / sizeof(U) };
};

/* ---- activations, as weft_act_eval of src/op/op.c ----
 * Ten of them, but four shapes, so that unrolled code stays small. __fdividef errs by 2 ulp. */

__device__ __forceinline__ float weft_clamp6(float x)
{
    return x < 0 ? 0.f : x > 6 ? 6.f : x; /* a NaN stays a NaN */
}

template <int V> __device__ __forceinline__ void weft_activate(weft_act act, float (&v)[V])
{
    if (act == WEFT_ACT_NONE)
        return;
    if (act == WEFT_ACT_RELU || act == WEFT_ACT_RELU6 || act == WEFT_ACT_LEAKY_RELU) {
        const bool leaky = act == WEFT_ACT_LEAKY_RELU;
        const float high = act == WEFT_ACT_RELU6 ? 6.f : INFINITY;
#pragma unroll
        for (int i = 0; i < V; i++) {
            const float x = v[i] > high ? high : v[i];
            v[i] = x < 0 ? (leaky ? .01f * x : 0.f) : x;
        }
    } else if (act == WEFT_ACT_SIGMOID || act == WEFT_ACT_SWISH) {
        const bool swish = act == WEFT_ACT_SWISH;
#pragma unroll
        for (int i = 0; i < V; i++)
            v[i] = __fdividef(swish ? v[i] : 1.f, 1.f + expf(-v[i]));
    } else if (act == WEFT_ACT_HARD_SIGMOID || act == WEFT_ACT_HARD_SWISH) {
        const bool swish = act == WEFT_ACT_HARD_SWISH;
#pragma unroll
        for (int i = 0; i < V; i++)
            v[i] = (swish ? v[i] : 1.f) * (weft_clamp6(v[i] + 3) * (1 / 6.f));
    } else {
        const bool lecun = act == WEFT_ACT_LECUN_TANH;
#pragma unroll
        for (int i = 0; i < V; i++)
            v[i] = lecun ? 1.7159f * tanhf(v[i] * (2 / 3.f)) : tanhf(v[i]);
    }
}

/* Four of them where 16 bits are kept of the result, so that a few ulp of a float do not matter: few instructions, and
 * few registers. */
inline bool weft_is_near(weft_act act)
{
    return act == WEFT_ACT_NONE || act == WEFT_ACT_RELU || act == WEFT_ACT_RELU6 || act == WEFT_ACT_SWISH;
}

template <int V> __device__ __forceinline__ void weft_activate_near(weft_act act, float (&v)[V])
{
    if (act == WEFT_ACT_SWISH) {
#pragma unroll
        for (int i = 0; i < V; i++)
            v[i] *= weft_reciprocal(1.f + weft_exp2(v[i] * -1.44269504f));
    } else {
        const float low = act == WEFT_ACT_NONE ? -INFINITY : 0.f, high = act == WEFT_ACT_RELU6 ? 6.f : INFINITY;
#pragma unroll
        for (int i = 0; i < V; i++)
            v[i] = weft_clamp(v[i], low, high);
    }
}

/* ---- the epilogue, with the types the kernel knows ---- */

template <typename T> struct weft_finish {
    const float *bias;
    const T *residual;
    int64_t residual_ld;
    weft_act act;
};

template <typename T> weft_finish<T> weft_finish_of(const weft_kepilogue *epi)
{
    weft_finish<T> f;
    f.bias = epi->bias;
    f.residual = static_cast<const T *>(epi->residual.data);
    f.residual_ld = epi->residual.ld;
    f.act = epi->act;
    return f;
}

/* bias of the channels from c on, or zeros: read once for many rows. */
template <int V> __device__ __forceinline__ void weft_load_or(const float *from, int c, float other, float (&v)[V])
{
    if (from) {
        weft_load<float, V>(from + c, v);
        return;
    }
#pragma unroll
    for (int i = 0; i < V; i++)
        v[i] = other;
}

/* v + residual, the activation. v has its bias. */
template <typename T, int V>
__device__ __forceinline__ void weft_finish_row(const weft_finish<T> &f, int64_t row, int c, float (&v)[V])
{
    if (f.residual) {
        float r[V];
        weft_load<T, V>(f.residual + row * f.residual_ld + c, r);
#pragma unroll
        for (int i = 0; i < V; i++)
            v[i] += r[i];
    }
    weft_activate<V>(f.act, v);
}

/* ---- sums in an order of their own ---- */

/* All lanes of the warp get the sum; every lane must come. */
__device__ __forceinline__ float weft_warp_sum(float v)
{
#pragma unroll
    for (int step = WEFT_WARP / 2; step > 0; step /= 2)
        v += __shfl_xor_sync(0xffffffffu, v, step);
    return v;
}

__device__ __forceinline__ float weft_warp_max(float v)
{
#pragma unroll
    for (int step = WEFT_WARP / 2; step > 0; step /= 2)
        v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, step));
    return v;
}

/* ---- the host's side: shapes of launches ---- */

/* Grid and block over rows x packs of channels: x of a block runs over packs, y over rows, so that a warp reads
 * neighbouring bytes of dense tensors, and no thread divides. */
struct weft_tiling {
    dim3 grid, block;
};

/* each: rows per thread, which a kernel takes blockDim.y * gridDim.x apart. */
inline weft_tiling weft_tile_rows(int64_t rows, int packs, int each)
{
    weft_tiling t;
    const int x = packs < WEFT_BLOCK ? packs : WEFT_BLOCK;
    int y = WEFT_BLOCK / x;
    while (y > 1 && y / 2 >= rows)
        y /= 2;
    const int64_t per_block = (int64_t)y * each;
    t.block = dim3((unsigned)x, (unsigned)y);
    t.grid = dim3((unsigned)((rows + per_block - 1) / per_block), (unsigned)((packs + x - 1) / x));
    return t;
}

inline bool weft_at_16(const void *p)
{
    return ((uintptr_t)p & 15) == 0;
}

/* Whether a view (no data: any) can be read 16 bytes at a time. */
inline bool weft_is_wide(const weft_kview &v, size_t size)
{
    return !v.data || (weft_at_16(v.data) && v.ld * (int64_t)size % 16 == 0);
}

inline bool weft_epilogue_is_wide(const weft_kepilogue &epi, size_t size)
{
    return weft_at_16(epi.bias) && weft_is_wide(epi.residual, size);
}

inline size_t weft_size_of(weft_dtype t)
{
    return t == WEFT_F32 ? 4 : 2;
}

inline bool weft_is_float(weft_dtype t)
{
    return t == WEFT_F32 || t == WEFT_F16 || t == WEFT_BF16;
}

inline bool weft_rows_fit(int64_t rows)
{
    return rows > 0 && rows <= INT32_MAX;
}

/* A view that is there and as wide as its channels. */
inline bool weft_view_fits(const weft_kview &v, int64_t channels)
{
    return v.data && channels > 0 && v.ld >= channels;
}

inline bool weft_epilogue_fits(const weft_kepilogue &epi, int64_t channels)
{
    return (!epi.residual.data || epi.residual.ld >= channels) && (int)epi.act >= 0 && epi.act < WEFT_ACT_COUNT;
}

inline bool weft_window_fits(const weft_kwindow &w)
{
    return w.n > 0 && w.h > 0 && w.w > 0 && w.oh > 0 && w.ow > 0 && w.kernel_h > 0 && w.kernel_w > 0 &&
           w.stride_h > 0 && w.stride_w > 0 && w.dilation >= 0 && weft_rows_fit((int64_t)w.n * w.h * w.w) &&
           weft_rows_fit((int64_t)w.n * w.oh * w.ow);
}

/* call<T>(args, stream) for the type of dtype. */
#define WEFT_BY_DTYPE(dtype, call, args, stream)                                                                       \
    ((dtype) == WEFT_F32    ? call<float>((args), (stream))                                                            \
     : (dtype) == WEFT_F16  ? call<weft_f16>((args), (stream))                                                         \
     : (dtype) == WEFT_BF16 ? call<weft_bf16>((args), (stream))                                                        \
                            : WEFT_INVALID_VALUE)
/* call<T, U>: the same, and U is T or float. */
#define WEFT_BY_DTYPES(dtype, other, call, args, stream)                                                               \
    ((dtype) == WEFT_F32 && (other) == WEFT_F32     ? call<float, float>((args), (stream))                             \
     : (dtype) == WEFT_F16 && (other) == WEFT_F16   ? call<weft_f16, weft_f16>((args), (stream))                       \
     : (dtype) == WEFT_F16 && (other) == WEFT_F32   ? call<weft_f16, float>((args), (stream))                          \
     : (dtype) == WEFT_BF16 && (other) == WEFT_BF16 ? call<weft_bf16, weft_bf16>((args), (stream))                     \
     : (dtype) == WEFT_BF16 && (other) == WEFT_F32  ? call<weft_bf16, float>((args), (stream))                         \
                                                    : WEFT_INVALID_VALUE)

#endif
