/* SPDX-License-Identifier: Apache-2.0
 *
 * Networks that learn, by the public API: one with batch norm learns 64 images by heart, one like LeNet-5 learns what
 * is in seeded pictures and knows others; and the same seed gives the same bits, for any number of threads. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check/harness.h"
#include "nets.h"

enum { SIDE = 12, CLASSES = 10, BATCH = 32, PIXELS = SIDE * SIDE };

static weft_graph *begin(weft_ctx *ctx, weft_var *x)
{
    weft_graph *g;
    CHECK_OK(weft_graph_create(ctx, &g));
    *x = weft_input(g, "images", &(weft_shape){ .rank = 4, .dim = { BATCH, SIDE, SIDE, 1 } });
    return g;
}

static weft_graph *end(weft_graph *g, weft_var x)
{
    x = weft_dense(g, weft_flatten(g, x), &(weft_dense_opt){ .name = "head", .out = CLASSES });
    weft_output(g, weft_softmax(g, x), "classes");
    CHECK_OK(weft_graph_status(g));
    return g;
}

static weft_graph *with_norm(weft_ctx *ctx)
{
    weft_var x;
    weft_graph *g = begin(ctx, &x);
    x = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "a", .out = 8, .kernel = 3 });
    x = weft_relu(g, weft_batch_norm(g, x, &(weft_batch_norm_opt){ .name = "a/norm" }));
    x = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "b", .out = 16, .kernel = 3, .stride = 2 });
    x = weft_relu(g, weft_batch_norm(g, x, &(weft_batch_norm_opt){ .name = "b/norm" }));
    return end(g, x);
}

static weft_graph *like_lenet(weft_ctx *ctx)
{
    weft_var x;
    weft_graph *g = begin(ctx, &x);
    x = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "c1", .out = 6, .kernel = 5, .stride = 2, .bias = true });
    x = weft_tanh(g, x);
    x = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "c3", .out = 16, .kernel = 3, .bias = true });
    x = weft_flatten(g, weft_tanh(g, x));
    x = weft_tanh(g, weft_dense(g, x, &(weft_dense_opt){ .name = "f6", .out = 84 }));
    x = weft_dense(g, x, &(weft_dense_opt){ .name = "head", .out = CLASSES });
    weft_output(g, weft_softmax(g, x), "classes");
    CHECK_OK(weft_graph_status(g));
    return g;
}

static const weft_train_opt recipe = { .optimizer = { .momentum = .9, .decay = 1e-4 }, .seed = 7 };

START_TEST(learns_64_images_by_heart)
{
    static float images[64 * PIXELS];
    static int32_t labels[64];
    weft_ctx *ctx = open_ctx(2);
    weft_graph *network = with_norm(ctx);
    weft_trainer *t;
    toy_data(64, SIDE, CLASSES, images, labels);
    for (int i = 0; i < 64; i++)
        labels[i] = (labels[i] * 7 + i / CLASSES) % CLASSES; /* what is in the picture does not say */
    CHECK_OK(weft_trainer_create(ctx, network, &recipe, &t));
    int64_t right = 0;
    for (int epoch = 0; epoch < 60 && right < 64; epoch++) {
        right = 0;
        for (int i = 0; i < 64; i += BATCH) {
            weft_step_result r;
            const weft_batch batch = { .images = images + i * PIXELS, .labels = labels + i };
            CHECK_OK(weft_trainer_step(t, &batch, .05, &r));
            ck_assert(r.finite);
            right += r.top1;
        }
    }
    ck_assert_msg(right == 64, "%d of 64 images after 60 epochs", (int)right);
    weft_trainer_destroy(t);
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
}
END_TEST

/* Images that a model on the trainer's store gets right. */
static int evaluate(weft_ctx *ctx, const weft_graph *network, weft_store *store, const float *images,
                    const int32_t *labels, int n)
{
    weft_model *model;
    float p[BATCH * CLASSES];
    int right = 0;
    CHECK_OK(weft_model_create(ctx, network, &(weft_model_opt){ .store = store }, &model));
    for (int i = 0; i + BATCH <= n; i += BATCH) {
        CHECK_OK(weft_model_set_input(model, 0, images + i * PIXELS, BATCH * PIXELS * sizeof(float)));
        CHECK_OK(weft_model_run(model));
        CHECK_OK(weft_model_get_output(model, 0, p, sizeof p));
        for (int k = 0; k < BATCH; k++) {
            int best = 0;
            for (int c = 1; c < CLASSES; c++)
                best = p[k * CLASSES + c] > p[k * CLASSES + best] ? c : best;
            right += best == labels[i + k];
        }
    }
    weft_model_destroy(model);
    return right;
}

