/* SPDX-License-Identifier: Apache-2.0
 *
 * Launchers of squeeze-and-excitation whose small layers are computed by the last block of each image's sums; what
 * holds for all launchers is said in kernels.h, what counters are in norm.h. */
#ifndef WEFT_CUDA_KERNEL_EXCITE_H
#define WEFT_CUDA_KERNEL_EXCITE_H

#include "cuda/kernel/norm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether the layers are small enough for a block, and the images few enough for the counters. */
bool weft_excite_joins(int n, int c, int reduced);

/* hidden [n][reduced] = act(W1 m + b1), m the means of each image of x: one launch, where weft_excite_joins.
 * w1 [reduced][c] of dtype. */
typedef struct weft_squeeze_args {
    weft_dtype dtype;
    weft_kview x;
    int n, pixels, c, reduced;
    const void *w1;
    const float *b1; /* NULL: none */
    weft_act act;
    float *hidden;
    float *scratch; /* [weft_squeeze_floats(args)] */
    unsigned *turns;
} weft_squeeze_args;
int weft_launch_squeeze(const weft_squeeze_args *args, void *stream);
int64_t weft_squeeze_floats(const weft_squeeze_args *args);

/* The second launch of weft_launch_excite alone: hidden is there, sums and parts are not read. */
int weft_launch_excite_gates(const weft_excite_args *args, void *stream);

/* weft_launch_map_product of x and dy and weft_launch_excite_dx in two launches, where weft_excite_joins. dx.sums is
 * written. */
typedef struct weft_excite_join_args {
    weft_excite_dx_args dx;
    weft_kview x;
    unsigned *turns;
} weft_excite_join_args;
int weft_launch_excite_dx_joined(const weft_excite_join_args *args, void *stream);

#ifdef __cplusplus
}
#endif
#endif
