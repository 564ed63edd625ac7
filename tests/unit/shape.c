/* SPDX-License-Identifier: Apache-2.0
 *
 * Shapes: products that overflow, dimensions below one, text that is cut; data types. */
#include <stdint.h>
#include <string.h>
#include <weft/tensor.h>

#include "check/harness.h"

START_TEST(counts)
{
    const weft_shape nhwc = weft_shape_nhwc(32, 56, 28, 64), nc = weft_shape_nc(3, 1000), none = { 0 };
    ck_assert_int_eq(weft_shape_count(&nhwc), 32LL * 56 * 28 * 64);
    ck_assert_int_eq(weft_shape_rows(&nhwc), 32LL * 56 * 28);
    ck_assert_int_eq(weft_shape_channels(&nhwc), 64);
    ck_assert_int_eq(weft_shape_count(&nc), 3000);
    ck_assert_int_eq(weft_shape_rows(&nc), 3);
    ck_assert_int_eq(weft_shape_channels(&nc), 1000);
    ck_assert_int_eq(weft_shape_count(&none), 0);
    ck_assert_int_eq(weft_shape_rows(&none), 0);
    ck_assert_int_eq(weft_shape_channels(&none), 0);
}
END_TEST

START_TEST(overflow_and_nonsense_have_no_elements)
{
    const int64_t big = (int64_t)1 << 32;
    const weft_shape fits = weft_shape_nc(INT64_MAX, 1), over = weft_shape_nc(big, big),
                     edge = weft_shape_nc((int64_t)1 << 31, big - 1), zero = weft_shape_nhwc(1, 0, 5, 5),
                     negative = weft_shape_nhwc(-1, -1, 5, 5);
    ck_assert_int_eq(weft_shape_count(&fits), INT64_MAX);
    ck_assert_int_eq(weft_shape_count(&over), 0);
    ck_assert_int_eq(weft_shape_rows(&over), big);
    ck_assert_int_eq(weft_shape_count(&edge), ((int64_t)1 << 31) * (big - 1));
    ck_assert_int_eq(weft_shape_count(&zero), 0);
    ck_assert_int_eq(weft_shape_rows(&zero), 0);
    ck_assert_int_eq(weft_shape_count(&negative), 0);
}
END_TEST

START_TEST(equality)
{
    const weft_shape a = weft_shape_nhwc(1, 2, 3, 4), b = weft_shape_nhwc(1, 2, 3, 5), c = weft_shape_nc(1, 2);
    weft_shape same = a;
    same.dim[4] = 99; /* beyond the rank: does not count */
    ck_assert(weft_shape_equal(&a, &same));
    ck_assert(!weft_shape_equal(&a, &b));
    ck_assert(!weft_shape_equal(&a, &c));
}
END_TEST

START_TEST(text)
{
    char buf[32], small[8], one[1] = { 'x' };
    const weft_shape a = weft_shape_nhwc(32, 56, 56, 64), none = { 0 };
    ck_assert_str_eq(weft_shape_text(&a, buf, sizeof buf), "[32, 56, 56, 64]");
    ck_assert_str_eq(weft_shape_text(&a, small, sizeof small), "[32, 56");
    ck_assert_str_eq(weft_shape_text(&a, one, sizeof one), "");
    ck_assert_str_eq(weft_shape_text(&none, buf, sizeof buf), "[]");

    char wide[256];
    weft_shape most = { .rank = WEFT_MAX_RANK };
    for (int i = 0; i < WEFT_MAX_RANK; i++)
        most.dim[i] = INT64_MIN;
    weft_shape_text(&most, wide, sizeof wide);
    ck_assert_uint_eq(strlen(wide), 2 + 20 * WEFT_MAX_RANK + 2 * (WEFT_MAX_RANK - 1));
}
END_TEST

START_TEST(types)
{
    static const struct {
        weft_dtype type;
        size_t size;
        const char *name;
    } rows[] = { { WEFT_F32, 4, "f32" },   { WEFT_F64, 8, "f64" }, { WEFT_F16, 2, "f16" },
                 { WEFT_BF16, 2, "bf16" }, { WEFT_U8, 1, "u8" },   { WEFT_I32, 4, "i32" },
                 { WEFT_I64, 8, "i64" } };
    ck_assert_uint_eq(sizeof rows / sizeof rows[0], WEFT_DTYPE_COUNT);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_uint_eq(weft_dtype_size(rows[i].type), rows[i].size);
        ck_assert_str_eq(weft_dtype_name(rows[i].type), rows[i].name);
    }
    ck_assert_uint_eq(weft_dtype_size(WEFT_DTYPE_COUNT), 0);
    ck_assert_str_eq(weft_dtype_name((weft_dtype)1000), "unknown");
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("shape");
    CHECK_CASE(suite, "shape", counts, overflow_and_nonsense_have_no_elements, equality, text, types);
    return check_main(suite, argv[0]);
}
