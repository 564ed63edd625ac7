/* SPDX-License-Identifier: Apache-2.0
 *
 * Where every value lies, known before the run: parameters and states in the store, all others in the arena. Values
 * that share memory (slices of a concatenation, reshapes, results written over a dead input) form one storage; storages
 * whose lives do not overlap share bytes. What derives and packs parameters comes first in time, before the nodes that
 * run, and shares the arena with them. */
#ifndef WEFT_PROGRAM_LAYOUT_H
#define WEFT_PROGRAM_LAYOUT_H

#include "backend/kernel.h"
#include "graph/graph.h"

/* Memory that one node asks for while it runs and when, and what its kernel allows: the rest as in weft_plan. */
typedef struct weft_demand {
    int32_t at;          /* its place in time */
    int32_t packs;       /* when its own parameters are read; -1: while it runs */
    size_t scratch;      /* bytes, workspace of all threads */
    size_t pack_scratch;
    unsigned inplace; /* weft_kernel.inplace */
    const weft_buffer *buffer; /* [WEFT_MAX_BUFFER]; NULL: none */
    int in_phases, out_phase;
    bool together;       /* others run at the same time */
} weft_demand;

/* A run of arena bytes with a life, from `first` to `last`, both included, in phases: what is at `at` in time is alive
 * from phase at * WEFT_PHASES on. */
typedef struct weft_storage {
    size_t bytes, offset;
    int32_t first, last;
    bool passing; /* gone before the nodes that run: fits itself in among the others */
    int32_t value; /* the root value; 0: scratch or a buffer of a node */
} weft_storage;

/* Where a value lies: element `offset` of its storage's first value, `ld` elements from pixel to pixel. */
typedef struct weft_place {
    int32_t storage; /* WEFT_NOWHERE: the value is not alive; WEFT_IN_STORE: in the store, as `offset` of its entries */
    int64_t offset, ld;
} weft_place;

enum { WEFT_NOWHERE = -1, WEFT_IN_STORE = -2 };

typedef struct weft_memory_layout {
    weft_place *place;      /* [graph->n_values] */
    weft_storage *storages; /* [n_storages] */
    int32_t n_storages;
    int32_t *scratch; /* [graph->n_nodes] storage of the node's scratch; -1: none */
    int32_t *pack_scratch; /* the same while its parameters are packed */
    int32_t *buffer;  /* [graph->n_nodes * WEFT_MAX_BUFFER] of its buffers; -1: none */
    bool *elided;     /* [graph->n_nodes] the node needs no step: its output is where its inputs are */
    size_t bytes;     /* of the arena */
    size_t workspace; /* largest scratch */
} weft_memory_layout;

enum {
    WEFT_MEMORY_LAYOUT_NO_ALIAS = 1,
    WEFT_MEMORY_LAYOUT_KEEP_ALL = 2,
    WEFT_MEMORY_LAYOUT_STAGED = 4 /* inputs are written anew for every run: they die with their last reader */
};

/* How to plan: flags, and to a multiple of how many elements the pixels of network inputs are padded (0: 1). */
typedef struct weft_memory_layout_opt {
    unsigned flags;
    int input_channels;
    int32_t start, end; /* in time: the first of the nodes that run in every run, and behind the last */
} weft_memory_layout_opt;

/* Plans into `arena`. demand is [graph->n_nodes]. */
weft_status weft_memory_layout_plan(const weft_graph *graph, const weft_demand *demand,
                                    const weft_memory_layout_opt *opt, weft_arena *arena, weft_memory_layout *out);

#endif
