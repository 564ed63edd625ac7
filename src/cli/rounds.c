/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs in rounds between which the machine is probed, so that rounds that a neighbour disturbed are seen and run again.
 * What is disturbed can only be slower: the best probe is that of the quiet machine. */
#include <stdlib.h>

#include "cli/text.h"
#include "cli/timing.h"

typedef struct round_of {
    int first, count; /* of its runs, in the places of the result */
    double rate;
} round_of;

typedef struct rounds {
    const cli_timing *timing;
    cli_run_fn run;
    cli_probe_fn probe;
    void *user;
    double *times;
    int *which;
    int n, room; /* runs that count */
    int ran;     /* all that were timed */
    round_of *list;
    int n_list;
    double *rates; /* of all probes */
    int n_rates;
    double roof;
} rounds;

/* The rate of now, among the others; without a probe all rates are one. */
static weft_status look(rounds *r, double *rate)
{
    cli_probe_rate now = { 1, 1 };
    if (r->probe) {
        const weft_status status = r->probe(r->user, &now);
        if (status)
            return status;
        r->rates = cli_grow(r->rates, (size_t)r->n_rates + 1, sizeof *r->rates);
        r->rates[r->n_rates++] = now.rate;
        r->roof = now.roof > r->roof ? now.roof : r->roof;
    }
    *rate = now.rate;
    return WEFT_OK;
}

static double best_rate(const rounds *r)
{
    double best = 0;
    for (int i = 0; i < r->n_rates; i++)
        best = r->rates[i] > best ? r->rates[i] : best;
    return best;
}

/* The marked round with the lowest rate; -1: none is marked. *marked: how many are. */
static int worst(const rounds *r, int *marked)
{
    const double least = CLI_PROBE_SHARE * best_rate(r);
    int at = -1;
    *marked = 0;
    for (int i = 0; i < r->n_list; i++) {
        if (r->list[i].rate >= least)
            continue;
        ++*marked;
        at = at < 0 || r->list[i].rate < r->list[at].rate ? i : at;
    }
    return at;
}

static weft_status run_once(rounds *r, double *seconds)
{
    const weft_status status = r->run(r->user, r->ran, seconds);
    r->ran++;
    return status;
}

/* Runs until the round is over or there are runs enough. *total: seconds of all that count. */
static weft_status first_round(rounds *r, double *total)
{
    const cli_timing *t = r->timing;
    round_of *round = &r->list[r->n_list];
    double seconds = 0;
    *round = (round_of){ .first = r->n };
    while (seconds < CLI_ROUND_SECONDS && (r->n < t->least || *total < t->seconds)) {
        double now = 0;
        const weft_status status = run_once(r, &now);
        if (status)
            return status;
        if (r->n == r->room) {
            r->room = r->room ? 2 * r->room : 64;
            r->times = cli_grow(r->times, (size_t)r->room, sizeof *r->times);
            r->which = cli_grow(r->which, (size_t)r->room, sizeof *r->which);
        }
        r->times[r->n] = now;
        r->which[r->n++] = r->ran - 1;
        round->count++;
        seconds += now;
        *total += now;
    }
    r->n_list++;
    return WEFT_OK;
}

static weft_status all_rounds(rounds *r)
{
    const cli_timing *t = r->timing;
    double total = 0, before = 0, after = 0;
    weft_status status = look(r, &before);
    while (!status && (r->n < t->least || total < t->seconds)) {
        r->list = cli_grow(r->list, (size_t)r->n_list + 1, sizeof *r->list);
        status = first_round(r, &total);
        if (!status)
            status = look(r, &after);
        if (!status)
            r->list[r->n_list - 1].rate = after < before ? after : before;
        before = after;
    }
    return status;
}

/* Runs a round again, and keeps these runs if the machine was quieter. */
static weft_status repeat(rounds *r, round_of *round)
{
    double *const times = cli_alloc((size_t)round->count, sizeof *times), before = 0, after = 0;
    const int first = r->ran;
    weft_status status = look(r, &before);
    for (int i = 0; !status && i < round->count; i++)
        status = run_once(r, &times[i]);
    if (!status)
        status = look(r, &after);
    const double rate = after < before ? after : before;
    if (!status && rate > round->rate) {
        round->rate = rate;
        for (int i = 0; i < round->count; i++) {
            r->times[round->first + i] = times[i];
            r->which[round->first + i] = first + i;
        }
    }
    free(times);
    return status;
}

static weft_status repeat_marked(rounds *r, cli_noise *noise)
{
    const int most = r->n_list / 2 + 1;
    weft_status status = WEFT_OK;
    int at = worst(r, &noise->marked);
    noise->left = noise->marked;
    while (!status && at >= 0 && noise->repeated < most) {
        status = repeat(r, &r->list[at]);
        noise->repeated++;
        at = worst(r, &noise->left);
    }
    return status;
}

weft_status cli_time_rounds(const cli_timing *timing, cli_run_fn run, cli_probe_fn probe, void *user, double **times,
                            int **which, int *n, cli_noise *noise)
{
    rounds r = { .timing = timing, .run = run, .probe = probe, .user = user };
    cli_noise found = { 0 };
    weft_status status = cli_warm_up(timing, run, user);
    if (!status)
        status = all_rounds(&r);
    if (!status)
        status = repeat_marked(&r, &found);
    if (!status) {
        found.probes = r.n_rates;
        found.rounds = r.n_list;
        found.roof = r.roof;
        if (r.n_rates > 0) {
            cli_sort_doubles(r.rates, r.n_rates);
            found.least = r.rates[0];
            found.median = cli_quantile(r.rates, r.n_rates, .5);
            found.best = r.rates[r.n_rates - 1];
        }
        *times = r.times;
        *which = r.which;
        *n = r.n;
        *noise = found;
    } else {
        free(r.times);
        free(r.which);
    }
    free(r.rates);
    free(r.list);
    return status;
}
