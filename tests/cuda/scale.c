/* SPDX-License-Identifier: Apache-2.0
 *
 * Training in fp16 with a scale of the loss that the device decides about, on doubles: what is too large is left out
 * and halved, what is too small is no longer lost, and the same bits come of steps that are queued, replayed, launched
 * one by one, or resumed. (What the scale does in fp32: tests/train/scale.c.) */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/weft.h>

#include "base/rng.h"
#include "check/harness.h"
#include "cuda/double/api.h"

enum { BATCH = 4, SIDE = 5, CHANNELS = 3, CLASSES = 5, IMAGES = BATCH * SIDE * SIDE * CHANNELS, STEPS = 4,
       CAPTURE_FAILED = 900 };

static const double_api *doubles;

static float images[IMAGES];
static int32_t labels[BATCH];
static const weft_batch batch = { .images = images, .labels = labels };

static void draw(int step)
{
    const uint64_t stream = weft_rng_stream("scale");
    for (int i = 0; i < IMAGES; i++)
        images[i] = (float)weft_rng_uniform(1, stream, (uint64_t)(step * IMAGES + i)) * 2 - 1;
    for (int i = 0; i < BATCH; i++)
        labels[i] = (step + i) % CLASSES;
}

typedef struct rig {
    weft_ctx *ctx;
    weft_graph *graph;
    weft_trainer *trainer;
} rig;

static weft_graph *build(weft_ctx *ctx)
{
    const weft_shape shape = weft_shape_nhwc(BATCH, SIDE, SIDE, CHANNELS);
    weft_graph *g = NULL;
    CHECK_OK(weft_graph_create(ctx, &g));
    weft_var x = weft_input(g, "images", &shape);
    x = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "conv", .out = 8, .kernel = 3 });
    x = weft_relu(g, weft_batch_norm(g, x, &(weft_batch_norm_opt){ .name = "norm" }));
    x = weft_relu(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "next", .out = 8, .kernel = 3, .bias = true }));
    x = weft_dropout(g, weft_global_avg_pool2d(g, x), .2);
    weft_output(g, weft_softmax(g, weft_dense(g, x, &(weft_dense_opt){ .name = "dense", .out = CLASSES })), "classes");
    CHECK_OK(weft_graph_status(g));
    return g;
}

static void open_rig(rig *r, weft_precision precision, const weft_train_opt *opt, weft_loss_scale scale)
{
    const weft_ctx_opt how = { .device = "cuda", .precision = precision, .threads = 1 };
    weft_train_opt copy = *opt;
    copy.loss_scale = scale;
    CHECK_OK(weft_ctx_create(&how, &r->ctx));
    r->graph = build(r->ctx);
    CHECK_OK(weft_trainer_create(r->ctx, r->graph, &copy, &r->trainer));
}

static void close_rig(rig *r)
{
    weft_trainer_destroy(r->trainer);
    weft_graph_destroy(r->graph);
    weft_ctx_destroy(r->ctx);
    ck_assert_msg(doubles->complaint()[0] == '\0', "%s", doubles->complaint());
    ck_assert_int_eq(doubles->open_count(), 0);
    ck_assert_uint_eq(doubles->memory_used(), 0);
}

static void start(void)
{
    doubles->reset();
    doubles->card()->late = true;
}

/* The store's numbers, and the scale's if `all`; to be freed. */
static float *dump(const rig *r, bool all, size_t *bytes)
{
    weft_store *store = weft_trainer_store(r->trainer);
    float *numbers = malloc(weft_store_bytes(store));
    size_t n = 0;
    ck_assert_ptr_nonnull(numbers);
    for (int i = 0; i < weft_store_count(store); i++) {
        weft_param_info info;
        CHECK_OK(weft_store_param(store, i, &info));
        if (!all && strcmp(info.name, "optimizer/scale") == 0)
            continue;
        CHECK_OK(weft_store_get(store, info.name, numbers + n, weft_shape_count(&info.shape)));
        n += (size_t)weft_shape_count(&info.shape);
    }
    *bytes = n * sizeof *numbers;
    return numbers;
}

