/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays of floats to and from 16-bit types. Each loop twice, for any processor and for one with AVX2: integers of 32
 * bits in vectors, the same bits. */
#include "tensor/cast.h"

#if defined(__x86_64__) && defined(__clang__)
#define WITH_AVX2 __attribute__((target("avx2")))
#define HAS_AVX2 __builtin_cpu_supports("avx2")
#elif defined(__x86_64__) && defined(__GNUC__)
#define WITH_AVX2 __attribute__((target("avx2"), optimize("O3")))
#define HAS_AVX2 __builtin_cpu_supports("avx2")
#else
#define WITH_AVX2
#define HAS_AVX2 false
#endif

/* name and name_avx2: to[i] = convert(from[i]). */
#define WEFT_CAST(name, source, target, convert)                                                                       \
    static void name(const source *restrict from, target *restrict to, int64_t count)                                  \
    {                                                                                                                  \
        for (int64_t i = 0; i < count; i++)                                                                            \
            to[i] = convert(from[i]);                                                                                  \
    }                                                                                                                  \
    WITH_AVX2 static void name##_avx2(const source *restrict from, target *restrict to, int64_t count)                 \
    {                                                                                                                  \
        for (int64_t i = 0; i < count; i++)                                                                            \
            to[i] = convert(from[i]);                                                                                  \
    }

WEFT_CAST(to_f16, float, uint16_t, weft_to_f16)
WEFT_CAST(to_bf16, float, uint16_t, weft_to_bf16)
WEFT_CAST(from_f16, uint16_t, float, weft_from_f16)
WEFT_CAST(from_bf16, uint16_t, float, weft_from_bf16)

void weft_cast_from_f32(weft_dtype dtype, const float *from, void *to, int64_t count)
{
    if (dtype == WEFT_F32)
        memcpy(to, from, (size_t)count * sizeof *from);
    else if (dtype == WEFT_F16)
        (HAS_AVX2 ? to_f16_avx2 : to_f16)(from, to, count);
    else
        (HAS_AVX2 ? to_bf16_avx2 : to_bf16)(from, to, count);
}

void weft_cast_to_f32(weft_dtype dtype, const void *from, float *to, int64_t count)
{
    if (dtype == WEFT_F32)
        memcpy(to, from, (size_t)count * sizeof *to);
    else if (dtype == WEFT_F16)
        (HAS_AVX2 ? from_f16_avx2 : from_f16)(from, to, count);
    else
        (HAS_AVX2 ? from_bf16_avx2 : from_bf16)(from, to, count);
}
