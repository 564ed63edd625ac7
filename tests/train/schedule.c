/* SPDX-License-Identifier: Apache-2.0
 *
 * Schedules of the learning rate against PyTorch's numbers (schedules.txt), and what PyTorch does not have. */
#include <math.h>
#include <string.h>

#include "check/harness.h"
#include "nets.h"

static const struct {
    const char *name;
    weft_schedule schedule;
} rows[] = {
    { "step", { .kind = WEFT_SCHEDULE_STEP, .rate = .1, .factor = .5, .every = 3 } },
    { "milestones", { .kind = WEFT_SCHEDULE_STEP, .rate = .1, .milestones = { 2, 7 } } },
    { "exponential", { .kind = WEFT_SCHEDULE_EXPONENTIAL, .rate = .1, .factor = .97 } },
    { "cosine", { .kind = WEFT_SCHEDULE_COSINE, .rate = .1, .epochs = 11, .final_rate = .001 } },
    { "polynomial", { .kind = WEFT_SCHEDULE_POLYNOMIAL, .rate = .1, .epochs = 11, .power = 2 } },
    { "warm_cosine", { .kind = WEFT_SCHEDULE_COSINE, .rate = .1, .epochs = 12, .warm_up = 3, .warm_up_from = .1 } },
    { "warm_polynomial",
      { .kind = WEFT_SCHEDULE_POLYNOMIAL, .rate = .1, .epochs = 12, .warm_up = 4, .warm_up_from = .01 } },
    { "one_cycle", { .kind = WEFT_SCHEDULE_ONE_CYCLE, .rate = .3, .epochs = 12 } },
    { "one_cycle_linear",
      { .kind = WEFT_SCHEDULE_ONE_CYCLE, .rate = .3, .epochs = 3, .steps_per_epoch = 4, .rise = .45,
        .start_divisor = 10, .final_divisor = 100, .linear = true } },
};

START_TEST(as_pytorch)
{
    const weft_schedule *s = &rows[_i].schedule;
    double want[16];
    const int count = golden_row("schedules.txt", rows[_i].name, want, 16);
    ck_assert_int_eq(count, 12);
    CHECK_OK(weft_schedule_check(s));
    for (int i = 0; i < count; i++)
        ck_assert_msg(fabs(weft_schedule_rate(s, i) - want[i]) <= 1e-11 + 1e-9 * want[i],
                      "%s: step %d: %.12g, PyTorch says %.12g", rows[_i].name, i, weft_schedule_rate(s, i), want[i]);
}
END_TEST

static void check_plateau(const char *name, weft_plateau p, const double *measures, double minus)
{
    double want[20];
    const int count = golden_row("schedules.txt", name, want, 20);
    ck_assert_int_eq(count, 17);
    for (int i = 0; i < count; i++) {
        const double got = weft_plateau_step(&p, minus > 0 ? minus - measures[i] : measures[i]);
        ck_assert_msg(fabs(got - want[i]) <= 1e-12, "%s: epoch %d: %g, PyTorch says %g", name, i, got, want[i]);
    }
}

START_TEST(plateau)
{
    static const double falling[] = { 5, 4, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 3, 2.9999, 2.5, 2.6 };
    check_plateau("plateau", (weft_plateau){ .factor = .5, .patience = 2 }, falling, 0);
    check_plateau("plateau_cooldown", (weft_plateau){ .factor = .5, .patience = 1, .cooldown = 2 }, falling, 0);
    check_plateau("plateau_largest", (weft_plateau){ .patience = 3, .largest = true, .threshold = .1 }, falling, 10);
    weft_plateau least = { .patience = -1, .least = .05 };
    for (int i = 0; i < 4; i++)
        weft_plateau_step(&least, 1);
    ck_assert(least.scale == .05);
}
END_TEST

/* EfficientNet's: times .97 every 2.4 epochs, five epochs of warm-up, here with ten steps to an epoch. */
START_TEST(fractions_of_epochs)
{
    weft_schedule s = { .kind = WEFT_SCHEDULE_EXPONENTIAL, .rate = .256, .factor = .97, .every = 2.4,
                        .steps_per_epoch = 10, .warm_up = 5 };
    ck_assert(fabs(weft_schedule_rate(&s, 240) - .256 * pow(.97, 10)) < 1e-12);
    ck_assert(fabs(weft_schedule_rate(&s, 245) - .256 * pow(.97, 24.5 / 2.4)) < 1e-12);
    s.staircase = true;
    ck_assert(fabs(weft_schedule_rate(&s, 245) - .256 * pow(.97, 10)) < 1e-12);
    ck_assert(weft_schedule_rate(&s, 0) == 0);
    ck_assert(fabs(weft_schedule_rate(&s, 25) - .5 * .256 * .97 * .97) < 1e-12); /* half way to that of epoch 5 */
    s.warm_up_from_one = true;
    ck_assert(fabs(weft_schedule_rate(&s, 0) - .256 * .97 * .97 / 50) < 1e-12);
    ck_assert(fabs(weft_schedule_rate(&s, 49) - .256 * .97 * .97) < 1e-12);
    s.milestones[0] = 1;
    s.warm_up = 0;
    s.kind = WEFT_SCHEDULE_CONSTANT;
    ck_assert(weft_schedule_rate(&s, 1000) == .256);
}
END_TEST

START_TEST(nonsense)
{
    CHECK_FAILS(WEFT_INVALID, weft_schedule_check(NULL), "no such schedule");
    CHECK_FAILS(WEFT_INVALID, weft_schedule_check(&(weft_schedule){ .rate = NAN }), "the learning rate is nan");
    CHECK_FAILS(WEFT_INVALID, weft_schedule_check(&(weft_schedule){ .kind = WEFT_SCHEDULE_COSINE, .rate = 1 }),
                "needs to know its length");
    CHECK_FAILS(WEFT_INVALID, weft_schedule_check(&(weft_schedule){ .kind = WEFT_SCHEDULE_STEP, .rate = 1 }),
                "needs milestones");
    CHECK_FAILS(WEFT_INVALID, weft_schedule_check(&(weft_schedule){ .kind = WEFT_SCHEDULE_STEP, .rate = 1,
                                                                    .milestones = { 4, 3 } }), "milestone 3 follows 4");
    CHECK_FAILS(WEFT_INVALID, weft_schedule_check(&(weft_schedule){ .kind = WEFT_SCHEDULE_COSINE, .rate = 1,
                                                                    .epochs = 3, .warm_up = 3 }), "all of the");
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("train-schedule");
    TCase *golden = tcase_create("golden");
    (void)argc;
    tcase_add_loop_test(golden, as_pytorch, 0, (int)(sizeof rows / sizeof *rows));
    suite_add_tcase(suite, golden);
    CHECK_CASE(suite, "others", plateau, fractions_of_epochs, nonsense);
    return check_main(suite, argv[0]);
}
