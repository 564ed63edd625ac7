/* SPDX-License-Identifier: Apache-2.0
 *
 * The scale of the loss, in fp32, where powers of two change no bit: whatever is trained must come out as without one,
 * but for what the scale itself is. Scales that are too large, that grow, that do not help, that are kept and read
 * again. (In fp16: tests/cuda/scale.c.) */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/harness.h"
#include "nets.h"

enum { STEPS = 7 };

static float images[TINY_N * TINY_PIXELS], spoilt[TINY_N * TINY_PIXELS];
static int32_t labels[TINY_N];
static const float class_weights[] = { 1, 2, .5f, .25f, 3 };
static const weft_batch batch = { .images = images, .labels = labels }, bad = { .images = spoilt, .labels = labels };

static void setup(void)
{
    tiny_data(images, labels);
    memcpy(spoilt, images, sizeof spoilt);
    spoilt[77] = NAN;
}

/* Every kind of layer that has a backward pass of its own. */
static weft_graph *build(weft_ctx *ctx)
{
    const weft_shape shape = weft_shape_nhwc(TINY_N, TINY_SIDE, TINY_SIDE, TINY_C);
    weft_graph *g;
    CHECK_OK(weft_graph_create(ctx, &g));
    weft_var x = weft_input(g, "images", &shape);
    x = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "conv", .out = 8, .kernel = 3 });
    x = weft_relu(g, weft_batch_norm(g, x, &(weft_batch_norm_opt){ .name = "norm" }));
    weft_var y = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "depthwise", .kernel = 3, .groups = 8, .bias = true });
    y = weft_squeeze_excite(g, weft_swish(g, y), &(weft_squeeze_excite_opt){ .name = "excite", .reduced = 2 });
    x = weft_dropout(g, weft_global_avg_pool2d(g, weft_add(g, x, y)), .2);
    weft_output(g, weft_softmax(g, weft_dense(g, x, &(weft_dense_opt){ .name = "dense", .out = TINY_CLASSES })), "out");
    CHECK_OK(weft_graph_status(g));
    return g;
}

/* The store's numbers but the scale; to be freed. */
static float *dump(weft_trainer *t, size_t *bytes)
{
    weft_store *store = weft_trainer_store(t);
    float *numbers = malloc(weft_store_bytes(store));
    size_t n = 0;
    ck_assert_ptr_nonnull(numbers);
    for (int i = 0; i < weft_store_count(store); i++) {
        weft_param_info info;
        CHECK_OK(weft_store_param(store, i, &info));
        if (strcmp(info.name, "optimizer/scale") == 0)
            continue;
        CHECK_OK(weft_store_get(store, info.name, numbers + n, weft_shape_count(&info.shape)));
        n += (size_t)weft_shape_count(&info.shape);
    }
    *bytes = n * sizeof *numbers;
    return numbers;
}

static void expect_same(weft_trainer *a, weft_trainer *b)
{
    size_t of_a, of_b;
    float *x = dump(a, &of_a), *y = dump(b, &of_b);
    ck_assert_uint_eq(of_a, of_b);
    ck_assert_msg(memcmp(x, y, of_a) == 0, "the stores differ");
    free(x);
    free(y);
}

static void expect_scale(weft_trainer *t, float factor, float good, float skipped)
{
    float is[3];
    CHECK_OK(weft_store_get(weft_trainer_store(t), "optimizer/scale", is, 3));
    ck_assert_msg(is[0] == factor && is[1] == good && is[2] == skipped, "the scale is { %g, %g, %g }, not { %g, %g, "
                  "%g }", (double)is[0], (double)is[1], (double)is[2], (double)factor, (double)good, (double)skipped);
}

static weft_trainer *open_trainer(weft_ctx *ctx, const weft_graph *network, const weft_train_opt *opt,
                                  weft_loss_scale scale)
{
    weft_train_opt copy = *opt;
    weft_trainer *t;
    copy.loss_scale = scale;
    CHECK_OK(weft_trainer_create(ctx, network, &copy, &t));
    return t;
}

