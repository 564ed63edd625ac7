/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps of training that are queued one behind the other, on a card that is as late as it may be: the same bits as
 * steps that are waited for, whatever becomes of the batches meanwhile; what the host waits for and sends is counted;
 * every call of the vendors' is made to fail. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/weft.h>

#include "base/rng.h"
#include "check/harness.h"
#include "cuda/double/api.h"

enum { BATCH = 4, SIDE = 6, CHANNELS = 3, CLASSES = 5, PIXELS = BATCH * SIDE * SIDE, IMAGES = PIXELS * CHANNELS,
       STEPS = 9, CUDA_ERROR = 719, CUDNN_ERROR = 4000 };

static const double_api *doubles;

static void start(void)
{
    doubles->reset();
    doubles->card()->late = true;
}

static void finish(void)
{
    ck_assert_msg(doubles->complaint()[0] == '\0', "%s", doubles->complaint());
    ck_assert_int_eq(doubles->open_count(), 0);
    ck_assert_uint_eq(doubles->memory_used(), 0);
}

/* Convolution, norm, dropout: statistics, and draws by the number of the step. */
static weft_graph *build(weft_ctx *ctx, int side)
{
    const weft_shape shape = weft_shape_nhwc(BATCH, side, side, CHANNELS);
    weft_graph *g = NULL;
    CHECK_OK(weft_graph_create(ctx, &g));
    weft_var x = weft_input(g, "images", &shape);
    if (side != SIDE) /* it normalises by itself */
        x = weft_normalize(g, x, &(weft_normalize_opt){ .name = "normalize", .scale = .5, .mean = { .1, .2, .3 } });
    x = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "conv", .out = 8, .kernel = 3 });
    x = weft_relu(g, weft_batch_norm(g, x, &(weft_batch_norm_opt){ .name = "norm" }));
    x = weft_dropout(g, weft_global_avg_pool2d(g, x), .2);
    weft_output(g, weft_softmax(g, weft_dense(g, x, &(weft_dense_opt){ .name = "dense", .out = CLASSES })), "classes");
    CHECK_OK(weft_graph_status(g));
    return g;
}

static float images[IMAGES];
static int32_t labels[BATCH];
static const weft_batch batch = { .images = images, .labels = labels };

static void draw(int step)
{
    const uint64_t stream = weft_rng_stream("ahead");
    for (int i = 0; i < IMAGES; i++)
        images[i] = (float)weft_rng_uniform(1, stream, (uint64_t)(step * IMAGES + i)) * 2 - 1;
    for (int i = 0; i < BATCH; i++)
        labels[i] = (step + i) % CLASSES;
}

/* What nobody may read any more. */
static void spoil(void)
{
    for (int i = 0; i < IMAGES; i++)
        images[i] = NAN;
    for (int i = 0; i < BATCH; i++)
        labels[i] = -7;
}

static double rate_of(int step)
{
    return .1 / (1 + step);
}

typedef struct rig {
    weft_ctx *ctx;
    weft_graph *graph;
    weft_trainer *trainer;
} rig;

static void open_rig(rig *r, const weft_train_opt *opt)
{
    const weft_ctx_opt how = { .device = "cuda", .precision = WEFT_PRECISION_FP32, .threads = 1 };
    CHECK_OK(weft_ctx_create(&how, &r->ctx));
    r->graph = build(r->ctx, SIDE);
    CHECK_OK(weft_trainer_create(r->ctx, r->graph, opt, &r->trainer));
}

static void close_rig(rig *r)
{
    weft_trainer_destroy(r->trainer);
    weft_graph_destroy(r->graph);
    weft_ctx_destroy(r->ctx);
    finish();
}

/* All that the store has, one behind the other; free(). */
static float *dump(weft_trainer *trainer, size_t *bytes)
{
    weft_store *store = weft_trainer_store(trainer);
    float *all = malloc(weft_store_bytes(store));
    size_t n = 0;
    ck_assert_ptr_nonnull(all);
    for (int i = 0; i < weft_store_count(store); i++) {
        weft_param_info info;
        CHECK_OK(weft_store_param(store, i, &info));
        CHECK_OK(weft_store_get(store, info.name, all + n, weft_shape_count(&info.shape)));
        n += (size_t)weft_shape_count(&info.shape);
    }
    *bytes = n * sizeof *all;
    return all;
}

