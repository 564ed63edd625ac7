/* SPDX-License-Identifier: Apache-2.0
 *
 * The launchers of cuda/kernel/norm.h on their ops' cases against the double oracle, for ops of several outputs: each
 * type, dense and sliced tensors with fences around them, three orders of blocks and threads; sums joined by the last
 * block, and by a launch of their own, to the same bits. */
#include "cuda/kernel/excite.h"

#include <fnmatch.h>
#include <string.h>

#include "check/compare.h"
#include "check/harness.h"
#include "check/problem.h"
#include "direct.h"
#include "emu/control.h"
#include "kernels_direct.h"
#include "op/batch_norm.h"

enum { ALL = 150000, SMALL = 500 /* elements */, SIDE = 3, MAX_IN = 7 };

/* One run of a problem. */
typedef struct trial {
    const weft_problem *problem;
    weft_dtype dtype, weight; /* of maps; of matrices of weights */
    typed_view in[MAX_IN], out[WEFT_MAX_OUT];
    fence scratch;
    unsigned *turns; /* NULL: none */
} trial;

static float *scratch(trial *t, int64_t count)
{
    ck_assert(fence_make(&t->scratch, (size_t)count * sizeof(float), 64, false, GAP_BYTE));
    return (float *)(void *)t->scratch.data;
}

static void *vector(const trial *t, int i)
{
    return t->in[i].data;
}

static weft_kview residual_of(const trial *t)
{
    const weft_node *n = &t->problem->node;
    return n->epi.residual ? typed_view_of(&t->in[n->n_in - 1]) : (weft_kview){ NULL, 0 };
}

static int64_t rows_of(const trial *t)
{
    return weft_shape_rows(&t->problem->node.in[0]);
}

static int channels_of(const trial *t)
{
    return (int)weft_shape_channels(&t->problem->node.in[0]);
}

/* ---- the ops ---- */

static weft_norm_apply_args apply_of(const trial *t)
{
    return (weft_norm_apply_args){ .dtype = t->dtype,
                                   .x = typed_view_of(&t->in[0]),
                                   .residual = residual_of(t),
                                   .y = typed_view_of(&t->out[0]),
                                   .rows = rows_of(t),
                                   .c = channels_of(t),
                                   .factor = 1,
                                   .act = t->problem->node.epi.act };
}

static int batch_norm_train(trial *t)
{
    const weft_batch_norm_opt *o = t->problem->node.opt;
    weft_norm_stats_args stats = { .dtype = t->dtype,
                                   .x = typed_view_of(&t->in[0]),
                                   .rows = rows_of(t),
                                   .c = channels_of(t),
                                   .gamma = o->no_gamma ? NULL : vector(t, 1),
                                   .beta = vector(t, o->no_gamma ? 1 : 2),
                                   .epsilon = o->epsilon,
                                   .unbiased = o->unbiased,
                                   .mean = (void *)t->out[1].data,
                                   .rstd = (void *)t->out[2].data,
                                   .variance = (void *)t->out[3].data,
                                   .shift = (void *)t->out[4].data,
                                   .turns = t->turns };
    weft_norm_apply_args apply = apply_of(t);
    apply.mean = stats.mean;
    apply.rstd = stats.rstd;
    apply.gamma = stats.gamma;
    apply.shift = stats.shift;
    stats.scratch = scratch(t, weft_norm_stats_floats(&stats));
    const int status = weft_launch_norm_stats(&stats, NULL);
    return status != 0 ? status : weft_launch_norm_apply(&apply, NULL);
}

static int batch_norm_again(trial *t)
{
    weft_norm_apply_args a = apply_of(t);
    a.mean = vector(t, 1);
    a.rstd = vector(t, 2);
    a.shift = vector(t, 3);
    a.gamma = ((const weft_batch_norm_again_opt *)t->problem->node.opt)->no_gamma ? NULL : vector(t, 4);
    return weft_launch_norm_apply(&a, NULL);
}

