/* SPDX-License-Identifier: Apache-2.0
 *
 * The statistics of batch norms, measured anew (weft_norm_meter): against means in double of what the first norm sees,
 * and, of norms further on, against those of each batch alone. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "check/harness.h"
#include "nets.h"

enum { N = 6, SIDE = 8, C = 3, WIDE = 5, CLASSES = 4, BATCHES = 3, IMAGES = N * SIDE * SIDE * C };

static float images[BATCHES][IMAGES];
static weft_ctx *ctx;
static weft_graph *network;
static weft_store *store;

static void setup(void)
{
    const weft_shape shape = { .rank = 4, .dim = { N, SIDE, SIDE, C } };
    for (int b = 0; b < BATCHES; b++)
        for (int i = 0; i < IMAGES; i++) /* each batch, each channel has a mean of its own */
            images[b][i] = (float)(b + i % C) + (float)weft_rng_uniform(3, weft_rng_stream("norms"),
                                                                        (uint64_t)(b * IMAGES + i));
    ctx = open_ctx(2);
    CHECK_OK(weft_graph_create(ctx, &network));
    weft_var x = weft_input(network, "images", &shape);
    x = weft_batch_norm(network, x, &(weft_batch_norm_opt){ .name = "first" });
    x = weft_conv2d(network, x, &(weft_conv2d_opt){ .name = "conv", .out = WIDE, .kernel = 3 });
    x = weft_relu(network, weft_batch_norm(network, x, &(weft_batch_norm_opt){ .name = "second" }));
    x = weft_dense(network, weft_flatten(network, x), &(weft_dense_opt){ .name = "head", .out = CLASSES });
    weft_output(network, weft_softmax(network, x), "classes");
    CHECK_OK(weft_graph_status(network));
    CHECK_OK(weft_store_create(ctx, (const weft_graph *const[]){ network }, 1, &store));
    CHECK_OK(weft_store_init(store, 5));
}

static void teardown(void)
{
    weft_store_destroy(store);
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
}

typedef struct statistics {
    float mean[2][WIDE], variance[2][WIDE]; /* of the first norm, C of them, and the second */
} statistics;

static statistics read(void)
{
    statistics s;
    memset(&s, 0, sizeof s);
    CHECK_OK(weft_store_get(store, "first/mean", s.mean[0], C));
    CHECK_OK(weft_store_get(store, "first/variance", s.variance[0], C));
    CHECK_OK(weft_store_get(store, "second/mean", s.mean[1], WIDE));
    CHECK_OK(weft_store_get(store, "second/variance", s.variance[1], WIDE));
    return s;
}

/* Of batches [from, to); opt NULL: none. */
static statistics measure(const weft_train_opt *opt, int from, int to)
{
    weft_norm_meter *meter;
    CHECK_OK(weft_norm_meter_create(ctx, network, opt, store, &meter));
    for (int b = from; b < to; b++)
        CHECK_OK(weft_norm_meter_add(meter, images[b]));
    CHECK_OK(weft_norm_meter_finish(meter));
    weft_norm_meter_destroy(meter);
    return read();
}

START_TEST(the_mean_of_all_batches)
{
    float weight[9 * C * WIDE], after[9 * C * WIDE];
    statistics alone[BATCHES];
    double mean[C] = { 0 }, variance[C] = { 0 };
    CHECK_OK(weft_store_get(store, "conv/weight", weight, 9 * C * WIDE));
    for (int b = 0; b < BATCHES; b++) {
        alone[b] = measure(NULL, b, b + 1);
        for (int c = 0; c < C; c++) {
            double sum = 0, squares = 0;
            for (int i = c; i < IMAGES; i += C)
                sum += (double)images[b][i] / (IMAGES / C);
            for (int i = c; i < IMAGES; i += C)
                squares += ((double)images[b][i] - sum) * ((double)images[b][i] - sum) / (IMAGES / C);
            mean[c] += sum / BATCHES;
            variance[c] += squares / BATCHES;
        }
    }
    const statistics all = measure(NULL, 0, BATCHES);
    for (int c = 0; c < C; c++) {
        ck_assert_double_eq_tol((double)all.mean[0][c], mean[c], 1e-5);
        ck_assert_double_eq_tol((double)all.variance[0][c], variance[c], 1e-5);
    }
    for (int c = 0; c < WIDE; c++) {
        double m = 0, v = 0;
        for (int b = 0; b < BATCHES; b++) {
            m += (double)alone[b].mean[1][c] / BATCHES;
            v += (double)alone[b].variance[1][c] / BATCHES;
        }
        ck_assert_double_eq_tol((double)all.mean[1][c], m, 1e-6);
        ck_assert_double_eq_tol((double)all.variance[1][c], v, 1e-6);
        ck_assert(all.mean[1][c] != 0 && all.variance[1][c] > 0);
    }
    CHECK_OK(weft_store_get(store, "conv/weight", after, 9 * C * WIDE));
    ck_assert_mem_eq(weight, after, sizeof weight);
}
END_TEST