START_TEST(learns_what_is_in_pictures)
{
    enum { TRAIN = 640, ALL = TRAIN + 160 };
    static float images[ALL * PIXELS];
    static int32_t labels[ALL];
    weft_ctx *ctx = open_ctx(2);
    weft_graph *network = like_lenet(ctx);
    const weft_graph *const graphs[] = { network };
    weft_trainer *t;
    weft_store *average;
    weft_train_opt opt = recipe;
    opt.ema = .95;
    opt.clip_norm = 5;
    toy_data(ALL, SIDE, CLASSES, images, labels);
    CHECK_OK(weft_trainer_create(ctx, network, &opt, &t));
    CHECK_OK(weft_store_create(ctx, graphs, 1, &average));
    const weft_schedule schedule = { .kind = WEFT_SCHEDULE_ONE_CYCLE, .rate = .05, .epochs = 4,
                                     .steps_per_epoch = TRAIN / BATCH };
    for (int64_t step = 0; step < 4 * TRAIN / BATCH; step++) {
        const int64_t first = step * BATCH % TRAIN;
        const weft_batch batch = { .images = images + first * PIXELS, .labels = labels + first };
        CHECK_OK(weft_trainer_step(t, &batch, weft_schedule_rate(&schedule, step), NULL));
    }
    CHECK_OK(weft_trainer_average(t, average));
    const float *unseen = images + TRAIN * PIXELS;
    const int now = evaluate(ctx, network, weft_trainer_store(t), unseen, labels + TRAIN, ALL - TRAIN);
    const int averaged = evaluate(ctx, network, average, unseen, labels + TRAIN, ALL - TRAIN);
    ck_assert_msg(now >= 150 && averaged >= 150, "%d and, averaged, %d of 160 images", now, averaged);
    weft_store_destroy(average);
    weft_trainer_destroy(t);
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
}
END_TEST

/* LeNet-5 as published: squashing, sub-sampling, partial connections, RBF units and their criterion. */
START_TEST(lenet5_as_published_learns)
{
    enum { SIDE32 = 32, N = 20 };
    static float images[N * SIDE32 * SIDE32];
    static int32_t labels[N];
    weft_ctx *ctx = open_ctx(2);
    weft_graph *network;
    weft_trainer *t;
    weft_step_result r;
    double first = 0;
    toy_data(N, SIDE32, CLASSES, images, labels);
    CHECK_OK(weft_arch_build(ctx, "lenet5", &(weft_arch_opt){ .dialect = WEFT_PAPER, .batch = N }, &network));
    CHECK_OK(weft_trainer_create(ctx, network, &(weft_train_opt){ .loss = WEFT_LOSS_RBF,
                                                                  .optimizer = { .momentum = .9 } }, &t));
    for (int i = 0; i < 60; i++) {
        CHECK_OK(weft_trainer_step(t, &(weft_batch){ .images = images, .labels = labels }, 2e-3, &r));
        ck_assert(r.finite);
        first = i == 0 ? r.loss : first;
    }
    ck_assert_msg(r.loss < first / 4 && r.top1 > N * 3 / 4, "the loss went from %g to %g, %d of %d are right", first,
                  r.loss, (int)r.top1, N);
    weft_trainer_destroy(t);
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
}
END_TEST

/* Everything in a store; to be freed. */
static float *dump(weft_store *store, int64_t *count)
{
    float *all = malloc(weft_store_bytes(store));
    ck_assert(all != NULL);
    *count = 0;
    for (int i = 0; i < weft_store_count(store); i++) {
        weft_param_info info;
        CHECK_OK(weft_store_param(store, i, &info));
        CHECK_OK(weft_store_get(store, info.name, all + *count, weft_shape_count(&info.shape)));
        *count += weft_shape_count(&info.shape);
    }
    return all;
}

/* The statistics of batch norm as they were, too, and training goes on. */
START_TEST(a_bad_batch_hurts_no_norm)
{
    static float images[BATCH * PIXELS], spoilt[BATCH * PIXELS];
    static int32_t labels[BATCH];
    weft_ctx *ctx = open_ctx(2);
    weft_graph *network = with_norm(ctx);
    weft_trainer *t;
    weft_step_result r;
    int64_t count;
    toy_data(BATCH, SIDE, CLASSES, images, labels);
    memcpy(spoilt, images, sizeof spoilt);
    spoilt[5 * PIXELS] = INFINITY;
    CHECK_OK(weft_trainer_create(ctx, network, &recipe, &t));
    CHECK_OK(weft_trainer_step(t, &(weft_batch){ .images = images, .labels = labels }, .05, NULL));
    float *before = dump(weft_trainer_store(t), &count);
    CHECK_OK(weft_trainer_step(t, &(weft_batch){ .images = spoilt, .labels = labels }, .05, &r));
    ck_assert(!r.finite && !r.updated);
    float *after = dump(weft_trainer_store(t), &count);
    ck_assert(memcmp(before, after, (size_t)count * sizeof *before) == 0);
    CHECK_OK(weft_trainer_step(t, &(weft_batch){ .images = images, .labels = labels }, .05, &r));
    ck_assert(r.finite && r.updated && r.updates == 2);
    free(before);
    free(after);
    weft_trainer_destroy(t);
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
}
END_TEST

