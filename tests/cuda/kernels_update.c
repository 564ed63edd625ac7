/* SPDX-License-Identifier: Apache-2.0
 *
 * Launchers of updates (cuda/kernel/update.h) against their definition in double: several segments a launch, of many
 * blocks and of one element, at addresses that are no multiple of 16 bytes, gradients of each type, each order of
 * threads; gates that are shut; norms; what is refused. */
#include "cuda/kernel/update.h"

#include <math.h>
#include <string.h>

#include "check/harness.h"
#include "direct.h"
#include "emu/control.h"
#include "kernels_direct.h"

enum { SEGMENTS = 4, ARRAYS = WEFT_SEGMENT_ARRAYS, LONG = 2 * 4096 + 37, BUFFER = 16384 };

/* Elements, and how many lie before them: arrays at odd addresses are taken one element at a time. */
static const struct {
    int count, side;
} sizes[SEGMENTS] = { { LONG, 0 }, { 1, 0 }, { 133, 1 }, { 96, 0 } };
static const double scales[SEGMENTS] = { 1, .5, 2, 1 }, decays[SEGMENTS] = { .01, 0, .02, .01 };
static const float lr = .125f;

static float values[SEGMENTS][ARRAYS][BUFFER];
static double want[SEGMENTS][ARRAYS][BUFFER];

/* Of array k of a segment's: the last has one that changes from segment to segment, and with the shift. */
static weft_dtype type_of(int s, int k, int arrays, int shift)
{
    return k == arrays - 1 ? direct_types[(s + shift) % DIRECT_TYPES] : WEFT_F32;
}

/* Numbers, those of arrays that `positive` has a bit for above 0. One that is alone is always the same: nothing beside
 * it says how large what cancels was. */
static void draw(unsigned positive, int arrays, int shift)
{
    for (int s = 0; s < SEGMENTS; s++) {
        for (int k = 0; k < ARRAYS; k++) {
            const weft_dtype dtype = type_of(s, k, arrays, shift);
            direct_draw(values[s][k], sizes[s].count, dtype, (uint64_t)(50 + s * ARRAYS + k));
            if (sizes[s].count == 1)
                values[s][k][0] = 1 - .125f * (float)k;
            for (int i = 0; i < sizes[s].count && positive >> k & 1; i++)
                values[s][k][i] = fabsf(values[s][k][i]);
        }
    }
}

/* ---- rules, an element at a time ---- */

static double sgd(const weft_update_args *a, int s, const float *go, double *x)
{
    const double g = (double)go[0] * x[2] + decays[s] * x[0], v = a->momentum * x[1] + g;
    x[0] -= scales[s] * (double)lr * (a->nesterov ? g + a->momentum * v : v);
    return x[1] = v;
}

static double rmsprop(const weft_update_args *a, int s, const float *go, double *x)
{
    const double g = (double)go[0] * x[3] + decays[s] * x[0];
    x[1] = a->rho * x[1] + (1 - a->rho) * g * g;
    x[2] = a->momentum * x[2] + scales[s] * (double)lr * g / sqrt(x[1] + a->epsilon);
    return x[0] -= x[2];
}

static double adam(const weft_update_args *a, int s, const float *go, double *x)
{
    const double t = (double)go[1], rate = scales[s] * (double)lr;
    const double g = (double)go[0] * x[3] + (a->decoupled ? 0 : decays[s] * x[0]);
    x[1] = a->momentum * x[1] + (1 - a->momentum) * g;
    x[2] = a->rho * x[2] + (1 - a->rho) * g * g;
    const double d = x[1] / (1 - pow(a->momentum, t)) / (sqrt(x[2] / (1 - pow(a->rho, t))) + a->epsilon);
    return x[0] -= rate * (d + (a->decoupled ? decays[s] * x[0] : 0));
}

static double ema(const weft_update_args *a, int s, const float *go, double *x)
{
    const double t = (double)go[1], warm = (1 + t) / (10 + t);
    const double d = t <= 1 ? 0 : a->no_warm_up ? a->decay : fmin(a->decay, warm);
    (void)s;
    return x[0] = d * x[0] + (1 - d) * x[1];
}

