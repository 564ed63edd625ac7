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
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40); /* a quiet NaN */
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline float weft_from_bf16(uint16_t x)
{
    return weft_bits_float((uint32_t)x << 16);
}

/* The magic additions let the FPU round: 0.5f has binary16's smallest subnormal as its last place. */
static inline uint16_t weft_to_f16(float x)
{
    const uint32_t bits = weft_float_bits(x), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
    uint32_t half;
    if (size >= 0x47800000) /* 65536 and above, infinities, NaNs */
        half = size > 0x7f800000 ? 0x7e00 : 0x7c00;
    else if (size < 0x38800000) /* below 2^-14 */
        half = weft_float_bits(weft_bits_float(size) + .5f) - 0x3f000000;
    else
        half = (size - 0x38000000 + 0xfff + (size >> 13 & 1)) >> 13;
    return (uint16_t)(sign | half);
}

static inline float weft_from_f16(uint16_t x)
{
    const uint32_t sign = (uint32_t)(x & 0x8000) << 16, size = x & 0x7fff;
    if (size >= 0x7c00)
        return weft_bits_float(sign | 0x7f800000 | (size & 0x3ff) << 13);
    if (size < 0x400) { /* subnormal: size * 2^-24 */
        const float value = (float)size * 5.9604644775390625e-8f;
        return sign ? -value : value;
    }
    return weft_bits_float(sign | ((size << 13) + 0x38000000));
}

/* count floats to dtype (F32, F16, BF16), and back. The arrays must not overlap. */
void weft_cast_from_f32(weft_dtype dtype, const float *from, void *to, int64_t count);
void weft_cast_to_f32(weft_dtype dtype, const void *from, float *to, int64_t count);

#endif
