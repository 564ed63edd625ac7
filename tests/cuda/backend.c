/* SPDX-License-Identifier: Apache-2.0
 *
 * The CUDA backend's host code on doubles: every op on its own cases in every precision against the double oracle, and
 * every vendor call made to fail. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/weft.h>

#include "check/harness.h"
#include "backend/kernel.h"
#include "cuda/double/api.h"
#include "graph/op.h"

static const double_api *doubles;

/* Sanitized, every other precision: TF32 is fp32 to the host, and bf16 is fp16. */
#if defined(__SANITIZE_ADDRESS__)
enum { EACH = 2 };
#else
enum { EACH = 1 };
#endif

static const weft_precision precisions[] = { WEFT_PRECISION_FP32, WEFT_PRECISION_TF32, WEFT_PRECISION_FP16,
                                             WEFT_PRECISION_BF16 };

static void start(void)
{
    doubles->reset();
}

/* Nothing is left open, and no rule was broken. */
static void finish(void)
{
    ck_assert_msg(doubles->complaint()[0] == '\0', "%s", doubles->complaint());
    ck_assert_int_eq(doubles->open_count(), 0);
    ck_assert_uint_eq(doubles->memory_used(), 0);
}

/* Case i of an op in one precision: three runs, launch by launch, captured, replayed. An op for the CPU alone is
 * refused by a sentence that names it. */
static void run_case(int i, const weft_check_info *info, bool refused, weft_precision precision)
{
    const weft_ctx_opt opt = { .device = "cuda", .precision = precision, .threads = 1 };
    weft_ctx *ctx;
    weft_check_result r;
    char sentence[128];
    CHECK_OK(weft_ctx_create(&opt, &ctx));
    if (refused) {
        snprintf(sentence, sizeof sentence, "CUDA has no kernel for %s", info->op);
        CHECK_FAILS(WEFT_UNSUPPORTED, weft_check_run(ctx, i, 3, check_seed(), &r), sentence);
    } else {
        CHECK_OK(weft_check_run(ctx, i, 3, check_seed(), &r));
        ck_assert_msg(r.share <= 1, "%s/%s, %s: output %d, y[%lld] is %.9g, %.9g expected, allowed %.3g", info->op,
                      info->name, weft_precision_name(precision), r.output, (long long)r.index, r.got, r.want,
                      r.allowed);
        ck_assert_msg(r.differs == 0, "%s/%s: run %d gives other bits", info->op, info->name, r.differs);
    }
    weft_ctx_destroy(ctx);
    finish();
}

START_TEST(ops_agree_with_the_oracle)
{
    for (int i = 0; i < weft_check_count(); i++) {
        weft_check_info info;
        CHECK_OK(weft_check_case(i, &info));
        if (info.large || strcmp(info.op, weft_op_get((weft_op_id)_i)->name) != 0)
            continue;
        for (int k = 0; k < WEFT_COUNT(precisions); k += EACH)
            run_case(i, &info, !weft_op_on_devices[_i], precisions[k]);
    }
}
END_TEST

static weft_check_result check_3x3(weft_precision precision)
{
    weft_check_info info;
    weft_check_result r = { 0 };
    weft_ctx *ctx = NULL;
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .device = "cuda", .precision = precision, .threads = 1 }, &ctx));
    for (int i = 0; i < weft_check_count(); i++) {
        CHECK_OK(weft_check_case(i, &info));
        if (strcmp(info.op, "conv2d") == 0 && strcmp(info.name, "3x3") == 0)
            CHECK_OK(weft_check_run(ctx, i, 1, check_seed(), &r));
    }
    weft_ctx_destroy(ctx);
    finish();
    ck_assert_double_gt(r.allowed, 0);
    return r;
}

/* An engine of a fast algorithm is allowed what our own Winograd is; strict fp32 takes none. */
START_TEST(fast_algorithms_may_err_more)
{
    for (int k = 0; k < WEFT_COUNT(precisions); k++) {
        doubles->reset();
        const weft_check_result direct = check_3x3(precisions[k]);
        doubles->card()->winograd = true;
        const weft_check_result fast = check_3x3(precisions[k]);
        const double factor = precisions[k] == WEFT_PRECISION_FP32 ? 1 : WEFT_WINOGRAD_ERROR_FACTOR;
        ck_assert_double_eq_tol(direct.share / fast.share, factor, 1e-6 * factor);
    }
}
END_TEST

/* ---- faults ---- */

enum { CUDA_ERROR = 719, CUDNN_ERROR = 4000, SIDE = 6, FLOATS = SIDE * SIDE * 3, CLASSES = 10 };

