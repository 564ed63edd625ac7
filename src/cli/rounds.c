/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs in rounds between which the machine is probed, so that rounds that a neighbour disturbed are seen and run again.
 * What is disturbed can only be slower: the best probe is that of the quiet machine. */
#include <stdlib.h>

#include "cli/text.h"
#include "cli/timing.h"

/* A place of the result that a round fills, or its repeat. */
typedef struct place {
    int first, count; /* of the runs that count */
    double rate;
    int round;        /* that fills it */
} place;

typedef struct rounds {
    const cli_timing *timing;
    cli_run_fn run;
    cli_probe_fn probe;
    void *user;
    cli_rounds out;
    int room;    /* for runs that count */
    place *list;
    int n_list;
    double *rates; /* of all probes */
    int n_rates;
    double roof;
} rounds;

void cli_rounds_release(cli_rounds *r)
{
    free(r->times);
    free(r->which);
    free(r->all);
    free(r->list);
    *r = (cli_rounds){ 0 };
}

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
    cli_rounds *const out = &r->out;
    const weft_status status = r->run(r->user, out->n_all, seconds);
    out->all = cli_grow(out->all, (size_t)out->n_all + 1, sizeof *out->all);
    out->all[out->n_all++] = *seconds;
    return status;
}

/* Notes a round of the last `count` runs. */
static void note_round(rounds *r, int count, int again)
{
    cli_rounds *const out = &r->out;
    out->list = cli_grow(out->list, (size_t)out->count + 1, sizeof *out->list);
    out->list[out->count++] = (cli_round){ .first = out->n_all - count, .count = count, .again = again,
                                           .counts = again < 0 };
}

static void keep_run(rounds *r, double seconds)
{
    cli_rounds *const out = &r->out;
    if (out->n == r->room) {
        r->room = r->room ? 2 * r->room : 64;
        out->times = cli_grow(out->times, (size_t)r->room, sizeof *out->times);
        out->which = cli_grow(out->which, (size_t)r->room, sizeof *out->which);
    }
    out->times[out->n] = seconds;
    out->which[out->n++] = out->n_all - 1;
}

/* Runs until the round is over or there are runs enough. *total: seconds of all that count. */
static weft_status first_round(rounds *r, double *total)
{
    const cli_timing *t = r->timing;
    double seconds = 0;
    r->list = cli_grow(r->list, (size_t)r->n_list + 1, sizeof *r->list);
    place *const at = &r->list[r->n_list];
    *at = (place){ .first = r->out.n, .round = r->n_list };
    while (seconds < CLI_ROUND_SECONDS && (r->out.n < t->least || *total < t->seconds)) {
        double now = 0;
        const weft_status status = run_once(r, &now);
        if (status)
            return status;
        keep_run(r, now);
        at->count++;
        seconds += now;
        *total += now;
    }
    r->n_list++;
    note_round(r, at->count, -1);
    return WEFT_OK;
}

static weft_status all_rounds(rounds *r)
{
    const cli_timing *t = r->timing;
    double total = 0, before = 0, after = 0;
    weft_status status = look(r, &before);
    while (!status && (r->out.n < t->least || total < t->seconds)) {
        status = first_round(r, &total);
        if (!status)
            status = look(r, &after);
        if (!status)
            r->list[r->n_list - 1].rate = r->out.list[r->out.count - 1].rate = after < before ? after : before;
        before = after;
    }
    return status;
}

/* Runs a round again, and keeps these runs if the machine was quieter. */
static weft_status repeat(rounds *r, place *at)
{
    cli_rounds *const out = &r->out;
    const int first = out->n_all;
    double before = 0, after = 0, seconds = 0;
    weft_status status = look(r, &before);
    for (int i = 0; !status && i < at->count; i++)
        status = run_once(r, &seconds);
    if (!status)
        status = look(r, &after);
    if (status)
        return status;
    note_round(r, at->count, (int)(at - r->list));
    cli_round *const round = &out->list[out->count - 1];
    round->rate = after < before ? after : before;
    if (!(round->rate > at->rate))
        return WEFT_OK;
    out->list[at->round].counts = false;
    round->counts = true;
    at->round = out->count - 1;
    at->rate = round->rate;
    for (int i = 0; i < at->count; i++) {
        out->times[at->first + i] = out->all[first + i];
        out->which[at->first + i] = first + i;
    }
    return WEFT_OK;
}

static weft_status repeat_marked(rounds *r)
{
    cli_noise *const noise = &r->out.noise;
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

static void sum_up(rounds *r)
{
    cli_noise *const noise = &r->out.noise;
    noise->probes = r->n_rates;
    noise->rounds = r->n_list;
    noise->roof = r->roof;
    if (r->n_rates == 0)
        return;
    cli_sort_doubles(r->rates, r->n_rates);
    noise->least = r->rates[0];
    noise->median = cli_quantile(r->rates, r->n_rates, .5);
    noise->best = r->rates[r->n_rates - 1];
}

weft_status cli_time_rounds(const cli_timing *timing, cli_run_fn run, cli_probe_fn probe, void *user, cli_rounds *out)
{
    rounds r = { .timing = timing, .run = run, .probe = probe, .user = user };
    weft_status status = cli_warm_up(timing, run, user);
    if (!status)
        status = all_rounds(&r);
    if (!status)
        status = repeat_marked(&r);
    if (!status) {
        sum_up(&r);
        *out = r.out;
    } else {
        cli_rounds_release(&r.out);
    }
    free(r.rates);
    free(r.list);
    return status;
}
