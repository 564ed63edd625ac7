/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps of training by the public API: losses against PyTorch's (curves.txt), and what a step promises: nothing changes
 * when it goes wrong, batches add up, averages follow, the same bits for any number of threads. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check/alloc.h"
#include "check/harness.h"
#include "nets.h"

enum { STEPS = 12 };

static float images[TINY_N * TINY_PIXELS], targets[TINY_N * TINY_CLASSES];
static int32_t labels[TINY_N];
static const float class_weights[] = { 1, 2, .5f, .25f, 3 };

/* Three quarters of an image, one of its mirror in the batch. */
static void mix(void)
{
    for (int i = 0; i < TINY_N; i++)
        for (int k = 0; k < TINY_CLASSES; k++)
            targets[i * TINY_CLASSES + k] =
                .75f * (float)(labels[i] == k) + .25f * (float)(labels[TINY_N - 1 - i] == k);
}

static void setup(void)
{
    tiny_data(images, labels);
    mix();
}

static const weft_batch batch = { .images = images, .labels = labels, .targets = targets };

/* ---- curves ---- */

static const struct {
    const char *name;
    double lr;
    weft_train_opt opt;
} curves[] = {
    { "sgd", .05, { .optimizer = { .momentum = .9, .nesterov = true, .decay = .01 } } },
    { "adam", .01, { .optimizer = { .kind = WEFT_ADAM, .decay = .01 } } },
    { "adamw", .01, { .optimizer = { .kind = WEFT_ADAMW, .decay = .1 } } },
    { "rmsprop", .01, { .optimizer = { .kind = WEFT_RMSPROP, .momentum = .9, .decay = 1e-3 } } },
    { "rmsprop_from_zero", .002,
      { .optimizer = { .kind = WEFT_RMSPROP, .momentum = .9, .decay = 1e-3, .mean_square_from_zero = true } } },
    { "lamb", .02, { .optimizer = { .kind = WEFT_LAMB, .decay = .01 } } },
    { "clip_norm", .1, { .clip_norm = .5 } },
    { "clip_value", .1, { .clip_value = .02 } },
    { "smoothing", .1, { .smoothing = .1 } },
    { "class_weights", .1, { .class_weights = class_weights } },
    { "mixed", .1, { .targets = true } },
    { "bce", .1, { .loss = WEFT_LOSS_BCE } },
    { "bce_mixed", .1, { .loss = WEFT_LOSS_BCE, .targets = true } },
};

START_TEST(as_pytorch)
{
    setup();
    double want[STEPS + 1];
    ck_assert_int_eq(golden_row("curves.txt", curves[_i].name, want, STEPS + 1), STEPS);
    weft_ctx *ctx = open_ctx(2);
    weft_graph *network = tiny_network(ctx);
    weft_trainer *trainer;
    CHECK_OK(weft_trainer_create(ctx, network, &curves[_i].opt, &trainer));
    seed_trainer(ctx, network, trainer);
    for (int i = 0; i < STEPS; i++) {
        weft_step_result r;
        CHECK_OK(weft_trainer_step(trainer, &batch, curves[_i].lr, &r));
        ck_assert(r.finite && r.updated && r.updates == i + 1);
        ck_assert_msg(fabs(r.loss - want[i]) <= 2e-5 * fmax(want[i], .1),
                      "%s: the loss of step %d is %.9g, PyTorch's %.9g", curves[_i].name, i, r.loss, want[i]);
    }
    weft_trainer_destroy(trainer);
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
}
END_TEST

/* ---- the store as a whole ---- */

/* All of the store's numbers, or those of the network alone; to be freed. */
static float *dump(weft_store *store, bool all, int64_t *count)
{
    int64_t n = 0;
    float *numbers = malloc(weft_store_bytes(store));
    ck_assert(numbers != NULL);
    for (int i = 0; i < weft_store_count(store); i++) {
        weft_param_info info;
        CHECK_OK(weft_store_param(store, i, &info));
        const int64_t size = weft_shape_count(&info.shape);
        if (!all && (strncmp(info.name, "optimizer/", 10) == 0 || strncmp(info.name, "ema/", 4) == 0))
            continue;
        CHECK_OK(weft_store_get(store, info.name, numbers + n, size));
        n += size;
    }
    *count = n;
    return numbers;
}