/* clang-format off */
static const weft_train_opt ways[] = {
    { .optimizer = { .momentum = .9, .decay = .01 }, .ema = .9 },
    { .optimizer = { .kind = WEFT_RMSPROP, .momentum = .9 }, .clip_norm = .5, .smoothing = .1 },
    { .optimizer = { .kind = WEFT_ADAMW, .decay = .1 }, .clip_value = .02, .ema = .99, .class_weights = class_weights },
    { .optimizer = { .kind = WEFT_LAMB, .decay = .1 }, .loss = WEFT_LOSS_BCE },
    { .optimizer = { .kind = WEFT_ADAM }, .accumulate = 2, .ema = .9, .clip_norm = .5 },
    { .optimizer = { .kind = WEFT_ADAM }, .accumulate = 3, .clip_value = .01 },
    { .loss = WEFT_LOSS_RBF },
};
/* clang-format on */
enum { WAYS = sizeof ways / sizeof *ways };

static const weft_loss_scale none = { .kind = WEFT_SCALING_NONE };

START_TEST(a_power_of_two_changes_no_bit)
{
    static const double factors[] = { 1024, 1. / 64 };
    setup();
    weft_ctx *ctx = open_ctx(2);
    weft_graph *network = build(ctx);
    for (int k = 0; k < 2; k++) {
        const weft_loss_scale fixed = { .kind = WEFT_SCALING_FIXED, .factor = factors[k] };
        weft_trainer *plain = open_trainer(ctx, network, &ways[_i], none);
        weft_trainer *scaled = open_trainer(ctx, network, &ways[_i], fixed);
        for (int i = 0; i < STEPS; i++) {
            weft_step_result a, b;
            CHECK_OK(weft_trainer_step(plain, &batch, .05, &a));
            CHECK_OK(weft_trainer_step(scaled, &batch, .05, &b));
            ck_assert(a.finite && b.finite && a.scale == 1 && b.scale == factors[k] && !a.skipped && !b.skipped);
            ck_assert_msg(a.loss == b.loss && a.gradient_norm == b.gradient_norm && a.updates == b.updates &&
                              a.updated == b.updated && a.top1 == b.top1, "step %d: loss %.9g and %.9g, norm %.9g and "
                          "%.9g", i, a.loss, b.loss, a.gradient_norm, b.gradient_norm);
        }
        expect_same(plain, scaled);
        expect_scale(scaled, (float)factors[k], 0, 0);
        weft_trainer_destroy(plain);
        weft_trainer_destroy(scaled);
    }
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
}
END_TEST

/* Gradients of such a loss are more than a float can be: steps are left out until they are not. */
START_TEST(what_is_too_large_is_halved)
{
    enum { EXPONENT = 99 };
    static const float heavy[] = { 1e12f, 1e12f, 1e12f, 1e12f, 1e12f };
    static const double lr = 1e-14;
    setup();
    const weft_loss_scale huge = { .kind = WEFT_SCALING_DYNAMIC, .factor = ldexp(1, EXPONENT) };
    weft_train_opt opt = ways[_i];
    opt.class_weights = heavy;
    opt.clip_norm = 0; /* of norms beyond 1e38 nothing would be left */
    weft_ctx *ctx = open_ctx(2);
    weft_graph *network = build(ctx);
    weft_trainer *plain = open_trainer(ctx, network, &opt, none);
    weft_trainer *scaled = open_trainer(ctx, network, &opt, huge);
    int skips = 0, good = 0;
    weft_step_result a, b;
    while (good < STEPS && skips < 100) {
        size_t bytes;
        float *before = dump(scaled, &bytes);
        weft_trainer_set_position(scaled, good); /* dropout */
        CHECK_OK(weft_trainer_step(scaled, &batch, lr, &b));
        if (b.finite) {
            CHECK_OK(weft_trainer_step(plain, &batch, lr, &a));
            ck_assert(b.loss == a.loss && b.gradient_norm == a.gradient_norm && b.updates == a.updates && !b.skipped);
            good++;
        } else {
            float *after = dump(scaled, &bytes);
            skips++;
            ck_assert(b.skipped && !b.updated && isfinite(b.loss) && b.scale == ldexp(1, EXPONENT - skips));
            ck_assert_msg(memcmp(before, after, bytes) == 0, "a step that was left out changed something");
            free(after);
        }
        ck_assert_int_eq(b.skips, skips);
        free(before);
    }
    ck_assert_msg(skips > 0 && skips < 20, "%d steps were left out", skips);
    expect_same(plain, scaled);
    weft_trainer_destroy(plain);
    weft_trainer_destroy(scaled);
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
}
END_TEST

