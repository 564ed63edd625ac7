/* SPDX-License-Identifier: Apache-2.0
 *
 * How long a run takes: what bench, selftest and tune have in common. */
#ifndef WEFT_CLI_TIMING_H
#define WEFT_CLI_TIMING_H

#include "cli/cli.h"

/* A device that computes in memory of its own: its runs are recorded and replayed, its clocks rise under load. */
bool cli_is_apart(const weft_ctx *ctx);

typedef struct cli_timing {
    const weft_ctx *ctx;
    int warmup;     /* runs before those that count; at least three and 0.2 s of them on a device apart, but for 0 */
    int least;      /* runs that count */
    double seconds; /* and how long they take together, at least */
} cli_timing;

/* Runs once. timed: how many runs were timed before it; -1: this one warms up. */
typedef weft_status (*cli_run_fn)(void *user, int timed, double *seconds);
/* weft_model_run, on the monotonic clock; user is the model. */
weft_status cli_run_model(void *user, int timed, double *seconds);

/* The runs before those that count. */
weft_status cli_warm_up(const cli_timing *timing, cli_run_fn run, void *user);
/* Warms up, then runs until there are enough runs and seconds. *times: seconds of each, in the order of running, which
 * the caller frees; NULL after a failure. */
weft_status cli_time_runs(const cli_timing *timing, cli_run_fn run, void *user, double **times, int *n);

/* ---- runs of a device apart, whose images are in host memory when they begin ---- */

typedef struct cli_sent {
    weft_ctx *ctx;
    const weft_graph *graph;
    weft_model *model; /* which has the parameters */
    const weft_recipe *recipe;
    const float *data; /* a batch, sent if the recipe makes no bytes */
    size_t count;
    bool no_units;
} cli_sent;
/* seconds[n], after some runs that warm up. */
weft_status cli_time_sent(const cli_sent *what, int n, double *seconds);

/* ---- steps of training of a device apart, on the batch of a step before ---- */

/* Steps that were waited for, of which some are still to be told. */
typedef struct cli_ahead {
    double seconds[WEFT_STEPS_AHEAD];
    int count, told;
} cli_ahead;
/* Tells what a step took, by the device, of a trainer that times. Steps are queued, as many as take CLI_ROUND_SECONDS,
 * and waited for together; the first is alone, to know how many that are. */
weft_status cli_step_ahead(weft_trainer *trainer, cli_ahead *ahead, double lr, double *seconds);

/* ---- runs in rounds, with a probe of the machine between them ---- */

/* What the machine does at this moment: a rate, and a roof that is measured beside it. */
typedef struct cli_probe_rate {
    double rate, roof;
} cli_probe_rate;
typedef weft_status (*cli_probe_fn)(void *user, cli_probe_rate *rate);

/* How quiet it was. A round is a run, or as many short ones as take CLI_ROUND_SECONDS; its rate is the lower of the
 * probes before and after it. Marked is a round whose rate is below CLI_PROBE_SHARE of the best. */
#define CLI_ROUND_SECONDS 0.1
#define CLI_PROBE_SHARE 0.9
typedef struct cli_noise {
    int probes, rounds;
    int marked, repeated, left;       /* before any was repeated; repeats; still marked at the end */
    double best, least, median, roof; /* of the probes; the best roof */
} cli_noise;

/* A round as it was run. */
typedef struct cli_round {
    int first, count; /* of all timed runs */
    double rate;
    int again;        /* the round that it repeats; -1: none */
    bool counts;      /* its runs are among those of the result */
} cli_round;

typedef struct cli_rounds {
    double *times; /* [n] seconds of the runs that count */
    int *which;    /* [n]: of all timed runs the one that this is */
    int n;
    double *all;   /* [n_all] seconds of all timed runs, in the order of running */
    int n_all;
    cli_round *list; /* [count], in that order too: repeats are the last */
    int count;
    cli_noise noise;
} cli_rounds;
void cli_rounds_release(cli_rounds *rounds);

/* Like cli_time_runs; then repeats marked rounds, the worst first, at most as many as half of the rounds and one more,
 * and puts a repeat that was quieter in the place of the round. run's `timed` goes on counting in the repeats. probe
 * NULL: there is nothing to mark. *out is the caller's to release; nothing after a failure. */
weft_status cli_time_rounds(const cli_timing *timing, cli_run_fn run, cli_probe_fn probe, void *user, cli_rounds *out);

#endif
