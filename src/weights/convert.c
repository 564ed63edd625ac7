/* SPDX-License-Identifier: Apache-2.0
 *
 * Elements of any type as floats, and of any stride as dense ones. f16 and bf16 convert exactly; f64, i32 and i64 round
 * to nearest, ties to even. */
#include <string.h>

#include "base/error.h"
#include "weights/weights.h"

static float float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
static float half(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 1023;
    if (exponent == 31) /* infinity, NaN */
        return float_of_bits(sign | 0x7f800000 | fraction << 13);
    if (exponent == 0) { /* zero, subnormal: fraction * 2^-24 */
        const float x = (float)fraction * 0x1p-24f;
        return sign ? -x : x;
    }
    return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

#define CONVERT(name, type, expression)                                                            \
    static void name(const void *data, int64_t count, float *out)                                  \
    {                                                                                              \
        const type *x = data;                                                                      \
        for (int64_t i = 0; i < count; i++)                                                        \
            out[i] = (expression);                                                                 \
    }
CONVERT(from_f64, double, (float)x[i])
CONVERT(from_f16, uint16_t, half(x[i]))
CONVERT(from_bf16, uint16_t, float_of_bits((uint32_t)x[i] << 16))
CONVERT(from_u8, uint8_t, x[i])
CONVERT(from_i32, int32_t, (float)x[i])
CONVERT(from_i64, int64_t, (float)x[i])
#undef CONVERT

static void from_f32(const void *data, int64_t count, float *out)
{
    if (count)
        memcpy(out, data, (size_t)count * sizeof *out);
}

weft_status weft_weight_floats(const weft_weight *weight, float *out)
{
    static void (*const rows[WEFT_DTYPE_COUNT])(const void *data, int64_t count, float *out) = {
        [WEFT_F32] = from_f32, [WEFT_F64] = from_f64, [WEFT_F16] = from_f16, [WEFT_BF16] = from_bf16,
        [WEFT_U8] = from_u8,   [WEFT_I32] = from_i32, [WEFT_I64] = from_i64,
    };
    if (!weight || (!out && weight->count))
        return weft_fail(WEFT_INVALID, "weft_weight_floats: weight and out must not be NULL");
    if ((int)weight->dtype < 0 || weight->dtype >= WEFT_DTYPE_COUNT || !rows[weight->dtype])
        return weft_fail(WEFT_UNSUPPORTED, "tensor \"%.200s\": elements of type %s are not converted to float",
                         weight->name, weft_dtype_name(weight->dtype));
    rows[weight->dtype](weight->data, weight->count, out);
    return WEFT_OK;
}

/* ---- strides ---- */

static void gather_row(char *to, const char *from, size_t size, int64_t count, ptrdiff_t step)
{
    switch (size) { /* copies of constant size are moves */
    case 1:
        for (int64_t i = 0; i < count; i++)
            to[i] = from[i * step];
        break;
    case 2:
        for (int64_t i = 0; i < count; i++)
            memcpy(to + 2 * i, from + i * step, 2);
        break;
    case 4:
        for (int64_t i = 0; i < count; i++)
            memcpy(to + 4 * i, from + i * step, 4);
        break;
    default:
        for (int64_t i = 0; i < count; i++)
            memcpy(to + (size_t)i * size, from + i * step, size);
    }
}

void weft_weight_gather(void *to, const void *from, size_t size, const weft_shape *shape, const int64_t *stride)
{
    const int last = shape->rank - 1;
    int64_t at[WEFT_MAX_RANK] = { 0 }, rows = 1;
    for (int i = 0; i < last; i++)
        rows *= shape->dim[i];
    const int64_t columns = last < 0 ? 1 : shape->dim[last];
    const ptrdiff_t step = columns <= 1 ? 0 : (ptrdiff_t)stride[last] * (ptrdiff_t)size;
    char *out = to;
    for (int64_t row = 0; row < rows && columns > 0; row++) {
        ptrdiff_t offset = 0;
        for (int i = 0; i < last; i++)
            offset += (ptrdiff_t)(at[i] * stride[i]) * (ptrdiff_t)size;
        gather_row(out, (const char *)from + offset, size, columns, step);
        out += (size_t)columns * size;
        for (int i = last - 1; i >= 0 && ++at[i] == shape->dim[i]; i--)
            at[i] = 0;
    }
}
