/* SPDX-License-Identifier: Apache-2.0
 *
 * The emulator tells right kernels from wrong ones: sums over warps and blocks in every order of threads, and each
 * mistake that it claims to see, with the sentence that says so. */
#include <math.h>
#include <string.h>

#include "check/harness.h"
#include "emu/control.h"
#include "emulator_kernels.h"

enum { COUNT = 200 };
static float x[COUNT], y[COUNT];

static void fill(void)
{
    emu_clear();
    for (int i = 0; i < COUNT; i++) {
        x[i] = (float)(i % 7 - 2);
        y[i] = NAN;
    }
}

START_TEST(right)
{
    float sum = 0;
    fill();
    for (int i = 0; i < COUNT; i++)
        sum += x[i];
    emu_set_order((emu_order)_i, 5);
    for (int threads = 32; threads <= 1024; threads *= 2) {
        fill();
        ck_assert_int_eq(emulator_sum(threads, x, COUNT, y), 0);
        ck_assert_msg(emu_fault()[0] == 0, "%s", emu_fault());
        ck_assert(y[0] == sum && y[1] == sum && isnan(y[2]));
    }
    fill();
    ck_assert_int_eq(emulator_votes(y), 0); /* 70 threads: the last warp is short */
    ck_assert(y[0] == 16 && y[1] == 16 && y[2] == 3);
}
END_TEST

/* Small whole numbers, whose sums are exact: of fp16 the exponent is biased by 15, of bf16 by 127. */
START_TEST(products)
{
    enum { ROWS = 16, DEPTH = 16, COLUMNS = 8 };
    static const unsigned short one[] = { 0x3c00, 0x3f80 }, two[] = { 0x4000, 0x4000 };
    static const unsigned short minus_half[] = { 0xb800, 0xbf00 };
    const bool is_bf16 = _i % 2, rows = _i / 2 % 2;
    unsigned short halves[ROWS * DEPTH + DEPTH * COLUMNS];
    float values[ROWS * DEPTH + DEPTH * COLUMNS], got[ROWS * COLUMNS], want[ROWS * COLUMNS];
    for (int i = 0; i < ROWS * DEPTH + DEPTH * COLUMNS; i++) {
        const unsigned choice = (unsigned)i * 2654435761u >> 13 & 3;
        halves[i] = choice == 0 ? 0 : choice == 1 ? one[is_bf16] : choice == 2 ? two[is_bf16] : minus_half[is_bf16];
        values[i] = choice == 3 ? -.5f : (float)choice;
    }
    for (int row = 0; row < ROWS; row++) {
        for (int column = 0; column < COLUMNS; column++) {
            float sum = got[row * COLUMNS + column] = (float)(row - column);
            for (int k = 0; k < DEPTH; k++)
                sum += values[row * DEPTH + k] * values[ROWS * DEPTH + k * COLUMNS + column];
            want[row * COLUMNS + column] = sum;
        }
    }
    emu_clear();
    emu_set_order((emu_order)(_i / 4), 7);
    ck_assert_int_eq(emulator_product(halves, is_bf16, rows, got), 0);
    ck_assert_msg(emu_fault()[0] == 0, "%s", emu_fault());
    ck_assert_mem_eq(got, want, sizeof want);
}
END_TEST

/* What half a float becomes, of every kind: subnormal, the largest, infinite, not a number. */
static const struct {
    unsigned short half;
    bool is_bf16;
    float value;
} kinds[] = {
    { 0x0001, false, 0x1p-24f }, { 0x83ff, false, -0x3ffp-24f }, { 0x0400, false, 0x1p-14f },
    { 0x7bff, false, 65504 },    { 0xfc00, false, -INFINITY },   { 0x7e00, false, NAN },
    { 0x3f80, true, 1 },         { 0x0001, true, 0x1p-133f },    { 0x7f80, true, INFINITY },
    { 0xffc0, true, NAN },
};

START_TEST(kinds_of_halves)
{
    unsigned short halves[16 * 16 + 16 * 8] = { 0 };
    float d[16 * 8] = { 0 };
    halves[0] = kinds[_i].half; /* a[0][0] */
    halves[16 * 16] = kinds[_i].is_bf16 ? 0x3f80 : 0x3c00;
    ck_assert_int_eq(emulator_product(halves, kinds[_i].is_bf16, false, d), 0);
    ck_assert(isnan(kinds[_i].value) ? isnan(d[0]) : d[0] == kinds[_i].value);
    ck_assert(d[9] == 0);
}
END_TEST

