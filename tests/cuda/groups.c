/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes that run as one (src/program/group.c), on the CUDA backend's doubles: how many launches the updates of many
 * parameters are, what is in their way, the same bits as one by one, the same numbers as on the CPU. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "cuda/kernel/update.h"
#include "prove.h"

/* ---- updates of many parameters ---- */

enum { PARAMS = 120 };

/* Filters, matrices and vectors of odd sizes. */
static weft_shape shape_of(int i)
{
    const int64_t k = 1 + i * 5 % 23;
    return i % 3 == 0 ? (weft_shape){ 4, { k, 3, 3, 1 + i % 4 } } : i % 3 == 1 ? (weft_shape){ 2, { k, 7 } }
                                                                               : (weft_shape){ 1, { 3 * k } };
}

static weft_var state(weft_graph *g, const char *what, int i, weft_init init)
{
    char text[32];
    const weft_shape shape = shape_of(i);
    return weft_state(g, name_of(text, what, i), &shape, init);
}

/* An optimiser's node; every third parameter has a rate and a decay of its own. */
static weft_var update(weft_graph *g, int kind, int i, weft_var p, weft_var d, weft_var lr, weft_var go)
{
    const double scale = i % 3 ? 1 : .5, decay = i % 3 ? .01 : 0;
    const weft_var first = state(g, "first", i, WEFT_INIT_ZERO);
    if (kind == WEFT_SGD)
        return weft_sgd(g, p, first, d, lr, go, &(weft_sgd_opt){ .lr_scale = scale, .momentum = .9, .decay = decay });
    const weft_var second = state(g, "second", i, kind == WEFT_RMSPROP ? WEFT_INIT_ONE : WEFT_INIT_ZERO);
    if (kind == WEFT_RMSPROP)
        return weft_rmsprop(g, p, second, first, d, lr, go,
                            &(weft_rmsprop_opt){ .lr_scale = scale, .momentum = .9, .decay = decay });
    if (kind == WEFT_LAMB)
        return weft_lamb(g, p, first, second, d, lr, go,
                         &(weft_lamb_opt){ .lr_scale = scale, .decay = decay, .fixed_size = i % 3 == 2 });
    return weft_adam(g, p, first, second, d, lr, go,
                     &(weft_adam_opt){ .lr_scale = scale, .decay = decay, .decoupled = kind == WEFT_ADAMW });
}

/* As a trainer's: sums over batches, norm, gate, and for each parameter clip, update, average, one after the other. */
static void many_updates(weft_graph *g, int kind)
{
    char text[32];
    weft_var d[PARAMS];
    const weft_var lr = weft_input(g, "lr", &SCALAR), loss = weft_input(g, "loss", &SCALAR);
    for (int i = 0; i < PARAMS; i++) {
        const weft_shape shape = shape_of(i);
        d[i] = weft_input(g, name_of(text, "d", i), &shape);
    }
    const weft_var batches = weft_state(g, "batches", &SCALAR, WEFT_INIT_ZERO), none = { 0 };
    const weft_gate_vars batch = weft_gate(g, batches, loss, weft_gradient_norm(g, d, PARAMS), none,
                                           &(weft_gate_opt){ .every = 2 });
    for (int i = 0; i < PARAMS; i++)
        d[i] = weft_accumulate(g, state(g, "sum", i, WEFT_INIT_ZERO), d[i], batch.go,
                               &(weft_accumulate_opt){ .every = 2 });
    const weft_var norm = weft_gradient_norm(g, d, PARAMS), count = weft_state(g, "count", &SCALAR, WEFT_INIT_ZERO);
    const weft_gate_vars gate = weft_gate(g, count, loss, norm, batch.due, &(weft_gate_opt){ .clip = 5 });
    for (int i = 0; i < PARAMS; i++) {
        const weft_shape shape = shape_of(i);
        const weft_var p = weft_parameter(g, name_of(text, "p", i), &shape, WEFT_INIT_ONE);
        const weft_var clipped = weft_clip(g, d[i], &(weft_clip_opt){ .limit = .5 });
        const weft_var after = update(g, kind, i, p, clipped, lr, gate.go);
        weft_ema(g, state(g, "ema", i, WEFT_INIT_ZERO), after, gate.go, &(weft_ema_opt){ .decay = .9 });
    }
    weft_output(g, norm, "norm");
}

/* Launches of an optimiser over PARAMS parameters. */
static int tables(int most)
{
    return (PARAMS + most - 1) / most;
}

START_TEST(many_updates_are_few_launches)
{
    static const struct {
        weft_optimizer_kind kind;
        int most, each;
    } kinds[] = { { WEFT_SGD, WEFT_SGD_SEGMENTS, 1 },
                  { WEFT_RMSPROP, WEFT_RMSPROP_SEGMENTS, 1 },
                  { WEFT_ADAM, WEFT_ADAM_SEGMENTS, 1 },
                  { WEFT_ADAMW, WEFT_ADAM_SEGMENTS, 1 },
                  { WEFT_LAMB, WEFT_LAMB_SEGMENTS, 3 } };
    int steps;
    const graph_of of = { many_updates, (int)kinds[_i].kind };
    const int launches = prove(&card, &of, 2e-6, &steps);
    ck_assert_int_eq(steps, 4 * PARAMS + 4);
    /* two norms, two gates, sums, clips, the updates, and the averages behind each launch of these */
    ck_assert_int_eq(launches, 2 + 2 + 2 + (kinds[_i].each + 1) * tables(kinds[_i].most));
}
END_TEST

