/* SPDX-License-Identifier: Apache-2.0
 *
 * A graph describes a network once: nodes (an op with its options), values and parameters with their shapes.
 * It knows no device. The first failing call is kept with its scope; every later builder call on that graph
 * does nothing and returns the null var, so that networks read without error checks and the caller asks once,
 * with weft_graph_status or at weft_model_create. */
#ifndef WEFT_GRAPH_H
#define WEFT_GRAPH_H

#include <weft/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_graph weft_graph;

/* A value of a graph. Plain data, nobody frees it; id 0 is the null var. */
typedef struct weft_var {
    int32_t id;
} weft_var;

/* The context lends its allocator and must outlive the graph. */
WEFT_API weft_status weft_graph_create(weft_ctx *ctx, weft_graph **out);
WEFT_API void weft_graph_destroy(weft_graph *graph);
/* The first error of the builder calls, with its sentence restored to weft_error(). */
WEFT_API weft_status weft_graph_status(const weft_graph *graph);
/* Marks the graph as failed, for builders of networks: sentence as for printf. Returns the null var. */
WEFT_API weft_var weft_graph_fail(weft_graph *graph, weft_status status, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* Names of nodes and parameters are paths: scopes joined by '/', then the node's name, then the parameter's:
 * "stage1.0/a/conv2d/weight". */
WEFT_API void weft_scope_push(weft_graph *graph, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;
WEFT_API void weft_scope_pop(weft_graph *graph);

/* A network input, [N, H, W, C] or [N, C]; N is the batch, which a model may replace. */
WEFT_API weft_var weft_input(weft_graph *graph, const char *name, const weft_shape *shape);
/* The same of a type: WEFT_I32 for labels, WEFT_F32. A shape of rank 1 ([1]: a scalar that changes from run to run) has
 * no batch. */
WEFT_API weft_var weft_input_of(weft_graph *graph, const char *name, weft_dtype dtype, const weft_shape *shape);
/* Marks x as a network output, in order of the calls. */
WEFT_API void weft_output(weft_graph *graph, weft_var x, const char *name);

/* Queries of the null var answer 0 / rank 0. */
WEFT_API weft_shape weft_var_shape(const weft_graph *graph, weft_var x);
WEFT_API int64_t weft_channels(const weft_graph *graph, weft_var x);
WEFT_API int64_t weft_height(const weft_graph *graph, weft_var x);
WEFT_API int64_t weft_width(const weft_graph *graph, weft_var x);

/* ---- what is in a graph ---- */

typedef struct weft_counts {
    int64_t trainable;  /* parameters that training changes */
    int64_t statistics; /* batch norm's moving statistics and the like */
    int64_t macs;       /* multiply-adds of convolutions and dense layers, of one image */
    int64_t nodes;
    int64_t convolutions;
} weft_counts;
WEFT_API weft_status weft_graph_counts(const weft_graph *graph, weft_counts *out);

typedef struct weft_node_info {
    const char *name; /* path */
    const char *op;   /* "conv2d" */
    weft_shape out;   /* of the first output */
    int64_t trainable, statistics, macs;
    int inputs;              /* number of inputs */
    const int32_t *input_of; /* [inputs] index of the node that makes each input; -1 - i for network input i, INT32_MIN
                                for a parameter or state of the graph */
    char detail[96];         /* the options that matter, "3x3/2 64 groups 32" */
} weft_node_info;
WEFT_API int weft_graph_node_count(const weft_graph *graph);
/* Strings and arrays are lent until the graph changes or is destroyed. */
WEFT_API weft_status weft_graph_node(const weft_graph *graph, int index, weft_node_info *out);

typedef struct weft_param_info {
    const char *name; /* path */
    weft_shape shape;
    bool trainable;
} weft_param_info;
WEFT_API int weft_graph_param_count(const weft_graph *graph);
WEFT_API weft_status weft_graph_param(const weft_graph *graph, int index, weft_param_info *out);

typedef struct weft_port_info {
    const char *name;
    weft_shape shape;
    weft_dtype dtype; /* of the host's array: F32, or I32 for labels */
} weft_port_info;
WEFT_API int weft_graph_input_count(const weft_graph *graph);
WEFT_API weft_status weft_graph_input(const weft_graph *graph, int index, weft_port_info *out);
WEFT_API int weft_graph_output_count(const weft_graph *graph);
WEFT_API weft_status weft_graph_output(const weft_graph *graph, int index, weft_port_info *out);

#ifdef __cplusplus
}
#endif
#endif
