/* SPDX-License-Identifier: Apache-2.0
 *
 * What the ops of an update share (gate.c, sgd.c, rmsprop.c, adam.c): calls of one kernel as the segments of a launch,
 * and their inputs as dense numbers. Gradients of a training graph are so as they lie; slices of a wider tensor are
 * copied before, by a launch for each, and such a node runs alone. */
#ifndef WEFT_CUDA_PART_UPDATE_H
#define WEFT_CUDA_PART_UPDATE_H

#include "cuda/cuda.h"

/* ---- dense numbers ---- */

/* Finds what has to be copied, an input or output 0, behind the scratch memory that the plan asks for already: then the
 * plan has a state. */
weft_status weft_part_flat_prepare(const weft_node *node, weft_plan *plan);
WEFT_INLINE bool weft_part_is_flat(const weft_plan *plan)
{
    return plan->state == NULL;
}
/* Input i, copied if it has to be: then it is of floats. */
weft_status weft_part_flat_in(const weft_call *call, int i, void **out, weft_dtype *dtype);
/* Where output 0 is to be written, and, when that is queued, its way to where it belongs. */
float *weft_part_flat_out(const weft_call *call);
weft_status weft_part_flat_end(const weft_call *call);
/* Adds the copies to the node's n launches; gives how many there are then. */
int weft_part_flat_cost(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out, int n);

/* ---- updates ---- */

/* An op whose nodes are segments: its outputs, changed in place or not, and input `from`. */
typedef struct weft_part_update {
    weft_update_rule rule;
    int from, lr, go; /* inputs; lr and go -1: it reads none */
    int (*launch)(const weft_update_args *args, void *stream);
    /* What nodes have in common, and of each its own; NULL: nothing. */
    void (*options)(const weft_node *node, weft_update_args *args);
    void (*own)(const weft_node *node, weft_segment *segment);
} weft_part_update;

/* Queues one launch for all calls: at most as many as the rule's table takes, all with one lr and one go. */
weft_status weft_part_update_run(const weft_part_update *update, const weft_call *const *calls, int count);
/* kernel.launches of one with one launch. */
int weft_part_update_cost(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out);

#endif
