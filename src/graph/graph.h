/* SPDX-License-Identifier: Apache-2.0
 *
 * The graph inside: values, parameters and nodes in plain arrays, nodes in topological order at all times. The
 * builder appends; passes rewrite a private copy (pass.h). */
#ifndef WEFT_GRAPH_GRAPH_H
#define WEFT_GRAPH_GRAPH_H

#include "base/context.h"
#include "graph/op.h"

/* Who fills a value: the caller before a run, the store (parameters that training changes, and states that runs
 * change), or a node. */
typedef enum weft_value_kind { WEFT_COMPUTED, WEFT_INPUT, WEFT_PARAM, WEFT_STATE } weft_value_kind;

enum { WEFT_NOBODY = INT32_MIN }; /* makes parameters and states */

/* No value of a graph has more elements. So whoever plans its memory may multiply them by the size of any type and by
 * the channels that a backend pads one to (4 and 8 at most), round that up, and stays below SIZE_MAX / 2. Sums over
 * values are for the planner to check. */
#define WEFT_MAX_ELEMENTS ((int64_t)(SIZE_MAX / 128))

/* What nodes read and compute. Value 0 is the null var. */
typedef struct weft_value {
    const char *name; /* of an input, a parameter or a state (path); else NULL */
    weft_shape shape;
    weft_dtype dtype; /* of an input as the caller gives it, then on the device (pass/types.c) */
    weft_value_kind kind;
    int32_t maker; /* node index, -1 - i for network input i, WEFT_NOBODY */
    int32_t param; /* of a parameter or state: its index in graph->params */
    bool padded;   /* its pixels are padded with zero channels, if the backend says to how many */
} weft_value;

/* A parameter or state: what the store keeps. */
typedef struct weft_param {
    const char *name; /* path */
    weft_param_spec spec;
    int32_t value;
    bool free; /* made by weft_parameter or weft_state, not by a node */
} weft_param;

/* A node with its wiring. node.in and node.out point to shape arrays of the graph's arena, with room for two more
 * inputs (the bias that folding adds, the residual). */
typedef struct weft_gnode {
    weft_node node;
    int32_t *in, *out; /* value ids, [n_in + 2], [n_out] */
    int32_t *maker;    /* who made each input that the builder was handed: node, or -1 - i for network input i; of the
                          graph as built */
    bool dead;         /* removed by a pass */
    int32_t repeats;   /* 1 + the node that this one computes once more (src/program/recompute.c); 0: none */
    bool derives;      /* computes parameters from parameters: runs when these have changed, not in every run */
} weft_gnode;

enum { WEFT_SPARE_INPUTS = 2 };

/* A network output. */
typedef struct weft_port {
    const char *name;
    int32_t value;
} weft_port;

struct weft_graph {
    weft_ctx *ctx;
    weft_arena arena; /* names, options, shapes */
    weft_value *values;
    weft_gnode *nodes;
    weft_param *params;
    int32_t *inputs; /* value ids */
    weft_port *outputs;
    int32_t n_values, n_nodes, n_params, n_inputs, n_outputs;
    int32_t cap_values, cap_nodes, cap_params, cap_inputs, cap_outputs;
    char scope[512];
    size_t scope_length;
    weft_status status;
    char error[1024];
    double least_bytes; /* the fused minimum (pass/measure.c) */
    unsigned forms;     /* WEFT_FORM_* of the program that is made of it (backend/device.h) */
    int parts;          /* of a batch, of which this graph has one and norms are to be by all; 0: there is one */
    const struct weft_choices *choices; /* of kernels, for that program (backend/choices.h); NULL: none */
};

/* Node `op` named `path` (already whole) on inputs in[n_in]; opt is copied and resolved. Used by the builder
 * and by passes. */
weft_status weft_graph_add_node(weft_graph *graph, weft_op_id op, const char *path, const void *opt, const int32_t *in,
                                int n_in, int32_t *first_out);
/* The same as a node that derives parameters (weft_gnode.derives). */
weft_status weft_graph_add_derived(weft_graph *graph, weft_op_id op, const char *path, const void *opt,
                                   const int32_t *in, int n_in, int32_t *first_out);

/* A copy of graph, owned by ctx, with batch n (0: as it is): same nodes, parameters and indices, shapes inferred again.
 */
weft_status weft_graph_clone(weft_ctx *ctx, const weft_graph *graph, int64_t batch, weft_graph **out);
/* What stands in a copy for an input of floats: make appends it, of that shape. make NULL: the same input. */
typedef struct weft_input_maker {
    weft_status (*make)(void *user, weft_graph *to, const char *name, const weft_shape *shape, int32_t *id);
    void *user;
} weft_input_maker;
weft_status weft_graph_clone_inputs(weft_ctx *ctx, const weft_graph *graph, const weft_input_maker *input,
                                    weft_graph **out);

/* Options of a node as a pass may change them (they live in the graph's arena). */
WEFT_INLINE void *weft_gnode_opt(weft_gnode *gnode)
{
    return weft_mutable(gnode->node.opt);
}

/* Shapes of inputs, likewise. */
WEFT_INLINE weft_shape *weft_gnode_shapes(const weft_shape *shapes)
{
    return (weft_shape *)weft_mutable(shapes);
}

WEFT_INLINE weft_shape *weft_gnode_in_shape(weft_gnode *gnode, int i)
{
    return weft_gnode_shapes(gnode->node.in) + i;
}

/* Input i becomes `value`. */
WEFT_INLINE void weft_gnode_rewire(const weft_graph *graph, weft_gnode *gnode, int i, int32_t value)
{
    gnode->in[i] = value;
    weft_gnode_in_shape(gnode, i)[0] = graph->values[value].shape;
}

/* Value of the node's own parameter i; -1: the node has fewer. */
WEFT_INLINE int32_t weft_gnode_param(const weft_gnode *gnode, int i)
{
    return i < gnode->node.n_param ? gnode->in[weft_node_first_param(&gnode->node) + i] : -1;
}

/* One more own parameter behind the others (the residual stays last); there is room for WEFT_SPARE_INPUTS. */
void weft_gnode_add_param(const weft_graph *graph, weft_gnode *gnode, int32_t value);

/* Multiply-adds of a node; parameters of a node split by kind. */
void weft_gnode_counts(const weft_graph *graph, const weft_gnode *gnode, int64_t *trainable, int64_t *statistics,
                       int64_t *macs);

#endif
