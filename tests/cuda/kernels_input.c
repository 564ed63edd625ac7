/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes to a network's values: every number of channels, padded and not, in slices, each type. */
#include "check/harness.h"
#include "cuda/kernel/levels.h"
#include "direct.h"
#include "emu/control.h"
#include "kernels_direct.h"

enum { LEVELS = 256, N = 2, PIXELS = 301, REST = 2, MOST = N * (PIXELS * 3 + REST) };

static unsigned char bytes[MOST];
static float table[3 * LEVELS];
static double want[N * PIXELS * 8];

static const struct {
    int c, padded, side;
} shapes[] = { { 1, 1, 0 }, { 1, 4, 0 }, { 2, 2, 3 }, { 3, 3, 0 }, { 3, 4, 0 }, { 3, 8, 0 }, { 3, 4, 8 } };

START_TEST(levels)
{
    const int c = shapes[_i].c, padded = shapes[_i].padded, ld = PIXELS * c + REST;
    for (int i = 0; i < MOST; i++)
        bytes[i] = (unsigned char)(i * 89 % 251 + i % 5);
    for (int t = 0; t < DIRECT_TYPES; t++) {
        direct_draw(table, 3 * LEVELS, direct_types[t], 5);
        for (int i = 0; i < N * PIXELS * padded; i++) {
            const int row = i / padded, k = i % padded;
            want[i] = k < c ? (double)table[k * LEVELS + bytes[row / PIXELS * ld + row % PIXELS * c + k]] : 0;
        }
        for (emu_order o = EMU_FORWARD; o < EMU_ORDER_COUNT; o++) {
            typed_view y;
            emu_set_order(o, check_seed());
            direct_make(&y, direct_types[t], N * PIXELS, padded, shapes[_i].side, NULL);
            const weft_levels_args a = { .dtype = direct_types[t], .x = bytes, .x_ld = ld, .y = typed_view_of(&y),
                                         .n = N, .pixels = PIXELS, .c = c, .padded = padded, .table = table };
            ck_assert_int_eq(weft_launch_levels(&a, NULL), 0);
            direct_expect("levels", &y, want, 0);
        }
    }
}
END_TEST

START_TEST(refusals)
{
    static float y[8];
    const weft_levels_args good = { .dtype = WEFT_F32, .x = bytes, .x_ld = 6, .y = { y, 4 }, .n = 1, .pixels = 2,
                                    .c = 3, .padded = 4, .table = table };
    weft_levels_args bad[8];
    for (int i = 0; i < 8; i++)
        bad[i] = good;
    bad[0].x = NULL;
    bad[1].table = NULL;
    bad[2].c = 4;
    bad[3].padded = 2;
    bad[4].padded = 9;
    bad[5].x_ld = 5;
    bad[6].y.ld = 3;
    bad[7].n = 0;
    ck_assert_int_eq(weft_launch_levels(&good, NULL), 0);
    for (int i = 0; i < 8; i++)
        ck_assert_msg(weft_launch_levels(&bad[i], NULL) != 0, "row %d is taken", i);
}
END_TEST

TCase *kernels_input_case(void)
{
    TCase *tcase = tcase_create("input");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, levels, 0, (int)(sizeof shapes / sizeof *shapes));
    tcase_add_test(tcase, refusals);
    return tcase;
}
