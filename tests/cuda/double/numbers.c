/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers of the device's types, one at a time: half and bfloat16 round to nearest, ties to even. */
#include <math.h>
#include <string.h>

#include "cuda/double/double.h"

static uint32_t bits_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static float float_of(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* Bit by bit, without calls: every weight of a network passes here. */
static float from_half(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 1023;
    if (exponent == 31)
        return fraction ? NAN : float_of(sign | 0x7f800000);
    if (exponent == 0) { /* fraction steps of 2^-24 */
        const float size = (float)fraction * 0x1p-24f;
        return sign ? -size : size;
    }
    return float_of(sign | (exponent + 127 - 15) << 23 | fraction << 13);
}

static uint16_t to_half(float x)
{
    const uint32_t u = bits_of(x), size = u & 0x7fffffff;
    const uint16_t sign = (uint16_t)(u >> 16 & 0x8000);
    if (size > 0x7f800000)
        return 0x7fff;
    if (size >= 0x477ff000) /* 65520 and more */
        return sign | 0x7c00;
    if (size < 0x38800000) /* below 2^-14: whole steps of 2^-24; 1024 of them are the least normal number */
        return (uint16_t)(sign | (uint32_t)nearbyintf(float_of(size) * 0x1p24f));
    /* The 13 bits too many, rounded; what carries goes into the exponent by itself. */
    return (uint16_t)(sign | (((size + 0xfff + (size >> 13 & 1)) >> 13) - ((127 - 15) << 10)));
}

float double_load(weft_dtype dtype, const void *at)
{
    uint16_t half;
    float x;
    switch (dtype) {
    case WEFT_F16:
        memcpy(&half, at, sizeof half);
        return from_half(half);
    case WEFT_BF16:
        memcpy(&half, at, sizeof half);
        return float_of((uint32_t)half << 16);
    default:
        memcpy(&x, at, sizeof x);
        return x;
    }
}

void double_load_row(weft_dtype dtype, const void *at, float *out, int64_t count)
{
    const char *from = at;
    uint16_t half;
    switch (dtype) {
    case WEFT_F16:
        for (int64_t i = 0; i < count; i++) {
            memcpy(&half, from + (size_t)i * sizeof half, sizeof half);
            out[i] = from_half(half);
        }
        return;
    case WEFT_BF16:
        for (int64_t i = 0; i < count; i++) {
            memcpy(&half, from + (size_t)i * sizeof half, sizeof half);
            out[i] = float_of((uint32_t)half << 16);
        }
        return;
    default:
        memcpy(out, from, (size_t)count * sizeof *out);
    }
}

void double_store(weft_dtype dtype, void *at, float value)
{
    const uint32_t u = bits_of(value);
    uint16_t half;
    switch (dtype) {
    case WEFT_F16:
        half = to_half(value);
        memcpy(at, &half, sizeof half);
        return;
    case WEFT_BF16:
        half = isnan(value) ? 0x7fff : (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
        memcpy(at, &half, sizeof half);
        return;
    default:
        memcpy(at, &value, sizeof value);
    }
}
