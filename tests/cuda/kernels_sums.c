/* SPDX-License-Identifier: Apache-2.0
 *
 * Launchers that begin or end with sums: the norm of a map whose sums are known, with a mean far from zero, too; the
 * gradients of two norms that were added, against their definitions in double; and the sums of what rows, and tables of
 * gradients, gave, by the last block and by a launch of their own. */
#include <math.h>
#include <string.h>

#include "check/harness.h"
#include "cuda/kernel/loss.h"
#include "cuda/kernel/norm.h"
#include "cuda/kernel/update.h"
#include "direct.h"
#include "emu/control.h"
#include "kernels_direct.h"

enum { ROOM = 1 << 13, MOST_C = 64, TILE = 128 };

static float x[2][ROOM], dy[ROOM], more[ROOM], z[ROOM], beta[MOST_C];
static double want[6][ROOM];

/* A vector of positive floats around 1. */
static void draw_positive(float *to, int c, uint64_t stream)
{
    direct_draw(to, c, WEFT_F32, stream);
    for (int i = 0; i < c; i++)
        to[i] = 1 + to[i] / 2;
}

/* ---- a norm of sums ---- */

static const struct {
    int rows, c, side;
    bool gamma, residual, unbiased;
    weft_act act;
    float mean; /* added to numbers between -1 and 1 */
} maps[] = {
    { 2, 8, 0, true, false, true, WEFT_ACT_NONE, 0 },     { 300, 24, 0, true, true, false, WEFT_ACT_RELU, 0 },
    { 77, 17, 3, false, false, true, WEFT_ACT_SWISH, 1 }, { 64, 40, 8, true, false, false, WEFT_ACT_RELU6, -3 },
    { 300, 16, 0, true, false, false, WEFT_ACT_NONE, 64 },
};

/* As cuDNN adds them: in float, over tiles of rows, then over tiles. */
static void add_rows(int rows, int c, float *sums, float *squares)
{
    for (int i = 0; i < c; i++) {
        sums[i] = squares[i] = 0;
        for (int first = 0; first < rows; first += TILE) {
            float sum = 0, square = 0;
            for (int r = first; r < rows && r < first + TILE; r++) {
                sum += x[0][r * c + i];
                square += x[0][r * c + i] * x[0][r * c + i];
            }
            sums[i] += sum;
            squares[i] += square;
        }
    }
}

static double act_of(weft_act act, double v)
{
    return act == WEFT_ACT_RELU ? fmax(v, 0) : act == WEFT_ACT_RELU6 ? fmin(fmax(v, 0), 6)
                                           : act == WEFT_ACT_SWISH   ? v / (1 + exp(-v))
                                                                     : v;
}

/* want: mean, rstd, variance, shift, y. Returns the largest square of a mean in deviations. */
static double define_norm(int k, const float *gamma, double epsilon)
{
    const int rows = maps[k].rows, c = maps[k].c;
    double most = 0;
    for (int i = 0; i < c; i++) {
        double sum = 0, squares = 0;
        for (int r = 0; r < rows; r++)
            sum += (double)x[0][r * c + i];
        const double mean = sum / rows;
        for (int r = 0; r < rows; r++)
            squares += ((double)x[0][r * c + i] - mean) * ((double)x[0][r * c + i] - mean);
        const double rstd = 1 / sqrt(squares / rows + epsilon);
        want[0][i] = mean;
        want[1][i] = rstd;
        want[2][i] = squares / (maps[k].unbiased && rows > 1 ? rows - 1 : rows);
        want[3][i] = (double)beta[i];
        most = fmax(most, mean * mean * rstd * rstd);
        for (int r = 0; r < rows; r++) {
            const double v = (gamma ? (double)gamma[i] : 1) * ((double)x[0][r * c + i] - mean) * rstd;
            const double plus = maps[k].residual ? (double)more[r * c + i] : 0;
            want[4][r * c + i] = act_of(maps[k].act, v + (double)beta[i] + plus);
        }
    }
    return most;
}