static void expect_same(const rig *r, bool all, float *want, size_t bytes, const char *what)
{
    size_t other;
    float *is = dump(r, all, &other);
    ck_assert_uint_eq(bytes, other);
    ck_assert_msg(memcmp(is, want, bytes) == 0, "%s", what);
    free(is);
    free(want);
}

static bool same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static void expect_result(const weft_step_result *is, const weft_step_result *want)
{
    ck_assert_msg(is->loss == want->loss && same(is->gradient_norm, want->gradient_norm) && is->scale == want->scale &&
                      is->skips == want->skips && is->skipped == want->skipped && is->updates == want->updates &&
                      is->finite == want->finite, "step %lld: loss %.9g, %.9g; norm %.9g, %.9g; scale %g, %g",
                  (long long)is->step, is->loss, want->loss, is->gradient_norm, want->gradient_norm, is->scale,
                  want->scale);
}

static const weft_train_opt ways[] = {
    { .optimizer = { .momentum = .9 }, .ema = .9, .clip_norm = 1, .seed = 3 },
    { .optimizer = { .kind = WEFT_ADAMW, .decay = .1 }, .accumulate = 2, .seed = 3 },
    { .optimizer = { .kind = WEFT_RMSPROP, .momentum = .9 }, .clip_value = .05, .loss = WEFT_LOSS_BCE, .seed = 3 },
};
enum { WAYS = sizeof ways / sizeof *ways };

static const weft_loss_scale automatic = { 0 }, none = { .kind = WEFT_SCALING_NONE },
                             huge = { .kind = WEFT_SCALING_DYNAMIC, .factor = 16777216 };

/* From 2^24 down, until gradients are in fp16's range. What follows are the bits of a run that began there. */
START_TEST(what_overflows_is_left_out)
{
    rig r;
    weft_step_result is, want[STEPS];
    int skips = 0, good = 0;
    size_t bytes;
    start();
    open_rig(&r, WEFT_PRECISION_FP16, &ways[_i], huge);
    while (good < STEPS && skips < 30) {
        float *before = dump(&r, false, &bytes);
        draw(good);
        weft_trainer_set_position(r.trainer, good);
        CHECK_OK(weft_trainer_step(r.trainer, &batch, .05, &is));
        skips += is.skipped;
        ck_assert(is.skipped == !is.finite && is.skips == skips && isfinite(is.loss));
        ck_assert(is.scale == ldexp(1, 24 - skips));
        if (is.skipped)
            expect_same(&r, false, before, bytes, "a step that was left out changed something");
        else
            free(before);
        if (is.finite)
            want[good++] = is;
    }
    ck_assert_msg(skips >= 3 && good == STEPS, "%d steps were left out", skips);
    float *state = dump(&r, false, &bytes);
    close_rig(&r);

    start();
    const weft_loss_scale found = { .kind = WEFT_SCALING_FIXED, .factor = is.scale };
    open_rig(&r, WEFT_PRECISION_FP16, &ways[_i], found);
    for (int i = 0; i < STEPS; i++) {
        draw(i);
        CHECK_OK(weft_trainer_step(r.trainer, &batch, .05, &is));
        is.skips = want[i].skips;
        expect_result(&is, &want[i]);
    }
    expect_same(&r, false, state, bytes, "a run that began with the scale gives other bits");
    close_rig(&r);
}
END_TEST

