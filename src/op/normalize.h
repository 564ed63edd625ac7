/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of the normalize op as a node keeps them. */
#ifndef WEFT_OP_NORMALIZE_H
#define WEFT_OP_NORMALIZE_H

#include <weft/ops.h>

#define WEFT_NORMALIZE_FLOOR 1e-7 /* Keras's epsilon: the least divisor */

typedef struct weft_normalize_node {
    weft_normalize_opt user;    /* first, so that a pointer to this is one to the public options */
    float mean[4], variance[4]; /* set by resolve: start values of the statistics */
} weft_normalize_node;

#endif