static void finish_of(int k, weft_dtype dtype, const float *gamma, const double *tolerance)
{
    const int rows = maps[k].rows, c = maps[k].c, side = maps[k].side;
    static const char *const names[] = { "mean of sums", "rstd of sums", "variance of sums", "shift of sums" };
    float sums[MOST_C], squares[MOST_C];
    typed_view from, plus, y, given[3], got[4];
    const float *vectors[] = { sums, squares, beta };
    add_rows(rows, c, sums, squares);
    direct_make(&from, dtype, rows, c, side, x[0]);
    direct_make(&plus, dtype, rows, c, side, more);
    direct_make(&y, dtype, rows, c, side, NULL);
    for (int i = 0; i < 3; i++)
        direct_make(&given[i], WEFT_F32, 1, c, 0, vectors[i]);
    for (int i = 0; i < 4; i++)
        direct_make(&got[i], WEFT_F32, 1, c, 0, NULL);
    weft_norm_finish_args a = {
        .apply = { .dtype = dtype, .x = typed_view_of(&from), .y = typed_view_of(&y), .rows = rows, .c = c,
                   .factor = 1, .gamma = gamma, .act = maps[k].act },
        .sums = (void *)given[0].data, .squares = (void *)given[1].data, .beta = (void *)given[2].data,
        .epsilon = 1e-3, .unbiased = maps[k].unbiased, .mean = (void *)got[0].data, .rstd = (void *)got[1].data,
        .variance = (void *)got[2].data, .shift = (void *)got[3].data,
    };
    if (maps[k].residual)
        a.apply.residual = typed_view_of(&plus);
    ck_assert_int_eq(weft_launch_norm_finish(&a, NULL), 0);
    for (int i = 0; i < 4; i++)
        direct_expect(names[i], &got[i], want[i], tolerance[i]);
    direct_expect("norm of sums", &y, want[4], tolerance[4]);
    typed_view_free(&from);
    typed_view_free(&plus);
    for (int i = 0; i < 3; i++)
        typed_view_free(&given[i]);
}

START_TEST(norms_of_sums)
{
    const int count = maps[_i].rows * maps[_i].c;
    float gamma[MOST_C];
    draw_positive(gamma, maps[_i].c, 1);
    direct_draw(beta, maps[_i].c, WEFT_F32, 2);
    for (int t = 0; t < DIRECT_TYPES; t++) {
        direct_draw(x[0], count, WEFT_F32, 3);
        direct_draw(more, count, direct_types[t], 4);
        for (int i = 0; i < count; i++)
            x[0][i] = (float)typed_round(direct_types[t], (double)(x[0][i] + maps[_i].mean));
        const double r2 = define_norm(_i, maps[_i].gamma ? gamma : NULL, 1e-3);
        /* what sums of floats leave of the variance; and half of that of its root */
        const double variance = 4 * (1 + r2) / (1 << 23);
        const double tolerance[] = { 1e-6, variance, 2 * variance, 1e-7, 1e-6 + variance };
        for (int order = 0; order < EMU_ORDER_COUNT; order++) {
            emu_set_order((emu_order)order, check_seed());
            finish_of(_i, direct_types[t], maps[_i].gamma ? gamma : NULL, tolerance);
        }
    }
    emu_set_order(EMU_FORWARD, 0);
}
END_TEST

/* ---- two norms that were added ---- */

static const struct {
    int rows, c, side;
    bool gamma[2];
    weft_act act;
} pairs[] = {
    { 1, 8, 0, { true, true }, WEFT_ACT_RELU },
    { 203, 24, 0, { true, false }, WEFT_ACT_RELU },
    { 61, 17, 3, { false, true }, WEFT_ACT_RELU6 },
    { 130, 40, 8, { false, false }, WEFT_ACT_LEAKY_RELU },
};

static double slope_of(weft_act act, double v)
{
    return act == WEFT_ACT_LEAKY_RELU ? (v > 0 ? 1 : .01) : v > 0 && !(act == WEFT_ACT_RELU6 && v >= 6);
}

typedef struct statistics {
    float mean[MOST_C], rstd[MOST_C], gamma[MOST_C];
} statistics;

/* want: dx, dgamma, dbeta of each. */
static void define_pair(int k, const statistics *s)
{
    const int rows = pairs[k].rows, c = pairs[k].c;
    for (int n = 0; n < 2; n++)
        for (int i = 0; i < c; i++) {
            const double gamma = pairs[k].gamma[n] ? (double)s[n].gamma[i] : 1, rstd = (double)s[n].rstd[i];
            double *dx = want[3 * n], dgamma = 0, dbeta = 0;
            for (int r = 0; r < rows; r++) {
                const double g = (double)dy[r * c + i] * slope_of(pairs[k].act, (double)z[r * c + i]);
                dbeta += g;
                dgamma += g * ((double)x[n][r * c + i] - (double)s[n].mean[i]) * rstd;
            }
            for (int r = 0; r < rows; r++) {
                const double g = (double)dy[r * c + i] * slope_of(pairs[k].act, (double)z[r * c + i]);
                const double normal = ((double)x[n][r * c + i] - (double)s[n].mean[i]) * rstd;
                dx[r * c + i] = gamma * rstd * (g - (dbeta + normal * dgamma) / rows);
            }
            want[3 * n + 1][i] = dgamma;
            want[3 * n + 2][i] = dbeta;
        }
}

