/* SPDX-License-Identifier: Apache-2.0
 *
 * The CUDA backend's host code on doubles: every op on its own cases in every precision against the double oracle, and
 * every vendor call made to fail. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <weft/weft.h>

#include "check/harness.h"
#include "cuda/double/api.h"
#include "op/compare.h"
#include "op/rig.h"

static const double_api *doubles;

static const struct precision {
    weft_precision precision;
    double epsilon; /* of a number in memory, relative to float's */
} precisions[] = {
    { WEFT_PRECISION_FP32, 1 },
    { WEFT_PRECISION_FP16, 0x1p13 },
    { WEFT_PRECISION_BF16, 0x1p16 },
};

static void start(void)
{
    doubles->reset();
}

enum { HALF_MAX = 65504 };

/* Nothing is left open, and no rule was broken. */
static void finish(void)
{
    ck_assert_msg(doubles->complaint()[0] == '\0', "%s", doubles->complaint());
    ck_assert_int_eq(doubles->open_count(), 0);
    ck_assert_uint_eq(doubles->memory_used(), 0);
}

/* Whether the op changes input i in place, so that the store must keep it. */
static bool is_state(const weft_node *node, int i)
{
    return i < node->n_out && node->op->updates >> i & 1;
}

/* The case as a graph: the op, then what its epilogue adds. */
static weft_graph *graph_of(weft_ctx *ctx, const rig_problem *p, const weft_op_case *c)
{
    weft_graph *g = NULL;
    weft_var in[RIG_MAX_IN], y;
    CHECK_OK(weft_graph_create(ctx, &g));
    for (int i = 0; i < p->node.n_in; i++) {
        char name[16];
        snprintf(name, sizeof name, "in%d", i);
        if (is_state(&p->node, i))
            in[i] = weft_state(g, name, &p->node.in[i], WEFT_INIT_ZERO);
        else if (rig_param_of(&p->node, i) < 0)
            in[i] = weft_input_of(g, name, p->dtype_in[i], &p->node.in[i]);
    }
    y = weft_graph_append(g, p->node.id, c->opt, in, c->n_in);
    for (int o = 1; o < p->node.n_out; o++)
        weft_output(g, weft_graph_out(y, o), "other");
    if (c->epi.residual)
        y = weft_add(g, y, in[p->node.n_in - 1]);
    if (c->epi.act != WEFT_ACT_NONE)
        y = weft_activation(g, y, c->epi.act);
    weft_output(g, y, "y");
    CHECK_OK(weft_graph_status(g));
    return g;
}

static void feed(weft_model *model, const rig_problem *p)
{
    int inputs = 0, params = 0;
    for (int i = 0; i < p->node.n_in; i++) {
        const int64_t count = weft_shape_count(&p->node.in[i]);
        if (rig_param_of(&p->node, i) < 0 && !is_state(&p->node, i)) {
            CHECK_OK(weft_model_set_input(model, inputs++, p->in[i], (size_t)count * sizeof(float)));
            continue;
        }
        weft_param_info info;
        CHECK_OK(weft_model_param(model, params++, &info));
        CHECK_OK(weft_model_set_param(model, info.name, p->in[i], count));
    }
    ck_assert_int_eq(weft_model_param_count(model), params);
}

/* Numbers in memory have `epsilon` times float's error, and so have inputs and parameters before anything is done. */
static void judge(const rig_problem *p, const struct precision *how, int o, const float *got)
{
    const int64_t count = weft_shape_count(&p->node.out[o]);
    const double *want = p->want[o];
    const bool moved = compare_tolerance(&p->node, 1) == 0; /* EXACT: rounded once, when stored */
    compare_result r;
    if (how->precision == WEFT_PRECISION_FP16)
        for (int64_t i = 0; i < count; i++)
            if (fabs(want[i]) > HALF_MAX) /* nothing to compare */
                return;
    if (moved && how->epsilon > 1) {
        for (int64_t i = 0; i < count; i++)
            ck_assert_msg(fabs((double)got[i] - want[i]) <= how->epsilon * 0x1p-23 * (fabs(want[i]) + 1e-3),
                          "%s: y[%lld] is %.9g, %.9g expected", p->node.name, (long long)i, (double)got[i], want[i]);
        return;
    }
    r = compare_output(&p->node, how->epsilon, got, want, count);
    ck_assert_msg(r.ok, "%s, %s: output %d, y[%lld] is %.9g, %.9g expected, allowed %.3g", p->node.name,
                  weft_precision_name(how->precision), o, (long long)r.index, r.got, r.want, r.allowed);
}

/* Output o, in three runs: launch by launch, captured, replayed. The node's first output is the model's last. */
static void run_output(weft_model *model, const rig_problem *p, const struct precision *how, int o)
{
    const int port = o == 0 ? p->node.n_out - 1 : o - 1;
    const size_t bytes = (size_t)weft_shape_count(&p->node.out[o]) * sizeof(float);
    float *got = weft_alloc(&weft_malloc_allocator, bytes), *again = weft_alloc(&weft_malloc_allocator, bytes);
    for (int run = 0; run < 3; run++) {
        feed(model, p);
        memset(again, 0xff, bytes);
        CHECK_OK(weft_model_run(model));
        CHECK_OK(weft_model_get_output(model, port, again, bytes));
        if (run > 0)
            ck_assert_msg(memcmp(got, again, bytes) == 0, "%s: run %d gives other bits", p->node.name, run);
        memcpy(got, again, bytes);
    }
    judge(p, how, o, got);
    weft_free(&weft_malloc_allocator, got);
    weft_free(&weft_malloc_allocator, again);
}