static const weft_train_opt ways[] = {
    { .optimizer = { .momentum = .9 }, .ema = .9, .seed = 3, .times = true },
    { .optimizer = { .kind = WEFT_ADAMW, .decay = .1 }, .accumulate = 2, .clip_norm = 1, .seed = 3 },
};
enum { WAYS = sizeof ways / sizeof *ways };

/* Steps that are waited for, one by one. */
static float *step_by_step(const weft_train_opt *opt, weft_step_result *results, size_t *bytes)
{
    rig r;
    open_rig(&r, opt);
    for (int i = 0; i < STEPS; i++) {
        draw(i);
        CHECK_OK(weft_trainer_step(r.trainer, &batch, rate_of(i), &results[i]));
        ck_assert_int_eq(results[i].step, i);
    }
    float *state = dump(r.trainer, bytes);
    close_rig(&r);
    return state;
}

START_TEST(queued_steps_give_the_same_bits)
{
    weft_step_result want[STEPS], got[STEPS + 1];
    size_t bytes, other;
    start();
    float *state = step_by_step(&ways[_i], want, &bytes);
    start();
    rig r;
    open_rig(&r, &ways[_i]);
    int count = 0, rest;
    for (int i = 0; i < STEPS; i++) {
        draw(i);
        CHECK_OK(weft_trainer_submit(r.trainer, &batch, rate_of(i)));
        spoil();
        int more;
        CHECK_OK(weft_trainer_results(r.trainer, false, got + count, STEPS - count, &more));
        count += more;
    }
    CHECK_OK(weft_trainer_results(r.trainer, true, got + count, STEPS + 1 - count, &rest));
    ck_assert_int_eq(count + rest, STEPS);
    ck_assert_int_eq(count, STEPS - 5); /* known to be done without waiting */
    for (int i = 0; i < STEPS; i++)
        ck_assert_msg(got[i].step == i && got[i].loss == want[i].loss && got[i].top1 == want[i].top1 &&
                          got[i].gradient_norm == want[i].gradient_norm && got[i].updates == want[i].updates &&
                          got[i].finite && got[i].updated == want[i].updated, "the result of step %d is another", i);
    float *queued = dump(r.trainer, &other);
    ck_assert_uint_eq(bytes, other);
    ck_assert_msg(memcmp(state, queued, bytes) == 0, "parameters differ");
    free(state);
    free(queued);
    close_rig(&r);
}
END_TEST

/* From the third step on: one upload, one graph, no wait but for the upload of two steps ago. */
START_TEST(a_step_waits_for_nothing)
{
    rig r;
    weft_step_result results[STEPS];
    int count;
    start();
    open_rig(&r, &ways[0]);
    for (int i = 0; i < 2; i++) {
        draw(i);
        CHECK_OK(weft_trainer_submit(r.trainer, &batch, .01));
    }
    const double_counts before = doubles->counts();
    for (int i = 2; i < STEPS; i++) {
        draw(i);
        CHECK_OK(weft_trainer_submit(r.trainer, &batch, .01));
    }
    const double_counts after = doubles->counts();
    ck_assert_int_eq(after.waits - before.waits, 0);
    ck_assert_int_eq(after.looks - before.looks, STEPS - 2);
    ck_assert_int_eq(after.graph_launches - before.graph_launches, STEPS - 2);
    const int64_t sent = (after.uploaded - before.uploaded) / (STEPS - 2), least = PIXELS * 4 * (int64_t)sizeof(float);
    ck_assert_msg(sent >= least && sent < least + 1024, "%lld bytes a step", (long long)sent); /* 4 channels of 3 */
    CHECK_OK(weft_trainer_results(r.trainer, true, results, STEPS, &count));
    ck_assert_int_eq(count, STEPS);
    ck_assert_int_eq(doubles->counts().waits - after.waits, 1);
    close_rig(&r);
}
END_TEST