static const struct {
    const char *name;
    int (*run)(const float *from, float *to);
    const char *says; /* part of the sentence */
} wrong[] = {
    { "no beginning", emulator_early, "ends without weft_begin" },
    { "divergent barrier", emulator_divergent, "threads wait for each other" },
    { "early return", emulator_early_return, "threads have ended" },
    { "two barriers", emulator_two_barriers, "waits in __syncthreads at" },
    { "half a warp", emulator_half_warp, "waits in __shfl_xor_sync at" },
    { "lane beyond the block", emulator_beyond, "a shuffle reads a lane that does not take part" },
    { "mask without the caller", emulator_left_out, "a mask that leaves it out" },
    { "half a warp in a product", emulator_half_product, "not come to as many products" },
    { "lanes at two products", emulator_two_products, "at different products" },
    { "a lane without the second product", emulator_unequal_products, "not come to as many products" },
    { "products without their end", emulator_endless_product, "ends without weft_mma_end" },
    { "a full queue without its end", emulator_endless_products, "ends without weft_mma_end" },
    { "too many threads", emulator_crowd, "a block of 2048 x 1 x 1 threads" },
    { "empty grid", emulator_empty, "a grid of 0 x 1 x 1 blocks" },
    { "tall grid", emulator_tall, "a grid of 1 x 65536 x 1 blocks" },
    { "much shared memory", emulator_much_dynamic, "more than 48 KB" },
    { "much static memory", emulator_much_static, "more than 48 KB" },
};

START_TEST(mistakes)
{
    for (int order = EMU_FORWARD; order < EMU_ORDER_COUNT; order++) {
        fill();
        emu_set_order((emu_order)order, 3);
        const int status = wrong[_i].run(x, y);
        ck_assert_msg(status != 0, "%s passes", wrong[_i].name);
        ck_assert_msg(strstr(emu_fault(), wrong[_i].says) != NULL, "%s: the sentence is \"%s\"", wrong[_i].name,
                      emu_fault());
        fill(); /* and the next launch is none the worse */
        ck_assert_int_eq(emulator_sum(256, x, COUNT, y), 0);
        ck_assert(emu_fault()[0] == 0 && isfinite(y[0]));
    }
}
END_TEST

/* Shared memory is not the last block's, and not zero. */
START_TEST(unset_memory)
{
    fill();
    ck_assert_int_eq(emulator_unset(y), 0);
    for (int block = 0; block < 4; block++)
        ck_assert(isnan(y[block]));
}
END_TEST

/* Without its barrier a sum depends on the order of threads. */
START_TEST(missing_barrier)
{
    float results[EMU_ORDER_COUNT];
    int differ = 0;
    for (int order = EMU_FORWARD; order < EMU_ORDER_COUNT; order++) {
        fill();
        emu_set_order((emu_order)order, 1);
        ck_assert_int_eq(emulator_missing_barrier(x, y), 0);
        results[order] = y[0];
        differ += !(results[order] == results[0]);
    }
    ck_assert_int_gt(differ, 0);
}
END_TEST

START_TEST(limit)
{
    fill();
    emu_set_block_limit(256);
    ck_assert_int_eq(emulator_sum(512, x, COUNT, y), 9);
    ck_assert_ptr_nonnull(strstr(emu_fault(), "at most 256 are allowed"));
    emu_set_block_limit(1024);
    emu_clear();
    ck_assert_int_eq(emulator_sum(512, x, COUNT, y), 0);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("cuda-emulator");
    TCase *tcase = tcase_create("emulator");
    tcase_add_loop_test(tcase, right, 0, EMU_ORDER_COUNT);
    tcase_add_loop_test(tcase, products, 0, EMU_ORDER_COUNT * 4);
    tcase_add_loop_test(tcase, kinds_of_halves, 0, (int)(sizeof kinds / sizeof *kinds));
    tcase_add_loop_test(tcase, mistakes, 0, (int)(sizeof wrong / sizeof *wrong));
    tcase_add_test(tcase, unset_memory);
    tcase_add_test(tcase, missing_barrier);
    tcase_add_test(tcase, limit);
    suite_add_tcase(suite, tcase);
    return check_main(suite, argv[0]);
}
