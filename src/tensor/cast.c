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

/* Rows without gaps, each to its place; what lies between two of them is left alone. size: of an element. */
static inline void spread(const char *from, int64_t channels, size_t size, char *to, int64_t ld, int64_t rows)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < channels; c++)
            memcpy(to + (size_t)(r * ld + c) * size, from + (size_t)(r * channels + c) * size, size);
}

/* Some of them cast without gaps, in vectors, then moved apart. */
static void cast_short_rows(weft_dtype dtype, const float *from, int64_t channels, char *to, int64_t ld, int64_t rows)
{
    enum { AT_ONCE = 1024 };
    uint16_t dense[AT_ONCE];
    const int64_t each = AT_ONCE / channels;
    for (int64_t first = 0; first < rows; first += each) {
        const int64_t count = rows - first < each ? rows - first : each;
        weft_cast_from_f32(dtype, from + first * channels, dense, count * channels);
        spread((const char *)dense, channels, sizeof *dense, to + (size_t)(first * ld) * sizeof *dense, ld, count);
    }
}

void weft_cast_rows(weft_dtype dtype, const void *from, int64_t channels, void *to, int64_t ld, int64_t rows)
{
    enum { SHORT = 16 }; /* channels that fill no two vectors: a call for each such row costs more than it does */
    const bool wide = weft_dtype_size(dtype) == sizeof(float);
    if (ld == channels) { /* all of it is one row */
        channels *= rows;
        ld = channels;
        rows = 1;
    }
    if (channels < SHORT && wide) {
        spread(from, channels, sizeof(float), to, ld, rows);
    } else if (channels < SHORT) {
        cast_short_rows(dtype, from, channels, to, ld, rows);
    } else {
        const size_t row = (size_t)channels * sizeof(float), pitch = (size_t)ld * weft_dtype_size(dtype);
        for (int64_t r = 0; r < rows; r++) {
            const char *at = (const char *)from + (size_t)r * row;
            weft_cast_from_f32(wide ? WEFT_F32 : dtype, (const float *)(const void *)at, (char *)to + (size_t)r * pitch,
                               channels);
        }
    }
}
