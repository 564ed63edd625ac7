/* SPDX-License-Identifier: Apache-2.0
 *
 * Warming up, and when there are runs enough. */
#include "cli/timing.h"

#include <stdlib.h>
#include <string.h>

#include "cli/text.h"

enum { APART_WARMUP = 3 }; /* of a device apart: the second run records, the third replays; */
static const double apart_seconds = .2; /* and an idle card takes a while to its full clock */

bool cli_is_apart(const weft_ctx *ctx)
{
    return strcmp(weft_ctx_device(ctx), "cpu") != 0;
}

weft_status cli_run_model(void *user, int timed, double *seconds)
{
    (void)timed;
    const double start = cli_now();
    const weft_status status = weft_model_run(user);
    *seconds = cli_now() - start;
    return status;
}

weft_status cli_warm_up(const cli_timing *timing, cli_run_fn run, void *user)
{
    const bool clocks = timing->warmup > 0 && cli_is_apart(timing->ctx);
    const int least = clocks && timing->warmup < APART_WARMUP ? APART_WARMUP : timing->warmup;
    double total = 0, seconds = 0;
    weft_status status = WEFT_OK;
    for (int i = 0; !status && (i < least || (clocks && total < apart_seconds)); i++) {
        status = run(user, -1, &seconds);
        total += status ? 0 : seconds;
    }
    return status;
}

weft_status cli_time_runs(const cli_timing *timing, cli_run_fn run, void *user, double **times, int *n)
{
    double total = 0, *all = NULL;
    int count = 0, room = 0;
    weft_status status = cli_warm_up(timing, run, user);
    while (!status && (count < timing->least || total < timing->seconds)) {
        if (count == room) {
            room = room ? 2 * room : 64;
            all = cli_grow(all, (size_t)room, sizeof *all);
        }
        status = run(user, count, &all[count]);
        total += status ? 0 : all[count];
        count++;
    }
    if (status) {
        free(all);
        return status;
    }
    *times = all;
    *n = count;
    return WEFT_OK;
}