/* A network with a convolution, a depthwise one, an excitation, pools and a dense layer. */
static weft_graph *small_network(weft_ctx *ctx)
{
    const weft_shape shape = weft_shape_nhwc(1, SIDE, SIDE, 3);
    weft_graph *g = NULL;
    CHECK_OK(weft_graph_create(ctx, &g));
    weft_var x = weft_input(g, "image", &shape), y;
    x = weft_relu(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "stem", .out = 16, .kernel = 3, .bias = true }));
    x = weft_max_pool2d(g, x, &(weft_pool2d_opt){ .kernel = 2 });
    y = weft_swish(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "depthwise", .kernel = 3, .groups = 16 }));
    y = weft_squeeze_excite(g, y, &(weft_squeeze_excite_opt){ .name = "se", .reduced = 4 });
    y = weft_conv2d(g, y, &(weft_conv2d_opt){ .name = "project", .out = 16 });
    x = weft_global_avg_pool2d(g, weft_add(g, x, y));
    weft_output(g, weft_softmax(g, weft_dense(g, x, &(weft_dense_opt){ .out = CLASSES })), "probabilities");
    CHECK_OK(weft_graph_status(g));
    return g;
}

/* Warnings since the last work began. */
static int warned;

static void note_warning(void *user, weft_log_level level, const char *message)
{
    (void)user;
    (void)message;
    warned += level == WEFT_LOG_WARN;
}

/* Builds and runs it three times: the first status that is not OK. */
static weft_status work(weft_precision precision)
{
    static const float image[FLOATS] = { .5f, -1, 2 };
    float got[CLASSES];
    weft_ctx *ctx = NULL;
    weft_model *model = NULL;
    weft_graph *g = NULL;
    const weft_ctx_opt opt = { .device = "cuda", .precision = precision, .threads = 1, .log = note_warning };
    warned = 0;
    weft_status status = weft_ctx_create(&opt, &ctx);
    if (status == WEFT_OK) {
        g = small_network(ctx);
        status = weft_model_create(ctx, g, NULL, &model);
    }
    if (status == WEFT_OK)
        status = weft_model_init(model, 1);
    if (status == WEFT_OK)
        status = weft_model_set_input(model, 0, image, sizeof image);
    for (int run = 0; run < 3 && status == WEFT_OK; run++)
        status = weft_model_run(model);
    if (status == WEFT_OK)
        status = weft_model_get_output(model, 0, got, sizeof got);
    weft_model_destroy(model);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
    return status;
}

/* Calls whose failure the backend may survive: what is asked for reports, in closing, or has another way. */
static bool may_be_survived(const char *function)
{
    static const char *const names[] = { "Destroy", "cudaFree", "GetError", "Version", "GetInfo", "Capture", "Graph",
                                         "Heuristic", "GetAttribute", "Attribute", "Descriptor", "Properties",
                                         "Matmul", "cublasLt", "Finalize", "Execute", "SetDevice" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strstr(function, names[i]))
            return true;
    return false;
}

static const char *const functions[] = {
#define NAME(library, result, symbol, parameters) #symbol,
    WEFT_VENDOR_FUNCTIONS(NAME)
#undef NAME
    "launch",
};

/* Sanitized, behind the first calls only some: the emulator takes long then. */
static int64_t next_call(int64_t nth)
{
#if defined(__SANITIZE_ADDRESS__)
    return nth < 8 ? nth + 1 : nth + nth / 4;
#else
    return nth + 1;
#endif
}

START_TEST(every_failing_call_is_an_error_and_leaks_nothing)
{
    const char *function = functions[_i];
    for (int64_t nth = 1;; nth = next_call(nth)) {
        doubles->reset();
        doubles->inject(function, nth, strncmp(function, "cudnn", 5) == 0 ? CUDNN_ERROR : CUDA_ERROR);
        const weft_status status = work(WEFT_PRECISION_FP16);
        const bool met = doubles->fault_calls() >= nth;
        if (met && status == WEFT_OK) /* a run that cannot be recorded is made again, with a warning */
            ck_assert_msg(may_be_survived(function) || warned == 1, "call %lld of %s failed and nobody noticed",
                          (long long)nth, function);
        if (status != WEFT_OK)
            ck_assert_msg(met && weft_error()[0], "%s: %s", function, weft_error());
        finish();
        if (!met)
            break;
    }
}
END_TEST

