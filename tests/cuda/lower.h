/* SPDX-License-Identifier: Apache-2.0
 *
 * Each op by the launchers of cuda/kernel/kernels.h: the ways in which the tests compute a node with weft's own
 * kernels. */
#ifndef WEFT_TESTS_CUDA_LOWER_H
#define WEFT_TESTS_CUDA_LOWER_H

#include "cuda/kernel/kernels.h"
#include "graph/op.h"

typedef struct lower_call {
    const weft_node *node;
    weft_dtype dtype, y_dtype;
    weft_kview in[5], out;              /* the residual last, of type y_dtype */
    const float *param[WEFT_MAX_PARAM]; /* as inferred */
    const void *weight[WEFT_MAX_PARAM]; /* the same in dtype, at a multiple of 64 bytes */
    weft_arena *arena;                  /* for what the launch needs besides */
} lower_call;

typedef struct lower_row {
    weft_op_id op;
    const char *name;
    bool (*takes)(const weft_node *node); /* NULL: all */
    int (*run)(const lower_call *call);   /* of launchers; -1: no memory */
    unsigned rounded;                     /* params that it reads in dtype, as bits */
    bool widens, narrows;                 /* y may be F32 for any dtype; of any type for F32 */
    unsigned inplace;                     /* inputs whose memory y may be, as bits */
} lower_row;

extern const lower_row lower_table[];
extern const int lower_count;

#endif
