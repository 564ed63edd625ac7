/* SPDX-License-Identifier: Apache-2.0
 *
 * What max_pool2d and avg_pool2d share: they differ in what they do with a window's pixels, not in where it lies. And
 * what appends the gradients of pools, which all need the size of the image that was pooled. */
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
/* The text of the options alone, for a pool of an image of h x w. */
void weft_pool2d_text(const weft_pool2d_opt *opt, int64_t h, int64_t w, char *buf, size_t size);

/* Options of max_pool2d_dx and avg_pool2d_dx: those of the pool, resolved, and the size of its input. */
typedef struct weft_pool2d_grad_opt {
    weft_pool2d_opt pool; /* its name is the node's */
    int64_t h, w;
} weft_pool2d_grad_opt;

/* Options of global_avg_pool2d_dx: the size of the pool's input. */
typedef struct weft_global_pool2d_grad_opt {
    const char *name;
    int64_t h, w;
} weft_global_pool2d_grad_opt;

#endif
