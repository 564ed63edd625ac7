/* SPDX-License-Identifier: Apache-2.0
 *
 * The reduction inside: what passes between ranks in a step (reduce.c), and how (carry.c). */
#ifndef WEFT_TRAIN_REDUCE_H
#define WEFT_TRAIN_REDUCE_H

#include "ranks/ranks.h"
#include "train/train.h"

/* A value of the program that becomes that of all ranks. */
typedef struct weft_reduced {
    int32_t value;
    int32_t ready; /* the step before which it is there */
    int64_t rows, channels, ld;
    weft_dtype dtype;
    void *data;    /* on the device */
    float share;   /* of the sum: one of all ranks, or 1 */
    int64_t at;    /* in the bucket's floats */
    size_t raw;    /* bytes into the carrier's copy of what is on the device */
} weft_reduced;

typedef struct weft_bucket {
    int first, count; /* pieces */
    char what[48];
    weft_exchange exchange;
} weft_bucket;

/* What is done before a step. */
typedef enum weft_deed { MERGE, POST, FINISH } weft_deed;
typedef struct weft_event {
    int32_t before;
    weft_deed deed;
    int index; /* of the merge, of the bucket */
} weft_event;

/* A way that buckets pass. post: bucket i is there; finish: all of them must have passed before what comes next. make
 * is called by all ranks, and may fail on all of them alone. */
typedef struct weft_carrier {
    bool queues; /* as in weft_between */
    weft_status (*make)(weft_reduction *reduction);
    weft_status (*post)(weft_reduction *reduction, int bucket);
    weft_status (*finish)(weft_reduction *reduction);
    void (*release)(weft_reduction *reduction);
} weft_carrier;

struct weft_reduction {
    const weft_allocator *allocator;
    weft_ranks *ranks;
    weft_trainer *trainer;
    weft_reduced *pieces;
    int n_pieces;
    weft_bucket *buckets;
    int n_buckets;
    weft_merger merger;
    weft_event *events; /* [n_events] of all kinds, in order */
    int n_events;
    int32_t *before; /* [n_events] */
    weft_between between;
    const weft_carrier *carrier; /* NULL: none yet */
    char passage[256];           /* weft_trainer_passage */
    float *memory;               /* of the buckets' floats */
    char *raw;                   /* what is on the device, in host memory that it can reach; NULL: none */
    weft_team *team;             /* of the devices; NULL: none */
    weft_team_piece *sums;       /* [n_pieces] for it, in the order of the pieces */
};

/* Chooses the carrier, alike on all ranks, and makes it. */
weft_status weft_carrier_choose(weft_reduction *reduction);

#endif
