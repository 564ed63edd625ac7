/* SPDX-License-Identifier: Apache-2.0
 *
 * What it takes to run one kernel on one case outside of a graph: the node, inputs and parameters from a seed, the
 * oracle's answer, fenced memory, and all the ways in which the kernel is run and watched. */
#ifndef WEFT_TESTS_OP_RIG_H
#define WEFT_TESTS_OP_RIG_H

#include <stdio.h>

#include "backend/kernel.h"

enum { RIG_MAX_IN = WEFT_CASE_IN + WEFT_MAX_PARAM + 1 }; /* a case's, the node's own parameters, the residual */

/* Inputs of deviation 1; 40 times as large, to reach overflows and saturation; or with NaN, zeros of both signs,
 * denormals and the largest floats among them. */
typedef enum rig_values { RIG_UNIT, RIG_WIDE, RIG_SPECIAL, RIG_VALUES_COUNT } rig_values;

/* A case made into a node, with its data. Dense arrays, in an arena of its own; those of integers hold their bits. */
typedef struct rig_problem {
    weft_arena arena;
    weft_node node;
    weft_sig sig;
    weft_shape shape_in[RIG_MAX_IN];
    weft_dtype dtype_in[RIG_MAX_IN];
    float *in[RIG_MAX_IN]; /* of the node, its own parameters among them */
    double *want[WEFT_MAX_OUT];
    rig_values values;
} rig_problem;

/* Resolves, infers, draws, asks the oracle. Fails with a sentence; release afterwards in any case. */
weft_status rig_problem_make(rig_problem *problem, weft_op_id id, const weft_op_case *c, rig_values values,
                             uint64_t seed);
/* The same with inputs (the residual last) and parameters given, dense. */
weft_status rig_problem_given(rig_problem *problem, weft_op_id id, const weft_op_case *c, const float *const *in,
                              const float *const *param);
/* Which of the node's own parameters input i is; -1: none. */
WEFT_INLINE int rig_param_of(const weft_node *node, int i)
{
    const int first = weft_node_first_param(node);
    return i >= first && i < first + node->n_param ? i - first : -1;
}
/* Values of the node's own parameter i. */
WEFT_INLINE float *rig_param(const rig_problem *problem, int i)
{
    return problem->in[weft_node_first_param(&problem->node) + i];
}
void rig_problem_release(rig_problem *problem);
/* Whether these inputs say something about the op that UNIT does not. */
bool rig_values_apply(const rig_problem *unit, rig_values values);

/* How tensors lie in memory: alone and aligned; as channels 3.. of a wider tensor; inputs so, outputs alone; inputs
 * alone, outputs as channels 16.. of a tensor whose rows are whole cache lines; alone with the last byte before an
 * unreadable page. */
typedef enum rig_layout {
    RIG_DENSE, RIG_SLICED, RIG_FROM_SLICES, RIG_INTO_LINES, RIG_EDGE, RIG_LAYOUT_COUNT
} rig_layout;

/* Which caches the device claims to have: this machine's; so little L2 and L3 that outputs are streamed past them, in
 * bands of a few lines; or nearly none, so that every share of work is the smallest there is. */
typedef enum rig_caches { RIG_HOST_CACHES, RIG_SMALL_CACHES, RIG_NO_CACHES } rig_caches;

enum { RIG_APART = -1 };
typedef struct rig_setup {
    rig_layout layout;
    weft_isa isa;
    int threads;
    int alias; /* the input whose memory output 0 shares, or RIG_APART */
    rig_caches caches;
} rig_setup;
const char *rig_setup_text(const rig_setup *setup, char *buf, size_t size);

/* A host device capped at isa. Pools live until rig_close. */
weft_status rig_device(weft_isa isa, int threads, weft_device *out);
void rig_close(void);

/* Runs the kernel twice in this setup. got[o] receives output o, dense. False with a sentence in fault if anything is
 * written that should not be (fences, gaps between rows, inputs, parameters), or the second run differs. The values
 * themselves are not judged. */
bool rig_run(const rig_problem *problem, const weft_kernel *kernel, const rig_setup *setup, float *const *got,
             char *fault, size_t size);

/* Told each fault of a kernel on a problem. */
typedef void (*rig_report)(void *user, const rig_problem *problem, const weft_kernel *kernel, const rig_setup *setup,
                           const char *fault);
/* Runs a kernel in all setups of one ISA: layouts, caches, 1 to 3 threads, in place where the kernel claims it; holds
 * it against the oracle, thread counts and in-place runs against each other to the bit. Returns the number of faults;
 * *share is raised to the largest part of the tolerance used. */
int rig_check(const rig_problem *problem, const weft_kernel *kernel, weft_isa isa, rig_report report, void *user,
              double *share);

#endif
