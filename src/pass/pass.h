/* SPDX-License-Identifier: Apache-2.0
 *
 * Passes over a model's private copy of the graph. Each leaves nodes in topological order and values with one
 * maker; removed nodes are marked dead. Run in this order. */
#ifndef WEFT_PASS_PASS_H
#define WEFT_PASS_PASS_H

#include "graph/graph.h"

/* Drops what is nothing at inference (dropout); moves zero padding into the convolution or pooling behind it. */
weft_status weft_pass_simplify(weft_graph *graph);
/* Batch norm behind a convolution or dense layer becomes derived weights and bias; so does the scale of an add. */
weft_status weft_pass_fold(weft_graph *graph);
/* Residual additions and activations become epilogues of the node before them. */
weft_status weft_pass_fuse(weft_graph *graph);
/* Inverted residual units become one node each, where the device of graph's context has a kernel for it. */
weft_status weft_pass_fuse_units(weft_graph *graph);

/* Rewrites that the device asks for (weft_device.rewrites). */
weft_status weft_pass_rewrite(weft_graph *graph);
/* The type of every value; fills in_dtype and out_dtype of the nodes. */
void weft_pass_types(weft_graph *graph);

/* ---- for the passes ---- */

/* How often each value is read, network outputs included: [n_values], in the graph's arena; NULL on NO_MEMORY. */
int32_t *weft_pass_readers(weft_graph *graph);
/* The node that makes value, if it is alive and the value has exactly one reader; else NULL. */
weft_gnode *weft_pass_sole_maker(weft_graph *graph, const int32_t *readers, int32_t value);
/* gnode's first output takes over value `out` (made so far by another node, which dies). */
void weft_pass_take_over(weft_graph *graph, int32_t node, int32_t by);

#endif
