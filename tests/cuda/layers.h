/* SPDX-License-Identifier: Apache-2.0
 *
 * Every distinct layer that cuDNN is asked for by any network of weft, and by weft selftest: the graphs that the CUDA
 * backend's lowering makes when a network is planned for a card, taken where they are checked (weft_dnn_watch). Of
 * steps of training besides those layers that it is not asked for, each with the kernel that takes it. */
#ifndef WEFT_TESTS_CUDA_LAYERS_H
#define WEFT_TESTS_CUDA_LAYERS_H

#include "cuda/dnn/dnn.h"

#include <weft/context.h>

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
    char text[160]; /* all that distinguishes it but its types: "conv 32x56x56x64 k64 3x3/1 p1,1,1,1 bias relu"; or the
                     * kernel first: "cuda.conv2d_dw.depthwise 32x56x56x96 -> 96x3x3x1 3x3/2 dw" */
    char network[40]; /* the first that has it, or the op whose case it is */
    char alone[160];  /* the layer that is planned next where this has no plan: without what is behind it; "": none */
    bool own;         /* no layer of cuDNN's */
    weft_dnn_graph *graph[LAYER_PRECISIONS]; /* NULL: no card plans it in this precision */
    bool used[LAYER_CELLS];                  /* [target * LAYER_PRECISIONS + precision] */
} layer;

typedef struct layers {
    layer *list; /* sorted by text */
    int count, capacity;
    int networks, graphs;        /* how many were looked at */
    bool planned[LAYER_TARGETS]; /* cards that there are layers of, and so columns */
    int *slot;                   /* [slots] while they are collected: index + 1 of a text, by its hash; 0: free */
    int slots;
} layers;

typedef struct layers_wanted {
    bool training;              /* layers of a step of each network; else of each network, and of weft selftest */
    bool target[LAYER_TARGETS]; /* those of these columns only */
    bool precision[LAYER_PRECISIONS];
} layers_wanted;

/* Whether a column, target * LAYER_PRECISIONS + precision, is wanted. */
bool layers_wants(const layers_wanted *wanted, int column);
/* layers.c has a table of networks, batches and cards. */
weft_status layers_collect(const layers_wanted *wanted, layers *out);
void layers_release(layers *all);
/* Index of a text; -1: there is none. */
int layers_find(const layers *all, const char *text);

/* ---- while they are collected ---- */

typedef struct collector {
    layers all;
    bool training;
    int target, precision;
    const char *network;
    uint64_t *asked; /* hashes of the names of nodes whose graphs were seen in this step of training */
    int n_asked, asked_capacity;
    weft_status status;
} collector;

/* The layer of that text in the collector's column, added if it is new. NULL: no memory. */
layer *layers_note(collector *c, const char *text);
/* FNV-1a. */
uint64_t layers_hash(const char *text);
/* Those of a step of training of each network (layers_step.c). */
weft_status layers_of_steps(weft_ctx *ctx, int64_t batch, collector *c);

#endif
