/* SPDX-License-Identifier: Apache-2.0
 *
 * Passes over a program's private copy of the graph, in the order of one table. Each leaves nodes in topological order
 * and values with one maker; removed nodes are marked dead. */
#ifndef WEFT_PASS_PASS_H
#define WEFT_PASS_PASS_H

#include "backend/choices.h"
#include "backend/kernel.h"
#include "graph/graph.h"

/* How a program will run: bits, so that a pass names the modes that it is for. */
typedef enum weft_mode {
    WEFT_MODE_INFER = 1,  /* all that inference may do */
    WEFT_MODE_LAYERS = 2, /* the same, but units stay layers that can be timed alone */
    WEFT_MODE_TRAIN = 4,  /* only what a gradient can go through */
    WEFT_MODE_PLAIN = 8   /* every node as it was built */
} weft_mode;

typedef struct weft_pass {
    const char *name, *brief;
    unsigned modes; /* WEFT_MODE_* */
    weft_status (*run)(weft_graph *graph);
} weft_pass;

enum { WEFT_PASS_COUNT = 14 };
extern const weft_pass weft_passes[WEFT_PASS_COUNT];

/* What one pass did to one node. */
typedef struct weft_pass_change {
    const char *node, *what; /* "removed", "added", "changed"; then what it is now */
    const char *now;
} weft_pass_change;

typedef struct weft_pass_record {
    bool ran; /* its modes include the program's */
    int32_t before, after; /* live nodes, those that derive parameters left out */
    int32_t n_changes;
    weft_pass_change *changes;
} weft_pass_record;

/* Runs the passes of a mode; records [WEFT_PASS_COUNT], in the graph's arena. */
weft_status weft_passes_run(weft_graph *graph, weft_mode mode, weft_pass_record *records);

/* ---- the passes ---- */

/* Drops nodes that nobody reads and that change nothing. */
weft_status weft_pass_prune(weft_graph *graph);
/* Drops what is nothing at inference (dropout); moves zero padding into the convolution or pooling behind it. */
weft_status weft_pass_simplify(weft_graph *graph);
/* Batch norm behind a convolution or dense layer becomes derived weights and bias; so does the scale of an add. */
weft_status weft_pass_fold(weft_graph *graph);
/* Residual additions and activations become epilogues of the node before them. */
weft_status weft_pass_fuse(weft_graph *graph);
/* Batch norms of a part of a batch, and their gradients, become two nodes each (weft_graph.parts). */
weft_status weft_pass_halve(weft_graph *graph);
/* The gradients of convolutions with those of the batch norms behind them, where the device of graph's context has
 * a kernel for both at once. */
weft_status weft_pass_fuse_grads(weft_graph *graph);
/* Norms that only a convolution and its gradient read are computed by both as they read them. */
weft_status weft_pass_fuse_norms(weft_graph *graph);
/* The gradients of two norms whose results were added, where the device has a kernel for both. */
weft_status weft_pass_fuse_pairs(weft_graph *graph);
/* Convolutions with the batch norms behind them, where the device has a kernel that sums what it convolves. */
weft_status weft_pass_fuse_stats(weft_graph *graph);
/* Notes the least traffic of the graph as it is now: activations, additions and norms are free (graph->least_bytes). */
weft_status weft_pass_measure(weft_graph *graph);
/* The rewrites among the program's forms (backend/device.h). */
weft_status weft_pass_rewrite(weft_graph *graph);
/* Inverted residual units become one node each, where the device of graph's context has a kernel for it. */
weft_status weft_pass_fuse_units(weft_graph *graph);
/* Batch norms that only a convolution reads are computed by it, where the device of graph's context has a kernel. */
weft_status weft_pass_fuse_preacts(weft_graph *graph);
/* The type of every value; fills in_dtype and out_dtype of the nodes. */
weft_status weft_pass_types(weft_graph *graph);

/* ---- for the passes ---- */

/* How often each value is read, network outputs included: [n_values], in the graph's arena; NULL on NO_MEMORY. */
int32_t *weft_pass_readers(weft_graph *graph);
/* The node that makes value, if it is alive and the value has exactly one reader; else NULL. */
weft_gnode *weft_pass_sole_maker(weft_graph *graph, const int32_t *readers, int32_t value);
/* Whether the device of graph's context has more for a node that a pass would make than a reference or a refusal. */
bool weft_pass_has_kernel(const weft_graph *graph, const weft_gnode *gnode);
/* gnode's first output takes over value `out` (made so far by another node, which dies). */
void weft_pass_take_over(weft_graph *graph, int32_t node, int32_t by);
/* For a node that a pass makes: room for so many inputs, none of which it has yet, and the next of them. */
weft_status weft_pass_begin_inputs(weft_graph *graph, weft_gnode *gnode, int count);
void weft_pass_add_input(const weft_graph *graph, weft_gnode *gnode, int32_t value);
/* A live 1x1 convolution of stride 1, one group, no padding. */
bool weft_pass_is_pointwise(const weft_gnode *gnode);
/* A live convolution of each channel by itself, with nothing added. */
bool weft_pass_is_depthwise(const weft_gnode *gnode);
/* A convolution or dense layer reads these instead of its weight and bias, which it may not have had. */
void weft_pass_set_weights(const weft_graph *graph, weft_gnode *layer, int32_t weight, int32_t bias);

#endif