/* The loss is that of a run without a scale, to the bit, and so is the norm, but for what fp16 loses. */
START_TEST(the_loss_is_not_scaled)
{
    weft_step_result is[2];
    for (int scaled = 0; scaled < 2; scaled++) {
        rig r;
        start();
        draw(0);
        const weft_loss_scale fixed = { .kind = WEFT_SCALING_FIXED, .factor = 1024 };
        open_rig(&r, WEFT_PRECISION_FP16, &ways[_i], scaled ? fixed : none);
        CHECK_OK(weft_trainer_step(r.trainer, &batch, .05, &is[scaled]));
        close_rig(&r);
    }
    ck_assert(is[0].finite && is[1].finite && is[0].loss == is[1].loss && is[0].scale == 1 && is[1].scale == 1024);
    ck_assert_double_eq_tol(is[0].gradient_norm, is[1].gradient_norm, 2e-3 * is[0].gradient_norm);
}
END_TEST

/* The first gradient of a convolution, as its momentum has it, behind layers that make it very small. */
static void first_gradient(weft_precision precision, weft_loss_scale scale, float out[8 * 9 * CHANNELS])
{
    static const weft_train_opt plain = { .optimizer = { .momentum = .9 }, .seed = 3 };
    float weight[CLASSES * 8];
    rig r;
    weft_step_result is;
    start();
    draw(0);
    open_rig(&r, precision, &plain, scale);
    weft_store *store = weft_trainer_store(r.trainer);
    CHECK_OK(weft_store_get(store, "dense/weight", weight, CLASSES * 8));
    for (int i = 0; i < CLASSES * 8; i++)
        weight[i] *= 2e-6f;
    CHECK_OK(weft_store_set(store, "dense/weight", weight, CLASSES * 8));
    CHECK_OK(weft_trainer_step(r.trainer, &batch, .05, &is));
    ck_assert(is.finite && is.updated);
    CHECK_OK(weft_store_get(store, "optimizer/conv/weight/momentum", out, 8 * 9 * CHANNELS));
    close_rig(&r);
}

START_TEST(small_gradients_are_not_lost)
{
    enum { COUNT = 8 * 9 * CHANNELS };
    static float want[COUNT], lost[COUNT], kept[COUNT];
    double of = 0, off = 0;
    int zeros = 0;
    first_gradient(WEFT_PRECISION_FP32, automatic, want);
    first_gradient(WEFT_PRECISION_FP16, none, lost);
    first_gradient(WEFT_PRECISION_FP16, automatic, kept);
    for (int i = 0; i < COUNT; i++) {
        of += (double)want[i] * (double)want[i];
        off += ((double)want[i] - (double)kept[i]) * ((double)want[i] - (double)kept[i]);
        zeros += lost[i] == 0;
    }
    ck_assert_int_eq(zeros, COUNT);
    ck_assert_msg(of > 0 && sqrt(off / of) < .02, "the gradient is %.2e from fp32's", sqrt(off / of));
}
END_TEST

static void run_steps(rig *r, weft_step_result *results, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        draw(i);
        CHECK_OK(weft_trainer_step(r->trainer, &batch, .05, &results[i]));
    }
}

/* From 2^20 on with an interval of two: some are left out, the scale falls and grows. */
enum { MANY = 10 };
static const weft_loss_scale lively = { .kind = WEFT_SCALING_DYNAMIC, .factor = 1048576, .interval = 2 };

/* Queued without a wait, and (_i odd) launch by launch, as one by one and replayed. */
START_TEST(recorded_and_queued_steps_give_the_same_bits)
{
    const weft_train_opt *opt = &ways[_i];
    weft_step_result want[MANY], got[MANY];
    size_t bytes;
    rig r;
    int count;
    start();
    open_rig(&r, WEFT_PRECISION_FP16, opt, lively);
    run_steps(&r, want, 0, MANY);
    ck_assert_int_eq(doubles->counts().graph_launches, MANY - 1);
    ck_assert(want[MANY - 1].skips >= 2 && want[MANY - 1].updates >= 1);
    float *state = dump(&r, true, &bytes);
    close_rig(&r);

    start();
    if (_i % 2)
        doubles->inject("cudaStreamBeginCapture", 1, CAPTURE_FAILED);
    open_rig(&r, WEFT_PRECISION_FP16, opt, lively);
    for (int i = 0; i < MANY; i++) {
        draw(i);
        CHECK_OK(weft_trainer_submit(r.trainer, &batch, .05));
    }
    CHECK_OK(weft_trainer_results(r.trainer, true, got, MANY, &count));
    ck_assert_int_eq(count, MANY);
    ck_assert_int_eq(doubles->counts().graph_launches, _i % 2 ? 0 : MANY - 1);
    for (int i = 0; i < MANY; i++)
        expect_result(&got[i], &want[i]);
    expect_same(&r, true, state, bytes, _i % 2 ? "launch by launch: other bits" : "queued: other bits");
    close_rig(&r);
}
END_TEST

