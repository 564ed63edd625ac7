/* SPDX-License-Identifier: Apache-2.0
 *
 * Every distinct layer that cuDNN is asked for by any network of weft: convolutions, dense layers and pools as the
 * passes leave them (norms folded, residuals and activations fused, concatenations as slices). */
#ifndef WEFT_TESTS_CUDA_LAYERS_H
#define WEFT_TESTS_CUDA_LAYERS_H

#include "cuda/dnn.h"

typedef enum layer_kind { LAYER_CONV, LAYER_DENSE, LAYER_POOL } layer_kind;

typedef struct layer {
    layer_kind kind;
    weft_dnn_conv conv;
    weft_dnn_dense dense;
    weft_dnn_pool pool;
    char text[160];   /* all that distinguishes it, such as "conv 32x56x56x64 k64 3x3/1 p1,1,1,1 bias relu" */
    char network[40]; /* the first that has it */
} layer;

typedef struct layers {
    layer *list; /* sorted by text */
    int count, capacity;
    int networks, nodes; /* how many were looked at */
} layers;

/* All layers of all networks at a batch. Depthwise convolutions are left out: weft computes them itself. */
weft_status layers_collect(int64_t batch, layers *out);
void layers_release(layers *all);
/* The layer's graph in a type. */
void layer_graph(const layer *l, weft_dtype dtype, weft_dnn_graph *graph);

#endif