/* States that follow values from all over the forward pass, as the statistics of norms; with averages of them at the
 * end, or the last state read on the way. */
enum { FOLLOWERS = 20, PLAIN, AVERAGED, READ };
static void scattered(weft_graph *g, int which)
{
    const weft_shape shape = { .rank = 2, .dim = { 5, 8 } }, vector = { .rank = 1, .dim = { 8 } };
    const weft_var go = weft_input(g, "go", &(weft_shape){ .rank = 1, .dim = { 2 } });
    weft_var x = weft_input(g, "x", &shape), after[FOLLOWERS];
    char text[32];
    for (int i = 0; i < FOLLOWERS; i++) {
        const weft_var s = weft_state(g, name_of(text, "s", i), &vector, WEFT_INIT_ONE);
        after[i] = weft_moving_average(g, s, weft_moments(g, x).mean, NULL);
        x = weft_swish(g, x);
    }
    if (which == READ) /* all that follows, too, waits for nothing */
        weft_output(g, weft_relu(g, after[FOLLOWERS - 1]), "read");
    for (int i = 0; i < FOLLOWERS && which == AVERAGED; i++)
        weft_ema(g, weft_state(g, name_of(text, "ema", i), &vector, WEFT_INIT_ZERO), after[i], go,
                 &(weft_ema_opt){ .decay = .9 });
    weft_output(g, x, "y");
}

START_TEST(scattered_updates_are_one_launch)
{
    static const int kinds[] = { PLAIN, AVERAGED, READ };
    int steps;
    const int launches = prove(&card, &(graph_of){ scattered, kinds[_i] }, 2e-6, &steps);
    ck_assert_int_eq(launches, 2 * FOLLOWERS + 1 + (kinds[_i] != PLAIN));
}
END_TEST

/* ---- what is in the way ---- */

enum { VALUES = 5, NODES = 60 };
static const weft_shape SEVEN = { .rank = 2, .dim = { 7, 9 } };

static uint32_t pick(uint64_t seed, int index, uint32_t below)
{
    uint32_t block[4];
    weft_rng_block(check_seed(), seed, (uint64_t)index, block);
    return block[0] % below;
}

/* Updates of a few parameters from each other, clips of them as they are by then, additions: one mostly stands in the
 * way of the other. */
static void tangle(weft_graph *g, int which)
{
    char text[32];
    const uint64_t seed = (uint64_t)which;
    const weft_var lr = weft_input(g, "lr", &SCALAR), one = weft_input(g, "one", &SCALAR), none = { 0 };
    const weft_var d = weft_input(g, "d", &SEVEN);
    const weft_gate_vars gate = weft_gate(g, weft_state(g, "count", &SCALAR, WEFT_INIT_ZERO), one,
                                          weft_gradient_norm(g, &d, 1), none, NULL);
    weft_var now[2 * VALUES], p[VALUES], side[VALUES];
    for (int i = 0; i < VALUES; i++) {
        now[i] = p[i] = weft_parameter(g, name_of(text, "p", i), &SEVEN, WEFT_INIT_ONE);
        now[VALUES + i] = d;
        side[i] = weft_state(g, name_of(text, "m", i), &SEVEN, WEFT_INIT_ZERO);
    }
    for (int n = 0; n < NODES; n++) {
        const uint32_t to = pick(seed, 4 * n, VALUES), from = pick(seed, 4 * n + 1, 2 * VALUES);
        const weft_var x = from < VALUES && n % 4 == 0 ? p[from] : now[from]; /* what it is by then, whoever is asked */
        switch (pick(seed, 4 * n + 2, from == to ? 2 : 4)) { /* nothing is updated from itself */
        case 0:
            now[VALUES + to] = weft_clip(g, x, &(weft_clip_opt){ .limit = .25 + .25 * (double)(n % 2) });
            break;
        case 1:
            now[VALUES + to] = weft_add(g, x, now[VALUES + (int)pick(seed, 4 * n + 3, VALUES)]);
            break;
        case 2:
            now[to] = weft_sgd(g, p[to], side[to], x, n % 3 ? lr : one, gate.go,
                               &(weft_sgd_opt){ .momentum = n % 5 ? .5 : .25 });
            break;
        default:
            now[to] = weft_ema(g, p[to], x, gate.go, &(weft_ema_opt){ .decay = .5 });
        }
    }
    for (int i = 0; i < VALUES; i++)
        weft_output(g, weft_add(g, now[VALUES + i], now[i]), name_of(text, "y", i));
}

