/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays of floats to and from 16-bit types. */
#include "tensor/cast.h"

void weft_cast_from_f32(weft_dtype dtype, const float *from, void *to, int64_t count)
{
    uint16_t *half = to;
    if (dtype == WEFT_F32) {
        memcpy(to, from, (size_t)count * sizeof *from);
    } else if (dtype == WEFT_F16) {
        for (int64_t i = 0; i < count; i++)
            half[i] = weft_to_f16(from[i]);
    } else {
        for (int64_t i = 0; i < count; i++)
            half[i] = weft_to_bf16(from[i]);
    }
}

void weft_cast_to_f32(weft_dtype dtype, const void *from, float *to, int64_t count)
{
    const uint16_t *half = from;
    if (dtype == WEFT_F32) {
        memcpy(to, from, (size_t)count * sizeof *to);
    } else if (dtype == WEFT_F16) {
        for (int64_t i = 0; i < count; i++)
            to[i] = weft_from_f16(half[i]);
    } else {
        for (int64_t i = 0; i < count; i++)
            to[i] = weft_from_bf16(half[i]);
    }
}
