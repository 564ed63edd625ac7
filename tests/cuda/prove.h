/* SPDX-License-Identifier: Apache-2.0
 *
 * A graph of a step on the CUDA backend's doubles: its launches, its bits, and the CPU's numbers. */
#ifndef WEFT_TESTS_CUDA_PROVE_H
#define WEFT_TESTS_CUDA_PROVE_H

#include "program/program.h"
#include "small.h"

enum { RUNS = 3, ROOM = 1 << 17 };

typedef struct graph_of {
    void (*build)(weft_graph *g, int which);
    int which;
} graph_of;

typedef struct built {
    weft_ctx *ctx;
    weft_graph *graph;
    weft_store *store;
    weft_model *model;
} built;

/* The double in fp32. */
extern const weft_ctx_opt card;

extern const weft_shape SCALAR;
/* "what7", in text[32]. */
const char *name_of(char *text, const char *what, int i);

/* Makes a model for training, with inputs drawn; and ends it. */
void make(built *b, const weft_ctx_opt *how, const graph_of *of);
void unmake(built *b);
/* All of the store, then all outputs: returns how many numbers. */
int64_t dump(const built *b, float *to);
/* The same after RUNS runs, as it is planned (watched false), or node by node. */
int64_t results(const weft_ctx_opt *how, const graph_of *of, bool watched, float *to);
/* The report says what runs, launch by launch, captured, replayed; the same bits as node by node, the CPU's numbers
 * within `limit`. Gives the launches. */
int prove(const weft_ctx_opt *how, const graph_of *of, double limit, int *steps);

#endif