/* The last window reaches over the map, so that the pool cannot be part of the convolution's plan. */
START_TEST(a_pool_over_the_edge_stays_apart)
{
    const weft_shape shape = weft_shape_nhwc(1, 7, 7, 4);
    float image[7 * 7 * 4], got[2][4 * 4 * 8];
    for (int i = 0; i < (int)(sizeof image / sizeof *image); i++)
        image[i] = (float)(i % 13) - 6;
    setenv("WEFT_CUDA_WITH", "pool", 1);
    for (int device = 0; device < 2; device++) {
        const weft_ctx_opt opt = { .device = device ? "cuda" : "cpu", .precision = WEFT_PRECISION_FP32, .threads = 1 };
        weft_ctx *ctx = NULL;
        weft_graph *g = NULL;
        weft_model *model = NULL;
        CHECK_OK(weft_ctx_create(&opt, &ctx));
        CHECK_OK(weft_graph_create(ctx, &g));
        weft_var x = weft_input(g, "image", &shape);
        x = weft_relu(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .out = 8, .kernel = 3, .bias = true }));
        x = weft_max_pool2d(g, x, &(weft_pool2d_opt){ .kernel = 2, .padding = WEFT_VALID, .ceil = true });
        weft_output(g, x, "y");
        CHECK_OK(weft_model_create(ctx, g, NULL, &model));
        CHECK_OK(weft_model_seed(model, 1));
        CHECK_OK(weft_model_set_input(model, 0, image, sizeof image));
        CHECK_OK(weft_model_run(model));
        CHECK_OK(weft_model_get_output(model, 0, got[device], sizeof got[device]));
        weft_model_destroy(model);
        weft_graph_destroy(g);
        weft_ctx_destroy(ctx);
    }
    for (int i = 0; i < 4 * 4 * 8; i++)
        ck_assert_double_eq_tol((double)got[1][i], (double)got[0][i], 1e-4);
    unsetenv("WEFT_CUDA_WITH");
    finish();
}
END_TEST

START_TEST(too_little_memory_is_said)
{
    doubles->card()->memory = 16000;
    ck_assert_int_eq(work(WEFT_PRECISION_FP32), WEFT_NO_MEMORY);
    ck_assert_msg(strstr(weft_error(), "free") != NULL, "%s", weft_error());
    finish();
}
END_TEST

START_TEST(runs_are_recorded_and_replayed)
{
    ck_assert_int_eq(work(WEFT_PRECISION_BF16), WEFT_OK);
    ck_assert_int_eq(doubles->counts().graph_launches, 2);
    finish();
}
END_TEST

/* Runs; returns how many copies that took. */
static int64_t copies_of_run(weft_model *model)
{
    const int64_t before = doubles->counts().copies;
    CHECK_OK(weft_model_run(model));
    return doubles->counts().copies - before;
}

/* Before every run, but once if they stay there. */
START_TEST(inputs_are_sent_when_needed)
{
    const bool resident = _i;
    static const float first[FLOATS] = { .5f, -1, 2 }, second[FLOATS] = { -3, 7, 1 };
    float want[CLASSES], got[CLASSES];
    weft_ctx *ctx;
    weft_model *model;
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .device = "cuda", .threads = 1 }, &ctx));
    weft_graph *g = small_network(ctx);
    CHECK_OK(weft_model_create(ctx, g, &(weft_model_opt){ .resident = resident }, &model));
    CHECK_OK(weft_model_init(model, 1));
    CHECK_OK(weft_model_set_input(model, 0, first, sizeof first));
    CHECK_OK(weft_model_run(model)); /* kernels of other shapes may copy tables in a first run */
    CHECK_OK(weft_model_get_output(model, 0, want, sizeof want));
    for (int run = 0; run < 3; run++) {
        ck_assert_int_eq(copies_of_run(model), resident ? 0 : 1);
        CHECK_OK(weft_model_get_output(model, 0, got, sizeof got));
        ck_assert_mem_eq(got, want, sizeof got);
    }
    CHECK_OK(weft_model_set_input(model, 0, second, sizeof second));
    ck_assert_int_eq(copies_of_run(model), 1);
    CHECK_OK(weft_model_get_output(model, 0, got, sizeof got));
    ck_assert_mem_ne(got, want, sizeof got);
    CHECK_OK(weft_model_set_input(model, 0, first, sizeof first));
    ck_assert_int_eq(copies_of_run(model), 1);
    CHECK_OK(weft_model_get_output(model, 0, got, sizeof got));
    ck_assert_mem_eq(got, want, sizeof got);
    weft_model_destroy(model);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
    finish();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cuda-backend");
    TCase *ops = tcase_create("ops"), *faults = tcase_create("faults");
    tcase_add_checked_fixture(ops, start, NULL);
    tcase_add_loop_test(ops, ops_agree_with_the_oracle, 0, WEFT_OP_COUNT);
    tcase_add_test(ops, fast_algorithms_may_err_more);
    suite_add_tcase(s, ops);
    tcase_add_checked_fixture(faults, start, NULL);
    tcase_add_loop_test(faults, every_failing_call_is_an_error_and_leaks_nothing, 0,
                        (int)(sizeof functions / sizeof *functions));
    tcase_add_test(faults, a_pool_over_the_edge_stays_apart);
    tcase_add_test(faults, too_little_memory_is_said);
    tcase_add_test(faults, runs_are_recorded_and_replayed);
    tcase_add_loop_test(faults, inputs_are_sent_when_needed, 0, 2);
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
    return check_main(suite(), "cuda-backend PLUGIN");
}
