/* SPDX-License-Identifier: Apache-2.0
 *
 * weft selftest: what its parts share. A test is a graph with seeded weights and inputs, run on the device under test
 * and on the CPU; the parts differ in which graphs they make and how near the results must be. All of it goes through
 * the public API, so that it proves what a user gets. */
#ifndef WEFT_CLI_SELFTEST_H
#define WEFT_CLI_SELFTEST_H

#include "cli/common.h"
#include "cli/selftest_list.h"

typedef enum selftest_only {
    SELFTEST_ALL,
    SELFTEST_OPS,
    SELFTEST_NETWORKS,
    SELFTEST_TRAINING,
    SELFTEST_SPEED
} selftest_only;

typedef struct selftest_args {
    weft_ctx_opt ctx;       /* device, threads */
    const char *precisions; /* "fp16,bf16"; "default": each that the device has */
    selftest_only only;
    const char *pick; /* a part of the names of the cases that are run; NULL: all are */
    const char *report;
    bool quick, json;
} selftest_args;

typedef struct selftest {
    const selftest_args *args;
    weft_ctx *ctx;       /* the device under test, in one precision */
    weft_ctx *reference; /* the CPU */
    weft_precision precision;
    bool cpu;            /* the device under test is the CPU, too */
    bool loud;           /* lines for a person on standard output */
    json_t *ops, *networks, *training, *speed; /* of the report */
    FILE *journal;       /* the report's file while there is no whole report yet: a JSON line for each begin and end */
    int passed, failed, measured;
    char now[160];       /* the case that runs */
    char stopped[192];   /* the case after which the device answered nothing any more; "": it does */
} selftest;

/* Makes a graph of what; its inputs are filled with noise of this range. */
typedef struct selftest_graph {
    weft_status (*build)(weft_ctx *ctx, const void *what, weft_graph **out);
    const void *what;
    double low, high;
} selftest_graph;

/* Output 0 after some runs. */
typedef struct selftest_result {
    float *data; /* the caller frees it */
    int64_t count;
    int differs; /* the first run that gave other bits than the one before; 0: none */
} selftest_result;

enum { SELFTEST_RUNS = 3, SELFTEST_SEED = 1 }; /* launch by launch, recorded, replayed */

/* A model of it, seeded and fed. */
weft_status selftest_open(weft_ctx *ctx, const selftest_graph *graph, weft_model **out);
weft_status selftest_compute(weft_ctx *ctx, const selftest_graph *graph, int runs, selftest_result *out);
double selftest_rms(const float *data, int64_t count);
/* The CPU to hold networks against, whose plain loops would take minutes: portable vectors, or for a GPU the best there
 * are. */
weft_status selftest_open_vectors(const selftest *s, weft_ctx **out);

/* Announces a case, so that whatever happens next has a name: on standard error and in the journal. False if it is not
 * to be run: not picked, or there is no device left. */
bool selftest_begin(selftest *s, const char *part, const char *name);
/* Its row of the report, whose list it goes to, and what came of it: the library's status and error, or else a failure
 * (NULL or "": none). Counts, says what failed, and asks a device that failed whether it still computes. */
void selftest_end(selftest *s, json_t *list, json_t *row, weft_status status, const char *failure);
/* The same for a measurement, of which only a lost device is a failure. */
void selftest_measured(selftest *s, json_t *list, json_t *row, weft_status status);
/* A line for a person, unless the report goes to standard output. */
void selftest_say(const selftest *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- the parts; each appends to its list in the report ---- */
void selftest_ops(selftest *s);
void selftest_networks(selftest *s);
void selftest_training(selftest *s);
void selftest_speed(selftest *s);

#endif