static int batch_norm_frozen_dx(trial *t)
{
    const weft_batch_norm_frozen_opt *o = t->problem->node.opt;
    weft_norm_apply_args a = apply_of(t);
    a.rstd = vector(t, 1);
    a.of_variance = true;
    a.epsilon = o->epsilon;
    a.gamma = o->no_gamma ? NULL : vector(t, 2);
    return weft_launch_norm_apply(&a, NULL);
}

static int batch_norm_dx(trial *t)
{
    const weft_batch_norm_dx_opt *o = t->problem->node.opt;
    weft_norm_dx_args a = { .dtype = t->dtype, .dy = typed_view_of(&t->in[0]), .x = typed_view_of(&t->in[1]),
                            .residual = residual_of(t), .dx = typed_view_of(&t->out[0]), .rows = rows_of(t),
                            .c = channels_of(t), .mean = vector(t, 2), .rstd = vector(t, 3),
                            .gamma = o->no_gamma ? NULL : vector(t, 4), .frozen = o->frozen, .epsilon = o->epsilon,
                            .act = o->act, .dgamma = (void *)t->out[1].data, .dbeta = (void *)t->out[2].data,
                            .turns = t->turns };
    if (t->problem->node.id == WEFT_OP_BATCH_NORM_JOIN_DX) {
        a.z = typed_view_of(&t->in[weft_batch_norm_dx_beta(o)]);
        a.g = typed_view_of(&t->out[3]);
    } else if (o->act != WEFT_ACT_NONE) {
        a.beta = vector(t, weft_batch_norm_dx_beta(o));
    }
    a.scratch = scratch(t, weft_norm_dx_floats(&a));
    return weft_launch_norm_dx(&a, NULL);
}

static int channel_sum(trial *t)
{
    weft_channel_sum_args a = { .dtype = t->dtype,
                                .x = typed_view_of(&t->in[0]),
                                .rows = rows_of(t),
                                .c = channels_of(t),
                                .y = (void *)t->out[0].data,
                                .turns = t->turns };
    a.scratch = scratch(t, weft_channel_sum_floats(&a));
    return weft_launch_channel_sum(&a, NULL);
}

static int excite_dx(trial *t, bool joins)
{
    static unsigned turns[WEFT_TURNS];
    const weft_squeeze_excite_opt *o = t->problem->node.opt;
    const int64_t *x = t->problem->node.in[0].dim;
    const int second = o->no_bias ? 1 : 2;
    weft_map_product_args product = { .dtype = t->dtype,
                                      .x = typed_view_of(&t->in[0]),
                                      .dy = typed_view_of(&t->in[1]),
                                      .n = (int)x[0],
                                      .pixels = (int)(x[1] * x[2]),
                                      .c = (int)x[3] };
    weft_excite_dx_args a = { .dtype = t->dtype,
                              .w_dtype = t->weight,
                              .parts = weft_map_product_parts(&product),
                              .pixels = product.pixels,
                              .n = product.n,
                              .c = product.c,
                              .reduced = (int)o->reduced,
                              .w1 = typed_view_of(&t->in[2]),
                              .w2 = typed_view_of(&t->in[2 + second]),
                              .b1 = o->no_bias ? NULL : vector(t, 3),
                              .b2 = o->no_bias ? NULL : vector(t, 5),
                              .act = o->act,
                              .gate = o->gate,
                              .dy = product.dy,
                              .dx = typed_view_of(&t->out[0]),
                              .dw1 = typed_view_of(&t->out[1]),
                              .dw2 = typed_view_of(&t->out[1 + second]),
                              .db1 = o->no_bias ? NULL : (void *)t->out[2].data,
                              .db2 = o->no_bias ? NULL : (void *)t->out[4].data };
    const int64_t sums = 2 * (int64_t)a.n * a.parts * a.c;
    product.scratch = scratch(t, sums + weft_excite_dx_floats(&a));
    a.sums = product.scratch;
    a.scratch = product.scratch + sums;
    const weft_excite_join_args joined = { .dx = a, .x = product.x, .turns = turns };
    if (joins && weft_excite_joins(a.n, a.c, a.reduced))
        return weft_launch_excite_dx_joined(&joined, NULL);
    const int status = weft_launch_map_product(&product, NULL);
    return status != 0 ? status : weft_launch_excite_dx(&a, NULL);
}