static void expect_same(weft_store *a, weft_store *b, bool all)
{
    int64_t n, m;
    float *of_a = dump(a, all, &n), *of_b = dump(b, all, &m);
    ck_assert_int_eq(n, m);
    ck_assert(memcmp(of_a, of_b, (size_t)n * sizeof *of_a) == 0);
    free(of_a);
    free(of_b);
}

/* ---- steps that go wrong ---- */

static const weft_train_opt everything[] = {
    { .optimizer = { .momentum = .9 }, .ema = .9 },
    { .optimizer = { .kind = WEFT_RMSPROP, .momentum = .9 }, .clip_norm = 1 },
    { .optimizer = { .kind = WEFT_ADAMW, .decay = .1 }, .clip_value = 1, .ema = .99 },
    { .optimizer = { .kind = WEFT_LAMB, .decay = .1 }, .ema = .9 },
    { .optimizer = { .kind = WEFT_ADAM }, .accumulate = 2, .ema = .9 },
};

/* Good, bad, good: as good, good; and the bad one changed nothing. */
START_TEST(a_bad_step_changes_nothing)
{
    setup();
    static float spoilt[TINY_N * TINY_PIXELS];
    memcpy(spoilt, images, sizeof spoilt);
    spoilt[77] = NAN;
    const weft_batch bad = { .images = spoilt, .labels = labels };
    weft_ctx *ctx = open_ctx(2);
    weft_graph *network = tiny_network_watched(ctx);
    weft_trainer *t, *other;
    weft_step_result r;
    int64_t n;
    CHECK_OK(weft_trainer_create(ctx, network, &everything[_i], &t));
    CHECK_OK(weft_trainer_create(ctx, network, &everything[_i], &other));
    for (int i = 0; i < 3; i++) {
        CHECK_OK(weft_trainer_step(t, &batch, .01, &r));
        ck_assert(r.finite);
        CHECK_OK(weft_trainer_step(other, &batch, .01, NULL));
        float *before = dump(weft_trainer_store(t), true, &n);
        CHECK_OK(weft_trainer_step(t, &bad, .01, &r));
        ck_assert(!r.finite && !r.updated && !isfinite(r.loss));
        float *after = dump(weft_trainer_store(t), true, &n);
        ck_assert(memcmp(before, after, (size_t)n * sizeof *before) == 0);
        free(before);
        free(after);
    }
    CHECK_OK(weft_trainer_step(t, &batch, .01, NULL));
    CHECK_OK(weft_trainer_step(other, &batch, .01, NULL));
    expect_same(weft_trainer_store(t), weft_trainer_store(other), true);
    ck_assert_int_eq(weft_trainer_position(t), 7);
    weft_trainer_destroy(t);
    weft_trainer_destroy(other);
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
}
END_TEST

START_TEST(traces_say_where)
{
    setup();
    static float spoilt[TINY_N * TINY_PIXELS];
    weft_ctx *ctx = open_ctx(2);
    weft_graph *network = tiny_network_watched(ctx);
    weft_trainer *t;
    weft_trace trace;
    float bias[4] = { 0, 0, NAN, 0 };
    CHECK_OK(weft_trainer_create(ctx, network, NULL, &t));
    CHECK_FAILS(WEFT_INVALID, weft_trainer_trace(t, &batch, .01, &trace), "a step must have been made");
    CHECK_OK(weft_trainer_step(t, &batch, .01, NULL));
    CHECK_FAILS(WEFT_NOT_FOUND, weft_trainer_trace(t, &batch, .01, &trace), "all numbers of step 0 are finite");
    memcpy(spoilt, images, sizeof spoilt);
    spoilt[7] = INFINITY;
    CHECK_OK(weft_trainer_step(t, &(weft_batch){ .images = spoilt, .labels = labels }, .01, NULL));
    CHECK_OK(weft_trainer_trace(t, &(weft_batch){ .images = spoilt, .labels = labels }, .01, &trace));
    ck_assert_str_eq(trace.what, "input");
    ck_assert_str_eq(trace.name, "images");
    ck_assert(trace.step == 1 && trace.index == 7 && isinf(trace.value));
    float large[TINY_CLASSES * 144];
    for (int i = 0; i < TINY_CLASSES * 144; i++)
        large[i] = 3e38f;
    CHECK_OK(weft_store_set(weft_trainer_store(t), "dense/weight", large, TINY_CLASSES * 144));
    CHECK_OK(weft_trainer_step(t, &batch, .01, NULL));
    CHECK_OK(weft_trainer_trace(t, &batch, .01, &trace));
    ck_assert_str_eq(trace.what, "output");
    ck_assert_str_eq(trace.name, "dense");
    ck_assert_str_eq(trace.op, "dense");
    ck_assert_int_eq(trace.step, 2);
    CHECK_OK(weft_store_set(weft_trainer_store(t), "conv/bias", bias, 4));
    CHECK_OK(weft_trainer_step(t, &batch, .01, NULL));
    CHECK_OK(weft_trainer_trace(t, &batch, .01, &trace));
    ck_assert_str_eq(trace.what, "parameter");
    ck_assert_str_eq(trace.name, "conv/bias");
    ck_assert_int_eq(trace.index, 2);
    weft_trainer_destroy(t);
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
}
END_TEST

