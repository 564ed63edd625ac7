/* SPDX-License-Identifier: Apache-2.0
 *
 * Data types and shapes: sizes, names and checked products. A shape with a dimension below one, or whose count does
 * not fit 63 bits, has no elements, so that a caller needs one test only. */
#include <weft/tensor.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
} dtypes[WEFT_DTYPE_COUNT] = {
    [WEFT_F32] = { "f32", 4 },   [WEFT_F64] = { "f64", 8 }, [WEFT_F16] = { "f16", 2 },
    [WEFT_BF16] = { "bf16", 2 }, [WEFT_U8] = { "u8", 1 },   [WEFT_I32] = { "i32", 4 },
    [WEFT_I64] = { "i64", 8 },
};

static bool known(weft_dtype dtype)
{
    return (int)dtype >= 0 && dtype < WEFT_DTYPE_COUNT;
}

size_t weft_dtype_size(weft_dtype dtype)
{
    return known(dtype) ? dtypes[dtype].size : 0;
}

const char *weft_dtype_name(weft_dtype dtype)
{
    return known(dtype) ? dtypes[dtype].name : "unknown";
}

weft_shape weft_shape_nhwc(int64_t n, int64_t h, int64_t w, int64_t c)
{
    return (weft_shape){ .rank = 4, .dim = { n, h, w, c } };
}

weft_shape weft_shape_nc(int64_t n, int64_t c)
{
    return (weft_shape){ .rank = 2, .dim = { n, c } };
}

/* Product of the first `rank` dimensions; 0 if one is not positive or the product overflows. */
static int64_t product(const weft_shape *shape, int rank)
{
    int64_t count = 1;
    for (int i = 0; i < rank; i++) {
        if (shape->dim[i] < 1 || count > INT64_MAX / shape->dim[i])
            return 0;
        count *= shape->dim[i];
    }
    return count;
}

int64_t weft_shape_count(const weft_shape *shape)
{
    return shape->rank > 0 ? product(shape, shape->rank) : 0;
}

int64_t weft_shape_channels(const weft_shape *shape)
{
    return shape->rank > 0 ? shape->dim[shape->rank - 1] : 0;
}

int64_t weft_shape_rows(const weft_shape *shape)
{
    return shape->rank > 0 ? product(shape, shape->rank - 1) : 0;
}

bool weft_shape_equal(const weft_shape *a, const weft_shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++) {
        if (a->dim[i] != b->dim[i])
            return false;
    }
    return true;
}

const char *weft_shape_text(const weft_shape *shape, char *buf, size_t size)
{
    char text[8 + WEFT_MAX_RANK * 22] = "["; /* a 64-bit number takes 20 characters, a separator 2 */
    size_t at = 1;
    for (int i = 0; i < shape->rank && i < WEFT_MAX_RANK; i++) /* errors are told of shapes that no shape is */
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%" PRId64, i ? ", " : "", shape->dim[i]);
    snprintf(text + at, sizeof text - at, "]");
    if (size)
        snprintf(buf, size, "%s", text);
    return buf;
}
