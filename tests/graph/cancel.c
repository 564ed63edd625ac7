/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs that are cancelled: before they begin, between any two steps, at any moment from another thread. A run is made
 * or cancelled, never anything between; what comes after it has the bits that it would have had; steps of training are
 * whole. Built for the CPU and for the CUDA plug-in on doubles (its path is then the first argument), where runs are
 * launched, captured and replayed. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weft/weft.h>

#include "base/rng.h"
#include "graph/device.h"
#include "program/program.h"

enum { N = 2, SIDE = 24, CHANNELS = 3, CLASSES = 5, PIXELS = N * SIDE * SIDE * CHANNELS, ANSWERS = N * CLASSES,
       STEPS = 6 };

static float images[PIXELS];
static int32_t labels[N];
static const weft_batch batch = { .images = images, .labels = labels };

static weft_graph *network(weft_ctx *ctx)
{
    const weft_shape shape = weft_shape_nhwc(N, SIDE, SIDE, CHANNELS);
    weft_graph *g;
    CHECK_OK(weft_graph_create(ctx, &g));
    weft_var x = weft_input(g, "images", &shape);
    x = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "one", .out = 32, .kernel = 3 });
    x = weft_relu(g, weft_batch_norm(g, x, &(weft_batch_norm_opt){ .name = "norm" }));
    x = weft_max_pool2d(g, x, &(weft_pool2d_opt){ .kernel = 2, .stride = 2 });
    x = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "two", .out = 32, .kernel = 3 });
    x = weft_global_avg_pool2d(g, weft_relu(g, x));
    weft_output(g, weft_softmax(g, weft_dense(g, x, &(weft_dense_opt){ .name = "dense", .out = CLASSES })), "classes");
    CHECK_OK(weft_graph_status(g));
    const uint64_t stream = weft_rng_stream("cancel");
    for (int i = 0; i < PIXELS; i++)
        images[i] = (float)weft_rng_uniform(1, stream, (uint64_t)i) * 2 - 1;
    for (int i = 0; i < N; i++)
        labels[i] = i % CLASSES;
    return g;
}

typedef struct rig {
    weft_ctx *ctx;
    weft_model *model;
    float expected[ANSWERS]; /* what an unbroken run answers */
} rig;

static weft_status answer(rig *r, float *to)
{
    CHECK_OK(weft_model_set_input(r->model, 0, images, sizeof images));
    const weft_status status = weft_model_run(r->model);
    if (status == WEFT_OK)
        CHECK_OK(weft_model_get_output(r->model, 0, to, sizeof r->expected));
    return status;
}

static void open_rig(rig *r)
{
    r->ctx = open_ctx(3);
    weft_graph *g = network(r->ctx);
    CHECK_OK(weft_model_create(r->ctx, g, NULL, &r->model));
    CHECK_OK(weft_model_init(r->model, 7));
    CHECK_OK(answer(r, r->expected));
    weft_graph_destroy(g);
}

static void close_rig(rig *r)
{
    weft_model_destroy(r->model);
    close_ctx(r->ctx);
}

static void answers_as_ever(rig *r, int runs)
{
    float got[ANSWERS];
    for (int i = 0; i < runs; i++) {
        CHECK_OK(answer(r, got));
        ck_assert_msg(memcmp(got, r->expected, sizeof got) == 0, "run %d answers otherwise", i);
    }
}

/* Of a model that has just been cancelled there is nothing to be had. */
static void has_no_result(rig *r)
{
    float got[ANSWERS];
    CHECK_FAILS(WEFT_INVALID, weft_model_get_output(r->model, 0, got, sizeof got), "has not run");
}

START_TEST(before_it_begins)
{
    rig r;
    double seconds[64];
    open_rig(&r);
    ck_assert(!weft_ctx_is_cancelled(r.ctx));
    weft_ctx_cancel(r.ctx, true);
    ck_assert(weft_ctx_is_cancelled(r.ctx));
    CHECK_FAILS(WEFT_CANCELLED, answer(&r, r.expected), "weft_ctx_cancel");
    ck_assert_int_le(weft_model_step_count(r.model), 64);
    CHECK_FAILS(WEFT_CANCELLED, weft_model_run_timed(r.model, seconds), "weft_ctx_cancel");
    CHECK_OK(weft_model_commit(r.model)); /* no run */
    weft_ctx_cancel(r.ctx, false);
    answers_as_ever(&r, 4);
    weft_ctx_cancel(NULL, true);
    ck_assert(!weft_ctx_is_cancelled(NULL));
    close_rig(&r);
}
END_TEST

