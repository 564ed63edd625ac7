/* SPDX-License-Identifier: Apache-2.0
 *
 * Launcher of levels (src/op/levels.c); the rules are those of kernels.h. */
#ifndef WEFT_CUDA_KERNEL_LEVELS_H
#define WEFT_CUDA_KERNEL_LEVELS_H

#include "cuda/kernel/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* y[row, c] = table[c][x[row, c]], zeros from c to padded: bytes to a network's values. */
typedef struct weft_levels_args {
    weft_dtype dtype;       /* of y */
    const unsigned char *x; /* n images of pixels * c bytes, x_ld bytes apart */
    int64_t x_ld;
    weft_kview y; /* ld >= padded */
    int64_t n, pixels;
    int c, padded;      /* c <= 3, padded <= 8 */
    const float *table; /* [c][256], host memory */
} weft_levels_args;
int weft_launch_levels(const weft_levels_args *args, void *stream);

#ifdef __cplusplus
}
#endif
#endif
