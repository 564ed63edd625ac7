/* SPDX-License-Identifier: Apache-2.0
 *
 * The floating-point mode of a run: subnormal weights and activations cost what others do and count as zeros, whatever
 * the host program's mode is the bits are the same, and it has its own mode back afterwards. And a forked child: it may
 * use and destroy the models and contexts that it inherits. */
#include <fenv.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <weft/model.h>
#include <weft/ops.h>

#include "base/fpmode.h"
#include "check/harness.h"

enum { SIDE = 16, CHANNELS = 32, PIXELS = SIDE * SIDE * CHANNELS, CLASSES = 10, PARAMS = 1 << 18 };

static const float TINY = 1e-40f;

typedef struct net {
    weft_ctx *ctx;
    weft_graph *graph;
    weft_model *model;
} net;

/* The kernels of every kind: pointwise, 3x3 (Winograd, unless strict), strided, grouped, depthwise, pools, sums over
 * maps, dense. Nothing that would make large numbers of small ones. */
static void make(net *n, const char *isa, int threads, weft_math math)
{
    const weft_shape shape = { 4, { 1, SIDE, SIDE, CHANNELS } };
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .isa = isa, .threads = threads, .math = math }, &n->ctx));
    CHECK_OK(weft_graph_create(n->ctx, &n->graph));
    weft_graph *g = n->graph;
    const weft_var x = weft_input(g, "x", &shape);
    weft_var y = weft_conv2d(g, x, &(weft_conv2d_opt){ .out = CHANNELS });
    y = weft_conv2d(g, y, &(weft_conv2d_opt){ .out = CHANNELS, .kernel = 3 });
    y = weft_conv2d(g, y, &(weft_conv2d_opt){ .kernel = 3, .groups = CHANNELS });
    y = weft_conv2d(g, y, &(weft_conv2d_opt){ .out = CHANNELS, .kernel = 3, .groups = 4 });
    y = weft_add(g, y, x);
    y = weft_conv2d(g, y, &(weft_conv2d_opt){ .out = CHANNELS, .kernel = 3, .stride = 2 });
    y = weft_avg_pool2d(g, y, &(weft_pool2d_opt){ .kernel = 3, .stride = 1 });
    y = weft_max_pool2d(g, y, NULL);
    y = weft_dense(g, weft_global_avg_pool2d(g, y), &(weft_dense_opt){ .out = CLASSES, .no_bias = true });
    weft_output(g, y, "y");
    CHECK_OK(weft_model_create(n->ctx, n->graph, NULL, &n->model));
}

static void drop(net *n)
{
    weft_model_destroy(n->model);
    weft_graph_destroy(n->graph);
    weft_ctx_destroy(n->ctx);
}

/* Elements 1 to 2 times as large as scale, of both signs. */
static void fill(float *data, int64_t count, float scale)
{
    for (int64_t i = 0; i < count; i++)
        data[i] = (i % 3 == 0 ? -1.f : 1.f) * scale * (1.f + (float)(i % 17) / 17.f);
}

static void set_params(net *n, float scale)
{
    static float data[PARAMS];
    for (int i = 0; i < weft_model_param_count(n->model); i++) {
        weft_param_info info;
        CHECK_OK(weft_model_param(n->model, i, &info));
        const int64_t count = weft_shape_count(&info.shape);
        ck_assert_int_le(count, PARAMS);
        fill(data, count, scale);
        CHECK_OK(weft_model_set_param(n->model, info.name, data, count));
    }
}

static void set_input(net *n, float scale)
{
    static float x[PIXELS];
    fill(x, PIXELS, scale);
    CHECK_OK(weft_model_set_input(n->model, 0, x, sizeof x));
}

static void run(net *n, float *y)
{
    CHECK_OK(weft_model_run(n->model));
    CHECK_OK(weft_model_get_output(n->model, 0, y, CLASSES * sizeof *y));
}