/* A model on the same store has them at its next run. */
START_TEST(inference_sees_them)
{
    weft_model *model;
    float before[N * CLASSES], after[N * CLASSES];
    CHECK_OK(weft_model_create(ctx, network, &(weft_model_opt){ .store = store }, &model));
    CHECK_OK(weft_model_set_input(model, 0, images[1], sizeof images[1]));
    CHECK_OK(weft_model_run(model));
    CHECK_OK(weft_model_get_output(model, 0, before, sizeof before));
    measure(NULL, 0, BATCHES);
    CHECK_OK(weft_model_run(model));
    CHECK_OK(weft_model_get_output(model, 0, after, sizeof after));
    ck_assert_mem_ne(before, after, sizeof before);
    weft_model_destroy(model);
}
END_TEST

START_TEST(frozen_norms_keep_theirs)
{
    static const char *const frozen[] = { "second/*" };
    const statistics before = read();
    const statistics after = measure(&(weft_train_opt){ .freeze = frozen, .freeze_count = 1 }, 0, BATCHES);
    ck_assert_mem_ne(before.mean[0], after.mean[0], sizeof before.mean[0]);
    ck_assert_mem_eq(before.mean[1], after.mean[1], sizeof before.mean[1]);
    ck_assert_mem_eq(before.variance[1], after.variance[1], sizeof before.variance[1]);
}
END_TEST

/* Given up, or come to nothing. */
START_TEST(statistics_are_put_back)
{
    const statistics before = measure(NULL, 0, 2);
    weft_norm_meter *meter;
    statistics after;
    CHECK_FAILS(WEFT_INVALID, weft_norm_meter_create(ctx, network, NULL, NULL, &meter), "must not be NULL");
    CHECK_OK(weft_norm_meter_create(ctx, network, NULL, store, &meter));
    CHECK_FAILS(WEFT_INVALID, weft_norm_meter_finish(meter), "with batches");
    CHECK_FAILS(WEFT_INVALID, weft_norm_meter_add(meter, NULL), "expected images");
    CHECK_OK(weft_norm_meter_add(meter, images[2]));
    weft_norm_meter_destroy(meter);
    after = read();
    ck_assert_mem_eq(&before, &after, sizeof before);

    images[2][7] = INFINITY;
    CHECK_OK(weft_norm_meter_create(ctx, network, NULL, store, &meter));
    CHECK_OK(weft_norm_meter_add(meter, images[1]));
    CHECK_OK(weft_norm_meter_add(meter, images[2]));
    CHECK_FAILS(WEFT_NUMERIC, weft_norm_meter_finish(meter), "of first/mean is ");
    weft_norm_meter_destroy(meter);
    after = read();
    ck_assert_mem_eq(&before, &after, sizeof before);
    weft_norm_meter_destroy(NULL);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("train-norms");
    TCase *all = tcase_create("norms");
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, the_mean_of_all_batches);
    tcase_add_test(all, inference_sees_them);
    tcase_add_test(all, frozen_norms_keep_theirs);
    tcase_add_test(all, statistics_are_put_back);
    suite_add_tcase(suite, all);
    return check_main(suite, argv[0]);
}