static double accumulate(const weft_update_args *a, int s, const float *go, double *x)
{
    (void)s;
    return x[0] = (fmod((double)go[1] - 1, a->every) == 0 ? 0 : x[0]) + (double)go[0] * x[1];
}

static double follow(const weft_update_args *a, int s, const float *go, double *x)
{
    (void)s, (void)go;
    return x[0] = a->momentum * x[0] + (1 - a->momentum) * x[1];
}

static double clip(const weft_update_args *a, int s, const float *go, double *x)
{
    const double limit = a->limit / (go[1] > 0 ? (double)go[0] : 1);
    (void)s;
    return x[0] = fmax(-limit, fmin(limit, x[1]));
}

static const struct {
    double (*rule)(const weft_update_args *a, int s, const float *go, double *x);
    int arrays;
    unsigned positive;
    float go[2];
    weft_update_args args;
} rules[] = {
    { sgd, 3, 0, { .75f, 3 }, { .rule = WEFT_UPDATE_SGD, .momentum = .9 } },
    { sgd, 3, 0, { 2, 1 }, { .rule = WEFT_UPDATE_SGD, .momentum = .5, .nesterov = true } },
    { rmsprop, 4, 2, { .75f, 3 }, { .rule = WEFT_UPDATE_RMSPROP, .momentum = .9, .rho = .9, .epsilon = 1e-3 } },
    { adam, 4, 4, { .75f, 1 }, { .rule = WEFT_UPDATE_ADAM, .momentum = .9, .rho = .999, .epsilon = 1e-3 } },
    { adam,
      4,
      4,
      { .75f, 7000 },
      { .rule = WEFT_UPDATE_ADAM, .momentum = .9, .rho = .999, .epsilon = 1e-3, .decoupled = true } },
    { ema, 2, 0, { 1, 1 }, { .rule = WEFT_UPDATE_EMA, .decay = .99 } },
    { ema, 2, 0, { 1, 5 }, { .rule = WEFT_UPDATE_EMA, .decay = .99 } },
    { ema, 2, 0, { 1, 5 }, { .rule = WEFT_UPDATE_EMA, .decay = .99, .no_warm_up = true } },
    { accumulate, 2, 0, { .25f, 5 }, { .rule = WEFT_UPDATE_ACCUMULATE, .every = 4 } },
    { accumulate, 2, 0, { .25f, 6 }, { .rule = WEFT_UPDATE_ACCUMULATE, .every = 4 } },
    { follow, 2, 0, { .5f, 1 }, { .rule = WEFT_UPDATE_FOLLOW, .momentum = .9 } },
    { clip, 2, 0, { 0, 0 }, { .rule = WEFT_UPDATE_CLIP, .limit = .375 } },
    { clip, 2, 0, { .25f, 3 }, { .rule = WEFT_UPDATE_CLIP, .limit = .09375 } },
};

static void make(typed_view (*views)[ARRAYS], weft_segment *segments, int arrays, int shift)
{
    for (int s = 0; s < SEGMENTS; s++) {
        segments[s] = (weft_segment){ .count = sizes[s].count, .lr_scale = scales[s], .decay = decays[s] };
        for (int k = 0; k < arrays; k++) {
            segments[s].dtype = type_of(s, k, arrays, shift);
            direct_make(&views[s][k], segments[s].dtype, 1, sizes[s].count, k == arrays - 1 ? sizes[s].side : 0,
                        values[s][k]);
            segments[s].array[k] = typed_view_of(&views[s][k]).data;
        }
    }
}

/* All arrays against what is wanted of them. */
static void expect(const char *what, typed_view (*views)[ARRAYS], int arrays, double tolerance)
{
    for (int s = 0; s < SEGMENTS; s++)
        for (int k = 0; k < arrays; k++)
            direct_expect(what, &views[s][k], want[s][k], tolerance);
}