/* 8, and twice as much after each three good steps; a bad one in between halves, and changes nothing else. */
START_TEST(a_good_scale_grows)
{
    static const double want[] = { 8, 8, 16, 16, 8, 8, 8, 16 };
    setup();
    const weft_loss_scale growing = { .kind = WEFT_SCALING_DYNAMIC, .factor = 8, .interval = 3 };
    weft_ctx *ctx = open_ctx(2);
    weft_graph *network = build(ctx);
    weft_trainer *plain = open_trainer(ctx, network, &ways[_i], none);
    weft_trainer *scaled = open_trainer(ctx, network, &ways[_i], growing);
    for (int i = 0, good = 0; i < (int)(sizeof want / sizeof *want); i++) {
        weft_step_result r;
        weft_trainer_set_position(scaled, good);
        CHECK_OK(weft_trainer_step(scaled, i == 4 ? &bad : &batch, .05, &r));
        ck_assert_msg(r.scale == want[i] && r.skipped == (i == 4) && r.finite == (i != 4) && r.skips == (i >= 4),
                      "step %d: scale %g, %d", i, r.scale, r.skipped);
        if (i != 4) {
            CHECK_OK(weft_trainer_step(plain, &batch, .05, NULL));
            good++;
        }
    }
    expect_same(plain, scaled);
    expect_scale(scaled, 16, 0, 1);
    weft_trainer_destroy(plain);
    weft_trainer_destroy(scaled);
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
}
END_TEST

/* A number that no scale helps: the second step from 2 on is no longer forgiven, and is traced as ever. */
START_TEST(what_no_scale_helps_is_an_error)
{
    setup();
    const weft_loss_scale low = { .kind = WEFT_SCALING_DYNAMIC, .factor = 2 };
    const weft_loss_scale fixed = { .kind = WEFT_SCALING_FIXED, .factor = 2 };
    weft_ctx *ctx = open_ctx(1);
    weft_graph *network = build(ctx);
    weft_trainer *t = open_trainer(ctx, network, &ways[_i], low);
    weft_step_result r;
    weft_trace trace;
    for (int i = 0; i < 4; i++) {
        CHECK_OK(weft_trainer_step(t, &bad, .05, &r));
        ck_assert_msg(!r.finite && !r.updated && r.skipped == (i == 0) && r.scale == (i == 0 ? 1 : .5), "step %d", i);
    }
    CHECK_OK(weft_trainer_trace(t, &bad, .05, &trace));
    ck_assert_str_eq(trace.what, "input");
    ck_assert(trace.index == 77 && trace.step == 3);
    expect_scale(t, .5, 0, 4); /* a trace changes nothing */
    CHECK_OK(weft_trainer_step(t, &batch, .05, &r));
    ck_assert(r.finite && !r.skipped);
    weft_trainer_destroy(t);
    t = open_trainer(ctx, network, &ways[_i], fixed);
    CHECK_OK(weft_trainer_step(t, &bad, .05, &r));
    ck_assert(!r.finite && !r.skipped && !r.updated && r.scale == 2 && r.skips == 1);
    weft_trainer_destroy(t);
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
}
END_TEST

