/* SPDX-License-Identifier: Apache-2.0
 *
 * How often bench, selftest and tune run a network before the clock starts and after it, with runs of given times; and
 * which rounds are run again, with probes that see what they are told. */
#include "cli/timing.h"

#include <stdlib.h>

#include "check/harness.h"

/* Runs that take what they are told, and fail at the nth. */
typedef struct script {
    double warm, first, later; /* seconds of a run that warms up, of the first that counts, of the others */
    int fails;                 /* the run that fails, from 1; 0: none */
    int runs, warmed;
} script;

static weft_status play(void *user, int timed, double *seconds)
{
    script *s = user;
    s->runs++;
    if (s->runs == s->fails)
        return WEFT_IO;
    ck_assert_int_eq(timed, timed < 0 ? -1 : s->runs - 1 - s->warmed);
    s->warmed += timed < 0;
    *seconds = timed < 0 ? s->warm : timed == 0 ? s->first : s->later;
    return WEFT_OK;
}

static weft_ctx *open_device(const char *name)
{
    weft_ctx *ctx = NULL;
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .device = name, .threads = 1 }, &ctx));
    return ctx;
}

/* The null device stands for one that is apart. */
START_TEST(runs_enough)
{
    static const struct {
        const char *device;
        int warmup, least;
        double seconds, run; /* that are asked for; of a run */
        int warmed, timed;
    } rows[] = {
        { "cpu", 1, 3, 0, 1, 1, 3 },      { "cpu", 0, 3, 5, 1, 0, 5 },        { "cpu", 4, 1, 2, 3, 4, 1 },
        { "null", 1, 20, .3, .1, 3, 20 }, { "null", 1, 20, 1.9, .05, 4, 38 }, { "null", 5, 3, 0, 1, 5, 3 },
        { "null", 0, 3, 0, .001, 0, 3 },  { "null", 1, 3, 0, .0041, 49, 3 },
    };
    weft_ctx *ctx = open_device(rows[_i].device);
    const cli_timing timing = { ctx, rows[_i].warmup, rows[_i].least, rows[_i].seconds };
    script s = { .warm = rows[_i].run, .first = rows[_i].run / 2, .later = rows[_i].run };
    double *times = NULL;
    int n = 0;
    CHECK_OK(cli_time_runs(&timing, play, &s, &times, &n));
    ck_assert_int_eq(s.warmed, rows[_i].warmed);
    ck_assert_int_ge(n, rows[_i].timed);
    ck_assert_int_le(n, rows[_i].timed + 1); /* the first takes half as long */
    ck_assert(times[0] == s.first && times[n - 1] == (n > 1 ? s.later : s.first));
    free(times);
    weft_ctx_destroy(ctx);
}
END_TEST

START_TEST(a_run_that_fails_ends_it)
{
    weft_ctx *ctx = open_device("null");
    const cli_timing timing = { ctx, 1, 100, 0 };
    for (int nth = 1; nth <= 90; nth += 44) { /* while it warms up, and after */
        script s = { 1, 1, 1, .fails = nth };
        double *times = NULL;
        int n = 0;
        ck_assert_int_eq(cli_time_runs(&timing, play, &s, &times, &n), WEFT_IO);
        ck_assert_ptr_null(times);
        ck_assert_int_eq(s.runs, nth);
    }
    weft_ctx_destroy(ctx);
}
END_TEST

/* A machine that is so fast at every probe, and runs of which each takes a nanosecond longer than the one before: its
 * time says which it was. */
typedef struct story {
    const double *rates; /* of the probes in order; 0 ends them: from then on all is quiet */
    double length;       /* seconds of the first run */
    int probes, runs;
    int breaks; /* the probe that fails, from 1; 0: none */
} story;

static weft_status probe_story(void *user, cli_probe_rate *rate)
{
    story *s = user;
    if (++s->probes == s->breaks)
        return WEFT_NO_MEMORY;
    *rate = (cli_probe_rate){ *s->rates > 0 ? *s->rates++ : 100, 105 };
    return WEFT_OK;
}

static weft_status run_story(void *user, int timed, double *seconds)
{
    story *s = user;
    ck_assert_int_eq(timed, s->runs);
    *seconds = s->length + 1e-9 * s->runs++;
    return WEFT_OK;
}

enum { MOST_RATES = 12, MOST_WHICH = 6 };

