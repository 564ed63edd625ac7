/* SPDX-License-Identifier: Apache-2.0
 *
 * Reverse-mode differentiation of a graph (Linnainmaa 1970; Griewank & Walther 2008): nodes from the last to the first,
 * each op's grad appends the nodes that turn the gradients of its outputs into those of its inputs. Backward nodes are
 * ordinary nodes: kernels, fusion, the memory plan and the cost report know nothing of them. */
#ifndef WEFT_GRAPH_GRAD_H
#define WEFT_GRAPH_GRAD_H

#include "graph/graph.h"

/* ---- for an op's grad ---- */

/* What grad sees of the node; backward nodes are named below the node's path. */
struct weft_grad {
    weft_graph *graph;
    weft_node node; /* a copy: the graph's nodes may move while others are appended */
    const int32_t *in, *out;
    int32_t *sum;      /* [values] the gradient of a value so far; 0: none yet */
    const bool *wants; /* [values] */
};

/* The node's input i (own parameters follow what the builder was handed) and output o. */
weft_var weft_grad_in(const weft_grad *grad, int i);
weft_var weft_grad_out(const weft_grad *grad, int o);
/* The node's own parameter k; the null var of an absent one. */
weft_var weft_grad_param(const weft_grad *grad, int k);
/* Gradient of output o; the null var if nothing that is differentiated depends on it, or if it is 1
 * (weft_grad_is_one). */
weft_var weft_grad_dy(const weft_grad *grad, int o);
/* Whether output o is what is differentiated, so that its gradient is 1: where losses begin. */
bool weft_grad_is_one(const weft_grad *grad, int o);
/* Whether the gradient of input i, or of own parameter k, is wanted. */
bool weft_grad_wants(const weft_grad *grad, int i);
bool weft_grad_wants_param(const weft_grad *grad, int k);
/* dx is (a summand of) the gradient of input i, or of own parameter k. Null and unwanted ones are left out. */
void weft_grad_add(weft_grad *grad, int i, weft_var dx);
void weft_grad_add_param(weft_grad *grad, int k, weft_var dx);
/* The gradient of output o is that of input i as it is (also where it is 1). */
void weft_grad_pass(weft_grad *grad, int i, int o);

/* ---- the whole graph ---- */

/* The gradients of x[n_x] (inputs, parameters, computed values) of the sum over y[n_y] of dy * y, where a dy that is
 * null is 1 (and then y must reach losses, whose grad asks weft_grad_is_one). dx[i]: null if y does not depend on x[i].
 * UNSUPPORTED if an op on the way has no gradient. */
weft_status weft_graph_grad(weft_graph *graph, const weft_var *y, const weft_var *dy, int n_y, const weft_var *x,
                            int n_x, weft_var *dx);

#endif
