/* SPDX-License-Identifier: Apache-2.0
 *
 * Launchers that keep a store: derived parameters, statistics, labels. Their ops have
 * several outputs, integers or states, for which the walk of kernels.c has no way. */
#include <math.h>
#include <string.h>

#include "check/harness.h"
#include "cuda/kernel/kernels.h"
#include "direct.h"
#include "emu/control.h"
#include "kernels_direct.h"

static float from[DIRECT_ROOM], other[DIRECT_ROOM];
static double want[DIRECT_ROOM];

/* ---- parameters from parameters ---- */

enum { K = 5, EACH = 9 };

/* With everything that may be absent (_i 0), and without. */
START_TEST(folded_norm)
{
    typed_view to, shift;
    const bool all = _i == 0;
    const int each = all ? EACH : 1;
    const double epsilon = .5;
    direct_draw(from, 5 * K + K * EACH, WEFT_F32, 20);
    const float *bias = from, *gamma = from + K, *beta = from + 2 * K, *mean = from + 3 * K, *weight = from + 5 * K;
    float *variance = from + 4 * K;
    for (int k = 0; k < K; k++)
        variance[k] = fabsf(variance[k]);
    direct_make(&to, WEFT_F32, K, each, 0, NULL);
    direct_make(&shift, WEFT_F32, 1, K, 0, NULL);
    const weft_fold_norm_args a = { .weight = all ? weight : NULL,
                                    .bias = all ? bias : NULL,
                                    .gamma = all ? gamma : NULL,
                                    .beta = beta,
                                    .mean = mean,
                                    .variance = variance,
                                    .to = typed_view_of(&to).data,
                                    .shift = typed_view_of(&shift).data,
                                    .epsilon = epsilon,
                                    .outputs = K,
                                    .each = each };
    ck_assert_int_eq(weft_launch_fold_norm(&a, NULL), 0);
    double factor[K];
    for (int k = 0; k < K; k++) {
        factor[k] = (all ? (double)gamma[k] : 1) / sqrt((double)variance[k] + epsilon);
        want[k] = ((all ? (double)bias[k] : 0) - (double)mean[k]) * factor[k] + (double)beta[k];
    }
    direct_expect("shift", &shift, want, 1e-6);
    for (int i = 0; i < K * each; i++)
        want[i] = (all ? (double)weight[i] : 1) * factor[i / each];
    direct_expect("folded", &to, want, 1e-6);
}
END_TEST

/* From parameters (_i 0), and from numbers of the options; the floor holds for the last channel. */
START_TEST(normalize_factors)
{
    enum { CHANNELS = 3 };
    static const float mean[CHANNELS] = { 1, -2, 3 }, variance[CHANNELS] = { 4, .25f, 0 };
    weft_normalize_factors_args a = { .scale = 2, .offset = 1, .floor = 1e-3, .c = CHANNELS };
    for (int c = 0; c < CHANNELS; c++) {
        a.fixed_mean[c] = (double)mean[c];
        a.fixed_variance[c] = (double)variance[c];
    }
    if (_i == 0) {
        a.mean = mean;
        a.variance = variance;
        memset(a.fixed_mean, 0xff, sizeof a.fixed_mean);
        memset(a.fixed_variance, 0xff, sizeof a.fixed_variance);
    }
    typed_view scale, offset;
    direct_make(&scale, WEFT_F32, 1, CHANNELS, 0, NULL);
    direct_make(&offset, WEFT_F32, 1, CHANNELS, 0, NULL);
    a.to_scale = typed_view_of(&scale).data;
    a.to_offset = typed_view_of(&offset).data;
    ck_assert_int_eq(weft_launch_normalize_factors(&a, NULL), 0);
    direct_expect("scale", &scale, (const double[]){ 1, 4, 2000 }, 1e-6);
    direct_expect("offset", &offset, (const double[]){ 0, 6, -2000 }, 1e-6);
}
END_TEST

START_TEST(scaled_weights)
{
    typed_view to;
    direct_draw(from, 1000, WEFT_F32, 21);
    direct_make(&to, WEFT_F32, 1, 1000, 0, NULL);
    for (int i = 0; i < 1000; i++)
        want[i] = .17 * (double)from[i];
    const weft_scale_weights_args a = { .from = from, .to = typed_view_of(&to).data, .scale = .17, .count = 1000 };
    ck_assert_int_eq(weft_launch_scale_weights(&a, NULL), 0);
    direct_expect("scaled", &to, want, 1e-6);
}
END_TEST

enum { MIDDLE = 7, IN = 4, BESIDE = 6 };

/* The row of column c of two layers one after the other, or beside each other; c after the last: the bias. */
static double merged(const weft_merge_weights_args *a, bool composed, int k, int c)
{
    if (composed) {
        double sum = c == IN && a->second_bias ? (double)a->second_bias[k] : 0;
        for (int m = 0; m < MIDDLE; m++)
            sum += (double)a->second[k * MIDDLE + m] * (c < IN          ? (double)a->first[m * IN + c]
                                                        : a->first_bias ? (double)a->first_bias[m]
                                                                        : 0);
        return sum;
    }
    if (c < IN)
        return (double)a->first[k * IN + c];
    if (c < IN + BESIDE)
        return (double)a->second[k * BESIDE + c - IN];
    return (a->first_bias ? (double)a->first_bias[k] : 0) + (a->second_bias ? (double)a->second_bias[k] : 0);
}

