/* SPDX-License-Identifier: Apache-2.0
 *
 * The scale of a loss whose gradients are kept in fp16 (gate.c): a state of three numbers, which the losses read and
 * the scaled gate changes. */
#ifndef WEFT_OP_GATE_H
#define WEFT_OP_GATE_H

#include <weft/ops.h>

/* The state's numbers: what the loss's gradient is multiplied with; good steps since it changed; steps that were not
 * finite. */
enum { WEFT_SCALE_FACTOR, WEFT_SCALE_GOOD, WEFT_SCALE_SKIPPED, WEFT_SCALE_NUMBERS };

/* As weft_gate, of gradients that are `scale` times too large. norm [1]: what it would be without; scale: the next
 * step's. */
typedef struct weft_scaled_gate_opt {
    const char *name;
    double clip;  /* largest norm; 0: no limit */
    int every;    /* gradients of so many batches are averaged; 0: 1 */
    int interval; /* good steps before the scale doubles; 0: 2000 */
    double least; /* of the scales that may be tried; 0: WEFT_SCALE_LEAST */
    bool fixed;   /* the scale stays */
} weft_scaled_gate_opt;
typedef struct weft_scaled_gate_vars {
    weft_var count, scale, go, due, norm;
} weft_scaled_gate_vars;
weft_scaled_gate_vars weft_scaled_gate(weft_graph *graph, weft_var count, weft_var scale, weft_var loss, weft_var norm,
                                       weft_var open, const weft_scaled_gate_opt *opt);

/* A scale that was halved below the least one did not help; beyond the most it does not double. */
#define WEFT_SCALE_LEAST 1.
#define WEFT_SCALE_MOST 16777216.

#endif
