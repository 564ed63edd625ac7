/* SPDX-License-Identifier: Apache-2.0
 *
 * Floats to and from the two 16-bit types: IEEE 754 binary16 and bfloat16, rounded to nearest, ties to even. Infinities
 * and NaNs stay what they are; what is too large becomes infinite; binary16's subnormals are kept. */
#ifndef WEFT_TENSOR_CAST_H
#define WEFT_TENSOR_CAST_H

#include <string.h>
#include <weft/tensor.h>

static inline uint32_t weft_float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float weft_bits_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint16_t weft_to_bf16(float x)
{
    const uint32_t bits = weft_float_bits(x);
    const uint32_t quiet = bits >> 16 | 0x40, rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
}

static inline float weft_from_bf16(uint16_t x)
{
    return weft_bits_float((uint32_t)x << 16);
}

/* The magic addition lets the FPU round: 0.5f has binary16's smallest subnormal as its last place. All cases are
 * computed and one chosen, so that a loop of it becomes vector code. */
static inline uint16_t weft_to_f16(float x)
{
    const uint32_t bits = weft_float_bits(x), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
    const uint32_t small = weft_float_bits(weft_bits_float(size) + .5f) - 0x3f000000; /* below 2^-14 */
    const uint32_t normal = (size - 0x38000000 + 0xfff + (size >> 13 & 1)) >> 13;
    const uint32_t large = size > 0x7f800000 ? 0x7e00 : 0x7c00; /* 65536 and above, infinities; NaNs */
    const uint32_t finite = size < 0x38800000 ? small : normal;
    return (uint16_t)(sign | (size >= 0x47800000 ? large : finite));
}

static inline float weft_from_f16(uint16_t x)
{
    const uint32_t sign = (uint32_t)(x & 0x8000) << 16, size = x & 0x7fff;
    const uint32_t small = weft_float_bits((float)(int32_t)size * 5.9604644775390625e-8f); /* subnormal: size * 2^-24 */
    const uint32_t normal = (size << 13) + 0x38000000, special = 0x7f800000 | (size & 0x3ff) << 13;
    const uint32_t finite = size < 0x400 ? small : normal;
    return weft_bits_float(sign | (size >= 0x7c00 ? special : finite));
}

/* count floats to dtype (F32, F16, BF16), and back. The arrays must not overlap. */
void weft_cast_from_f32(weft_dtype dtype, const float *from, void *to, int64_t count);
void weft_cast_to_f32(weft_dtype dtype, const void *from, float *to, int64_t count);
/* Rows of channels floats without gaps to rows of dtype that begin ld elements apart; the gaps are not written. I32:
 * integers of 32 bits, which stay what they are. */
void weft_cast_rows(weft_dtype dtype, const void *from, int64_t channels, void *to, int64_t ld, int64_t rows);

#endif
