/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies of graphs for training, in which some nodes are something else: batch norm with the statistics of the batch,
 * dropout that drops. What stands for a node is appended by its op (weft_op.train). */
#ifndef WEFT_GRAPH_TWIN_H
#define WEFT_GRAPH_TWIN_H

#include "graph/graph.h"

struct weft_twin {
    weft_graph *graph;     /* the training graph */
    const weft_node *node; /* of the network: its path, resolved options, shapes */
    const weft_var *in;    /* [n_in] what it reads there, without own parameters */
    weft_var *out;         /* [n_out] what it computes there: to be filled */
    weft_var step;         /* [1] of WEFT_I32, input WEFT_STEP_INPUT: the number of the step, from 0 */
    uint64_t seed;         /* of everything that is drawn */
    int64_t first;         /* images of the batch before the first one here */
    double norm_momentum;  /* of moving statistics, instead of the node's own; 0: that */
    struct weft_moves *moves;
};

/* Appends a node under the path of the network's node, so that its own parameters have the names that they have there;
 * gives output 0. */
weft_status weft_twin_add(weft_twin *twin, weft_op_id op, const void *opt, const weft_var *in, int n_in, weft_var *out);
/* A state of the network's node: "mean". */
weft_status weft_twin_state(weft_twin *twin, const char *name, const weft_shape *shape, weft_init init, weft_var *out);
/* A state that is to follow a value, as moving_average does: below the path ("moving_mean"), or at it (NULL). Whether
 * it may, nobody knows before the step is over: the caller appends what makes it so, when he knows. */
weft_status weft_twin_move(weft_twin *twin, const char *name, double momentum, weft_var state, weft_var x);

typedef struct weft_move {
    const char *path;
    double momentum;
    weft_var state, x;
} weft_move;

/* At most two of each node. */
typedef struct weft_moves {
    weft_move *move; /* [count], in the training graph's arena */
    int count;
} weft_moves;

/* Appends moving averages for all, which change nothing where go [2] says so (src/op/gate.c); go null: always. Each
 * state is then what it has become. */
weft_status weft_graph_move(weft_graph *graph, weft_moves *moves, weft_var go);

/* How to copy for training. */
typedef struct weft_twin_opt {
    int64_t batch; /* 0: as it is */
    uint64_t seed;
    int64_t first;        /* as in weft_twin */
    double norm_momentum; /* 0: each norm's own */
    const bool *kept;     /* [nodes] such stay what they are at inference; NULL: none */
    weft_input_maker input; /* zeros: the network's own */
} weft_twin_opt;

/* The name of an input that every training graph has: step. */
#define WEFT_STEP_INPUT "step"

/* The copy, owned by ctx, with one more input and without outputs: outputs[graph->n_outputs] says what the network's
 * are there. *moves: the states that are to move. */
weft_status weft_graph_clone_training(weft_ctx *ctx, const weft_graph *graph, const weft_twin_opt *opt,
                                      weft_var *outputs, weft_moves *moves, weft_graph **out);

#endif