static double seconds_of(net *n)
{
    struct timespec start, end;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    CHECK_OK(weft_model_run(n->model));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    return (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
}

/* By turns on one thread, the least of each: what the machine does meanwhile touches both alike. Without the mode the
 * ratios are 5 to 90. */
START_TEST(subnormal_numbers_cost_no_more)
{
    enum { ROUNDS = 15, BOUND = 3 };
    static const char *const isas[] = { NULL, "avx2", "portable", "ref" };
    for (int i = 0; i < WEFT_COUNT(isas); i++) {
        net plain, tiny;
        double least[3] = { HUGE_VAL, HUGE_VAL, HUGE_VAL };
        make(&plain, isas[i], 1, WEFT_MATH_FAST);
        make(&tiny, isas[i], 1, WEFT_MATH_FAST);
        set_params(&plain, .05f);
        set_params(&tiny, TINY);
        set_input(&tiny, 1);
        for (int r = 0; r < (i == WEFT_COUNT(isas) - 1 ? 3 : ROUNDS); r++) {
            set_input(&plain, 1);
            least[0] = fmin(least[0], seconds_of(&plain));
            least[1] = fmin(least[1], seconds_of(&tiny));
            set_input(&plain, TINY);
            least[2] = fmin(least[2], seconds_of(&plain));
        }
        printf("isa %s: %.3f ms, subnormal weights x%.2f, subnormal activations x%.2f\n", weft_ctx_isa(plain.ctx),
               1e3 * least[0], least[1] / least[0], least[2] / least[0]);
        ck_assert_double_le(least[1], BOUND * least[0]);
        ck_assert_double_le(least[2], BOUND * least[0]);
        drop(&plain);
        drop(&tiny);
    }
}
END_TEST

/* Products of subnormal weights are zeros, not what they would be with gradual underflow. */
START_TEST(subnormal_numbers_are_zeros)
{
    static const char *const isas[] = { NULL, "avx2", "portable", "ref" };
    for (int i = 0; i < WEFT_COUNT(isas); i++) {
        net n;
        float y[CLASSES];
        make(&n, isas[i], 2, WEFT_MATH_STRICT);
        set_params(&n, TINY);
        set_input(&n, 1e30f);
        run(&n, y);
        for (int k = 0; k < CLASSES; k++)
            ck_assert_msg(WEFT_FP_KERNEL == 0 || y[k] == 0, "isa %s: output %d is %g",
                          weft_ctx_isa(n.ctx), k, (double)y[k]);
        drop(&n);
    }
}
END_TEST

/* Under a host's own mode: rounding up, or on x86 exception flags raised. Packing, the run and its timed form. */
static void run_under(int host, net *n, float *y)
{
    if (host == 1)
        ck_assert_int_eq(fesetround(FE_UPWARD), 0);
    else if (host == 2)
        ck_assert_int_eq(feraiseexcept(FE_INEXACT | FE_UNDERFLOW), 0);
    const weft_fp_mode before = weft_fp_read();
    CHECK_OK(weft_model_commit(n->model));
    ck_assert_uint_eq(weft_fp_read(), before);
    run(n, y);
    ck_assert_uint_eq(weft_fp_read(), before);
    double *const seconds = calloc((size_t)weft_model_step_count(n->model), sizeof *seconds);
    CHECK_OK(weft_model_run_timed(n->model, seconds));
    free(seconds);
    ck_assert_uint_eq(weft_fp_read(), before);
    ck_assert_int_eq(fesetround(FE_TONEAREST), 0);
    ck_assert_int_eq(feclearexcept(FE_ALL_EXCEPT), 0);
}

/* Numbers a little above the end of the normal range: some products are below it. */
START_TEST(the_hosts_mode_matters_to_nobody)
{
    float first[CLASSES], y[CLASSES];
    for (int threads = 1; threads <= 4; threads++)
        for (int host = 0; host < 3; host++) {
            net n;
            make(&n, NULL, threads, WEFT_MATH_FAST);
            set_params(&n, .2f);
            set_input(&n, 1e-37f);
            run_under(host, &n, y);
            ck_assert(y[0] != 0 && isfinite(y[0]));
            if (threads == 1 && host == 0)
                memcpy(first, y, sizeof first);
            ck_assert_msg(memcmp(first, y, sizeof first) == 0, "other bits with %d threads, host's mode %d", threads,
                          host);
            drop(&n);
        }
}
END_TEST

#if defined(__SANITIZE_THREAD__) /* which allows a forked child no threads */
enum { CHILD_THREADS = 1 };
#else
enum { CHILD_THREADS = 3 };
#endif

/* The child has none of the workers; it must not wait for them, neither in a run nor at the end. */
START_TEST(a_forked_child_may_use_and_destroy)
{
    net n;
    float want[CLASSES], got[CLASSES];
    make(&n, NULL, 3, WEFT_MATH_FAST);
    set_params(&n, .2f);
    set_input(&n, 1);
    run(&n, want);
    for (int round = 0; round < 8; round++) {
        if (round % 2) /* with workers that sleep, and with some that still spin */
            nanosleep(&(struct timespec){ .tv_nsec = 3000000 }, NULL);
        const pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            alarm(30);
            if (round / 2 % 2 == 0)
                for (int i = 0; i < 3; i++) {
                    run(&n, got);
                    if (memcmp(want, got, sizeof want) != 0)
                        _exit(2);
                }
            net own;
            make(&own, NULL, CHILD_THREADS, WEFT_MATH_FAST);
            drop(&n);
            set_params(&own, .2f);
            set_input(&own, 1);
            run(&own, got);
            drop(&own);
            _exit(memcmp(want, got, sizeof want) != 0 ? 3 : 0);
        }
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "round %d: the child's status is 0x%x", round,
                      (unsigned)status);
        run(&n, got);
        ck_assert_int_eq(memcmp(want, got, sizeof want), 0);
    }
    drop(&n);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("fpmode");
    CHECK_CASE(suite, "fpmode", subnormal_numbers_cost_no_more, subnormal_numbers_are_zeros,
               the_hosts_mode_matters_to_nobody, a_forked_child_may_use_and_destroy);
    return check_main(suite, argv[0]);
}
