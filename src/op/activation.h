/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of the activation op: its builders (weft_relu, ...) take no struct. */
#ifndef WEFT_OP_ACTIVATION_H
#define WEFT_OP_ACTIVATION_H

#include <weft/ops.h>

typedef struct weft_activation_opt {
    const char *name; /* NULL: the activation's, "relu" */
    weft_act act;     /* never NONE */
} weft_activation_opt;

/* Whether an activation's slope is a function of its result; else it is one of its argument. */
bool weft_act_keeps_result(weft_act act);
/* The slope at result, or argument, v. */
double weft_act_slope(weft_act act, double v);

#endif
