/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters as kernels read them (cuda/kernel/pack.h): rows as they are, padded, turned into columns, half round;
 * windows of depthwise convolutions; many of them in one launch. */
#include <string.h>

#include "check/harness.h"
#include "cuda/kernel/pack.h"
#include "direct.h"
#include "emu/control.h"
#include "kernels_direct.h"

static const struct {
    int rows, cols, padded, from_row, from_col;
    bool turned;
    int side; /* an address that is no multiple of 16 */
} pieces[] = {
    { 8192 + 29, 1, 0, 1, 1, false, 0 }, /* flat, more than a block */
    { 133, 1, 0, 1, 1, false, 1 },
    { 18, 5, 0, 5, 1, false, 0 },  /* flat, too */
    { 2400, 3, 4, 3, 1, false, 0 }, /* an image's channels */
    { 9, 40, 48, 1, 9, false, 0 }, /* taps of 40 channels */
    { 9, 7, 8, 1, 9, true, 0 },    /* the last one first */
    { 25, 3, 0, 1, 25, true, 1 },
    { 4, 6, 0, 6, 1, true, 0 },
};

enum { PIECES = (int)(sizeof pieces / sizeof *pieces), ROOM = 10000 };

START_TEST(packed_rows)
{
    static float from[PIECES][ROOM];
    static double want[PIECES][DIRECT_TYPES][ROOM];
    typed_view to[PIECES][DIRECT_TYPES];
    weft_pack_segment segments[PIECES * DIRECT_TYPES];
    int n = 0;
    for (int p = 0; p < PIECES; p++) {
        const int cols = pieces[p].cols, padded = pieces[p].padded ? pieces[p].padded : cols, rows = pieces[p].rows;
        for (int t = 0; t < DIRECT_TYPES; t++) {
            direct_draw(from[p], rows * cols, WEFT_BF16, (uint64_t)p); /* what all types hold */
            for (int r = 0; r < rows; r++)
                for (int c = 0; c < padded; c++) {
                    const int row = pieces[p].turned ? rows - 1 - r : r;
                    const int at = row * pieces[p].from_row + c * pieces[p].from_col;
                    want[p][t][r * padded + c] = c < cols ? (double)from[p][at] : 0;
                }
            direct_make(&to[p][t], direct_types[t], 1, (int64_t)rows * padded, pieces[p].side, NULL);
            segments[n++] = (weft_pack_segment){ .from = from[p], .to = typed_view_of(&to[p][t]).data,
                                                 .dtype = direct_types[t], .rows = rows, .cols = cols,
                                                 .padded = pieces[p].padded, .from_row = pieces[p].from_row,
                                                 .from_col = pieces[p].from_col, .turned = pieces[p].turned };
        }
    }
    ck_assert_int_eq(weft_launch_pack(segments, n, NULL), 0);
    for (int p = 0; p < PIECES; p++)
        for (int t = 0; t < DIRECT_TYPES; t++)
            direct_expect("packed", &to[p][t], want[p][t], 0);
}
END_TEST

/* Half round is what weights that are turned by hand give; that these are right the convolution itself says. */
START_TEST(packed_windows)
{
    enum { C = 51, MOST = 1 << 16 };
    static _Alignas(16) unsigned char got[MOST], expected[MOST];
    static float from[C * 25], turned[C * 25];
    const int kernel = _i % 2 ? 5 : 3, taps = kernel * kernel;
    const size_t bytes = weft_expand_window_bytes(C, kernel);
    ck_assert_uint_le(bytes, MOST);
    direct_draw(from, C * taps, WEFT_F32, 3);
    for (int i = 0; i < C * taps; i++)
        turned[i] = from[i / taps * taps + taps - 1 - i % taps];
    weft_pack_segment segment = { .from = from, .to = got, .dtype = _i < 2 ? WEFT_F16 : WEFT_BF16,
                                  .layout = WEFT_PACK_WINDOW, .cols = C, .kernel = kernel, .turned = true };
    ck_assert_int_eq(weft_launch_pack(&segment, 1, NULL), 0);
    const weft_expand_pack_args by_hand = { .dtype = segment.dtype, .window_weights = turned, .window = expected,
                                            .c = C, .kernel = kernel };
    ck_assert_int_eq(weft_launch_expand_pack(&by_hand, NULL), 0);
    ck_assert_mem_eq(got, expected, bytes);
    segment.turned = false;
    ck_assert_int_eq(weft_launch_pack(&segment, 1, NULL), 0);
    ck_assert_int_ne(memcmp(got, expected, bytes), 0);
}
END_TEST

START_TEST(refusals)
{
    static _Alignas(16) float x[64];
    static weft_pack_segment many[WEFT_PACK_SEGMENTS + 1];
    const weft_pack_segment flat = weft_pack_flat(x, x, 8, WEFT_F32);
    const weft_pack_segment window = { .from = x, .to = x, .dtype = WEFT_F16, .layout = WEFT_PACK_WINDOW, .cols = 1,
                                       .kernel = 3 };
    weft_pack_segment bad[] = { flat, flat, flat, flat, flat, window, window, window };
    int64_t before = 0, after = 0, switches;
    for (int i = 0; i <= WEFT_PACK_SEGMENTS; i++)
        many[i] = flat;
    bad[0].from = NULL;
    bad[1].to = NULL;
    bad[2].dtype = WEFT_I32;
    bad[3].rows = 0;
    bad[4].cols = 0;
    bad[5].dtype = WEFT_F32;
    bad[6].kernel = 4;
    bad[7].to = x + 1;
    emu_totals(&before, &switches);
    ck_assert_int_eq(weft_launch_pack(many, WEFT_PACK_SEGMENTS + 1, NULL), 1);
    ck_assert_int_eq(weft_launch_pack(many, 0, NULL), 1);
    ck_assert_int_eq(weft_launch_pack(NULL, 1, NULL), 1);
    for (int i = 0; i < (int)(sizeof bad / sizeof *bad); i++)
        ck_assert_int_eq(weft_launch_pack(&bad[i], 1, NULL), 1);
    emu_totals(&after, &switches);
    ck_assert_int_eq(before, after);
}
END_TEST

TCase *kernels_pack_case(void)
{
    TCase *tcase = tcase_create("pack");
    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, packed_rows);
    tcase_add_loop_test(tcase, packed_windows, 0, 4);
    tcase_add_test(tcase, refusals);
    return tcase;
}
