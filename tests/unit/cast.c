/* SPDX-License-Identifier: Apache-2.0
 *
 * 16-bit types: every one of their numbers there and back, what lies between two of them, and arrays against single
 * numbers. */
#include "tensor/cast.h"

#include <math.h>
#include <stdlib.h>

#include "check/harness.h"

/* The value of a pattern by the definition: `fraction` bits after the point, the rest an exponent around `bias`. */
static double value_of(unsigned pattern, int fraction, int bias)
{
    const int exponents = 15 - fraction, exponent = (int)(pattern >> fraction & ((1U << exponents) - 1));
    const int digits = (int)(pattern & ((1U << fraction) - 1));
    const double size = exponent ? ldexp((1 << fraction) + digits, exponent - bias - fraction)
                                 : ldexp(digits, 1 - bias - fraction);
    return pattern >> 15 ? -size : size;
}

static const struct kind {
    const char *name;
    weft_dtype dtype;
    int fraction, bias;
    uint16_t (*to)(float);
    float (*from)(uint16_t);
} kinds[] = {
    { "binary16", WEFT_F16, 10, 15, weft_to_f16, weft_from_f16 },
    { "bfloat16", WEFT_BF16, 7, 127, weft_to_bf16, weft_from_bf16 },
};

/* Up to the largest finite number: itself, the middle to the next one, and just beside the middle. */
START_TEST(numbers_go_there_and_back)
{
    const struct kind *k = &kinds[_i];
    const unsigned infinite = ((1U << (15 - k->fraction)) - 1) << k->fraction;
    int wrong = 0;
    for (unsigned sign = 0; sign < 2; sign++)
        for (unsigned size = 0; size < infinite; size++) {
            const uint16_t pattern = (uint16_t)(sign << 15 | size), next = (uint16_t)(pattern + 1);
            const double here = value_of(pattern, k->fraction, k->bias);
            const double there = value_of(next, k->fraction, k->bias); /* 2^e for what would be infinite */
            const float middle = (float)((here + there) / 2);
            wrong += (double)k->from(pattern) != here || k->to((float)here) != pattern;
            wrong += k->to(middle) != (size % 2 ? next : pattern);
            wrong += k->to(nextafterf(middle, 0)) != pattern;
            wrong += k->to(nextafterf(middle, sign ? -INFINITY : INFINITY)) != next;
        }
    ck_assert_msg(wrong == 0, "%s: %d of %u steps are wrong", k->name, wrong, 8 * infinite);
}
END_TEST

START_TEST(infinities_and_nans_stay)
{
    const struct kind *k = &kinds[_i];
    for (int sign = 0; sign < 2; sign++) {
        const float infinite = sign ? -INFINITY : INFINITY;
        ck_assert(k->from(k->to(infinite)) == infinite);
        ck_assert(isnan(k->from(k->to(sign ? -NAN : NAN))));
    }
    ck_assert(isnan(k->from(k->to(weft_bits_float(0x7f800001))))); /* whose digits the short type does not keep */
}
END_TEST

/* Random bits, so that all kinds of numbers stand side by side. */
START_TEST(arrays_are_as_single_numbers)
{
    enum { MOST = 1003 };
    const struct kind *k = &kinds[_i];
    static float wide[MOST], back[MOST];
    static uint16_t half[MOST];
    srand(1);
    for (int count = 0; count <= MOST; count += count < 40 ? 1 : 321) {
        for (int i = 0; i < count; i++)
            wide[i] = weft_bits_float((uint32_t)rand() << 16 ^ (uint32_t)rand());
        weft_cast_from_f32(k->dtype, wide, half, count);
        weft_cast_to_f32(k->dtype, half, back, count);
        for (int i = 0; i < count; i++) {
            ck_assert_uint_eq(half[i], k->to(wide[i]));
            ck_assert_uint_eq(weft_float_bits(back[i]), weft_float_bits(k->from(half[i])));
        }
    }
}
END_TEST

/* Narrow and wide rows, with and without gaps: each element is where it belongs, and the gaps are as they were. */
START_TEST(rows_are_as_single_numbers)
{
    enum { ROWS = 700, WIDEST = 40, PAD = 5, FENCE = 0x5a };
    static const weft_dtype types[] = { WEFT_F32, WEFT_F16, WEFT_BF16, WEFT_I32 };
    static float from[ROWS * WIDEST];
    static unsigned char to[ROWS * (WIDEST + PAD) * sizeof(float)], want[sizeof to];
    const weft_dtype dtype = types[_i];
    const size_t size = weft_dtype_size(dtype);
    srand(2);
    for (int i = 0; i < ROWS * WIDEST; i++)
        from[i] = weft_bits_float((uint32_t)rand() << 16 ^ (uint32_t)rand());
    for (int channels = 1; channels <= WIDEST; channels++)
        for (int gap = 0; gap <= PAD; gap = 2 * gap + 1) {
            const int64_t ld = channels + gap, rows = channels % 4 ? ROWS : 3;
            memset(to, FENCE, sizeof to);
            memset(want, FENCE, sizeof want);
            for (int64_t r = 0; r < rows; r++)
                for (int64_t c = 0; c < channels; c++) {
                    unsigned char *at = want + (size_t)(r * ld + c) * size;
                    if (size == sizeof(float))
                        memcpy(at, &from[r * channels + c], size);
                    else
                        weft_cast_from_f32(dtype, &from[r * channels + c], at, 1);
                }
            weft_cast_rows(dtype, from, channels, to, ld, rows);
            ck_assert_msg(memcmp(to, want, sizeof to) == 0, "%d channels, %lld apart", channels, (long long)ld);
        }
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("cast");
    TCase *types = tcase_create("types");
    tcase_add_loop_test(types, numbers_go_there_and_back, 0, 2);
    tcase_add_loop_test(types, infinities_and_nans_stay, 0, 2);
    tcase_add_loop_test(types, arrays_are_as_single_numbers, 0, 2);
    tcase_add_loop_test(types, rows_are_as_single_numbers, 0, 4);
    suite_add_tcase(suite, types);
    return check_main(suite, argv[0]);
}
