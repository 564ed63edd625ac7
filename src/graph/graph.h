/* SPDX-License-Identifier: Apache-2.0
 *
 * The graph inside: values, parameters and nodes in plain arrays, nodes in topological order at all times. The
 * builder appends; passes rewrite a private copy (pass.h). */
#ifndef WEFT_GRAPH_GRAPH_H
#define WEFT_GRAPH_GRAPH_H

#include "backend/kernel.h"

/* What one node computes and others read. Value 0 is the null var. */
typedef struct weft_value {
    const char *name; /* of a network input; else NULL */
    weft_shape shape;
    int32_t maker; /* node index, or -1 - i for network input i */
    weft_dtype dtype; /* in the arena (types.c) */
    bool padded;      /* its pixels are padded with zero channels, if the backend says to how many */
} weft_value;

typedef struct weft_param weft_param;

/* Computes a parameter from others, in double; source[i] are the values of self->source[i], NULL where absent. */
typedef void (*weft_derive)(const weft_param *self, const float *const *source, float *out);

enum { WEFT_MAX_SOURCE = 5 };

/* A parameter: the user's (derive NULL), or computed from others when a model is committed. */
struct weft_param {
    const char *name; /* path */
    weft_param_spec spec;
    weft_derive derive;
    int32_t source[WEFT_MAX_SOURCE]; /* parameter indices; -1: absent */
    double arg;                      /* derive's own: epsilon, scale */
};

/* A node with its wiring. node.in, node.out, node.param point to shape arrays of the graph's arena, with room for one
 * more input (the residual) and two parameters. */
typedef struct weft_gnode {
    weft_node node;
    int32_t *in, *out; /* value ids, [n_in + 1], [n_out] */
    int32_t *param;    /* parameter indices, [WEFT_MAX_PARAM] */
    int32_t *maker;    /* [n_in] who made each input: node, or -1 - i for network input i; of the graph as built */
    bool dead;         /* removed by a pass */
} weft_gnode;

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
};

/* Node `op` named `path` (already whole) on inputs in[n_in]; opt is copied and resolved. Used by the builder
 * and by passes. */
weft_status weft_graph_add_node(weft_graph *graph, weft_op_id op, const char *path, const void *opt, const int32_t *in,
                                int n_in, int32_t *first_out);
weft_status weft_graph_add_param(weft_graph *graph, const weft_param *param, int32_t *index);

/* A copy of graph, owned by ctx, with batch n (0: as it is): same nodes, parameters and indices, shapes inferred again.
 */
weft_status weft_graph_clone(weft_ctx *ctx, const weft_graph *graph, int64_t batch, weft_graph **out);

/* Options of a node as a pass may change them (they live in the graph's arena). */
WEFT_INLINE void *weft_gnode_opt(weft_gnode *gnode)
{
    union {
        const void *lent;
        void *own;
    } opt = { gnode->node.opt };
    return opt.own;
}

/* Shapes of inputs and parameters, likewise. */
WEFT_INLINE weft_shape *weft_gnode_shapes(const weft_shape *shapes)
{
    union {
        const weft_shape *lent;
        weft_shape *own;
    } s = { shapes };
    return s.own;
}

WEFT_INLINE weft_shape *weft_gnode_in_shape(weft_gnode *gnode, int i)
{
    return weft_gnode_shapes(gnode->node.in) + i;
}

WEFT_INLINE weft_shape *weft_gnode_param_shape(weft_gnode *gnode, int i)
{
    return weft_gnode_shapes(gnode->node.param) + i;
}

/* Multiply-adds of a node; parameters of a node split by kind. */
void weft_gnode_counts(const weft_graph *graph, const weft_gnode *gnode, int64_t *trainable, int64_t *statistics,
                       int64_t *macs);

#endif
