/* SPDX-License-Identifier: Apache-2.0
 *
 * Data types and shapes. weft has one layout: activations are [N, H, W, C], vectors per image [N, C],
 * filters [K, R, S, C/groups], on every device. */
#ifndef WEFT_TENSOR_H
#define WEFT_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weft/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum weft_dtype {
    WEFT_F32,
    WEFT_F64,
    WEFT_F16,
    WEFT_BF16,
    WEFT_U8,
    WEFT_I32,
    WEFT_I64,
    WEFT_DTYPE_COUNT
} weft_dtype;

enum { WEFT_MAX_RANK = 6 };

typedef struct weft_shape {
    int rank; /* 0: no shape (the null var's) */
    int64_t dim[WEFT_MAX_RANK];
} weft_shape;

/* Bytes of one element; 0 for an unknown type. */
WEFT_API size_t weft_dtype_size(weft_dtype dtype);
/* "f32", "u8", ... */
WEFT_API const char *weft_dtype_name(weft_dtype dtype);

/* [N, H, W, C] and [N, C]. */
WEFT_API weft_shape weft_shape_nhwc(int64_t n, int64_t h, int64_t w, int64_t c);
WEFT_API weft_shape weft_shape_nc(int64_t n, int64_t c);
/* Number of elements; 0 if a dimension is not positive or the product overflows. */
WEFT_API int64_t weft_shape_count(const weft_shape *shape);
/* Elements of the last dimension (channels); 0 for rank 0. */
WEFT_API int64_t weft_shape_channels(const weft_shape *shape);
/* Product of all dimensions but the last: the "pixels" of a tensor. */
WEFT_API int64_t weft_shape_rows(const weft_shape *shape);
WEFT_API bool weft_shape_equal(const weft_shape *a, const weft_shape *b);
/* Writes "[32, 56, 56, 64]" into buf (cut to fit) and returns buf. */
WEFT_API const char *weft_shape_text(const weft_shape *shape, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