/* With a momentum of one's own the statistics of all norms keep that share, the same batch moves them the rest of the
 * way, and nothing else is another. */
START_TEST(norms_are_as_quick_as_is_asked)
{
    static const double momenta[] = { .99 /* the network's */, .25 };
    static float images[BATCH * PIXELS], mean[2][16], variance[2][16], weight[2][9 * 8 * 16];
    static int32_t labels[BATCH];
    weft_ctx *ctx = open_ctx(1);
    weft_graph *network = with_norm(ctx);
    toy_data(BATCH, SIDE, CLASSES, images, labels);
    for (int i = 0; i < 2; i++) {
        weft_trainer *t;
        weft_train_opt opt = recipe;
        opt.norm_momentum = i == 0 ? 0 : momenta[i];
        CHECK_OK(weft_trainer_create(ctx, network, &opt, &t));
        CHECK_OK(weft_trainer_step(t, &(weft_batch){ .images = images, .labels = labels }, .05, NULL));
        CHECK_OK(weft_store_get(weft_trainer_store(t), "b/norm/mean", mean[i], 16));
        CHECK_OK(weft_store_get(weft_trainer_store(t), "b/norm/variance", variance[i], 16));
        CHECK_OK(weft_store_get(weft_trainer_store(t), "b/weight", weight[i], 9 * 8 * 16));
        weft_trainer_destroy(t);
    }
    for (int c = 0; c < 16; c++) { /* from a mean of 0 and a variance of 1 */
        const double seen[2] = { (double)mean[0][c] / .01, ((double)variance[0][c] - .99) / .01 };
        ck_assert_double_eq_tol((double)mean[1][c], .75 * seen[0], 1e-5);
        ck_assert_double_eq_tol((double)variance[1][c], .25 + .75 * seen[1], 1e-4);
    }
    ck_assert_mem_eq(weight[0], weight[1], sizeof weight[0]);
    CHECK_FAILS(WEFT_INVALID, weft_trainer_create(ctx, network, &(weft_train_opt){ .norm_momentum = 1 },
                                                  &(weft_trainer *){ NULL }), "norm_momentum is 1");
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
}
END_TEST

/* Everything in the store after some steps; to be freed. */
static float *train(int threads, bool planned_first, int64_t *count)
{
    static float images[4 * BATCH * PIXELS];
    static int32_t labels[4 * BATCH];
    weft_ctx *ctx = open_ctx(threads);
    weft_graph *network = with_norm(ctx);
    weft_trainer *t;
    weft_train_opt opt = recipe;
    opt.ema = .9;
    opt.clip_norm = 1;
    opt.optimizer.kind = WEFT_LAMB;
    toy_data(4 * BATCH, SIDE, CLASSES, images, labels);
    opt.plan_only = planned_first;
    CHECK_OK(weft_trainer_create(ctx, network, &opt, &t));
    if (planned_first) {
        const weft_batch first = { .images = images, .labels = labels };
        CHECK_FAILS(WEFT_INVALID, weft_trainer_step(t, &first, .05, NULL), "plan_only");
        CHECK_OK(weft_trainer_begin(t));
    }
    for (int i = 0; i < 8; i++) {
        const weft_batch batch = { .images = images + i % 4 * BATCH * PIXELS, .labels = labels + i % 4 * BATCH };
        CHECK_OK(weft_trainer_step(t, &batch, .05, NULL));
    }
    float *all = dump(weft_trainer_store(t), count);
    weft_trainer_destroy(t);
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
    return all;
}

START_TEST(same_seed_same_bits)
{
    static const int threads[] = { 1, 2, 3 };
    int64_t count, other;
    float *first = train(1, false, &count);
    for (int i = 0; i < 3; i++) {
        float *again = train(threads[i], i == 1, &other);
        ck_assert_int_eq(count, other);
        for (int64_t k = 0; k < count; k++)
            ck_assert_msg(memcmp(&first[k], &again[k], sizeof *first) == 0, "%d threads: number %d is %.9g, not %.9g",
                          threads[i], (int)k, (double)again[k], (double)first[k]);
        free(again);
    }
    free(first);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("train-learn");
    (void)argc;
    CHECK_CASE(suite, "learn", learns_64_images_by_heart, learns_what_is_in_pictures, lenet5_as_published_learns,
               a_bad_batch_hurts_no_norm, norms_are_as_quick_as_is_asked, same_seed_same_bits);
    return check_main(suite, argv[0]);
}
