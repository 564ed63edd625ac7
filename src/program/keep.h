/* SPDX-License-Identifier: Apache-2.0
 *
 * What a training step keeps for its backward pass, and what it computes once more. Groups of values that share memory
 * in the plain plan (its storages) are kept or dropped whole. The nodes of the backward pass, and those that are
 * repeated for it, read a dropped value from the repeated node. */
#ifndef WEFT_PROGRAM_KEEP_H
#define WEFT_PROGRAM_KEEP_H

#include "program/layout.h"

typedef struct weft_keep_group {
    double bytes, price;   /* price: of computing it once more */
    bool droppable;        /* as it is; not in every trial */
    bool dropped, stays;   /* stays: for this trial */
    int32_t first, last;   /* among the forward pass: written, read */
} weft_keep_group;

typedef struct weft_keep {
    const weft_gnode *nodes; /* [n_nodes] of the plain plan, [0, border) of the forward pass */
    const weft_value *values;
    int32_t n_nodes, n_values, border, n_groups;
    const int32_t *group;    /* [n_values] -1: in the store, or not alive */
    const size_t *scratch;   /* [n_nodes] bytes beside its tensors */
    const bool *lasting;     /* [n_groups] through the whole run */
    weft_keep_group *groups; /* [n_groups] */
    int32_t *order;          /* [2 * n_nodes] what runs: node i, or ~i: node i once more */
    int32_t n_order;
    double peak;             /* of what runs in this order, bytes */
    /* Its own. */
    struct weft_keep_life *lives;
    unsigned *reads; /* [n_nodes] bit n: input n, one of the first 32, is read when the node runs once more */
    double *change;
    int32_t *seen;
    int32_t round, at;
} weft_keep;

/* Prepares: fills groups, all kept, from the fields above them. */
weft_status weft_keep_begin(weft_keep *keep, weft_arena *arena);
/* Drops the groups of the least price with which the peak is at most `target`; if there are none, those with the least
 * peak. */
weft_status weft_keep_choose(weft_keep *keep, double target, weft_arena *arena);
/* Whether a reader in the backward pass finds the value in the repeated node. */
bool weft_keep_is_again(const weft_keep *keep, int32_t value);

#endif