/* Bits of _i: composed or joined, with the first's bias, with the second's. */
START_TEST(merged_weights)
{
    typed_view to, bias;
    const bool composed = _i & 1;
    const int columns = composed ? IN : IN + BESIDE;
    direct_draw(from, 512, WEFT_F32, 22);
    direct_make(&to, WEFT_F32, K, columns, 0, NULL);
    direct_make(&bias, WEFT_F32, 1, K, 0, NULL);
    const weft_merge_weights_args a = { .first = from,
                                        .second = from + 100,
                                        .first_bias = _i & 2 ? from + 200 : NULL,
                                        .second_bias = _i & 4 ? from + 300 : NULL,
                                        .to = typed_view_of(&to).data,
                                        .to_bias = typed_view_of(&bias).data,
                                        .outputs = K,
                                        .middle = MIDDLE,
                                        .first_in = IN,
                                        .second_in = BESIDE };
    ck_assert_int_eq((composed ? weft_launch_compose_weights : weft_launch_join_weights)(&a, NULL), 0);
    for (int i = 0; i < K * columns; i++)
        want[i] = merged(&a, composed, i / columns, i % columns);
    direct_expect("merged", &to, want, 1e-6);
    for (int k = 0; k < K; k++)
        want[k] = merged(&a, composed, k, columns);
    direct_expect("merged bias", &bias, want, 1e-6);
}
END_TEST

/* ---- statistics and labels ---- */

START_TEST(moments)
{
    enum { ROWS = 83 };
    const int c = (const int[]){ 1, 33, 70 }[_i];
    for (int t = 0; t < DIRECT_TYPES; t++) {
        typed_view x, mean, variance;
        direct_draw(from, ROWS * c, direct_types[t], 9);
        direct_make(&x, direct_types[t], ROWS, c, 3, from);
        for (int which = 0; which < 2; which++) {
            direct_make(&mean, WEFT_F32, 1, c, 0, NULL);
            direct_make(&variance, WEFT_F32, 1, c, 0, NULL);
            for (int k = 0; k < c; k++) {
                double sum = 0, squares = 0;
                for (int r = 0; r < ROWS; r++)
                    sum += (double)from[r * c + k];
                for (int r = 0; r < ROWS; r++)
                    squares += pow((double)from[r * c + k] - sum / ROWS, 2);
                want[k] = which ? squares / ROWS : sum / ROWS;
            }
            const weft_moments_args a = { .dtype = direct_types[t],
                                          .x = typed_view_of(&x),
                                          .rows = ROWS,
                                          .c = c,
                                          .mean = typed_view_of(&mean).data,
                                          .variance = typed_view_of(&variance).data };
            ck_assert_int_eq(weft_launch_moments(&a, NULL), 0);
            direct_expect("moments", which ? &variance : &mean, want, 1e-5);
            typed_view_free(which ? &mean : &variance);
        }
        typed_view_free(&x);
    }
}
END_TEST

/* The first label of each row counts; one that is no class has no right one. */
START_TEST(one_hot)
{
    enum { ROWS = 6, CLASSES = 37, LD = 2 };
    static const int32_t labels[ROWS * LD] = { 0, 5, 36, 5, 7, 5, 7, 5, -1, 5, 37, 5 };
    typed_view y;
    direct_make(&y, WEFT_F32, ROWS, CLASSES, _i ? 3 : 0, NULL);
    for (int i = 0; i < ROWS * CLASSES; i++)
        want[i] = labels[i / CLASSES * LD] == i % CLASSES ? .75 : .125;
    const weft_one_hot_args a = { .labels = labels,
                                  .label_ld = LD,
                                  .y = typed_view_of(&y),
                                  .n = ROWS,
                                  .classes = CLASSES,
                                  .right = .75f,
                                  .rest = .125f };
    ck_assert_int_eq(weft_launch_one_hot(&a, NULL), 0);
    direct_expect("one hot", &y, want, 0);
}
END_TEST

#define REFUSES(launch, ...) ck_assert_int_eq((launch)(&(__VA_ARGS__), NULL), 1)

/* Refused before anything is launched. */
START_TEST(refusals_of_parameters)
{
    int64_t before = 0, after = 0, switches;
    const weft_kview v = { from, 8 };
    emu_totals(&before, &switches);
    REFUSES(weft_launch_fold_norm, (weft_fold_norm_args){ .outputs = 1, .each = 1 });
    REFUSES(weft_launch_fold_norm,
            (weft_fold_norm_args){
                .beta = from, .mean = from, .variance = from, .to = other, .shift = other, .outputs = 2, .each = 3 });
    REFUSES(weft_launch_normalize_factors,
            (weft_normalize_factors_args){ .to_scale = other, .to_offset = other, .c = 5 });
    REFUSES(weft_launch_scale_weights, (weft_scale_weights_args){ .from = from, .to = other, .count = 0 });
    REFUSES(weft_launch_compose_weights,
            (weft_merge_weights_args){
                .first = from, .second = from, .to = other, .to_bias = other, .outputs = 1, .first_in = 1 });
    REFUSES(weft_launch_join_weights,
            (weft_merge_weights_args){
                .first = from, .second = from, .to = other, .to_bias = other, .outputs = 1, .first_in = 1 });
    REFUSES(weft_launch_one_hot, (weft_one_hot_args){ .y = v, .n = 1, .classes = 8 });
    emu_totals(&after, &switches);
    ck_assert_int_eq(before, after);
}
END_TEST

TCase *kernels_store_case(void)
{
    TCase *tcase = tcase_create("store");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, folded_norm, 0, 2);
    tcase_add_loop_test(tcase, normalize_factors, 0, 2);
    tcase_add_test(tcase, scaled_weights);
    tcase_add_loop_test(tcase, merged_weights, 0, 8);
    tcase_add_loop_test(tcase, moments, 0, 3);
    tcase_add_loop_test(tcase, one_hot, 0, 2);
    tcase_add_test(tcase, refusals_of_parameters);
    return tcase;
}
