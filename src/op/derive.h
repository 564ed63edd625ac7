/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of the ops that compute parameters from parameters. No builder makes them; the passes fold and rewrite do. */
#ifndef WEFT_OP_DERIVE_H
#define WEFT_OP_DERIVE_H

#include "graph/op.h"

/* fold_norm: weight, [bias], [gamma], beta, mean, variance -> weight', bias'. */
typedef struct weft_fold_norm_opt {
    const char *name;
    double epsilon;
    bool bias, gamma; /* which of the optional inputs there are */
} weft_fold_norm_opt;

/* scale_weights: weights -> weights * scale. */
typedef struct weft_scale_weights_opt {
    const char *name;
    double scale;
} weft_scale_weights_opt;

/* compose_weights and join_weights: first, second, [bias of first], [bias of second] -> weight, bias. */
typedef struct weft_merge_weights_opt {
    const char *name;
    bool first_bias, second_bias;
} weft_merge_weights_opt;

#endif
