/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of two norms whose results were added. No builder makes the node; a pass does. */
#ifndef WEFT_OP_BATCH_NORM_PAIR_H
#define WEFT_OP_BATCH_NORM_PAIR_H

#include "op/batch_norm.h"

/* batch_norm_pair_dx: dy, z, then of each norm x, mean, rstd, [gamma] -> of each dx, dgamma, dbeta. */
typedef struct weft_batch_norm_pair_opt {
    const char *name;
    bool no_gamma[2]; /* there is no such input; gamma is 1 */
    weft_act act;     /* behind the addition; z is its result */
} weft_batch_norm_pair_opt;

/* Index of a norm's x among the inputs; what belongs to it follows. Of norm 2: how many inputs there are. */
WEFT_INLINE int weft_batch_norm_pair_x(const weft_batch_norm_pair_opt *opt, int norm)
{
    int at = 2;
    for (int i = 0; i < norm; i++)
        at += opt->no_gamma[i] ? 3 : 4;
    return at;
}

#endif