static void pair_of(int k, weft_dtype dtype, const statistics *s, unsigned *turns)
{
    const int rows = pairs[k].rows, c = pairs[k].c, side = pairs[k].side;
    typed_view in[2], of[2], dx[2], scratch, sums[2][2];
    weft_norm_pair_args a = { .dtype = dtype, .rows = rows, .c = c, .act = pairs[k].act, .turns = turns };
    direct_make(&in[0], dtype, rows, c, side, dy);
    direct_make(&in[1], dtype, rows, c, side, z);
    a.dy = typed_view_of(&in[0]);
    a.z = typed_view_of(&in[1]);
    for (int n = 0; n < 2; n++) {
        direct_make(&of[n], dtype, rows, c, side, x[n]);
        direct_make(&dx[n], dtype, rows, c, side, NULL);
        for (int i = 0; i < 2; i++)
            direct_make(&sums[n][i], WEFT_F32, 1, c, 0, NULL);
        a.side[n] = (weft_norm_pair_side){ .x = typed_view_of(&of[n]), .dx = typed_view_of(&dx[n]),
                                           .mean = s[n].mean, .rstd = s[n].rstd,
                                           .gamma = pairs[k].gamma[n] ? s[n].gamma : NULL,
                                           .dgamma = (void *)sums[n][0].data, .dbeta = (void *)sums[n][1].data };
    }
    direct_make(&scratch, WEFT_F32, 1, weft_norm_pair_floats(&a), 0, NULL);
    a.scratch = (void *)scratch.data;
    ck_assert_int_eq(weft_launch_norm_pair(&a, NULL), 0);
    for (int n = 0; n < 2; n++) {
        direct_expect(n ? "second dx of a pair" : "dx of a pair", &dx[n], want[3 * n], 1e-5);
        direct_expect("dgamma of a pair", &sums[n][0], want[3 * n + 1], 1e-5);
        direct_expect("dbeta of a pair", &sums[n][1], want[3 * n + 2], 1e-5);
        typed_view_free(&of[n]);
        typed_view_free(&in[n]);
    }
    ck_assert(typed_view_intact(&scratch));
    typed_view_free(&scratch);
}

START_TEST(gradients_of_pairs)
{
    static unsigned turns[WEFT_TURNS];
    static statistics s[2];
    const int count = pairs[_i].rows * pairs[_i].c;
    for (int n = 0; n < 2; n++) {
        direct_draw(s[n].mean, pairs[_i].c, WEFT_F32, 5 + (uint64_t)n);
        draw_positive(s[n].rstd, pairs[_i].c, 7 + (uint64_t)n);
        draw_positive(s[n].gamma, pairs[_i].c, 9 + (uint64_t)n);
    }
    for (int t = 0; t < DIRECT_TYPES; t++) {
        direct_draw(x[0], count, direct_types[t], 11);
        direct_draw(x[1], count, direct_types[t], 12);
        direct_draw(dy, count, direct_types[t], 13);
        direct_draw(z, count, direct_types[t], 14);
        for (int i = 0; i < count; i++)
            z[i] = (float)typed_round(direct_types[t], 8 * (double)z[i]);
        define_pair(_i, s);
        for (int order = 0; order < EMU_ORDER_COUNT; order++) {
            emu_set_order((emu_order)order, check_seed());
            pair_of(_i, direct_types[t], s, order == 1 ? NULL : turns);
            for (int i = 0; i < WEFT_TURNS; i++)
                ck_assert_uint_eq(turns[i], 0);
        }
    }
    emu_set_order(EMU_FORWARD, 0);
}
END_TEST

/* ---- what rows gave ---- */

/* Losses and hits of more rows than a block can do: summed by the block that is last, as by a launch of its own. */
START_TEST(last_blocks_sum_rows)
{
    enum { ROWS = 70, C = 120 };
    static float target[ROWS * C], from[ROWS * C], given[ROWS], dx[ROWS * C], results[2][3];
    static int32_t labels[ROWS];
    static unsigned turn;
    direct_draw(from, ROWS * C, WEFT_F32, 15);
    direct_draw(target, ROWS * C, WEFT_F32, 16);
    for (int r = 0; r < ROWS; r++)
        labels[r] = r % 9;
    for (int i = 0; i < 2 * EMU_ORDER_COUNT; i++) {
        float *result = results[i > 0];
        unsigned *const turns = i % 2 ? &turn : NULL;
        const weft_criterion_args loss = { .x = { from, C }, .target = { target, C }, .dx = { dx, C }, .rows = ROWS,
                                           .c = C, .factor = .5f, .loss = result, .scratch = given, .turns = turns };
        const weft_hits_args hits = { .labels = { labels, 1 }, .x = { from, C }, .rows = ROWS, .c = C,
                                      .hits = result + 1, .scratch = given, .turns = turns };
        emu_set_order((emu_order)(i / 2), check_seed());
        result[0] = result[1] = result[2] = NAN;
        ck_assert_int_eq(weft_launch_criterion(&loss, NULL), 0);
        ck_assert_int_eq(weft_launch_hits(&hits, NULL), 0);
        ck_assert_msg(emu_fault()[0] == 0, "%s", emu_fault());
        ck_assert_uint_eq(turn, 0);
        ck_assert_mem_eq(result, results[0], sizeof results[0]);
    }
    ck_assert(isfinite(results[0][0]) && results[0][2] >= results[0][1] && results[0][1] >= 0);
    emu_set_order(EMU_FORWARD, 0);
}
END_TEST