static int squeeze_excite_dx(trial *t)
{
    return excite_dx(t, false);
}

static int squeeze_excite_dx_joined(trial *t)
{
    return excite_dx(t, true);
}

static const struct {
    weft_op_id op;
    int (*run)(trial *t);
    bool sums;    /* the first output is not a map */
    bool weights; /* input 2 is a matrix of weights, of either type */
} ops[] = {
    { WEFT_OP_BATCH_NORM_TRAIN, batch_norm_train, false, false },
    { WEFT_OP_BATCH_NORM_AGAIN, batch_norm_again, false, false },
    { WEFT_OP_BATCH_NORM_DX, batch_norm_dx, false, false },
    { WEFT_OP_BATCH_NORM_JOIN_DX, batch_norm_dx, false, false },
    { WEFT_OP_BATCH_NORM_FROZEN_DX, batch_norm_frozen_dx, false, false },
    { WEFT_OP_CHANNEL_SUM, channel_sum, true, false },
    { WEFT_OP_SQUEEZE_EXCITE_DX, squeeze_excite_dx, false, true },
    { WEFT_OP_SQUEEZE_EXCITE_DX, squeeze_excite_dx_joined, false, true },
};
enum { OPS = sizeof ops / sizeof *ops };

/* ---- the walk ---- */

static bool all;           /* else the race detector, which takes its time */
static const char *wanted; /* names of ops */

/* Maps have the case's type and lie in wider tensors; weights and vectors are dense, the latter floats. */
static void make_views(trial *t, int op, int side)
{
    const weft_node *n = &t->problem->node;
    ck_assert_int_le(n->n_in, MAX_IN);
    for (int i = 0; i < n->n_in; i++) {
        const bool map = n->in[i].rank > 1, weight = map && ops[op].weights && i > 1;
        const weft_dtype dtype = weight ? t->weight : map ? t->dtype : WEFT_F32;
        direct_make(&t->in[i], dtype, weft_shape_rows(&n->in[i]), weft_shape_channels(&n->in[i]), map ? side : 0,
                    t->problem->in[i]);
    }
    for (int o = 0; o < n->n_out; o++) {
        const bool map = weft_shape_equal(&n->out[o], &n->out[0]) && !ops[op].sums;
        direct_make(&t->out[o], map ? t->dtype : WEFT_F32, weft_shape_rows(&n->out[o]),
                    weft_shape_channels(&n->out[o]), n->out[o].rank > 1 ? side : 0, NULL);
    }
}

/* Results of the run before, one output behind the other. */
static float before[1 << 19];

static void judge(trial *t, int run)
{
    static float got[DIRECT_ROOM * 2];
    const weft_node *n = &t->problem->node;
    static const weft_precision precisions[WEFT_DTYPE_COUNT] = { [WEFT_F16] = WEFT_PRECISION_FP16,
                                                                 [WEFT_BF16] = WEFT_PRECISION_BF16 };
    float *last = before;
    for (int o = 0; o < n->n_out; o++) {
        const int64_t count = weft_shape_count(&n->out[o]);
        int64_t worst = 0;
        weft_exactness how = { .error_factor = 1 };
        if (n->id == WEFT_OP_BATCH_NORM_JOIN_DX && o == 0) /* it is of what has been rounded to the type once before */
            how.precision = precisions[t->dtype];
        ck_assert_int_le(count, DIRECT_ROOM * 2);
        typed_view_get(&t->out[o], got);
        ck_assert_msg(typed_view_intact(&t->out[o]), "%s: wrote outside of output %d", n->name, o);
        const double share =
            typed_compare(t->out[o].dtype, weft_tolerance(n, &how), got, t->problem->want[o], count, &worst);
        ck_assert_msg(share <= 1, "FAILED %s, %s: output %d, element %d is %.9g, %.9g was expected", n->name,
                      weft_dtype_name(t->dtype), o, (int)worst, (double)got[worst], t->problem->want[o][worst]);
        if (run > 0)
            ck_assert_msg(memcmp(last, got, (size_t)count * sizeof *got) == 0, "FAILED %s: run %d gives other bits",
                          n->name, run);
        memcpy(last, got, (size_t)count * sizeof *got);
        last += count;
    }
}

