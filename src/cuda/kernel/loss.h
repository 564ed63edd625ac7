/* SPDX-License-Identifier: Apache-2.0
 *
 * Launchers of losses, of what is counted beside them, and of dropout; the rules are those of kernels.h. */
#ifndef WEFT_CUDA_KERNEL_LOSS_H
#define WEFT_CUDA_KERNEL_LOSS_H

#include "cuda/kernel/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* loss = factor * sum over rows; dx, its gradient, of floats. What a row adds is said in src/op/cross_entropy.c. x and
 * target are of any type each. One launch; two where there is more than a block can do and no
 * turns: counters as norm.h has them. */
typedef enum weft_criterion { WEFT_CRITERION_SOFTMAX, WEFT_CRITERION_SIGMOID, WEFT_CRITERION_RBF } weft_criterion;
typedef struct weft_criterion_args {
    weft_criterion kind;
    weft_dtype x_dtype, target_dtype;
    weft_kview x, target, dx;
    int64_t rows;
    int c;
    const float *class_weights; /* [c]; NULL: 1 */
    float factor, j;            /* j: of the RBF criterion */
    float *loss, *scratch;      /* [1], [rows] */
    unsigned *turns;
} weft_criterion_args;
int weft_launch_criterion(const weft_criterion_args *args, void *stream);

/* hits[0], hits[1]: rows whose label comes first, or among the first five. labels are rows of one int32_t. */
typedef struct weft_hits_args {
    weft_dtype dtype;
    weft_kview labels, x;
    int64_t rows;
    int c;
    bool least;
    float *hits, *scratch; /* [2], [rows] */
    unsigned *turns;
} weft_hits_args;
int weft_launch_hits(const weft_hits_args *args, void *stream);

/* y = x * scale where the draw of (seed, stream, *step, element) is at least threshold, else 0, + residual. of_image:
 * 0, or the rows of an image, for all elements of which there is one draw. In place on x or the residual. */
typedef struct weft_dropout_args {
    weft_dtype dtype;
    weft_kview x, y, residual;
    int64_t rows;
    int c, of_image;
    const int32_t *step; /* in device memory */
    uint64_t seed, stream;
    uint32_t threshold;
    float scale;
} weft_dropout_args;
int weft_launch_dropout(const weft_dropout_args *args, void *stream);

#ifdef __cplusplus
}
#endif
#endif