/* A state moves at the end of a step, so the network cannot read it before; a frozen one stays. */
START_TEST(states_move_at_the_end)
{
    setup();
    const weft_shape shape = { .rank = 2, .dim = { TINY_N, 3 } }, one = { .rank = 1, .dim = { 1 } };
    const weft_shape row = { .rank = 1, .dim = { 3 } };
    for (int kind = 0; kind < 3; kind++) {
        weft_ctx *ctx = open_ctx(1);
        weft_graph *g;
        weft_trainer *t = NULL;
        CHECK_OK(weft_graph_create(ctx, &g));
        weft_var x = weft_dense(g, weft_input(g, "x", &shape), &(weft_dense_opt){ .name = "dense", .out = 3 });
        const weft_var seen = weft_state(g, "seen", &row, WEFT_INIT_ONE);
        if (kind == 2) {
            const weft_var count = weft_state(g, "count", &one, WEFT_INIT_ZERO), loss = weft_input(g, "l", &one);
            weft_gate(g, count, loss, loss, (weft_var){ 0 }, &(weft_gate_opt){ .name = "own" });
        } else {
            weft_moving_average(g, seen, weft_moments(g, x).mean, &(weft_moving_average_opt){ .name = "follows" });
        }
        weft_output(g, x, "classes");
        if (kind == 1)
            weft_output(g, weft_relu(g, seen), "again");
        CHECK_OK(weft_graph_status(g));
        static const char *const frozen[] = { "seen" };
        const weft_train_opt opt = { .freeze = frozen, .freeze_count = 1 };
        if (kind == 1)
            CHECK_FAILS(WEFT_UNSUPPORTED, weft_trainer_create(ctx, g, NULL, &t), "follows: in training the state");
        else if (kind == 2)
            CHECK_FAILS(WEFT_UNSUPPORTED, weft_trainer_create(ctx, g, NULL, &t), "own: gate changes a state");
        else
            for (int i = 0; i < 2; i++) {
                float now[3];
                CHECK_OK(weft_trainer_create(ctx, g, i ? &opt : NULL, &t));
                CHECK_OK(weft_trainer_step(t, &batch, .01, NULL));
                CHECK_OK(weft_store_get(weft_trainer_store(t), "seen", now, 3));
                ck_assert(i ? now[0] == 1 : now[0] != 1);
                weft_trainer_destroy(t);
            }
        weft_graph_destroy(g);
        weft_ctx_destroy(ctx);
    }
}
END_TEST

/* ---- batches that add up ---- */

START_TEST(half_batches_are_a_whole_one)
{
    setup();
    weft_ctx *ctx = open_ctx(2);
    weft_graph *network = tiny_network(ctx);
    weft_trainer *whole, *halves;
    const weft_optimizer how = { .kind = WEFT_ADAMW, .decay = .1 };
    const weft_batch half[] = {
        { .images = images, .labels = labels },
        { .images = images + TINY_N / 2 * TINY_PIXELS, .labels = labels + TINY_N / 2 },
    };
    weft_step_result r, first, second;
    CHECK_OK(weft_trainer_create(ctx, network, &(weft_train_opt){ .optimizer = how, .clip_norm = .5 }, &whole));
    CHECK_OK(weft_trainer_create(ctx, network, &(weft_train_opt){ .optimizer = how, .clip_norm = .5, .accumulate = 2,
                                                                  .batch = TINY_N / 2 }, &halves));
    for (int i = 0; i < 8; i++) {
        CHECK_OK(weft_trainer_step(whole, &batch, .01, &r));
        CHECK_OK(weft_trainer_step(halves, &half[0], .01, &first));
        ck_assert(!first.updated && first.updates == i);
        CHECK_OK(weft_trainer_step(halves, &half[1], .01, &second));
        ck_assert(second.updated && second.updates == i + 1);
        const double mean = (first.loss + second.loss) / 2;
        ck_assert_msg(fabs(r.loss - mean) <= 1e-5 * r.loss, "step %d: %.9g and %.9g", i, r.loss, mean);
        ck_assert_int_eq(r.top1, first.top1 + second.top1);
    }
    weft_trainer_destroy(whole);
    weft_trainer_destroy(halves);
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
}
END_TEST