static void look_around(const trial *t)
{
    const weft_node *n = &t->problem->node;
    for (int i = 0; i < n->n_in; i++)
        ck_assert_msg(typed_view_intact(&t->in[i]) && typed_view_equal(&t->in[i], t->problem->in[i]),
                      "FAILED %s: wrote to input %d", n->name, i);
    ck_assert_msg(!t->scratch.data || fence_intact(&t->scratch), "FAILED %s: wrote beyond its scratch", n->name);
}

/* The second run has no counters. */
static void run_once(const weft_problem *p, int op, weft_dtype dtype, weft_dtype weight, int side, int run)
{
    static unsigned turns[WEFT_TURNS];
    trial t = { .problem = p, .dtype = dtype, .weight = weight, .turns = run == 1 ? NULL : turns };
    make_views(&t, op, side);
    emu_clear();
    emu_set_order((emu_order)run, check_seed());
    const int status = ops[op].run(&t);
    ck_assert_msg(emu_fault()[0] == 0, "FAILED %s: %s", p->node.name, emu_fault());
    ck_assert_msg(status == 0, "FAILED %s: the launch returned %d", p->node.name, status);
    judge(&t, run);
    look_around(&t);
    for (int i = 0; i < WEFT_TURNS; i++)
        ck_assert_msg(turns[i] == 0, "FAILED %s: counter %d is left at %u", p->node.name, i, turns[i]);
    for (int i = 0; i < p->node.n_in; i++)
        typed_view_free(&t.in[i]);
    for (int o = 0; o < p->node.n_out; o++)
        typed_view_free(&t.out[o]);
    if (t.scratch.data)
        fence_free(&t.scratch);
}

static void try_case(int op, const weft_op_case *c, weft_dtype dtype)
{
    weft_problem p;
    CHECK_OK(weft_problem_make_in(&p, ops[op].op, c, WEFT_VALUES_UNIT, dtype, check_seed()));
    const bool wide = ops[op].weights && dtype != WEFT_F32; /* weights of either type */
    const bool small = weft_shape_count(&p.node.in[0]) <= (all ? ALL : SMALL);
    for (int floats = 0; small && floats <= wide; floats++)
        for (int side = 0; side <= SIDE; side += SIDE)
            for (int run = 0; run < (all ? (int)EMU_ORDER_COUNT : 2); run++)
                run_once(&p, op, dtype, floats ? WEFT_F32 : dtype, side, run);
    weft_problem_release(&p);
}

START_TEST(ops_agree_with_the_oracle)
{
    const int op = _i / DIRECT_TYPES;
    if (fnmatch(wanted, weft_op_get(ops[op].op)->name, 0) != 0)
        return;
    for (const weft_op_case *c = weft_op_get(ops[op].op)->cases; c->name; c++)
        if (!c->large)
            try_case(op, c, direct_types[_i % DIRECT_TYPES]);
    emu_set_order(EMU_FORWARD, 0);
}
END_TEST

/* ---- what no case asks for ---- */

