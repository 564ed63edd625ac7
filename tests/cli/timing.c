/* SPDX-License-Identifier: Apache-2.0
 *
 * How often bench, selftest and tune run a network before the clock starts and after it, with runs of given times. */
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

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("cli_timing");
    TCase *timing = tcase_create("timing");
    tcase_add_loop_test(timing, runs_enough, 0, 8);
    tcase_add_test(timing, a_run_that_fails_ends_it);
    suite_add_tcase(suite, timing);
    return check_main(suite, argv[0]);
}