/* ---- averages ---- */

START_TEST(averages_follow)
{
    setup();
    enum { BIAS = 4 };
    weft_ctx *ctx = open_ctx(2);
    weft_graph *network = tiny_network_watched(ctx);
    const weft_graph *const graphs[] = { network };
    weft_trainer *t;
    weft_store *copy;
    double want[2][BIAS] = { { 0 } };
    static const char *const names[] = { "conv/bias", "seen/mean" };
    float now[BIAS];
    CHECK_OK(weft_trainer_create(ctx, network, &(weft_train_opt){ .ema = .5 }, &t));
    CHECK_OK(weft_store_create(ctx, graphs, 1, &copy));
    CHECK_OK(weft_trainer_average(t, copy));
    expect_same(weft_trainer_store(t), copy, false); /* nothing has been averaged yet */
    for (int i = 1; i <= 12; i++) {
        CHECK_OK(weft_trainer_step(t, &batch, .1, NULL));
        CHECK_OK(weft_trainer_average(t, copy));
        for (int k = 0; k < 2; k++) {
            CHECK_OK(weft_store_get(weft_trainer_store(t), names[k], now, BIAS));
            const double d = i == 1 ? 0 : fmin(.5, (1. + i) / (10. + i));
            for (int c = 0; c < BIAS; c++)
                want[k][c] = d * want[k][c] + (1 - d) * (double)now[c];
            CHECK_OK(weft_store_get(copy, names[k], now, BIAS));
            for (int c = 0; c < BIAS; c++)
                ck_assert_msg(fabs((double)now[c] - want[k][c]) <= 1e-6, "%s after %d: %g, not %g", names[k], i,
                              (double)now[c], want[k][c]);
        }
    }
    CHECK_FAILS(WEFT_INVALID, weft_trainer_average(t, weft_trainer_store(t)), "another store");
    weft_store_destroy(copy);
    weft_trainer_destroy(t);
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
}
END_TEST

/* ---- which parameters ---- */

START_TEST(groups_and_freezing)
{
    setup();
    static const char *const frozen[] = { "conv/w*" };
    static const weft_param_group groups[] = {
        { .pattern = "dense/?*", .lr = 3 }, { .pattern = "*/weight", .lr = 2, .decay = .5 },
        { .pattern = "*bias", .no_decay = true }, { .pattern = "conv/*", .lr = 5 },
    };
    weft_ctx *ctx = open_ctx(1);
    weft_graph *network = tiny_network_watched(ctx);
    weft_trainer *t;
    weft_trained_info info;
    const weft_train_opt opt = { .optimizer = { .momentum = .9, .decay = .1 }, .freeze = frozen, .freeze_count = 1,
                                 .groups = groups, .group_count = 4, .layer_decay = .5 };
    CHECK_OK(weft_trainer_create(ctx, network, &opt, &t));
    static const struct {
        const char *name;
        bool trained;
        double lr, decay;
    } want[] = {
        { "conv/weight", false, 0, 0 }, { "conv/bias", true, 1.25, 0 },  { "seen/mean", false, 0, 0 },
        { "dense/weight", true, 6, .5 }, { "dense/bias", true, 3, 0 },
    };
    ck_assert_int_eq(weft_trainer_param_count(t), 5);
    for (int i = 0; i < 5; i++) {
        CHECK_OK(weft_trainer_param(t, i, &info));
        ck_assert_str_eq(info.name, want[i].name);
        ck_assert_msg(info.trained == want[i].trained && info.lr == want[i].lr && info.decay == want[i].decay,
                      "%s: %d %g %g", info.name, info.trained, info.lr, info.decay);
    }
    float before[72], after[72];
    CHECK_OK(weft_store_get(weft_trainer_store(t), "conv/weight", before, 72));
    CHECK_OK(weft_trainer_step(t, &batch, .1, NULL));
    CHECK_OK(weft_store_get(weft_trainer_store(t), "conv/weight", after, 72));
    ck_assert(memcmp(before, after, sizeof before) == 0);
    weft_trainer_destroy(t);
    static const char *const nothing[] = { "stem/*" }, *const all[] = { "*" };
    const weft_train_opt wrong[] = { { .freeze = nothing, .freeze_count = 1 }, { .freeze = all, .freeze_count = 1 },
                                     { .clip_norm = 1, .clip_value = 1 } };
    CHECK_FAILS(WEFT_INVALID, weft_trainer_create(ctx, network, &wrong[0], &t), "'stem/*' matches no parameter");
    CHECK_FAILS(WEFT_INVALID, weft_trainer_create(ctx, network, &wrong[1], &t), "nothing is left to train");
    CHECK_FAILS(WEFT_INVALID, weft_trainer_create(ctx, network, &wrong[2], &t), "expected one of them");
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
}
END_TEST