static void want_as_it_is(void)
{
    for (int s = 0; s < SEGMENTS; s++)
        for (int k = 0; k < ARRAYS; k++)
            for (int i = 0; i < sizes[s].count; i++)
                want[s][k][i] = (double)values[s][k][i];
}

START_TEST(every_rule)
{
    const int which = _i / DIRECT_TYPES, shift = _i % DIRECT_TYPES, arrays = rules[which].arrays;
    typed_view views[SEGMENTS][ARRAYS];
    weft_segment segments[SEGMENTS];
    weft_update_args args = rules[which].args;
    args.segments = segments, args.count = SEGMENTS, args.lr = &lr;
    args.go = rules[which].go[1] > 0 ? rules[which].go : NULL;
    draw(rules[which].positive, arrays, shift);
    want_as_it_is();
    for (int s = 0; s < SEGMENTS; s++) {
        for (int i = 0; i < sizes[s].count; i++) {
            double x[ARRAYS];
            for (int k = 0; k < ARRAYS; k++)
                x[k] = want[s][k][i];
            (void)rules[which].rule(&args, s, rules[which].go, x);
            for (int k = 0; k < ARRAYS; k++)
                want[s][k][i] = x[k];
        }
    }
    for (emu_order o = EMU_FORWARD; o < EMU_ORDER_COUNT; o++) {
        emu_set_order(o, check_seed());
        make(views, segments, arrays, shift);
        ck_assert_int_eq(weft_launch_update(&args, NULL), 0);
        expect("update", views, arrays, 1e-6);
    }
}
END_TEST

START_TEST(a_shut_gate_leaves_everything)
{
    static const float shut[2] = { 0, 5 };
    typed_view views[SEGMENTS][ARRAYS];
    weft_segment segments[SEGMENTS];
    weft_update_args args = rules[_i].args;
    args.segments = segments, args.count = SEGMENTS, args.lr = &lr, args.go = shut;
    draw(rules[_i].positive, rules[_i].arrays, 0);
    want_as_it_is();
    if (args.rule > WEFT_UPDATE_FOLLOW) /* it has no gate */
        return;
    make(views, segments, rules[_i].arrays, 0);
    ck_assert_int_eq(weft_launch_update(&args, NULL), 0);
    expect("shut", views, rules[_i].arrays, 0);
}
END_TEST

/* ---- lamb ---- */

/* The step of segment s; its parameter is 0 where `zero`. */
static void want_lamb(const weft_update_args *a, const float *go, int s, bool fixed_size)
{
    const double t = (double)go[1];
    double own = 0, wanted = 0;
    for (int pass = 0; pass < 2; pass++) {
        const double ratio = fixed_size || own <= 0 || wanted <= 0 ? 1 : sqrt(own / wanted);
        for (int i = 0; i < sizes[s].count; i++) {
            double *p = &want[s][0][i], *m = &want[s][1][i], *v = &want[s][2][i];
            const double g = (double)go[0] * (double)values[s][3][i];
            if (pass == 0) {
                *m = a->momentum * *m + (1 - a->momentum) * g;
                *v = a->rho * *v + (1 - a->rho) * g * g;
            }
            const double d = *m / (1 - pow(a->momentum, t)) / (sqrt(*v / (1 - pow(a->rho, t))) + a->epsilon);
            const double r = d + decays[s] * *p;
            own += pass == 0 ? *p * *p : 0;
            wanted += pass == 0 ? r * r : 0;
            *p -= pass == 1 ? scales[s] * (double)lr * ratio * r : 0;
        }
    }
}