/* Each has the device's own time for it; a batch that stays is not sent anew. */
START_TEST(steps_are_timed_and_batches_stay)
{
    rig r;
    weft_step_result results[STEPS];
    int count;
    start();
    doubles->card()->engine_ms[0] = doubles->card()->engine_ms[1] = 3;
    open_rig(&r, &ways[0]);
    CHECK_FAILS(WEFT_INVALID, weft_trainer_submit(r.trainer, NULL, .01), "batch");
    draw(0);
    CHECK_OK(weft_trainer_submit(r.trainer, &batch, .01));
    const double_counts before = doubles->counts();
    for (int i = 1; i < STEPS; i++)
        CHECK_OK(weft_trainer_submit(r.trainer, NULL, .01));
    const double_counts after = doubles->counts();
    ck_assert_int_eq(after.waits - before.waits, 0);
    ck_assert_int_lt(after.uploaded - before.uploaded, STEPS * 1024);
    CHECK_OK(weft_trainer_results(r.trainer, true, results, STEPS, &count));
    ck_assert_int_eq(count, STEPS);
    for (int i = 0; i < STEPS; i++) {
        ck_assert_msg(fabs(results[i].seconds - results[0].seconds) < 1e-6 && results[i].seconds > 5e-3,
                      "step %d took %g s", i, results[i].seconds);
        ck_assert_msg(i == 0 || results[i].loss < results[i - 1].loss + .5, "step %d: the loss is %g", i,
                      results[i].loss);
    }
    close_rig(&r);
}
END_TEST

START_TEST(results_are_read_once_and_in_order)
{
    rig r;
    weft_step_result one, few[3];
    int count;
    start();
    open_rig(&r, &ways[0]);
    draw(0);
    for (int i = 0; i < WEFT_STEPS_AHEAD; i++)
        CHECK_OK(weft_trainer_submit(r.trainer, &batch, .01));
    CHECK_FAILS(WEFT_INVALID, weft_trainer_submit(r.trainer, &batch, .01), "call weft_trainer_results");
    CHECK_FAILS(WEFT_INVALID, weft_trainer_results(r.trainer, true, few, 0, &count), "room");
    CHECK_OK(weft_trainer_results(r.trainer, true, few, 3, &count));
    ck_assert(count == 3 && few[0].step == 0 && few[2].step == 2);
    CHECK_OK(weft_trainer_step(r.trainer, &batch, .01, &one));
    ck_assert_int_eq(one.step, WEFT_STEPS_AHEAD);
    for (int i = 3; i < WEFT_STEPS_AHEAD; i++) {
        CHECK_OK(weft_trainer_results(r.trainer, false, &one, 1, &count));
        ck_assert(count == 1 && one.step == i);
    }
    CHECK_OK(weft_trainer_results(r.trainer, true, &one, 1, &count));
    ck_assert_int_eq(count, 0);
    close_rig(&r);
}
END_TEST

/* A batch that is not good, among others that are queued behind it, changes nothing: no statistic either. */
START_TEST(a_bad_step_changes_nothing)
{
    weft_step_result results[STEPS];
    weft_trace trace;
    float *state[2];
    size_t bytes[2];
    for (int bad = 0; bad < 2; bad++) {
        rig r;
        int count;
        start();
        open_rig(&r, &ways[_i]);
        for (int i = 0; i < 4 + bad; i++) {
            draw(i - (bad && i > 2));
            if (bad && i == 2)
                images[11] = INFINITY;
            weft_trainer_set_position(r.trainer, i - (bad && i > 2)); /* draws of dropout are by the step's number */
            CHECK_OK(weft_trainer_submit(r.trainer, &batch, .01));
        }
        CHECK_OK(weft_trainer_results(r.trainer, true, results, STEPS, &count));
        ck_assert_int_eq(count, 4 + bad);
        for (int i = 0; i < count; i++)
            ck_assert(results[i].finite == !(bad && i == 2));
        state[bad] = dump(r.trainer, &bytes[bad]);
        if (bad) {
            draw(2);
            images[11] = INFINITY;
            weft_trainer_set_position(r.trainer, 3);
            CHECK_OK(weft_trainer_trace(r.trainer, &batch, .01, &trace));
            ck_assert_str_eq(trace.what, "input");
            ck_assert(trace.step == 2 && trace.index == 11);
            images[11] = 1e30f;
            CHECK_OK(weft_trainer_trace(r.trainer, &batch, .01, &trace));
            ck_assert_str_eq(trace.what, "output");
            draw(2);
            CHECK_FAILS(WEFT_NOT_FOUND, weft_trainer_trace(r.trainer, &batch, .01, &trace), "are finite");
            float *again = dump(r.trainer, &bytes[bad]);
            ck_assert_msg(memcmp(again, state[bad], bytes[bad]) == 0, "a trace changed something");
            free(again);
        }
        close_rig(&r);
    }
    ck_assert_uint_eq(bytes[0], bytes[1]);
    ck_assert_msg(memcmp(state[0], state[1], bytes[0]) == 0, "the bad step changed something");
    free(state[0]);
    free(state[1]);
}
END_TEST

