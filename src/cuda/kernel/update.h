/* SPDX-License-Identifier: Apache-2.0
 *
 * Launchers of what a training step does with parameters: norms of gradients, the gate, optimisers, averages. What
 * kernels.h says of all launchers holds here; everything is fp32, but for gradients, which may be in 16 bits.
 *
 * A step has hundreds of parameters, most of them small, so a launch takes many: a table of segments, dense pieces of
 * memory, goes to the kernel by value, as its argument, of which a kernel may have 32 KB (CUDA 12.1). So nothing
 * lies in device memory that would have to be there before, and a recorded launch has its table in it. Half of what is
 * allowed holds most networks, and each table has its most. */
#ifndef WEFT_CUDA_KERNEL_UPDATE_H
#define WEFT_CUDA_KERNEL_UPDATE_H

#include "cuda/kernel/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Segments of a launch. */
enum {
    WEFT_SGD_SEGMENTS = 400,
    WEFT_RMSPROP_SEGMENTS = 330,
    WEFT_ADAM_SEGMENTS = 330,
    WEFT_LAMB_SEGMENTS = 66,
    WEFT_FLAT_SEGMENTS = 600, /* of ema, accumulate, follow, clip */
    WEFT_NORM_SEGMENTS = 900
};

/* ---- one element of each array to one element ---- */

/* The formulas are those of src/op. Arrays of a segment, by rule; all but the last are changed in place:
 *   sgd         parameter, momentum, gradient
 *   rmsprop     parameter, mean square, momentum, gradient
 *   adam        parameter, first moment, second moment, gradient
 *   ema         average, x
 *   accumulate  sum, gradient
 *   follow      state, x: of moving_average; go may be NULL
 *   clip        y, x, which may be the same memory */
typedef enum weft_update_rule {
    WEFT_UPDATE_SGD,
    WEFT_UPDATE_RMSPROP,
    WEFT_UPDATE_ADAM,
    WEFT_UPDATE_EMA,
    WEFT_UPDATE_ACCUMULATE,
    WEFT_UPDATE_FOLLOW,
    WEFT_UPDATE_CLIP,
    WEFT_UPDATE_RULES
} weft_update_rule;

enum { WEFT_SEGMENT_ARRAYS = 4 };
typedef struct weft_segment {
    void *array[WEFT_SEGMENT_ARRAYS]; /* 16 bytes at a time where all begin at a multiple of 16 */
    weft_dtype dtype;                 /* of the last: WEFT_F32, WEFT_F16 or WEFT_BF16 */
    int64_t count;                    /* elements */
    double lr_scale, decay;           /* of optimisers */
    double *sums;                     /* of lamb: weft_lamb_bytes(count) of scratch */
    bool fixed_size;                  /* of lamb */
} weft_segment;

/* What all segments have in common. */
typedef struct weft_update_args {
    weft_update_rule rule;
    const weft_segment *segments;
    int count;
    const float *lr, *go;          /* [1], [2], in device memory: they change from step to step. No rule but the
                                      optimisers' reads lr, clip no go, and follow one where there is one */
    double momentum, rho, epsilon; /* of adam and lamb: beta1, beta2 */
    double decay;                  /* of ema */
    double limit;                  /* of clip */
    int every;                     /* of accumulate */
    bool nesterov, decoupled, no_warm_up;
} weft_update_args;
int weft_launch_update(const weft_update_args *args, void *stream);

/* The same for lamb, whose rule is not asked: three launches, the norms being known when everything has been read. */
size_t weft_lamb_bytes(int64_t count);
int weft_launch_lamb(const weft_update_args *args, void *stream);

/* ---- norm and gate ---- */

/* The norm of many tensors together, sqrt(sum over all elements of x^2), in two steps: the squares of up to
 * WEFT_NORM_SEGMENTS of them, summed in double, to sums[weft_norm_parts of all of them]; then norm[0] of all parts. */
typedef struct weft_norm_segment {
    const void *x;
    int64_t count;
    weft_dtype dtype;
} weft_norm_segment;
int64_t weft_norm_parts(int64_t count);
int weft_launch_norm_squares(const weft_norm_segment *segments, int count, double *sums, void *stream);
/* Both in one launch, of what fits one table, by counters as norm.h has them: the same bits. */
int weft_launch_gradient_norm(const weft_norm_segment *segments, int count, double *sums, unsigned *turns, float *norm,
                              void *stream);
int weft_launch_norm_root(const double *sums, int64_t parts, float *norm, void *stream);

typedef struct weft_gate_args {
    float *count; /* in place */
    const float *loss, *norm;
    const float *open; /* NULL: 1 */
    float *go, *due;   /* [2], [1] */
    double clip;       /* 0: none */
    int every;
} weft_gate_args;
int weft_launch_gate(const weft_gate_args *args, void *stream);

#ifdef __cplusplus
}
#endif
#endif
