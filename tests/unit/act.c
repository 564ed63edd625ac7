/* SPDX-License-Identifier: Apache-2.0
 *
 * sigmoid, swish and its slope of every instruction set against double, over the whole range of floats: each sign and
 * exponent with many fractions, and densely where the functions bend. The op walker asks for what a layer may be off
 * by, as against its largest results; here each result is held to its own size. */
#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "check/harness.h"
#include "cpu/machine.h"
#include "op/activation.h"

enum {
    FRACTIONS = 61, /* of an exponent; no multiple of any vector, so that each value meets each lane */
    EXPONENTS = 512, /* with the sign */
    DENSE = 20001,
    COUNT = FRACTIONS * EXPONENTS + DENSE
};

static float xs[COUNT], ones[COUNT], ys[COUNT];

static void fill(void)
{
    for (uint32_t i = 0; i < FRACTIONS * EXPONENTS; i++) {
        const uint32_t bits = i / FRACTIONS << 23 | (0x7fffff / (FRACTIONS - 1)) * (i % FRACTIONS);
        memcpy(&xs[i], &bits, sizeof bits);
    }
    for (int i = 0; i < DENSE; i++)
        xs[FRACTIONS * EXPONENTS + i] = -100 + 200 * (float)i / (DENSE - 1);
    for (int i = 0; i < COUNT; i++)
        ones[i] = 1;
}

/* The micro-kernels of instruction set number i, or NULL. */
static const weft_rows *rows_of(int i)
{
    weft_cpu cpu;
    weft_cpu_read(&cpu);
    return i <= (int)cpu.best ? weft_simd_of((weft_isa)i)->rows : NULL;
}

/* What sigmoid and swish may be off by: a few roundings, and what the exponential makes of the one of its argument. */
static double allowed(double x, double want)
{
    return (3e-7 + 7.5e-8 * fabs(x)) * fabs(want);
}

static void check_act(const weft_rows *rows, weft_act act, double nothing)
{
    rows->affine(&(weft_affine){ .x = xs, .y = ys, .x_ld = COUNT, .y_ld = COUNT, .rows = 1, .channels = COUNT,
                                 .act = act });
    for (int i = 0; i < COUNT; i++) {
        const double x = (double)xs[i], y = (double)ys[i], want = weft_act_eval(act, x);
        if (!isfinite(want))
            ck_assert_msg(isnan(want) ? isnan(y) : y == want, "%s, %s(%g) is %g, expected %g", rows->isa,
                          weft_act_name(act), x, y, want);
        else
            ck_assert_msg(fabs(y - want) <= fmax(allowed(x, want), nothing), "%s, %s(%.9g) is %.9g, expected %.9g",
                          rows->isa, weft_act_name(act), x, y, want);
        ck_assert_msg(act != WEFT_ACT_SWISH || isnan(y) || !signbit(y) == !signbit(x), "%s, swish(%g) is %g",
                      rows->isa, x, y);
    }
}

START_TEST(holds_over_all_floats)
{
    const weft_rows *rows = rows_of(_i);
    fill();
    if (!rows)
        return;
    check_act(rows, WEFT_ACT_SIGMOID, 2e-38);
    check_act(rows, WEFT_ACT_SWISH, 2e-36);
}
END_TEST

/* Of the slope's two parts one may cancel the other: it is held to a tenth. */
START_TEST(slope_holds_over_all_floats)
{
    const weft_rows *rows = rows_of(_i);
    fill();
    if (!rows)
        return;
    rows->slope(&(weft_slope){ .dy = ones, .v = xs, .dx = ys, .dy_ld = COUNT, .v_ld = COUNT, .dx_ld = COUNT, .rows = 1,
                               .channels = COUNT, .act = WEFT_ACT_SWISH });
    for (int i = 0; i < COUNT; i++) {
        const double x = (double)xs[i], y = (double)ys[i];
        const double want = fabs(x) < 700 ? weft_act_slope(WEFT_ACT_SWISH, x) : x > 0;
        if (isnan(x))
            ck_assert_msg(isnan(y), "%s, slope at %g is %g", rows->isa, x, y);
        else
            ck_assert_msg(fabs(y - want) <= 6e-7 * fmax(fabs(want), .1), "%s, slope at %.9g is %.9g, expected %.9g",
                          rows->isa, x, y, want);
    }
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("act");
    TCase *tcase = tcase_create("act");
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, holds_over_all_floats, WEFT_ISA_PORTABLE, WEFT_ISA_COUNT);
    tcase_add_loop_test(tcase, slope_holds_over_all_floats, WEFT_ISA_PORTABLE, WEFT_ISA_COUNT);
    return check_main(suite, argv[0]);
}