START_TEST(what_depends_comes_later)
{
    int steps, launches = 0, all = 0;
    for (int i = 0; i < 4; i++) {
        launches += prove(&card, &(graph_of){ tangle, 4 * _i + i }, 1e-5, &steps);
        all += steps;
    }
    ck_assert_int_lt(launches, all); /* and some found each other all the same */
}
END_TEST

/* Two readers of a value that dies with them. */
static void readers(weft_graph *g, int which)
{
    const weft_var x = weft_relu(g, weft_input(g, "x", &SEVEN));
    const weft_clip_opt opt = { .limit = .5 };
    (void)which;
    weft_output(g, weft_clip(g, x, &opt), "y");
    weft_output(g, weft_clip(g, x, &opt), "z");
}

START_TEST(nobody_writes_over_what_is_read_beside)
{
    built b = { 0 };
    make(&b, &card, &(graph_of){ readers, 0 });
    const weft_step *steps = b.model->steps;
    ck_assert_int_eq(b.model->n_steps, 3);
    ck_assert(steps[0].together == 1 && steps[1].together == 2 && steps[2].together == 0);
    for (int i = 1; i < 3; i++)
        ck_assert_ptr_ne(steps[i].call.out[0].data, steps[3 - i].call.in[0].data);
    unmake(&b);
    finish();
}
END_TEST

/* ---- gradients that do not lie as floats side by side ---- */

static void slices(weft_graph *g, int fp32)
{
    const weft_shape shape = { .rank = 2, .dim = { 7, 9 } };
    const weft_var lr = weft_input(g, "lr", &SCALAR), loss = weft_input(g, "loss", &SCALAR), none = { 0 };
    weft_var x[3];
    char text[32];
    for (int i = 0; i < 3; i++)
        x[i] = weft_relu(g, weft_input(g, name_of(text, "x", i), &shape));
    const weft_var count = weft_state(g, "count", &SCALAR, WEFT_INIT_ZERO), norm = weft_gradient_norm(g, x, 3);
    const weft_gate_vars gate = weft_gate(g, count, loss, norm, none, NULL);
    weft_var clipped = weft_clip(g, x[0], &(weft_clip_opt){ .limit = .5 });
    for (int i = 0; i < 3; i++) {
        const weft_var p = weft_parameter(g, name_of(text, "p", i), &shape, WEFT_INIT_ONE);
        const weft_var after = i == 2 ? weft_lamb(g, p, weft_state(g, "m", &shape, WEFT_INIT_ZERO),
                                                  weft_state(g, "v", &shape, WEFT_INIT_ZERO), x[i], lr, gate.go, NULL)
                                      : weft_sgd(g, p, weft_state(g, name_of(text, "s", i), &shape, WEFT_INIT_ZERO),
                                                 x[i], lr, gate.go, NULL);
        weft_output(g, after, "after");
    }
    weft_output(g, weft_concat(g, x, 3), "wide");
    if (fp32) /* the result, too, is a slice; of one type */
        clipped = weft_concat(g, (const weft_var[]){ x[1], clipped }, 2);
    weft_output(g, clipped, "clipped");
}

/* They are copied before, and such nodes run alone. */
START_TEST(other_gradients_are_copied)
{
    const weft_ctx_opt how = { .device = "cuda", .precision = precisions[_i].precision };
    int steps;
    (void)prove(&how, &(graph_of){ slices, _i == 0 }, precisions[_i].limit, &steps);
}
END_TEST

/* ---- reports ---- */

START_TEST(time_is_shared)
{
    built b = { 0 };
    const graph_of of = { many_updates, WEFT_SGD };
    make(&b, &card, &of);
    const int steps = weft_model_step_count(b.model);
    double *seconds = calloc((size_t)steps, sizeof *seconds);
    const int64_t before = doubles->counts().kernels;
    weft_run_cost cost;
    CHECK_OK(weft_model_cost(b.model, &cost));
    CHECK_OK(weft_model_run_timed(b.model, seconds));
    ck_assert_int_eq(doubles->counts().kernels - before, cost.launches);
    for (int i = 0; i < steps; i++)
        ck_assert_double_gt(seconds[i], 0);
    free(seconds);
    unmake(&b);
    finish();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cuda-groups");
    TCase *groups = tcase_create("groups");
    tcase_add_checked_fixture(groups, start, NULL);
    tcase_add_loop_test(groups, many_updates_are_few_launches, 0, 5);
    tcase_add_loop_test(groups, scattered_updates_are_one_launch, 0, 3);
    tcase_add_loop_test(groups, what_depends_comes_later, 0, 4);
    tcase_add_test(groups, nobody_writes_over_what_is_read_beside);
    tcase_add_loop_test(groups, other_gradients_are_copied, 0, PRECISIONS);
    tcase_add_test(groups, time_is_shared);
    suite_add_tcase(s, groups);
    return s;
}

int main(int argc, char **argv)
{
    return small_main(argc, argv, suite, "cuda-groups PLUGIN");
}
