/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a graph as it was built in double, node by node, by the oracle kernels: slow, and right to the last digits. What
 * gradients are held against. */
#ifndef WEFT_CHECK_INTERPRET_H
#define WEFT_CHECK_INTERPRET_H

#include "backend/kernel.h"
#include "graph/graph.h"

typedef struct weft_interpreter {
    weft_arena arena;
    const weft_graph *graph; /* lent; must not change any more */
    void **value;            /* [n_values] dense; double, of integers int32_t. Inputs, parameters and states are zeros
                                until the caller fills them; an updated value is the memory of what it updates */
    weft_call *call;         /* [n_nodes] */
} weft_interpreter;

/* Asks for all memory that a run needs. Release afterwards in any case. */
weft_status weft_interpreter_make(weft_interpreter *interpreter, const weft_graph *graph);
/* Nodes [first, end). */
weft_status weft_interpreter_run(const weft_interpreter *interpreter, int32_t first, int32_t end);
void weft_interpreter_release(weft_interpreter *interpreter);

WEFT_INLINE double *weft_interpreter_value(const weft_interpreter *interpreter, weft_var var)
{
    return (double *)interpreter->value[var.id];
}

#endif