/* Saved in the middle of an interval, after a step that was left out, and read by another trainer. */
START_TEST(a_resumed_run_has_the_scale)
{
    enum { BEFORE = 5, AFTER = 6 };
    char folder[] = "/tmp/weft-scale-XXXXXX", command[64];
    setup();
    const weft_loss_scale growing = { .kind = WEFT_SCALING_DYNAMIC, .factor = 8, .interval = 4 };
    weft_ctx *ctx = open_ctx(2);
    weft_graph *network = build(ctx);
    weft_trainer *whole = open_trainer(ctx, network, &ways[_i], growing), *rest;
    weft_checkpoint *checkpoint;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    for (int i = 0; i < BEFORE; i++)
        CHECK_OK(weft_trainer_step(whole, i == 2 ? &bad : &batch, .05, NULL));
    expect_scale(whole, 4, 2, 1);
    const weft_checkpoint_facts facts = { .step = BEFORE };
    CHECK_OK(weft_checkpoint_save(weft_trainer_store(whole), folder, &facts, NULL));
    rest = open_trainer(ctx, network, &ways[_i], growing);
    CHECK_OK(weft_checkpoint_open(ctx, folder, NULL, &checkpoint));
    CHECK_OK(weft_checkpoint_restore(checkpoint, weft_trainer_store(rest)));
    weft_checkpoint_close(checkpoint);
    weft_trainer_set_position(rest, BEFORE);
    for (int i = 0; i < AFTER; i++) {
        weft_step_result a, b;
        CHECK_OK(weft_trainer_step(whole, &batch, .05, &a));
        CHECK_OK(weft_trainer_step(rest, &batch, .05, &b));
        ck_assert(a.loss == b.loss && a.gradient_norm == b.gradient_norm && a.scale == b.scale && a.skips == b.skips);
        ck_assert(a.scale == (i < 1 ? 4 : i < 5 ? 8 : 16));
    }
    expect_same(whole, rest);
    weft_trainer_destroy(whole);
    weft_trainer_destroy(rest);
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
    snprintf(command, sizeof command, "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(nonsense_is_refused)
{
    static const weft_loss_scale wrong[] = {
        { .kind = WEFT_SCALING_COUNT }, { .kind = WEFT_SCALING_FIXED, .factor = -1 }, { .factor = NAN },
        { .factor = 1e31 },             { .kind = WEFT_SCALING_DYNAMIC, .interval = -1 },
    };
    setup();
    weft_ctx *ctx = open_ctx(1);
    weft_graph *network = build(ctx);
    weft_trainer *t;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const weft_train_opt opt = { .loss_scale = wrong[i] };
        CHECK_FAILS(WEFT_INVALID, weft_trainer_create(ctx, network, &opt, &t), "loss_scale is of kind");
    }
    CHECK_OK(weft_trainer_create(ctx, network, NULL, &t)); /* fp32: none */
    ck_assert_int_ne(weft_store_get(weft_trainer_store(t), "optimizer/scale", images, 3), WEFT_OK);
    weft_trainer_destroy(t);
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("train-scale");
    TCase *scaled = tcase_create("scaled");
    (void)argc;
    tcase_add_loop_test(scaled, a_power_of_two_changes_no_bit, 0, WAYS);
    tcase_add_loop_test(scaled, what_is_too_large_is_halved, 0, WAYS - 1); /* the last takes no weights */
    tcase_add_loop_test(scaled, a_good_scale_grows, 0, WAYS);
    tcase_add_loop_test(scaled, what_no_scale_helps_is_an_error, 0, WAYS);
    tcase_add_loop_test(scaled, a_resumed_run_has_the_scale, 0, WAYS);
    suite_add_tcase(suite, scaled);
    CHECK_CASE(suite, "others", nonsense_is_refused);
    return check_main(suite, argv[0]);
}