static weft_status cancel_now(void *user, int index)
{
    (void)index;
    weft_ctx_cancel(user, true);
    return WEFT_OK;
}

/* Before every step, in a first run and in a second, which a device that records captures. */
START_TEST(between_two_steps)
{
    rig r;
    open_rig(&r);
    const int steps = weft_model_step_count(r.model);
    ck_assert_int_ge(steps, 4);
    close_rig(&r);
    for (int32_t step = 0; step < steps; step++) {
        for (int before = 0; before < 2; before++) {
            open_rig(&r); /* has made the first run */
            const weft_between between = { .before = &step, .count = 1, .run = cancel_now, .user = r.ctx };
            weft_graph *g = network(r.ctx);
            weft_model *fresh = NULL;
            CHECK_OK(weft_model_create(r.ctx, g, &(weft_model_opt){ .store = weft_model_store(r.model) }, &fresh));
            rig other = r;
            other.model = before ? fresh : r.model;
            other.model->between = &between;
            CHECK_FAILS(WEFT_CANCELLED, answer(&other, other.expected), "weft_ctx_cancel");
            has_no_result(&other);
            other.model->between = NULL;
            weft_ctx_cancel(r.ctx, false);
            answers_as_ever(&other, 4);
            answers_as_ever(&r, 1);
            weft_model_destroy(fresh);
            weft_graph_destroy(g);
            close_rig(&r);
        }
    }
}
END_TEST

static void nothing(void *arg, int64_t item, int thread)
{
    (void)arg;
    (void)item;
    (void)thread;
}

/* A step whose items are left out, though the context is not cancelled any more when it ends. */
static weft_status cancel_for_a_moment(void *user, int index)
{
    (void)index;
    weft_ctx *ctx = user;
    weft_ctx_cancel(ctx, true);
    weft_pool_run(ctx->device->pool, 4, nothing, NULL);
    weft_ctx_cancel(ctx, false);
    return WEFT_OK;
}

START_TEST(in_the_midst_of_a_step)
{
    static const int32_t step = 1;
    rig r;
    open_rig(&r);
    const weft_between between = { .before = &step, .count = 1, .run = cancel_for_a_moment, .user = r.ctx };
    r.model->between = &between;
    CHECK_FAILS(WEFT_CANCELLED, answer(&r, r.expected), "weft_ctx_cancel");
    has_no_result(&r);
    r.model->between = NULL;
    answers_as_ever(&r, 4);
    close_rig(&r);
}
END_TEST

/* ---- another thread ---- */

typedef struct toggler {
    weft_ctx *ctx;
    _Atomic bool stop;
    _Atomic int made, cancelled; /* runs, as they end */
} toggler;

static void wait_ns(long ns)
{
    nanosleep(&(struct timespec){ .tv_nsec = ns }, NULL);
}

/* Until another run ends so, however slow the machine is. */
static void wait_for_one(const toggler *t, const _Atomic int *runs)
{
    const int before = *runs;
    while (*runs == before && !t->stop)
        wait_ns(20000);
}

static void *toggle(void *arg)
{
    toggler *t = arg;
    const uint64_t stream = weft_rng_stream("toggle");
    for (uint64_t i = 0; !t->stop; i++) {
        weft_ctx_cancel(t->ctx, true);
        if (i % 4 == 0)
            wait_for_one(t, &t->cancelled); /* else for less than a layer's time */
        weft_ctx_cancel(t->ctx, false);
        if (i % 4 == 2)
            wait_for_one(t, &t->made);
        else
            wait_ns((long)(weft_rng_uniform(check_seed(), stream, i) * 200e3));
    }
    weft_ctx_cancel(t->ctx, false);
    return NULL;
}