START_TEST(last_blocks_take_roots)
{
    enum { COUNT = ROOM, PARTS = 8 };
    static double sums[PARTS];
    static unsigned turn;
    direct_draw(dy, COUNT, WEFT_F32, 17);
    direct_draw(more, COUNT, WEFT_F32, 18);
    const weft_norm_segment segments[] = { { dy, COUNT, WEFT_F32 }, { more, 333, WEFT_F32 }, { more, 1, WEFT_F32 } };
    float apart, norm;
    ck_assert_int_eq(weft_launch_norm_squares(segments, 3, sums, NULL), 0);
    ck_assert_int_eq(weft_launch_norm_root(sums, weft_norm_parts(COUNT) + 2, &apart, NULL), 0);
    for (int order = 0; order < EMU_ORDER_COUNT; order++) {
        emu_set_order((emu_order)order, check_seed());
        norm = NAN;
        ck_assert_int_eq(weft_launch_gradient_norm(segments, 3, sums, &turn, &norm, NULL), 0);
        ck_assert_msg(emu_fault()[0] == 0, "%s", emu_fault());
        ck_assert(turn == 0 && memcmp(&norm, &apart, sizeof norm) == 0);
    }
    ck_assert_int_eq(weft_launch_gradient_norm(segments, 3, sums, NULL, &norm, NULL), 1);
    emu_set_order(EMU_FORWARD, 0);
}
END_TEST

/* ---- refusals ---- */

START_TEST(nonsense_is_refused)
{
    static float room[MOST_C], map[MOST_C];
    const weft_kview view = { map, 8 };
    const weft_norm_finish_args good = {
        .apply = { .dtype = WEFT_F32, .x = view, .y = view, .rows = 2, .c = 8, .factor = 1 },
        .sums = room, .squares = room, .beta = room, .mean = room, .rstd = room, .variance = room, .shift = room,
    };
    weft_norm_finish_args bad = good;
    ck_assert_int_eq(weft_launch_norm_finish(&good, NULL), 0);
    bad.sums = NULL;
    ck_assert_int_eq(weft_launch_norm_finish(&bad, NULL), 1);
    bad = good, bad.variance = NULL;
    ck_assert_int_eq(weft_launch_norm_finish(&bad, NULL), 1);
    bad = good, bad.apply.y.ld = 7;
    ck_assert_int_eq(weft_launch_norm_finish(&bad, NULL), 1);
    const weft_norm_pair_side side = { .x = view, .dx = view, .mean = room, .rstd = room, .dgamma = room,
                                       .dbeta = room };
    const weft_norm_pair_args none = { .dtype = WEFT_F32, .dy = view, .z = view, .rows = 2, .c = 8,
                                       .act = WEFT_ACT_SWISH, .side = { side, side }, .scratch = room };
    weft_norm_pair_args pair = none; /* whose slope is not of its result */
    ck_assert_int_eq(weft_launch_norm_pair(&pair, NULL), 1);
    pair.act = WEFT_ACT_RELU, pair.side[1].dbeta = NULL;
    ck_assert_int_eq(weft_launch_norm_pair(&pair, NULL), 1);
    pair.side[1].dbeta = room, pair.side[0].dx.ld = 7;
    ck_assert_int_eq(weft_launch_norm_pair(&pair, NULL), 1);
    pair.side[0].dx.ld = 8, pair.rows = 0;
    ck_assert_int_eq(weft_launch_norm_pair(&pair, NULL), 1);
}
END_TEST

TCase *kernels_sums_case(void)
{
    TCase *tcase = tcase_create("sums");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, norms_of_sums, 0, (int)(sizeof maps / sizeof *maps));
    tcase_add_loop_test(tcase, gradients_of_pairs, 0, (int)(sizeof pairs / sizeof *pairs));
    tcase_add_test(tcase, last_blocks_sum_rows);
    tcase_add_test(tcase, last_blocks_take_roots);
    tcase_add_test(tcase, nonsense_is_refused);
    return tcase;
}
