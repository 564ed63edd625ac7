/* SPDX-License-Identifier: Apache-2.0
 *
 * The reduction inside: what passes between ranks in a step (reduce.c), in which of those whose gradients make one
 * update (round.c), and how (carry.c). */
#ifndef WEFT_TRAIN_REDUCE_H
#define WEFT_TRAIN_REDUCE_H

#include "ranks/ranks.h"
#include "train/train.h"

/* A value of the program that becomes that of all ranks, or a gradient, with which the sum of those of several batches
 * does. */
typedef struct weft_reduced {
    int32_t value;
    float *sum;    /* dense, on the device; NULL: the value passes */
    int32_t ready; /* the step before which it is there */
    int64_t rows, channels, ld;
    weft_dtype dtype;
    void *data;    /* on the device */
    float share;   /* of the sum: one of all ranks, or 1 */
    int64_t at;    /* in the bucket's floats */
    size_t raw;    /* bytes into the carrier's copy of what is on the device, then of the sum */
} weft_reduced;

typedef struct weft_bucket {
    int first, count; /* pieces, all with a sum or all without */
    bool sums;        /* it passes in the last batch of a round alone */
    char what[48];
    weft_exchange exchange;
} weft_bucket;

/* What is done before a step. */
typedef enum weft_deed { MERGE, POST, FINISH, KEEP } weft_deed;
typedef struct weft_event {
    int32_t before;
    weft_deed deed;
    int index; /* of the merge, of the bucket */
} weft_event;

/* Several batches whose gradients make one update. Each rank adds up its own; what is passed for each batch is whether
 * it counts. The last one's gradients pass as what the sums will be if it does, which stands beside the sums until that
 * is known. */
typedef struct weft_round {
    int every;         /* batches; 1: there are no rounds */
    int bound;         /* good batches that this round has so far at most; -1: not known */
    bool last;         /* the step under way is the last if it is good */
    uint64_t version;  /* of the store, after it */
    float factor;      /* of its gradients in the sum */
    const float *go;   /* [2] on the device: whether it was good */
    bool recorded;     /* the model's recording is that of steps that are the last, */
    void *other;       /* and this that of the others; or the other way round */
    int64_t passed;    /* sums, in buckets, since the beginning */
} weft_round;

/* A way that buckets pass. post: bucket i is there; finish: those without sums must have passed before what comes next;
 * keep: those with sums, too, and they become the sums if the batch was good. begin, or NULL: before a step. make is
 * called by all ranks, and may fail on all of them alone. */
typedef struct weft_carrier {
    bool queues; /* as in weft_between */
    weft_status (*make)(weft_reduction *reduction);
    weft_status (*post)(weft_reduction *reduction, int bucket);
    weft_status (*finish)(weft_reduction *reduction);
    weft_status (*keep)(weft_reduction *reduction);
    weft_status (*begin)(weft_reduction *reduction);
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
    weft_round round;
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
    weft_team_piece *sums;       /* [n_pieces] for it, in the order of the pieces; of a bucket with sums the first */
    weft_team_sum *parts;        /* what such buckets add up, in rows where gradients have gaps */
    int *part;                   /* [n_pieces + 1] the first of each piece */
    void *ahead;                 /* on the device: go of a last batch, then the floats of buckets with sums */
};

/* ---- round.c ---- */

/* Finds the nodes between which a round decides; the first is the norm of a batch's gradients. *gate: the step that
 * says whether the batch is good, *keep: the first that reads the sums. */
weft_status weft_round_find(weft_reduction *reduction, int32_t norm, int32_t *gate, int32_t *keep);
/* Where the sum of a gradient lies. */
float *weft_round_sum(const weft_reduction *reduction, int32_t gradient);

/* ---- carry.c ---- */

/* Chooses the carrier, alike on all ranks, and makes it. */
weft_status weft_carrier_choose(weft_reduction *reduction);

#endif