/* ---- bytes ---- */

/* Values of bytes, and steps on a device by bytes, or by the values that they stand for. */
static float *train_on(const char *device, weft_precision precision, int side, bool by_bytes, weft_step_result *results,
                       size_t *size, int64_t *sent)
{
    static float table[CHANNELS][256];
    static uint8_t bytes[IMAGES + 1];
    const int count = BATCH * side * side * CHANNELS;
    const weft_ctx_opt how = { .device = device, .precision = precision, .threads = 1 };
    weft_train_opt opt = ways[0];
    rig r;
    for (int i = 0; i < CHANNELS * 256; i++)
        table[i / 256][i % 256] = ((float)(i % 256) / 255 - .45f) / (.2f + .01f * (float)(i / 256));
    opt.levels = by_bytes ? table[0] : NULL;
    start();
    CHECK_OK(weft_ctx_create(&how, &r.ctx));
    r.graph = build(r.ctx, side);
    CHECK_OK(weft_trainer_create(r.ctx, r.graph, &opt, &r.trainer));
    for (int step = 0; step < 4; step++) {
        uint8_t *const at = bytes + step % 2; /* wherever they begin */
        const int64_t before = doubles->counts().uploaded;
        draw(step);
        for (int i = 0; i < count; i++) {
            at[i] = (uint8_t)(127 + 128 * images[i]);
            images[i] = table[i % CHANNELS][at[i]];
        }
        const weft_batch b = { .images = by_bytes ? NULL : images, .labels = labels, .bytes = by_bytes ? at : NULL };
        CHECK_OK(weft_trainer_submit(r.trainer, &b, .1));
        memset(bytes, 0xee, sizeof bytes);
        *sent = doubles->counts().uploaded - before;
    }
    const weft_batch neither = { .images = by_bytes ? images : NULL, .labels = labels };
    CHECK_FAILS(WEFT_INVALID, weft_trainer_submit(r.trainer, &neither, .1), by_bytes ? "its bytes" : "its images");
    int got;
    CHECK_OK(weft_trainer_results(r.trainer, true, results, STEPS, &got));
    ck_assert_int_eq(got, 4);
    float *state = dump(r.trainer, size);
    close_rig(&r);
    return state;
}

/* The same bits, on every device: images that fill integers and such that do not. */
START_TEST(bytes_are_what_they_stand_for)
{
    static const struct {
        const char *device;
        weft_precision precision;
    } where[] = { { "cpu", WEFT_PRECISION_FP32 }, { "cuda", WEFT_PRECISION_FP32 }, { "cuda", WEFT_PRECISION_BF16 } };
    for (int side = SIDE; side >= SIDE - 1; side--) {
        weft_step_result results[2][STEPS];
        size_t sizes[2];
        int64_t sent[2];
        float *state[2];
        for (int k = 0; k < 2; k++)
            state[k] = train_on(where[_i].device, where[_i].precision, side, k == 1, results[k], &sizes[k], &sent[k]);
        for (int i = 0; i < 4; i++)
            ck_assert_msg(results[0][i].loss == results[1][i].loss && results[0][i].finite, "step %d: %.9g by bytes, "
                          "not %.9g", i, results[1][i].loss, results[0][i].loss);
        ck_assert_uint_eq(sizes[0], sizes[1]);
        ck_assert_msg(memcmp(state[0], state[1], sizes[0]) == 0, "parameters differ");
        if (strcmp(where[_i].device, "cuda") == 0) {
            const int64_t pixels = BATCH * (int64_t)side * side, least = pixels * CHANNELS;
            ck_assert_int_ge(sent[0], least * (where[_i].precision == WEFT_PRECISION_FP32 ? 4 : 2));
            ck_assert_msg(sent[1] >= least && sent[1] < least + 1024, "%lld bytes a step", (long long)sent[1]);
        }
        free(state[0]);
        free(state[1]);
    }
}
END_TEST