static void run_case(const rig_problem *p, const weft_op_case *c, const struct precision *how)
{
    weft_ctx *ctx = NULL;
    weft_model *model = NULL;
    const weft_ctx_opt opt = { .device = "cuda", .precision = how->precision, .threads = 1 };
    CHECK_OK(weft_ctx_create(&opt, &ctx));
    weft_graph *g = graph_of(ctx, p, c);
    CHECK_OK(weft_model_create(ctx, g, NULL, &model));
    for (int o = 0; o < p->node.n_out; o++)
        run_output(model, p, how, o);
    weft_model_destroy(model);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
}

/* An op of none.def is refused by a sentence that names the node and the op. */
static void check_refusal(weft_op_id id)
{
    const weft_op *op = weft_op_get(id);
    const weft_ctx_opt opt = { .device = "cuda", .threads = 1 };
    char sentence[128];
    rig_problem p;
    weft_ctx *ctx = NULL;
    weft_model *model = NULL;
    CHECK_OK(rig_problem_make(&p, id, &op->cases[0], RIG_UNIT, check_seed()));
    CHECK_OK(weft_ctx_create(&opt, &ctx));
    weft_graph *g = graph_of(ctx, &p, &op->cases[0]);
    snprintf(sentence, sizeof sentence, "CUDA has no kernel for %s", op->name);
    CHECK_FAILS(WEFT_UNSUPPORTED, weft_model_create(ctx, g, NULL, &model), sentence);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
    rig_problem_release(&p);
}

static const bool none[WEFT_OP_COUNT] = {
    [0] = false,
#define WEFT_NONE(id, name) [WEFT_OP_##id] = true,
#include "cuda/op/none.def"
#undef WEFT_NONE
};

START_TEST(ops_agree_with_the_oracle)
{
    const weft_op *op = weft_op_get((weft_op_id)_i);
    if (none[_i]) {
        check_refusal((weft_op_id)_i);
        return;
    }
    for (const weft_op_case *c = op->cases; c->name; c++) {
        rig_problem p;
        CHECK_OK(rig_problem_make(&p, (weft_op_id)_i, c, RIG_UNIT, check_seed()));
        for (size_t k = 0; k < sizeof precisions / sizeof *precisions; k++) {
            run_case(&p, c, &precisions[k]);
            finish();
        }
        rig_problem_release(&p);
    }
}
END_TEST

/* ---- faults ---- */

enum { CUDA_ERROR = 719, CUDNN_ERROR = 4000 };

/* A network with a convolution, a depthwise one, an excitation, pools and a dense layer. */
static weft_graph *small_network(weft_ctx *ctx)
{
    const weft_shape shape = weft_shape_nhwc(2, 12, 12, 3);
    weft_graph *g = NULL;
    CHECK_OK(weft_graph_create(ctx, &g));
    weft_var x = weft_input(g, "image", &shape), y;
    x = weft_relu(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "stem", .out = 16, .kernel = 3, .bias = true }));
    x = weft_max_pool2d(g, x, &(weft_pool2d_opt){ .kernel = 2 });
    y = weft_swish(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "depthwise", .kernel = 3, .groups = 16 }));
    y = weft_squeeze_excite(g, y, &(weft_squeeze_excite_opt){ .name = "se", .reduced = 4 });
    y = weft_conv2d(g, y, &(weft_conv2d_opt){ .name = "project", .out = 16 });
    x = weft_global_avg_pool2d(g, weft_add(g, x, y));
    weft_output(g, weft_softmax(g, weft_dense(g, x, &(weft_dense_opt){ .out = 10 })), "probabilities");
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
    static const float image[2 * 12 * 12 * 3] = { .5f, -1, 2 };
    float got[2 * 10];
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

START_TEST(every_failing_call_is_an_error_and_leaks_nothing)
{
    const char *function = functions[_i];
    for (int64_t nth = 1;; nth++) {
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

static Suite *suite(void)
{
    Suite *s = suite_create("cuda-backend");
    TCase *ops = tcase_create("ops"), *faults = tcase_create("faults");
    tcase_add_checked_fixture(ops, start, NULL);
    tcase_add_loop_test(ops, ops_agree_with_the_oracle, 0, WEFT_OP_COUNT);
    suite_add_tcase(s, ops);
    tcase_add_checked_fixture(faults, start, NULL);
    tcase_add_loop_test(faults, every_failing_call_is_an_error_and_leaks_nothing, 0,
                        (int)(sizeof functions / sizeof *functions));
    tcase_add_test(faults, a_pool_over_the_edge_stays_apart);
    tcase_add_test(faults, too_little_memory_is_said);
    tcase_add_test(faults, runs_are_recorded_and_replayed);
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
    const int status = check_main(suite(), "cuda-backend PLUGIN");
    rig_close();
    return status;
}