/* A parameter of zeros, and one that is not scaled to its size, among others; _i 1: shut. */
START_TEST(lamb)
{
    static double sums[SEGMENTS][16];
    const float go[2] = { _i ? 0 : .75f, 3 };
    typed_view views[SEGMENTS][ARRAYS];
    weft_segment segments[SEGMENTS];
    const weft_update_args args = {
        .segments = segments, .count = SEGMENTS, .lr = &lr, .go = go, .momentum = .9, .rho = .999, .epsilon = 1e-3
    };
    draw(4, ARRAYS, _i);
    memset(values[3][0], 0, sizeof values[3][0]);
    want_as_it_is();
    for (int s = 0; s < SEGMENTS && _i == 0; s++)
        want_lamb(&args, go, s, s == 2);
    for (emu_order o = EMU_FORWARD; o < EMU_ORDER_COUNT; o++) {
        emu_set_order(o, check_seed());
        make(views, segments, ARRAYS, _i);
        for (int s = 0; s < SEGMENTS; s++) {
            ck_assert_uint_le(weft_lamb_bytes(sizes[s].count), sizeof sums[s]);
            memset(sums[s], 0xff, sizeof sums[s]);
            segments[s].sums = sums[s];
            segments[s].fixed_size = s == 2;
        }
        ck_assert_int_eq(weft_launch_lamb(&args, NULL), 0);
        expect("lamb", views, ARRAYS, _i ? 0 : 2e-6);
    }
}
END_TEST

/* ---- norm and gate ---- */

/* Of several types; with numbers whose squares no float holds (_i 1), and with a NaN. */
START_TEST(norm)
{
    enum { NORMS = 3, PARTS = 8 };
    static const int counts[NORMS] = { 8192 + 4099, 1, 133 };
    typed_view views[NORMS];
    double sums[PARTS], sum = 0;
    float got[2] = { 7, 7 }, first = 0;
    weft_norm_segment segments[NORMS];
    int64_t parts = 0;
    for (int s = 0; s < NORMS; s++) {
        float *x = values[s][0];
        const weft_dtype dtype = _i == 1 ? WEFT_F32 : direct_types[(s + _i) % DIRECT_TYPES];
        direct_draw(x, counts[s], dtype, (uint64_t)(90 + s));
        for (int i = 0; i < counts[s]; i++) {
            x[i] *= _i == 1 ? 1e25f : 1;
            sum += (double)x[i] * (double)x[i];
        }
        if (_i == 2 && s == 0)
            x[8195] = NAN;
        direct_make(&views[s], dtype, 1, counts[s], s == 2, x);
        segments[s] = (weft_norm_segment){ typed_view_of(&views[s]).data, counts[s], dtype };
        parts += weft_norm_parts(counts[s]);
    }
    ck_assert_int_le(parts, PARTS);
    for (emu_order o = EMU_FORWARD; o < EMU_ORDER_COUNT; o++) {
        emu_set_order(o, check_seed());
        ck_assert_int_eq(weft_launch_norm_squares(segments, NORMS, sums, NULL), 0);
        ck_assert_int_eq(weft_launch_norm_root(sums, parts, got, NULL), 0);
        ck_assert_msg(emu_fault()[0] == 0, "%s", emu_fault());
        if (_i == 2)
            ck_assert(isnan(got[0]));
        else
            ck_assert_double_eq_tol((double)got[0], sqrt(sum), 1e-7 * sqrt(sum));
        first = o == EMU_FORWARD ? got[0] : first;
        ck_assert(memcmp(&first, got, sizeof first) == 0);
    }
    ck_assert(got[1] == 7);
    for (int s = 0; s < NORMS; s++)
        typed_view_free(&views[s]);
}
END_TEST

static const struct {
    float count, loss, norm, open;
    double clip;
    int every;
    float after, go, due;
} gates[] = {
    { 3, 1, 2, 1, 0, 1, 4, 1, 1 },   { 3, 1, 2, 1, 1, 2, 4, .25f, 1 },     { 4, 1, 2, 1, 4, 2, 5, .5f, 0 },
    { 3, NAN, 2, 1, 0, 1, 3, 0, 0 }, { 3, 1, INFINITY, 1, 0, 1, 3, 0, 0 }, { 3, -INFINITY, 2, 1, 1, 1, 3, 0, 0 },
    { 3, 1, NAN, 1, 1, 1, 3, 0, 0 }, { 3, 1, 2, 0, 0, 1, 3, 0, 0 },
};