/* However short it is cancelled for, a run that returns OK has done all of its work. */
START_TEST(at_any_moment)
{
    rig r;
    pthread_t thread;
    open_rig(&r);
    toggler t = { .ctx = r.ctx };
    ck_assert_int_eq(pthread_create(&thread, NULL, toggle, &t), 0);
    for (int i = 0; t.made < 100 || t.cancelled < 100; i++) {
        float got[ANSWERS];
        const weft_status status = answer(&r, got);
        if (status != WEFT_CANCELLED)
            CHECK_OK(status);
        ck_assert_msg(status != WEFT_OK || memcmp(got, r.expected, sizeof got) == 0, "run %d is not whole", i);
        t.made += status == WEFT_OK;
        t.cancelled += status == WEFT_CANCELLED;
    }
    t.stop = true;
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    answers_as_ever(&r, 2);
    close_rig(&r);
}
END_TEST

/* Nobody else is meant. */
START_TEST(other_contexts_run)
{
    rig r;
    weft_ctx *other;
    open_rig(&r);
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .device = tested_device, .threads = 1 }, &other));
    weft_ctx_cancel(other, true);
    answers_as_ever(&r, 2);
    weft_ctx_destroy(other);
    close_rig(&r);
}
END_TEST

/* ---- training ---- */

/* All that STEPS steps leave in the store, some of them cancelled at first; free(). */
static float *learn(bool cancels, size_t *bytes)
{
    weft_ctx *ctx = open_ctx(3);
    weft_graph *g = network(ctx);
    weft_trainer *trainer;
    pthread_t thread;
    toggler t = { .ctx = ctx };
    CHECK_OK(weft_trainer_create(ctx, g, &(weft_train_opt){ .optimizer = { .momentum = .9 }, .seed = 3 }, &trainer));
    weft_ctx_cancel(ctx, cancels); /* the first step, at least */
    if (cancels)
        ck_assert_int_eq(pthread_create(&thread, NULL, toggle, &t), 0);
    while (t.made < STEPS) {
        const weft_status status = weft_trainer_step(trainer, &batch, .05, NULL);
        if (status != WEFT_CANCELLED)
            CHECK_OK(status);
        t.made += status == WEFT_OK;
        t.cancelled += status == WEFT_CANCELLED;
        ck_assert_int_eq(weft_trainer_position(trainer), t.made);
    }
    ck_assert(cancels == (t.cancelled > 0));
    t.stop = true;
    if (cancels)
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(weft_trainer_position(trainer), STEPS);
    weft_store *store = weft_trainer_store(trainer);
    float *all = malloc(weft_store_bytes(store));
    *bytes = 0;
    for (int i = 0; i < weft_store_count(store); i++) {
        weft_param_info info;
        CHECK_OK(weft_store_param(store, i, &info));
        CHECK_OK(weft_store_get(store, info.name, all + *bytes / sizeof *all, weft_shape_count(&info.shape)));
        *bytes += (size_t)weft_shape_count(&info.shape) * sizeof *all;
    }
    weft_trainer_destroy(trainer);
    weft_graph_destroy(g);
    close_ctx(ctx);
    return all;
}

START_TEST(steps_of_training_are_whole)
{
    size_t sizes[2];
    float *const unbroken = learn(false, &sizes[0]), *const broken = learn(true, &sizes[1]);
    ck_assert_uint_eq(sizes[0], sizes[1]);
    ck_assert(memcmp(unbroken, broken, sizes[0]) == 0);
    free(unbroken);
    free(broken);
}
END_TEST

/* What runs models passes it on. */
START_TEST(classifiers_are_cancelled)
{
    static float input[28 * 28], out[10];
    weft_ctx *ctx = open_ctx(3);
    weft_classifier *classifier;
    CHECK_OK(weft_classifier_create(ctx, NULL, &(weft_classifier_opt){ .arch = "fashion-cnn", .random = true },
                                    &classifier));
    weft_ctx_cancel(ctx, true);
    CHECK_FAILS(WEFT_CANCELLED, weft_classify_inputs(classifier, input, 1, out), "weft_ctx_cancel");
    weft_ctx_cancel(ctx, false);
    CHECK_OK(weft_classify_inputs(classifier, input, 1, out));
    weft_classifier_destroy(classifier);
    close_ctx(ctx);
}
END_TEST

int main(int argc, char **argv)
{
    if (!has_device(argc, argv))
        return 2;
    Suite *suite = suite_create("cancel");
    CHECK_CASE(suite, "runs", before_it_begins, between_two_steps, in_the_midst_of_a_step, at_any_moment,
               other_contexts_run);
    CHECK_CASE(suite, "others", steps_of_training_are_whole, classifiers_are_cancelled);
    return check_main(suite, argv[0]);
}