/* ---- faults ---- */

static int warned;

static void count_warning(void *user, weft_log_level level, const char *message)
{
    (void)user, (void)message;
    warned += level == WEFT_LOG_WARN;
}

/* The fault is of the steps, not of what is made for them. */
static weft_status queue_steps(weft_trainer *trainer, const char *function, int64_t nth)
{
    weft_step_result results[STEPS];
    weft_status status = WEFT_OK;
    int count;
    doubles->inject(function, nth, strncmp(function, "cudnn", 5) == 0 ? CUDNN_ERROR : CUDA_ERROR);
    for (int i = 0; i < 6 && status == WEFT_OK; i++) {
        draw(i);
        status = weft_trainer_submit(trainer, &batch, .01);
    }
    if (status == WEFT_OK)
        status = weft_trainer_results(trainer, true, results, STEPS, &count);
    for (int i = 0; i < 6 && status == WEFT_OK; i++)
        ck_assert(results[i].finite);
    return status;
}

static const char *const functions[] = {
    "cudaSetDevice", "cudaMemcpyAsync", "cudaStreamSynchronize", "cudaStreamWaitEvent", "cudaEventRecord",
    "cudaEventSynchronize", "cudaEventCreateWithFlags", "cudaEventElapsedTime", "cudaHostAlloc",
    "cudaStreamBeginCapture", "cudaStreamEndCapture", "cudaGraphInstantiate", "cudaGraphLaunch", "cudaEventDestroy",
    "cudaStreamDestroy", "launch", "cudnnBackendExecute",
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* Calls whose failure may go by: in closing, or because there is another way. */
static bool may_be_survived(const char *function)
{
    return strstr(function, "Capture") || strstr(function, "Graph") || strstr(function, "Execute") ||
           strstr(function, "Destroy") || strstr(function, "SetDevice");
}

START_TEST(every_call_of_a_step_may_fail)
{
    for (int64_t nth = 1;; nth = nth < 12 ? nth + 1 : nth + nth / 4) {
        const weft_ctx_opt how = { .device = "cuda", .precision = WEFT_PRECISION_FP32, .threads = 1,
                                   .log = count_warning };
        rig r;
        warned = 0;
        start();
        CHECK_OK(weft_ctx_create(&how, &r.ctx));
        r.graph = build(r.ctx, SIDE);
        CHECK_OK(weft_trainer_create(r.ctx, r.graph, &ways[0], &r.trainer));
        const weft_status status = queue_steps(r.trainer, functions[_i], nth);
        const bool met = doubles->fault_calls() >= nth;
        ck_assert_msg(status != WEFT_OK || !met || warned || may_be_survived(functions[_i]),
                      "call %lld of %s failed and nobody noticed", (long long)nth, functions[_i]);
        ck_assert(status == WEFT_OK || (met && weft_error()[0]));
        close_rig(&r);
        if (!met)
            break;
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cuda-ahead");
    TCase *steps = tcase_create("steps"), *faults = tcase_create("faults");
    tcase_add_loop_test(steps, queued_steps_give_the_same_bits, 0, WAYS);
    tcase_add_test(steps, a_step_waits_for_nothing);
    tcase_add_test(steps, steps_are_timed_and_batches_stay);
    tcase_add_test(steps, results_are_read_once_and_in_order);
    tcase_add_loop_test(steps, a_bad_step_changes_nothing, 0, WAYS);
    tcase_add_loop_test(steps, bytes_are_what_they_stand_for, 0, 3);
    tcase_add_loop_test(faults, every_call_of_a_step_may_fail, 0, FUNCTIONS);
    suite_add_tcase(s, steps);
    suite_add_tcase(s, faults);
    return s;
}

int main(int argc, char **argv)
{
    doubles = argc > 1 ? double_open(argv[1]) : NULL;
    if (!doubles) {
        fprintf(stderr, "usage: %s PLUGIN\n", argv[0]);
        return 2;
    }
    return check_main(suite(), "cuda-ahead PLUGIN");
}
