/* SPDX-License-Identifier: Apache-2.0
 *
 * The graph inside: values, parameters and nodes in plain arrays. The builder appends; passes rewrite a private copy.
 * Nodes are in topological order at all times. */
#ifndef WEFT_GRAPH_GRAPH_H
#define WEFT_GRAPH_GRAPH_H

#include "backend/kernel.h"

typedef struct weft_value {
    const char *name; /* of an input or output; else NULL */
    weft_shape shape;
    int32_t maker;    /* node, or -1 - i for graph input i */
} weft_value;

/* A parameter: the user's (derive NULL), or computed from others when the model is committed. */
typedef struct weft_param {
    const char *name; /* path */
    weft_param_spec spec;
    /* out [count of spec.shape] from the sources' values. NULL: the user sets it. */
    void (*derive)(const struct weft_param *self, const struct weft_param *all, const float *const *source, float *out);
    int32_t source[6]; /* parameters; -1: absent */
    double arg;        /* epsilon, scale */
} weft_param;

typedef struct weft_gnode {
    weft_node node; /* what kernels see; shapes point into shapes */
    int32_t in[8];  /* value ids: used when n_in <= 8 */
    int32_t *in_value, *out_value, *param; /* [n_in], [n_out], [n_param] */
    bool dead;      /* removed by a pass */
} weft_gnode;

struct weft_graph {
    weft_ctx *ctx;
    weft_arena arena;
    weft_value *values; /* [1..n_values]: id 0 is null */
    weft_gnode *nodes;
    weft_param *params;
    int32_t n_values, n_nodes, n_params, cap_values, cap_nodes, cap_params;
    int32_t *inputs, *outputs; /* value ids */
    int32_t n_inputs, n_outputs, cap_inputs, cap_outputs;
    char scope[512];
    size_t scope_length;
    weft_status status;
    char error[512];
};

#endif