/* Numbers that differ in their last digits only: sums of squares would have none left. */
START_TEST(a_large_mean_costs_no_digits)
{
    enum { ROWS = 700, CHANNELS = 4 };
    static float from[ROWS * CHANNELS];
    typed_view x, mean, rstd, variance, shift;
    float beta[CHANNELS] = { 0 };
    double want[CHANNELS];
    fence room;
    direct_draw(from, ROWS * CHANNELS, WEFT_F32, 30);
    for (int i = 0; i < ROWS * CHANNELS; i++)
        from[i] = 30000 + from[i]; /* a few hundred steps of a float */
    for (int c = 0; c < CHANNELS; c++) {
        double sum = 0, squares = 0;
        for (int r = 0; r < ROWS; r++)
            sum += (double)from[r * CHANNELS + c];
        for (int r = 0; r < ROWS; r++) {
            const double d = (double)from[r * CHANNELS + c] - sum / ROWS;
            squares += d * d;
        }
        want[c] = squares / ROWS;
    }
    direct_make(&x, WEFT_F32, ROWS, CHANNELS, 0, from);
    direct_make(&mean, WEFT_F32, 1, CHANNELS, 0, NULL);
    direct_make(&rstd, WEFT_F32, 1, CHANNELS, 0, NULL);
    direct_make(&variance, WEFT_F32, 1, CHANNELS, 0, NULL);
    direct_make(&shift, WEFT_F32, 1, CHANNELS, 0, NULL);
    weft_norm_stats_args a = { .x = typed_view_of(&x),
                               .rows = ROWS,
                               .c = CHANNELS,
                               .beta = beta,
                               .mean = (void *)mean.data,
                               .rstd = (void *)rstd.data,
                               .variance = (void *)variance.data,
                               .shift = (void *)shift.data };
    const size_t bytes = (size_t)weft_norm_stats_floats(&a) * sizeof(float);
    ck_assert(fence_make(&room, bytes, 64, false, GAP_BYTE));
    a.scratch = (void *)room.data;
    ck_assert_int_eq(weft_launch_norm_stats(&a, NULL), 0);
    direct_expect("variance beside a large mean", &variance, want, 1e-6);
    fence_free(&room);
    typed_view_free(&x);
    typed_view_free(&mean);
    typed_view_free(&rstd);
    typed_view_free(&shift);
}
END_TEST

/* What recomputation relies on. */
START_TEST(a_norm_once_more_has_the_same_bits)
{
    enum { ROWS = 45, CHANNELS = 24, COUNT = ROWS * CHANNELS };
    static float from[COUNT], residual[COUNT], gamma[CHANNELS], stats[4 * CHANNELS], room[1 << 12];
    static float got[2][COUNT];
    const weft_dtype dtype = direct_types[_i];
    typed_view x, r, y;
    direct_draw(from, COUNT, dtype, 31);
    direct_draw(residual, COUNT, dtype, 32);
    direct_draw(gamma, CHANNELS, WEFT_F32, 33);
    direct_make(&x, dtype, ROWS, CHANNELS, 0, from);
    direct_make(&r, dtype, ROWS, CHANNELS, 0, residual);
    for (int run = 0; run < 2; run++) {
        weft_norm_stats_args a = { .dtype = dtype,
                                   .x = typed_view_of(&x),
                                   .rows = ROWS,
                                   .c = CHANNELS,
                                   .gamma = gamma,
                                   .beta = gamma,
                                   .epsilon = 1e-3,
                                   .mean = stats,
                                   .rstd = stats + CHANNELS,
                                   .variance = stats + 2 * CHANNELS,
                                   .shift = stats + 3 * CHANNELS,
                                   .scratch = room };
        ck_assert_int_le(weft_norm_stats_floats(&a), sizeof room / sizeof *room);
        direct_make(&y, dtype, ROWS, CHANNELS, run ? SIDE : 0, NULL); /* the second time one by one */
        const weft_norm_apply_args again = { .dtype = dtype,
                                             .x = a.x,
                                             .residual = typed_view_of(&r),
                                             .y = typed_view_of(&y),
                                             .rows = ROWS,
                                             .c = CHANNELS,
                                             .mean = a.mean,
                                             .rstd = a.rstd,
                                             .gamma = gamma,
                                             .shift = a.shift,
                                             .factor = 1,
                                             .act = WEFT_ACT_SWISH };
        if (run == 0)
            ck_assert_int_eq(weft_launch_norm_stats(&a, NULL), 0);
        ck_assert_int_eq(weft_launch_norm_apply(&again, NULL), 0);
        typed_view_get(&y, got[run]);
        typed_view_free(&y);
    }
    ck_assert_mem_eq(got[0], got[1], sizeof got[0]);
    typed_view_free(&x);
    typed_view_free(&r);
}
END_TEST

