/* SPDX-License-Identifier: Apache-2.0
 *
 * Random numbers: Random123's published vectors, element against fill, distributions, and the inverse normal against
 * erfc of the C library. */
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check/harness.h"

/* kat_vectors of Random123 1.14, philox4x32 with 10 rounds: counter, key, result. */
START_TEST(known_answers)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } rows[] = {
        { { 0, 0, 0, 0 }, { 0, 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
          { 0xffffffff, 0xffffffff },
          { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
          { 0xa4093822, 0x299f31d0 },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint32_t *const c = rows[i].counter, *const k = rows[i].key;
        uint32_t out[4];
        weft_rng_block((uint64_t)k[1] << 32 | k[0], (uint64_t)c[3] << 32 | c[2], (uint64_t)c[1] << 32 | c[0], out);
        ck_assert_mem_eq(out, rows[i].out, sizeof out);
    }
}
END_TEST

/* FNV-1a, 64 bits: the vectors of Noll's page. */
START_TEST(streams)
{
    ck_assert_uint_eq(weft_rng_stream(""), 0xcbf29ce484222325u);
    ck_assert_uint_eq(weft_rng_stream("a"), 0xaf63dc4c8601ec8cu);
    ck_assert_uint_eq(weft_rng_stream("foobar"), 0x85944171f73967e8u);
}
END_TEST

START_TEST(fill_is_element_by_element)
{
    enum { N = 1500 };
    float whole[N], part[N], normal[N], normal_part[N];
    const uint64_t seed = check_seed(), stream = weft_rng_stream("fill");
    weft_rng_fill_uniform(seed, stream, 0, N, -1, 3, whole);
    weft_rng_fill_normal(seed, stream, 0, N, 0.5, 2, normal);
    for (int i = 0; i < N; i++)
        ck_assert(whole[i] == (float)(-1 + 4 * weft_rng_uniform(seed, stream, (uint64_t)i)));
    /* any piece of the array, however it lies to the blocks of four, is the same bits, and nothing else is touched */
    for (int first = 0; first < 12; first++) {
        for (int count = 0; count < N - 12; count += count < 20 ? 1 : 97) {
            memset(part, 0x7f, sizeof part);
            memset(normal_part, 0x7f, sizeof normal_part);
            weft_rng_fill_uniform(seed, stream, first, count, -1, 3, part);
            weft_rng_fill_normal(seed, stream, first, count, 0.5, 2, normal_part);
            ck_assert_mem_eq(part, whole + first, (size_t)count * sizeof *part);
            ck_assert_mem_eq(normal_part, normal + first, (size_t)count * sizeof *part);
            ck_assert_uint_eq(((unsigned char *)(part + count))[0], 0x7f);
            ck_assert_uint_eq(((unsigned char *)(normal_part + count))[0], 0x7f);
        }
    }
}
END_TEST

START_TEST(far_elements)
{
    float a[8], b[8];
    const int64_t far = ((int64_t)1 << 40) + 3;
    weft_rng_fill_uniform(1, 2, far, 8, 0, 1, a);
    for (int i = 0; i < 8; i++)
        b[i] = (float)weft_rng_uniform(1, 2, (uint64_t)(far + i));
    ck_assert_mem_eq(a, b, sizeof a);
}
END_TEST

/* Seeds and streams are different numbers: no two rows may agree in more than chance. */
START_TEST(seeds_and_streams_are_apart)
{
    enum { ROWS = 6, N = 4096 };
    static float x[ROWS][N];
    const uint64_t seed[ROWS] = { 0, 1, 2, (uint64_t)1 << 32, 1, 1 };
    const uint64_t stream[ROWS] = { 7, 7, 7, 7, 8, (uint64_t)7 << 32 };
    for (int r = 0; r < ROWS; r++)
        weft_rng_fill_normal(seed[r], stream[r], 0, N, 1, 0, x[r]);
    for (int r = 0; r < ROWS; r++) {
        for (int s = 0; s < r; s++) {
            double dot = 0;
            for (int i = 0; i < N; i++)
                dot += (double)x[r][i] * (double)x[s][i];
            ck_assert_msg(fabs(dot) < 5 * sqrt(N), "rows %d and %d correlate: %g", r, s, dot / N);
        }
    }
}
END_TEST

static void moments(const float *x, int n, double *mean, double *variance, double *most)
{
    double sum = 0, square = 0, top = 0;
    for (int i = 0; i < n; i++) {
        const double v = (double)x[i];
        sum += v;
        square += v * v;
        top = fmax(top, fabs(v));
    }
    *mean = sum / n;
    *variance = square / n - *mean * *mean;
    *most = top;
}

START_TEST(distributions)
{
    enum { N = 1 << 18 };
    static float x[N];
    const uint64_t seed = check_seed();
    const double noise = 5 / sqrt(N);
    double mean, variance, most;

    weft_rng_fill_uniform(seed, 1, 0, N, -2, 2, x);
    moments(x, N, &mean, &variance, &most);
    ck_assert(fabs(mean) < 1.2 * noise && fabs(variance - 4.0 / 3) < 1.4 * noise);
    ck_assert(most < 2 && most > 1.999);

    weft_rng_fill_normal(seed, 2, 0, N, 3, 0, x);
    moments(x, N, &mean, &variance, &most);
    ck_assert(fabs(mean) < 3 * noise && fabs(variance - 9) < 9 * 1.5 * noise);
    ck_assert(most > 3 * 3.9 && most < 3 * 5.5);

    /* Truncated at a deviations: variance 1 - 2 a phi(a) / (1 - 2 Phi(-a)). */
    for (double limit = 0.25; limit < 6; limit *= 2) {
        const double density = exp(-limit * limit / 2) / sqrt(2 * 3.14159265358979323846);
        const double expected = 1 - 2 * limit * density / erf(limit / sqrt(2));
        weft_rng_fill_normal(seed, 3, 0, N, 1, limit, x);
        moments(x, N, &mean, &variance, &most);
        ck_assert_msg(fabs(mean) < noise && fabs(variance - expected) < 2 * noise, "limit %g: variance %g, %g expected",
                      limit, variance, expected);
        ck_assert(most <= limit && (limit > 3 || most > 0.999 * limit));
    }
}
END_TEST

/* The draw u must come out as the x with Phi(x) = u. The float's rounding is 6e-8 of x. */
START_TEST(inverse_of_the_distribution)
{
    enum { N = 1 << 17 };
    static float x[N];
    const uint64_t seed = check_seed();
    weft_rng_fill_normal(seed, 9, 0, N, 1, 0, x);
    for (int i = 0; i < N; i++) {
        const double u = weft_rng_uniform(seed, 9, (uint64_t)i), v = (double)x[i];
        const double density = exp(-v * v / 2) / sqrt(2 * 3.14159265358979323846);
        const double off = (0.5 * erfc(-v / sqrt(2)) - u) / density; /* one Newton step: the error of x */
        ck_assert_msg(fabs(off) < 6.1e-8 * fabs(v) + 1e-15, "u %.17g gives %.9g, off by %g", u, v, off);
    }
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("rng");
    CHECK_CASE(suite, "rng", known_answers, streams, fill_is_element_by_element, far_elements,
               seeds_and_streams_are_apart, distributions, inverse_of_the_distribution);
    return check_main(suite, argv[0]);
}
