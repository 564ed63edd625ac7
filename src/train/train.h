/* SPDX-License-Identifier: Apache-2.0
 *
 * The trainer inside. */
#ifndef WEFT_TRAIN_TRAIN_H
#define WEFT_TRAIN_TRAIN_H

#include <weft/train.h>

#include "graph/twin.h"
#include "program/program.h"

/* The inputs of a training graph, by name. */
#define WEFT_LABELS_INPUT "labels"
#define WEFT_TARGETS_INPUT "targets"
#define WEFT_LR_INPUT "lr"

/* States of a training graph: updates made, batches accumulated, scale of the loss, averages. */
#define WEFT_UPDATES_STATE "optimizer/updates"
#define WEFT_BATCHES_STATE "optimizer/batches"
#define WEFT_SCALE_STATE "optimizer/scale"
#define WEFT_EMA_SCOPE "ema"

/* Outputs of a training graph, in this order; BATCH_NORM only where gradients are accumulated: then NORM is that of
 * their mean; SCALE only where the loss has one. */
enum { WEFT_TRAIN_LOSS, WEFT_TRAIN_HITS, WEFT_TRAIN_NORM, WEFT_TRAIN_GO, WEFT_TRAIN_BATCH_NORM, WEFT_TRAIN_SCALE,
       WEFT_TRAIN_OUTPUTS };

struct weft_trainer {
    weft_ctx *ctx;
    weft_arena arena;
    weft_graph *graph;
    weft_store *store;
    weft_model *model;
    bool own_store;
    int accumulate;
    weft_scaling scaling; /* what it came to */
    int64_t step;
    uint64_t seed;
    int images, labels, targets, lr, number; /* inputs; -1: none */
    weft_trained_info *params; /* [n_params] of the network */
    int n_params;
    weft_ranks *ranks;       /* NULL: alone */
    size_t bucket;
    struct weft_reduction *reduction; /* of ranks */
    size_t byte_count;         /* of a batch of bytes; 0: they are floats */
    float *slots; /* [WEFT_STEPS_AHEAD][WEFT_TRAIN_SLOT] outputs of steps that were submitted, by their turn */
    int64_t tickets[WEFT_STEPS_AHEAD]; /* runs of the model that must be over */
    int64_t steps[WEFT_STEPS_AHEAD];   /* their numbers */
    int64_t submitted, read;           /* turns */
    bool fed;                          /* a batch was set */
    bool times;                        /* of steps are wanted */
    void *marks[WEFT_STEPS_AHEAD][2];  /* their begin and end, on a device that has such */
    double seconds[WEFT_STEPS_AHEAD];  /* else what they took */
};

enum { WEFT_TRAIN_SLOT = 10 };

/* Options of the loss's scale as they are meant on this device: kind is not AUTO, nothing 0. */
weft_loss_scale weft_train_scale(const weft_ctx *ctx, const weft_train_opt *opt);

/* What a step's program gives becomes the mean (hits the sum) over all ranks: gradients in buckets, each posted as soon
 * as it is there, and loss, hits and the statistics of norms with them; all are waited for before the gate reads them.
 * To be made once the program has memory, by all ranks at once; destroyed before the program. */
typedef struct weft_reduction weft_reduction;
weft_status weft_reduction_create(weft_trainer *trainer, weft_reduction **out);
void weft_reduction_destroy(weft_reduction *reduction);
/* Before each step: whether it is the last whose gradients make an update, alike on all ranks. */
weft_status weft_reduction_begin(weft_reduction *reduction);
/* weft_trainer_settle. */
weft_status weft_reduction_settle(weft_reduction *reduction);
const char *weft_reduction_passage(const weft_reduction *reduction);

/* What a half of a norm has found out about this rank's part of a batch, and what becomes that of all ranks, in place,
 * before the other half reads it (op/batch_norm_halves.c). */
typedef struct weft_merge {
    const weft_gnode *gnode; /* that has found it out */
    weft_view view;
    int64_t rows, channels;
} weft_merge;
typedef struct weft_merger {
    const weft_allocator *allocator;
    weft_ranks *ranks;
    weft_merge *merges; /* [between.count] */
    int32_t *before;
    float *all; /* [ranks + 1] of the largest */
    weft_between between; /* before each step that is the first behind such a half */
} weft_merger;
/* Of a program that has memory; a merger that was not made may be released. */
weft_status weft_merger_make(const weft_model *model, weft_ranks *ranks, weft_merger *out);
void weft_merger_release(weft_merger *merger);

/* What becomes of the parameters of a network: out[n_params]; names are lent by it. */
weft_status weft_train_params(const weft_graph *network, const weft_train_opt *opt, weft_trained_info *out);
/* Whether a path is one of those that stay as they are. */
bool weft_train_is_frozen(const weft_train_opt *opt, const char *path);
/* weft_graph_clone_training, of which what is frozen stays as it is at inference, states too. Of opt count batch, seed
 * and freeze; outputs: [n_outputs] of the network. UNSUPPORTED if a state does not wait for the end of the step. */
weft_status weft_train_clone(weft_ctx *ctx, const weft_graph *network, const weft_train_opt *opt, double norm_momentum,
                             weft_var *outputs, weft_moves *moves, weft_graph **out);
/* The index of an input, by name; -1: there is none. */
int weft_train_input(const weft_graph *graph, const char *name);
/* The batch, the rate and the number of a step to the inputs. */
weft_status weft_trainer_feed(weft_trainer *trainer, const weft_batch *batch, double lr, int64_t step);

#endif