/* Five or so rounds of a run each, or runs of which several make a round. */
static const struct told {
    double rates[MOST_RATES];
    double length;
    int least;
    int rounds, marked, repeated, left;
    int which[MOST_WHICH]; /* the runs that count in the end */
    double low;
} told[] = {
    /* all quiet: a little less is no noise */
    { { 100, 95, 91, 100 }, 1, 3, 3, 0, 0, 0, { 0, 1, 2 }, 91 },
    /* a neighbour between the second probe and the third: two rounds see it, both are better again */
    { { 100, 100, 70, 100, 100 }, 1, 4, 4, 2, 2, 0, { 0, 4, 5, 3 }, 70 },
    /* the machine gets quiet after the first two rounds only: these are marked by what comes after */
    { { 72, 72, 71, 100, 100 }, 1, 4, 4, 3, 3, 0, { 6, 4, 5, 3 }, 71 },
    /* never quiet: no more repeats than are allowed, and one in which it was worse is not taken */
    { { 100, 70, 60, 70, 50, 50, 65, 65, 40, 40 }, 1, 3, 3, 3, 2, 3, { 0, 4, 2 }, 50 },
    /* four runs of 40 ms: a round of three and one of one, each run again as a whole */
    { { 100, 80, 100 }, .04, 4, 2, 2, 2, 0, { 4, 5, 6, 7 }, 80 },
};

/* All that was timed is kept, round by round, and those that count are the result's runs. */
static void check_samples(const cli_rounds *r, const story *s)
{
    int at = 0, counted = 0;
    ck_assert_int_eq(r->n_all, s->runs);
    ck_assert_int_eq(r->count, r->noise.rounds + r->noise.repeated);
    for (int i = 0; i < r->count; i++) {
        const cli_round *const one = &r->list[i];
        ck_assert_int_eq(one->first, at);
        ck_assert(i < r->noise.rounds ? one->again == -1 : one->again >= 0 && one->again < r->noise.rounds);
        at += one->count;
        for (int k = one->first; k < at; k++) {
            bool found = false;
            for (int j = 0; j < r->n; j++)
                found = found || r->which[j] == k;
            ck_assert(found == one->counts && r->all[k] == s->length + 1e-9 * k);
        }
        counted += one->counts ? one->count : 0;
    }
    ck_assert_int_eq(at, r->n_all);
    ck_assert_int_eq(counted, r->n);
}

START_TEST(noisy_rounds_are_run_again)
{
    const struct told *row = &told[_i];
    weft_ctx *ctx = open_device("cpu");
    const cli_timing timing = { ctx, 0, row->least, 0 };
    story s = { .rates = row->rates, .length = row->length };
    cli_rounds r;
    CHECK_OK(cli_time_rounds(&timing, run_story, probe_story, &s, &r));
    ck_assert_int_eq(r.n, row->least);
    ck_assert_int_eq(r.noise.rounds, row->rounds);
    ck_assert_int_eq(r.noise.marked, row->marked);
    ck_assert_int_eq(r.noise.repeated, row->repeated);
    ck_assert_int_eq(r.noise.left, row->left);
    ck_assert_int_eq(r.noise.probes, s.probes);
    ck_assert(r.noise.best == 100 && r.noise.least == row->low && r.noise.roof == 105);
    for (int i = 0; i < r.n; i++) {
        ck_assert_int_eq(r.which[i], row->which[i]);
        ck_assert(r.times[i] == row->length + 1e-9 * r.which[i]);
    }
    check_samples(&r, &s);
    cli_rounds_release(&r);
    weft_ctx_destroy(ctx);
}
END_TEST

START_TEST(without_a_probe_nothing_is_marked)
{
    static const double none[] = { 0 };
    weft_ctx *ctx = open_device("cpu");
    const cli_timing timing = { ctx, 0, 2, 1 };
    story s = { .rates = none, .length = .25 };
    cli_rounds r;
    CHECK_OK(cli_time_rounds(&timing, run_story, NULL, &s, &r));
    ck_assert_int_eq(r.n, 4);
    ck_assert(r.noise.probes == 0 && r.noise.marked == 0 && r.noise.repeated == 0 && r.noise.best == 0);
    check_samples(&r, &s);
    cli_rounds_release(&r);
    weft_ctx_destroy(ctx);
}
END_TEST

START_TEST(a_probe_that_fails_ends_it)
{
    static const double noisy[] = { 100, 70, 70, 70, 70, 70, 70, 70, 70, 0 };
    weft_ctx *ctx = open_device("cpu");
    const cli_timing timing = { ctx, 0, 4, 0 };
    for (int nth = 1; nth <= 8; nth++) { /* before, between and in the repeats */
        story s = { .rates = noisy, .length = 1, .breaks = nth };
        cli_rounds r = { 0 };
        ck_assert_int_eq(cli_time_rounds(&timing, run_story, probe_story, &s, &r), WEFT_NO_MEMORY);
        ck_assert_ptr_null(r.times);
        ck_assert_int_eq(s.probes, nth);
    }
    weft_ctx_destroy(ctx);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("cli_timing");
    TCase *timing = tcase_create("timing");
    tcase_add_loop_test(timing, runs_enough, 0, 8);
    tcase_add_test(timing, a_run_that_fails_ends_it);
    tcase_add_loop_test(timing, noisy_rounds_are_run_again, 0, (int)(sizeof told / sizeof *told));
    tcase_add_test(timing, without_a_probe_nothing_is_marked);
    tcase_add_test(timing, a_probe_that_fails_ends_it);
    suite_add_tcase(suite, timing);
    return check_main(suite, argv[0]);
}
