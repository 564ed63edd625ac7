/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands for batch norm in training, by the trainer: statistics move as the header says, gradients are the slopes
 * of the loss, and what is frozen stays. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <weft/weft.h>

#include "base/compiler.h"
#include "check/harness.h"

enum { N = 6, H = 4, W = 5, C = 3, K = 5, CLASSES = 4, ROWS = N * H * W };
static const double MOMENTUM = .75;

typedef struct net {
    weft_act act;
    bool unbiased, residual, no_gamma;
    const char *freeze;
} net;

typedef struct bench {
    weft_ctx *ctx;
    weft_graph *graph;
    weft_trainer *trainer;
    float images[ROWS * C];
    int32_t labels[N];
} bench;

/* "in" norms the images; "conv", "bn" and the activation, maybe with a sum between; "head". */
static weft_graph *build(weft_ctx *ctx, const net *n)
{
    const weft_shape shape = weft_shape_nhwc(N, H, W, C);
    weft_graph *g;
    CHECK_OK(weft_graph_create(ctx, &g));
    const weft_batch_norm_opt in = { .name = "in", .momentum = MOMENTUM, .unbiased = n->unbiased };
    const weft_batch_norm_opt bn = { .name = "bn", .epsilon = 1e-5, .no_gamma = n->no_gamma };
    const weft_var x = weft_batch_norm(g, weft_input(g, "x", &shape), &in);
    const weft_var skip = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "skip", .out = K, .kernel = 1 });
    weft_var y = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "conv", .out = K, .kernel = 3 });
    y = weft_batch_norm(g, y, &bn);
    y = weft_activation(g, n->residual ? weft_add(g, y, skip) : y, n->act);
    y = weft_dense(g, weft_flatten(g, y), &(weft_dense_opt){ .name = "head", .out = CLASSES });
    weft_output(g, weft_softmax(g, y), "y");
    CHECK_OK(weft_graph_status(g));
    return g;
}

static void open_bench(bench *b, const net *n)
{
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 2, .math = WEFT_MATH_STRICT }, &b->ctx));
    b->graph = build(b->ctx, n);
    const weft_train_opt opt = { .seed = 5, .freeze = &n->freeze, .freeze_count = n->freeze ? 1 : 0 };
    CHECK_OK(weft_trainer_create(b->ctx, b->graph, &opt, &b->trainer));
    for (int i = 0; i < ROWS * C; i++)
        b->images[i] = (float)sin(i * 1.7) * (float)(1 + i % C) + (float)(i % C);
    for (int i = 0; i < N; i++)
        b->labels[i] = i * 3 % CLASSES;
}

static void close_bench(bench *b)
{
    weft_trainer_destroy(b->trainer);
    weft_graph_destroy(b->graph);
    weft_ctx_destroy(b->ctx);
}

static double loss_of(bench *b, double lr)
{
    weft_step_result result;
    CHECK_OK(weft_trainer_step(b->trainer, &(weft_batch){ .images = b->images, .labels = b->labels }, lr, &result));
    return result.loss;
}

static void near(const char *what, int i, double got, double want, double tolerance)
{
    ck_assert_msg(fabs(got - want) <= tolerance * fmax(1, fabs(want)), "%s[%d] is %.9g, expected %.9g", what, i, got,
                  want);
}

/* ---- statistics ---- */

static void moments_of(const float *x, int c, double *mean, double *squares)
{
    *mean = *squares = 0;
    for (int r = 0; r < ROWS; r++)
        *mean += (double)x[r * C + c] / ROWS;
    for (int r = 0; r < ROWS; r++)
        *squares += pow((double)x[r * C + c] - *mean, 2);
}

static void check_moved(bool unbiased, const char *freeze, double share)
{
    bench b;
    float mean[C], variance[C];
    open_bench(&b, &(net){ .unbiased = unbiased, .freeze = freeze });
    loss_of(&b, .1);
    const weft_store *store = weft_trainer_store(b.trainer);
    CHECK_OK(weft_store_get(store, "in/mean", mean, C));
    CHECK_OK(weft_store_get(store, "in/variance", variance, C));
    for (int c = 0; c < C; c++) {
        double want, squares;
        moments_of(b.images, c, &want, &squares);
        near("mean", c, (double)mean[c], share * want, 1e-5);
        near("variance", c, (double)variance[c], 1 - share + share * squares / (unbiased ? ROWS - 1 : ROWS), 1e-5);
    }
    close_bench(&b);
}

START_TEST(statistics_move)
{
    check_moved(false, NULL, 1 - MOMENTUM);
    check_moved(true, NULL, 1 - MOMENTUM);
}
END_TEST

START_TEST(frozen_statistics_stay)
{
    check_moved(false, "in", 0);
    check_moved(true, "in", 0);
}
END_TEST

/* ---- gradients ---- */

