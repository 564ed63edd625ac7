/* SPDX-License-Identifier: Apache-2.0
 *
 * What max_pool2d and avg_pool2d share: they differ in what they do with a window's pixels, not in where it lies. */
#ifndef WEFT_OP_POOL2D_H
#define WEFT_OP_POOL2D_H

#include "op/util.h"

weft_status weft_pool2d_resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena);
weft_status weft_pool2d_infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig);
/* One operation per pixel of each window. */
weft_cost weft_pool2d_cost(const weft_node *node);
/* Pixels of a window. */
int64_t weft_pool2d_reduction(const weft_node *node);
void weft_pool2d_describe(const weft_node *node, char *buf, size_t size);

#endif
