/* SPDX-License-Identifier: Apache-2.0
 *
 * Every distinct layer that cuDNN is asked for by any network of weft, and by weft selftest: the graphs that the CUDA
 * backend's lowering makes when a network is planned for a card, taken where they are checked (weft_dnn_watch). */
#ifndef WEFT_TESTS_CUDA_LAYERS_H
#define WEFT_TESTS_CUDA_LAYERS_H

#include "cuda/dnn/dnn.h"

enum { LAYER_TARGETS = 5, LAYER_PRECISIONS = 4, LAYER_CELLS = LAYER_TARGETS * LAYER_PRECISIONS };

/* The cards that stand for compute capability 7.5, 8.0, 8.9, 9.0 and 12.0. */
extern const char *const layer_targets[LAYER_TARGETS];
typedef struct layer_precision {
    const char *name;
    weft_precision precision;
    int least; /* compute capability that has it */
} layer_precision;
extern const layer_precision layer_precisions[LAYER_PRECISIONS];

typedef struct layer {
    char text[160];   /* all that distinguishes it but its types: "conv 32x56x56x64 k64 3x3/1 p1,1,1,1 bias relu" */
    char network[40]; /* the first that has it, or the op whose case it is */
    weft_dnn_graph *graph[LAYER_PRECISIONS]; /* NULL: no card plans it in this precision */
    bool used[LAYER_CELLS];                  /* [target * LAYER_PRECISIONS + precision] */
} layer;

typedef struct layers {
    layer *list; /* sorted by text */
    int count, capacity;
    int networks, graphs; /* how many were looked at */
} layers;

/* All layers: layers.c has a table of networks, batches and cards. training: those of steps of some networks. */
weft_status layers_collect(bool training, layers *out);
void layers_release(layers *all);
/* Index of a text; -1: there is none. */
int layers_find(const layers *all, const char *text);

#endif