/* A step of rate 1 without momentum takes the gradient from the parameter; the loss itself says what that is. */
static void check_slopes(const net *n, const char *name, int count, bool is_zero)
{
    enum { MAX = K * 9 * C };
    const bool kinks = n->act == WEFT_ACT_RELU;
    const double h = kinks ? 5e-4 : 2e-3, tolerance = kinks ? 5e-3 : 5e-4;
    float was[MAX], now[MAX], moved[MAX];
    bench b;
    open_bench(&b, n);
    weft_store *store = weft_trainer_store(b.trainer);
    CHECK_OK(weft_store_get(store, name, was, count));
    for (int i = 0; i < count; i++)
        was[i] += .1f * (float)cos(i * 2.3);
    CHECK_OK(weft_store_set(store, name, was, count));
    loss_of(&b, 1);
    CHECK_OK(weft_store_get(store, name, now, count));
    for (int i = 0; i < count; i += 1 + count / 7) {
        double loss[2];
        for (int side = 0; side < 2; side++) {
            bench c;
            open_bench(&c, n);
            memcpy(moved, was, sizeof *was * (size_t)count);
            moved[i] += (float)(side ? h : -h);
            CHECK_OK(weft_store_set(weft_trainer_store(c.trainer), name, moved, count));
            loss[side] = loss_of(&c, 0);
            close_bench(&c);
        }
        char what[64];
        snprintf(what, sizeof what, "gradient of %s", name);
        near(what, i, (double)(was[i] - now[i]), is_zero ? 0 : (loss[1] - loss[0]) / (2 * h), tolerance);
    }
    close_bench(&b);
}

START_TEST(gradients_are_slopes)
{
    static const net nets[] = {
        { .act = WEFT_ACT_NONE },
        { .act = WEFT_ACT_SWISH },
        { .act = WEFT_ACT_RELU },
        { .act = WEFT_ACT_RELU, .residual = true },
        { .act = WEFT_ACT_TANH, .residual = true, .no_gamma = true },
        { .act = WEFT_ACT_SWISH, .freeze = "bn" },
        { .act = WEFT_ACT_SWISH, .freeze = "bn*" },
    };
    const net *n = &nets[_i];
    const bool frozen = n->freeze && strcmp(n->freeze, "bn*") == 0;
    if (!n->no_gamma)
        check_slopes(n, "bn/gamma", K, frozen);
    check_slopes(n, "bn/beta", K, frozen);
    check_slopes(n, "conv/weight", K * 9 * C, false);
    check_slopes(n, "in/gamma", C, false);
}
END_TEST

/* ---- fusion ---- */

/* Steps of the training program whose op is this, and whose detail ends so. */
static int count_steps(const bench *b, const char *op, const char *end)
{
    const weft_model *model = weft_trainer_model(b->trainer);
    int count = 0;
    for (int i = 0; i < weft_model_step_count(model); i++) {
        weft_step_info info;
        CHECK_OK(weft_model_step(model, i, &info));
        const size_t length = strlen(info.detail), tail = strlen(end);
        count += strcmp(info.op, op) == 0 && length >= tail && strcmp(info.detail + length - tail, end) == 0;
    }
    return count;
}

/* The activation behind a norm costs no pass, forwards or backwards; a sum between them costs the slope's. */
START_TEST(activations_are_fused)
{
    static const struct {
        net net;
        const char *end, *slope;
        int slopes;
    } rows[] = {
        { { .act = WEFT_ACT_RELU }, "+relu", "of relu", 0 },
        { { .act = WEFT_ACT_SWISH }, "+swish", "of swish", 0 },
        { { .act = WEFT_ACT_HARD_SWISH, .no_gamma = true }, "+hard_swish", "of hard_swish no gamma", 0 },
        { { .act = WEFT_ACT_RELU, .residual = true }, "+residual +relu", "", 1 },
        { { .act = WEFT_ACT_TANH }, "+tanh", "", 1 },
    };
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        bench b;
        open_bench(&b, &rows[i].net);
        ck_assert_int_eq(count_steps(&b, "activation", ""), 0);
        ck_assert_int_eq(count_steps(&b, "batch_norm_train", rows[i].end), 1);
        ck_assert_int_eq(count_steps(&b, "activation_dx", ""), rows[i].slopes);
        ck_assert_int_ge(count_steps(&b, "batch_norm_dx", rows[i].slope), 1);
        close_bench(&b);
    }
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("norms");
    CHECK_CASE(suite, "statistics move", statistics_move);
    CHECK_CASE(suite, "frozen statistics stay", frozen_statistics_stay);
    CHECK_CASE(suite, "activations are fused", activations_are_fused);
    TCase *tcase = tcase_create("gradients");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, gradients_are_slopes, 0, 7);
    suite_add_tcase(suite, tcase);
    return check_main(suite, argv[0]);
}