START_TEST(gate)
{
    float count = gates[_i].count, go[2], due;
    const weft_gate_args args = { .count = &count,
                                  .loss = &gates[_i].loss,
                                  .norm = &gates[_i].norm,
                                  .open = _i == 0 ? NULL : &gates[_i].open,
                                  .go = go,
                                  .due = &due,
                                  .clip = gates[_i].clip,
                                  .every = gates[_i].every };
    ck_assert_int_eq(weft_launch_gate(&args, NULL), 0);
    ck_assert(count == gates[_i].after && go[1] == count);
    ck_assert(go[0] == gates[_i].go && due == gates[_i].due);
}
END_TEST

/* Of a loss that is scaled. */
static const struct {
    float scale[3], loss, norm, open;
    double clip;
    int every, interval;
    bool fixed;
    float next[3], go, unscaled;
} scaled_gates[] = {
    { { 8, 0, 1 }, 1, 6, 1, 0, 1, 3, false, { 8, 1, 1 }, .125f, .75f },
    { { 8, 2, 1 }, 1, 6, 1, 0, 1, 3, false, { 16, 0, 1 }, .125f, .75f },
    { { 8, 0, 1 }, 1, 32, 1, 2, 2, 3, false, { 8, 1, 1 }, .03125f, 4 },
    { { 16777216, 0, 0 }, 1, 6, 1, 0, 1, 1, false, { 16777216, 0, 0 }, 0x1p-24f, 0x1.8p-22f },
    { { 8, 2, 1 }, 1, INFINITY, 1, 0, 1, 3, false, { 4, 0, 2 }, 0, INFINITY },
    { { 8, 2, 1 }, NAN, 6, 1, 0, 1, 3, false, { 4, 0, 2 }, 0, .75f },
    { { 1, 2, 1 }, INFINITY, 6, 1, 0, 1, 3, false, { .5f, 0, 2 }, 0, 6 },
    { { .5f, 0, 1 }, INFINITY, 6, 1, 0, 1, 3, false, { .5f, 0, 2 }, 0, 12 },
    { { 8, 1, 1 }, 1, 6, 0, 0, 1, 3, false, { 8, 2, 1 }, 0, .75f },
    { { 8, 2, 1 }, 1, 6, 1, 0, 1, 3, true, { 8, 2, 1 }, .125f, .75f },
    { { 8, 2, 1 }, 1, INFINITY, 1, 0, 1, 3, true, { 8, 2, 2 }, 0, INFINITY },
};

START_TEST(scaled_gate)
{
    float count = 3, scale[4], go[2], due, unscaled;
    memcpy(scale, scaled_gates[_i].scale, sizeof scaled_gates[_i].scale);
    scale[3] = 7;
    weft_gate_args args = { .count = &count,
                            .loss = &scaled_gates[_i].loss,
                            .norm = &scaled_gates[_i].norm,
                            .open = &scaled_gates[_i].open,
                            .go = go,
                            .due = &due,
                            .clip = scaled_gates[_i].clip,
                            .every = scaled_gates[_i].every,
                            .scale = scale,
                            .unscaled = &unscaled,
                            .interval = scaled_gates[_i].interval,
                            .least = 1,
                            .most = 16777216,
                            .fixed = scaled_gates[_i].fixed };
    ck_assert_int_eq(weft_launch_gate(&args, NULL), 0);
    ck_assert(go[0] == scaled_gates[_i].go && go[1] == (go[0] > 0 ? 4.f : 3.f));
    ck_assert(unscaled == scaled_gates[_i].unscaled);
    ck_assert_msg(memcmp(scale, scaled_gates[_i].next, sizeof scaled_gates[_i].next) == 0, "{ %g, %g, %g }",
                  (double)scale[0], (double)scale[1], (double)scale[2]);
    ck_assert(scale[3] == 7);
    args.unscaled = NULL;
    ck_assert_int_eq(weft_launch_gate(&args, NULL), 1);
}
END_TEST

/* ---- what is refused, before anything is launched ---- */