/* The join is then a launch of its own. */
START_TEST(more_channels_than_counters)
{
    enum { CHANNELS = 32 * WEFT_TURNS + 1, ROWS = 2 };
    static float from[ROWS * CHANNELS], room[CHANNELS];
    static double want[CHANNELS];
    static unsigned turns[WEFT_TURNS];
    typed_view x, y;
    direct_draw(from, ROWS * CHANNELS, WEFT_F32, 34);
    for (int c = 0; c < CHANNELS; c++)
        want[c] = (double)from[c] + (double)from[CHANNELS + c];
    direct_make(&x, WEFT_F32, ROWS, CHANNELS, 0, from);
    direct_make(&y, WEFT_F32, 1, CHANNELS, 0, NULL);
    const weft_channel_sum_args a = {
        .x = typed_view_of(&x), .rows = ROWS, .c = CHANNELS, .y = (void *)y.data, .scratch = room, .turns = turns
    };
    ck_assert_int_eq(weft_channel_sum_floats(&a), CHANNELS);
    ck_assert_int_eq(weft_launch_channel_sum(&a, NULL), 0);
    direct_expect("sums of many channels", &y, want, 1e-6);
    typed_view_free(&x);
}
END_TEST

#define REFUSES(launch, ...) ck_assert_int_eq((launch)(&(__VA_ARGS__), NULL), 1)

/* Refused before anything is launched. */
START_TEST(refusals_of_norms)
{
    static float room[64];
    int64_t launched = 0, after = 0, switches;
    const weft_kview v = { room, 8 }, narrow = { room, 3 };
    emu_totals(&launched, &switches);
    REFUSES(weft_launch_norm_stats, (weft_norm_stats_args){ .x = v, .rows = 1, .c = 8 });
    REFUSES(weft_launch_norm_apply, (weft_norm_apply_args){ .x = v, .y = v, .rows = 0, .c = 8 });
    REFUSES(weft_launch_norm_apply, (weft_norm_apply_args){ .x = v, .y = v, .residual = narrow, .rows = 1, .c = 8 });
    REFUSES(weft_launch_norm_apply, (weft_norm_apply_args){ .dtype = WEFT_U8, .x = v, .y = v, .rows = 1, .c = 8 });
    const weft_norm_dx_args dx = { .dy = v, .x = v, .dx = v, .rows = 1, .c = 8, .mean = room, .rstd = room,
                                   .dgamma = room, .dbeta = room, .scratch = room };
    weft_norm_dx_args bad[] = { dx, dx, dx, dx, dx };
    bad[0].act = WEFT_ACT_TANH, bad[0].beta = room;
    bad[1].act = WEFT_ACT_RELU;                   /* no beta */
    bad[2].act = WEFT_ACT_RELU, bad[2].g = v;     /* no z */
    bad[3].act = WEFT_ACT_SWISH, bad[3].g = bad[3].z = v;
    bad[4].act = WEFT_ACT_RELU, bad[4].g = bad[4].z = v, bad[4].frozen = true;
    for (int i = 0; i < (int)(sizeof bad / sizeof *bad); i++)
        REFUSES(weft_launch_norm_dx, bad[i]);
    REFUSES(weft_launch_channel_sum,
            (weft_channel_sum_args){ .x = narrow, .rows = 1, .c = 8, .y = room, .scratch = room });
    REFUSES(weft_launch_map_product, (weft_map_product_args){ .x = v, .dy = v, .n = 1, .pixels = 1, .c = 8 });
    REFUSES(weft_launch_slope, (weft_slope_args){ .dy = v, .v = narrow, .dx = v, .rows = 1, .c = 8 });
    REFUSES(weft_launch_excite_dx, (weft_excite_dx_args){ .sums = room, .parts = 1, .pixels = 1, .n = 1, .c = 8 });
    emu_totals(&after, &switches);
    ck_assert_int_eq(launched, after);
}
END_TEST

TCase *kernels_norm_case(const char *op, bool every)
{
    TCase *tcase = tcase_create("norm");
    wanted = op;
    all = every;
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, ops_agree_with_the_oracle, 0, OPS * DIRECT_TYPES);
    tcase_add_test(tcase, a_large_mean_costs_no_digits);
    tcase_add_loop_test(tcase, a_norm_once_more_has_the_same_bits, 0, DIRECT_TYPES);
    if (every)
        tcase_add_test(tcase, more_channels_than_counters);
    tcase_add_test(tcase, refusals_of_norms);
    return tcase;
}
