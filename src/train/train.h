/* SPDX-License-Identifier: Apache-2.0
 *
 * The trainer inside. */
#ifndef WEFT_TRAIN_TRAIN_H
#define WEFT_TRAIN_TRAIN_H

#include <weft/train.h>

#include "graph/graph.h"

/* The inputs of a training graph, by name. */
#define WEFT_LABELS_INPUT "labels"
#define WEFT_TARGETS_INPUT "targets"
#define WEFT_LR_INPUT "lr"

/* Outputs of a training graph, in this order. */
enum { WEFT_TRAIN_LOSS, WEFT_TRAIN_HITS };

/* The training graph of a network: its twin, losses, gradients, the optimiser's updates. */
weft_status weft_train_graph_create(weft_ctx *ctx, const weft_graph *network, const weft_train_opt *opt,
                                    weft_graph **out);
/* Whether a path is one of those that stay as they are. */
bool weft_train_is_frozen(const weft_train_opt *opt, const char *path);

#endif