static int update_with(weft_update_args a, const weft_segment *segments, int count)
{
    a.segments = segments, a.count = count;
    return weft_launch_update(&a, NULL);
}

START_TEST(refusals)
{
    enum { MANY = WEFT_NORM_SEGMENTS + 1 }; /* one more than the largest table takes */
    static float x[MANY];
    static double sums[MANY];
    static weft_segment many[MANY], bare = { .array = { x, x, x }, .count = 1 }, empty = { .array = { x, x, x, x } };
    static weft_norm_segment norms[MANY];
    const weft_update_args good = { .rule = WEFT_UPDATE_ADAM, .lr = x, .go = x };
    weft_update_args bad = good;
    int64_t before = 0, after = 0, switches;
    for (int i = 0; i < MANY; i++) {
        many[i] = (weft_segment){ .array = { x, x, x, x }, .count = 1, .sums = sums };
        norms[i] = (weft_norm_segment){ x, 1, WEFT_F32 };
    }
    emu_totals(&before, &switches);
    ck_assert_int_eq(update_with(good, many, 0), 1);
    ck_assert_int_eq(update_with(good, many, WEFT_ADAM_SEGMENTS + 1), 1);
    ck_assert_int_eq(update_with(good, &bare, 1), 1);
    ck_assert_int_eq(update_with(good, &empty, 1), 1);
    bad.go = NULL;
    ck_assert_int_eq(update_with(bad, many, 1), 1);
    bad = good, bad.lr = NULL;
    ck_assert_int_eq(update_with(bad, many, 1), 1);
    bad = good, bad.rule = WEFT_UPDATE_RULES;
    ck_assert_int_eq(update_with(bad, many, 1), 1);
    bad = good, bad.rule = WEFT_UPDATE_ACCUMULATE;
    ck_assert_int_eq(update_with(bad, many, 1), 1);
    bad.rule = WEFT_UPDATE_CLIP;
    ck_assert_int_eq(update_with(bad, many, 1), 1);
    bad = good, bad.segments = many, bad.count = WEFT_LAMB_SEGMENTS + 1;
    ck_assert_int_eq(weft_launch_lamb(&bad, NULL), 1);
    many[0].sums = NULL;
    bad.count = 1;
    ck_assert_int_eq(weft_launch_lamb(&bad, NULL), 1);
    ck_assert_int_eq(weft_launch_norm_squares(norms, WEFT_NORM_SEGMENTS + 1, sums, NULL), 1);
    ck_assert_int_eq(weft_launch_norm_squares(norms, 1, NULL, NULL), 1);
    norms[0].dtype = many[0].dtype = WEFT_I32;
    ck_assert_int_eq(weft_launch_norm_squares(norms, 1, sums, NULL), 1);
    ck_assert_int_eq(update_with(good, many, 1), 1);
    many[0].sums = sums;
    ck_assert_int_eq(weft_launch_lamb(&bad, NULL), 1);
    ck_assert_int_eq(weft_launch_norm_root(sums, 0, x, NULL), 1);
    ck_assert_int_eq(weft_launch_gate(&(weft_gate_args){ .count = x, .loss = x, .norm = x, .go = x, .due = x }, NULL),
                     1);
    emu_totals(&after, &switches);
    ck_assert_int_eq(before, after);
}
END_TEST

TCase *kernels_update_case(void)
{
    TCase *tcase = tcase_create("update");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, every_rule, 0, DIRECT_TYPES * (int)(sizeof rules / sizeof *rules));
    tcase_add_loop_test(tcase, a_shut_gate_leaves_everything, 0, (int)(sizeof rules / sizeof *rules));
    tcase_add_loop_test(tcase, lamb, 0, 2);
    tcase_add_loop_test(tcase, norm, 0, 3);
    tcase_add_loop_test(tcase, gate, 0, (int)(sizeof gates / sizeof *gates));
    tcase_add_loop_test(tcase, scaled_gate, 0, (int)(sizeof scaled_gates / sizeof *scaled_gates));
    tcase_add_test(tcase, refusals);
    return tcase;
}