START_TEST(resumed_steps_give_the_same_bits)
{
    enum { BEFORE = 6 };
    char folder[] = "/tmp/weft-scale-XXXXXX", command[64];
    weft_step_result want[MANY], got[MANY];
    weft_checkpoint *checkpoint;
    size_t bytes;
    rig r;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    start();
    open_rig(&r, WEFT_PRECISION_FP16, &ways[_i], lively);
    run_steps(&r, want, 0, BEFORE);
    const weft_checkpoint_facts facts = { .step = BEFORE };
    CHECK_OK(weft_checkpoint_save(weft_trainer_store(r.trainer), folder, &facts, NULL));
    run_steps(&r, want, BEFORE, MANY - BEFORE);
    float *state = dump(&r, true, &bytes);
    close_rig(&r);

    start();
    open_rig(&r, WEFT_PRECISION_FP16, &ways[_i], lively);
    CHECK_OK(weft_checkpoint_open(r.ctx, folder, NULL, &checkpoint));
    CHECK_OK(weft_checkpoint_restore(checkpoint, weft_trainer_store(r.trainer)));
    weft_checkpoint_close(checkpoint);
    weft_trainer_set_position(r.trainer, BEFORE);
    run_steps(&r, got, BEFORE, MANY - BEFORE);
    for (int i = BEFORE; i < MANY; i++)
        expect_result(&got[i], &want[i]);
    expect_same(&r, true, state, bytes, "resumed: other bits");
    close_rig(&r);
    snprintf(command, sizeof command, "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

/* An image without numbers is forgiven as long as the scale can fall, and then named. */
START_TEST(what_no_scale_helps_is_an_error)
{
    rig r;
    weft_step_result is;
    weft_trace trace;
    start();
    draw(0);
    images[11] = INFINITY;
    open_rig(&r, WEFT_PRECISION_FP16, &ways[_i], automatic);
    for (int i = 1; i <= 18; i++) {
        CHECK_OK(weft_trainer_step(r.trainer, &batch, .05, &is));
        ck_assert_msg(!is.finite && is.skipped == (i <= 16) && is.scale == fmax(ldexp(1, 16 - i), .5), "step %d", i);
    }
    CHECK_OK(weft_trainer_trace(r.trainer, &batch, .05, &trace));
    ck_assert_str_eq(trace.what, "input");
    ck_assert(trace.step == 17 && trace.index == 11);
    close_rig(&r);
}
END_TEST

/* What a step of a run with a scale launches and waits for is what one without does. */
START_TEST(a_scale_costs_no_launch)
{
    double_counts of[2];
    for (int scaled = 0; scaled < 2; scaled++) {
        rig r;
        weft_step_result results[STEPS];
        int count;
        start();
        open_rig(&r, WEFT_PRECISION_FP16, &ways[_i], scaled ? automatic : none);
        draw(0);
        CHECK_OK(weft_trainer_step(r.trainer, &batch, .05, results));
        const double_counts before = doubles->counts();
        for (int i = 0; i < STEPS; i++)
            CHECK_OK(weft_trainer_submit(r.trainer, &batch, .05));
        const int64_t waits = doubles->counts().waits - before.waits;
        CHECK_OK(weft_trainer_results(r.trainer, true, results, STEPS, &count));
        of[scaled] = doubles->counts();
        of[scaled].kernels -= before.kernels, of[scaled].plans -= before.plans;
        of[scaled].products -= before.products, of[scaled].graph_launches -= before.graph_launches;
        ck_assert(waits == 0 && count == STEPS);
        close_rig(&r);
    }
    ck_assert_msg(of[0].kernels == of[1].kernels && of[0].kernels > 0, "%lld kernels, and with a scale %lld",
                  (long long)of[0].kernels, (long long)of[1].kernels);
    ck_assert(of[0].plans == of[1].plans && of[0].products == of[1].products);
    ck_assert(of[0].graph_launches == STEPS && of[1].graph_launches == STEPS);
}
END_TEST

/* ---- what is chosen where nothing is said ---- */

static weft_precision usual(bool training, weft_math math, int major, int minor)
{
    weft_ctx *ctx;
    doubles->reset();
    doubles->card()->major = major;
    doubles->card()->minor = minor;
    const weft_ctx_opt how = { .device = "cuda", .training = training, .math = math, .threads = 1 };
    CHECK_OK(weft_ctx_create(&how, &ctx));
    const weft_precision precision = weft_ctx_precision(ctx);
    weft_ctx_destroy(ctx);
    return precision;
}

START_TEST(training_is_in_bf16)
{
    ck_assert_int_eq(usual(true, WEFT_MATH_FAST, 9, 0), WEFT_PRECISION_BF16);
    ck_assert_int_eq(usual(true, WEFT_MATH_FAST, 8, 0), WEFT_PRECISION_BF16);
    ck_assert_int_eq(usual(true, WEFT_MATH_FAST, 7, 5), WEFT_PRECISION_FP32);
    ck_assert_int_eq(usual(true, WEFT_MATH_STRICT, 9, 0), WEFT_PRECISION_FP32);
    ck_assert_int_eq(usual(false, WEFT_MATH_FAST, 9, 0), WEFT_PRECISION_TF32);
}
END_TEST

START_TEST(fp16_alone_is_scaled)
{
    static const weft_precision precisions[] = { WEFT_PRECISION_FP16, WEFT_PRECISION_BF16, WEFT_PRECISION_FP32 };
    for (int i = 0; i < 3; i++) {
        float scale[3] = { 0, 0, 0 };
        rig r;
        start();
        open_rig(&r, precisions[i], &ways[0], automatic);
        const weft_status status = weft_store_get(weft_trainer_store(r.trainer), "optimizer/scale", scale, 3);
        ck_assert(i == 0 ? status == WEFT_OK && scale[0] == 65536 : status != WEFT_OK);
        close_rig(&r);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cuda-scale");
    TCase *scaled = tcase_create("scaled");
    tcase_set_timeout(scaled, 0);
    tcase_add_loop_test(scaled, what_overflows_is_left_out, 0, WAYS);
    tcase_add_loop_test(scaled, the_loss_is_not_scaled, 0, WAYS);
    tcase_add_test(scaled, small_gradients_are_not_lost);
    tcase_add_loop_test(scaled, recorded_and_queued_steps_give_the_same_bits, 0, WAYS);
    tcase_add_loop_test(scaled, resumed_steps_give_the_same_bits, 0, WAYS);
    tcase_add_loop_test(scaled, what_no_scale_helps_is_an_error, 0, 1);
    tcase_add_loop_test(scaled, a_scale_costs_no_launch, 0, WAYS);
    tcase_add_test(scaled, training_is_in_bf16);
    tcase_add_test(scaled, fp16_alone_is_scaled);
    suite_add_tcase(s, scaled);
    return s;
}

int main(int argc, char **argv)
{
    doubles = argc > 1 ? double_open(argv[1]) : NULL;
    if (!doubles) {
        fprintf(stderr, "usage: %s PLUGIN\n", argv[0]);
        return 2;
    }
    return check_main(suite(), "cuda-scale PLUGIN");
}
