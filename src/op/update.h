/* SPDX-License-Identifier: Apache-2.0
 *
 * What the contracts of optimisers share. */
#ifndef WEFT_OP_UPDATE_H
#define WEFT_OP_UPDATE_H

#include "op/util.h"

/* in[0] to in[count - 1] (what: their names) have the parameter's shape, one of any rank; then comes lr [1], then
 * go [2]. */
weft_status weft_need_update(const char *const *what, int count, const weft_shape *in);
/* A vector of so many elements. */
weft_status weft_need_vector(const char *what, const weft_shape *shape, int64_t count);
/* 0 to less than 1, else INVALID with the option's name. */
weft_status weft_need_share(const char *what, double value);
/* A positive finite number, 0 becoming fallback. */
weft_status weft_need_positive(const char *what, double *value, double fallback);
/* Elements read and written by an update over `states` states, once. */
double weft_least_update(const weft_node *node);

#endif