/* A group's rate is the rate: half of it, twice as fast. */
START_TEST(a_rate_is_a_rate)
{
    setup();
    static const weft_param_group half[] = { { .pattern = "*", .lr = .5 } };
    weft_ctx *ctx = open_ctx(1);
    weft_graph *network = tiny_network(ctx);
    for (int kind = 0; kind < WEFT_OPTIMIZER_COUNT; kind++) {
        weft_trainer *a, *b;
        weft_train_opt opt = { .optimizer = { .kind = (weft_optimizer_kind)kind, .momentum = .5, .decay = .1 } };
        CHECK_OK(weft_trainer_create(ctx, network, &opt, &a));
        opt.groups = half;
        opt.group_count = 1;
        CHECK_OK(weft_trainer_create(ctx, network, &opt, &b));
        for (int i = 0; i < 3; i++) {
            CHECK_OK(weft_trainer_step(a, &batch, .25, NULL));
            CHECK_OK(weft_trainer_step(b, &batch, .5, NULL));
        }
        expect_same(weft_trainer_store(a), weft_trainer_store(b), true);
        weft_trainer_destroy(a);
        weft_trainer_destroy(b);
    }
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
}
END_TEST

/* ---- memory ---- */

static weft_status use(weft_ctx *ctx, const weft_graph *network, weft_trainer *t)
{
    const weft_graph *const graphs[] = { network };
    weft_store *copy;
    weft_status status = weft_trainer_step(t, &batch, .01, NULL);
    if (status != WEFT_OK)
        return status;
    status = weft_store_create(ctx, graphs, 1, &copy);
    if (status != WEFT_OK)
        return status;
    status = weft_trainer_average(t, copy);
    weft_store_destroy(copy);
    weft_trace trace;
    if (status == WEFT_OK)
        status = weft_trainer_trace(t, &batch, .01, &trace); /* finds nothing */
    return status == WEFT_NOT_FOUND ? WEFT_OK : status;
}

static weft_status live(const weft_allocator *allocator, void *arg)
{
    weft_ctx *ctx = NULL;
    weft_graph *network = arg;
    weft_trainer *t = NULL;
    const weft_train_opt opt = { .optimizer = { .kind = WEFT_LAMB }, .accumulate = 2, .clip_value = 1, .ema = .9 };
    const weft_ctx_opt cpu = { .device = "cpu", .threads = 1, .allocator = *allocator };
    weft_status status = weft_ctx_create(&cpu, &ctx);
    if (status == WEFT_OK)
        status = weft_trainer_create(ctx, network, &opt, &t);
    if (status == WEFT_OK)
        status = use(ctx, network, t);
    weft_trainer_destroy(t);
    weft_ctx_destroy(ctx);
    return status;
}

START_TEST(every_request_may_fail)
{
    setup();
    weft_ctx *ctx = open_ctx(1);
    weft_graph *network = tiny_network_watched(ctx);
    ck_assert_int_gt(check_every_failure(live, network), 30);
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("train-steps");
    TCase *golden = tcase_create("golden"), *wrong = tcase_create("wrong");
    (void)argc;
    tcase_add_loop_test(golden, as_pytorch, 0, (int)(sizeof curves / sizeof *curves));
    tcase_add_loop_test(wrong, a_bad_step_changes_nothing, 0, (int)(sizeof everything / sizeof *everything));
    suite_add_tcase(suite, golden);
    suite_add_tcase(suite, wrong);
    CHECK_CASE(suite, "others", traces_say_where, states_move_at_the_end, half_batches_are_a_whole_one, averages_follow,
               groups_and_freezing, a_rate_is_a_rate, every_request_may_fail);
    return check_main(suite, argv[0]);
}
