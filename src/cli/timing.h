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

/* Warms up, then runs until there are enough runs and seconds. *times: seconds of each, in the order of running, which
 * the caller frees; NULL after a failure. */
weft_status cli_time_runs(const cli_timing *timing, cli_run_fn run, void *user, double **times, int *n);

#endif
