/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers in a file's bytes, and the colours that several formats have. */
#ifndef WEFT_IMAGE_BYTES_H
#define WEFT_IMAGE_BYTES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

/* 1 to 4 bytes, the least first or last. */
WEFT_INLINE uint32_t weft_get(const uint8_t *at, int bytes, bool little)
{
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint32_t)at[i] << 8 * (little ? i : bytes - 1 - i);
    return value;
}

/* round(a * b / 255) without a division, for 0 <= a, b <= 255. */
WEFT_INLINE int weft_scaled(int a, int b)
{
    const int t = a * b + 128;
    return (t + (t >> 8)) >> 8;
}

/* Pillow's convert("RGB") of a CMYK pixel: R = (255 - k) - c (255 - k) / 255. */
WEFT_INLINE void weft_rgb_of_cmyk(uint8_t to[3], int c, int m, int y, int k)
{
    const int light = 255 - k;
    to[0] = (uint8_t)(light - weft_scaled(c, light));
    to[1] = (uint8_t)(light - weft_scaled(m, light));
    to[2] = (uint8_t)(light - weft_scaled(y, light));
}

#endif
