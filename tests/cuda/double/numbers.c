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

static float from_half(uint16_t half)
{
    const uint32_t exponent = half >> 10 & 31, fraction = half & 1023;
    const float sign = half & 0x8000 ? -1.f : 1.f;
    if (exponent == 31)
        return fraction ? NAN : sign * INFINITY;
    return sign * (exponent ? ldexpf((float)(1024 + fraction), (int)exponent - 25) : ldexpf((float)fraction, -24));
}

static uint16_t to_half(float x)
{
    const uint16_t sign = (uint16_t)(bits_of(x) >> 16 & 0x8000);
    const float size = fabsf(x);
    if (isnan(x))
        return 0x7fff;
    if (size >= 65520)
        return sign | 0x7c00;
    int exponent;
    frexpf(size, &exponent);
    const int step = size == 0 || exponent < -13 ? -24 : exponent - 11; /* of the last bit */
    const float steps = nearbyintf(ldexpf(size, -step));
    const uint32_t whole = (uint32_t)steps;
    /* 1024 to 2047 steps of a normal number; 2048 carries into the exponent by itself */
    return (uint16_t)(sign | ((uint32_t)(step + 24) * 1024 + whole));
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
