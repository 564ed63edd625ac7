/* SPDX-License-Identifier: Apache-2.0
 *
 * A case of an op made into a problem: the node, inputs and parameters from a seed, and the answer of the oracle, which
 * is the reference in double. What tests of kernels, and weft selftest, hold results against. */
#ifndef WEFT_CHECK_PROBLEM_H
#define WEFT_CHECK_PROBLEM_H

#include "backend/kernel.h"

enum { WEFT_PROBLEM_IN = WEFT_CASE_IN + WEFT_MAX_PARAM + 1 }; /* a case's, the node's own parameters, the residual */

/* Inputs of deviation 1; 40 times as large, to reach overflows and saturation; or with NaN, zeros of both signs,
 * denormals and the largest floats among them. */
typedef enum weft_values { WEFT_VALUES_UNIT, WEFT_VALUES_WIDE, WEFT_VALUES_SPECIAL, WEFT_VALUES_COUNT } weft_values;

/* A case made into a node, with its data. Dense arrays, in an arena of its own; those of integers hold their bits. */
typedef struct weft_problem {
    weft_arena arena;
    weft_node node;
    weft_sig sig;
    weft_shape shape_in[WEFT_PROBLEM_IN];
    weft_dtype dtype_in[WEFT_PROBLEM_IN];
    float *in[WEFT_PROBLEM_IN]; /* of the node, its own parameters among them */
    double *want[WEFT_MAX_OUT];
    weft_values values;
} weft_problem;

/* The node alone, without numbers; release afterwards in any case. */
weft_status weft_problem_node(weft_problem *problem, weft_op_id id, const weft_op_case *c);
/* Resolves, infers, draws, asks the oracle. Fails with a sentence; release afterwards in any case. */
weft_status weft_problem_make(weft_problem *problem, weft_op_id id, const weft_op_case *c, weft_values values,
                             uint64_t seed);
/* The same with inputs that a device of this type holds as they are: where a result jumps (the slope of relu at 0, the
 * largest of a window) it would else be judged by numbers that it never saw, from the other side of the jump. */
weft_status weft_problem_make_in(weft_problem *problem, weft_op_id id, const weft_op_case *c, weft_values values,
                                weft_dtype dtype, uint64_t seed);
/* The same with inputs (the residual last) and parameters given, dense. */
weft_status weft_problem_given(weft_problem *problem, weft_op_id id, const weft_op_case *c, const float *const *in,
                              const float *const *param);
/* Which of the node's own parameters input i is; -1: none. */
WEFT_INLINE int weft_param_of(const weft_node *node, int i)
{
    const int first = weft_node_first_param(node);
    return i >= first && i < first + node->n_param ? i - first : -1;
}
void weft_problem_release(weft_problem *problem);
/* Whether these inputs say something about the op that UNIT does not. */
bool weft_values_apply(const weft_problem *unit, weft_values values);

#endif
