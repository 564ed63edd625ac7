/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs over one store, by the public headers alone: an op of two outputs feeds two readers, a state that one
 * program changes in place is what another reads, labels are integers, a scalar changes from run to run. It is built
 * for the CPU and for the CUDA plug-in on doubles (its path is then the first argument), where the second program's
 * runs come from a recording. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <weft/weft.h>

#include "graph/device.h"

enum { N = 4, H = 3, W = 5, C = 6, ROWS = N * H * W, RUNS = 4 };
static const double MOMENTUM = .75;

/* Copies between host and device so far; on the CPU there are none to count. */
static int64_t host_copies(void)
{
#ifdef WEFT_ON_DOUBLES
    return doubles->counts().copies;
#else
    return 0;
#endif
}

/* moments of x move the statistics of the norm "bn"; difference = mean - variance has both outputs as inputs. */
static weft_graph *learner(weft_ctx *ctx)
{
    const weft_shape shape = weft_shape_nhwc(N, H, W, C), vector = { .rank = 1, .dim = { C } };
    weft_graph *g;
    CHECK_OK(weft_graph_create(ctx, &g));
    const weft_moments_vars m = weft_moments(g, weft_input(g, "x", &shape));
    weft_scope_push(g, "bn");
    const weft_var mean = weft_state(g, "mean", &vector, WEFT_INIT_ZERO);
    const weft_var variance = weft_state(g, "variance", &vector, WEFT_INIT_ONE);
    weft_scope_pop(g);
    const weft_moving_average_opt opt = { .momentum = MOMENTUM };
    weft_output(g, weft_moving_average(g, mean, m.mean, &opt), "mean");
    weft_output(g, weft_moving_average(g, variance, m.variance, &opt), "variance");
    weft_output(g, weft_add_scaled(g, m.mean, m.variance, &(weft_add_opt){ .scale = -1 }), "difference");
    CHECK_OK(weft_graph_status(g));
    return g;
}

/* A convolution with that norm behind it, which inference folds into the weights. */
static weft_graph *reader(weft_ctx *ctx)
{
    const weft_shape shape = weft_shape_nhwc(N, H, W, C);
    weft_graph *g;
    CHECK_OK(weft_graph_create(ctx, &g));
    weft_var x = weft_input(g, "x", &shape);
    x = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "conv", .out = C });
    x = weft_batch_norm(g, x, &(weft_batch_norm_opt){ .name = "bn", .epsilon = 1e-3 });
    weft_output(g, x, "y");
    CHECK_OK(weft_graph_status(g));
    return g;
}

typedef struct pair {
    weft_ctx *ctx;
    weft_graph *learns, *reads;
    weft_store *store;
    weft_model *learner, *reader;
} pair;

/* Identity weights, so that the reader's y is the normalised x. */
static void open_pair(pair *p)
{
    p->ctx = open_ctx(2);
    p->learns = learner(p->ctx);
    p->reads = reader(p->ctx);
    const weft_graph *const graphs[] = { p->reads, p->learns };
    CHECK_OK(weft_store_create(p->ctx, graphs, 2, &p->store));
    CHECK_OK(weft_store_init(p->store, 1));
    float identity[C * C] = { 0 };
    for (int i = 0; i < C; i++)
        identity[i * C + i] = 1;
    CHECK_OK(weft_store_set(p->store, "conv/weight", identity, C * C));
    CHECK_OK(weft_model_create(p->ctx, p->learns, &(weft_model_opt){ .store = p->store }, &p->learner));
    CHECK_OK(weft_model_create(p->ctx, p->reads, &(weft_model_opt){ .store = p->store }, &p->reader));
}

static void close_pair(pair *p)
{
    weft_model_destroy(p->learner);
    weft_model_destroy(p->reader);
    weft_store_destroy(p->store);
    weft_graph_destroy(p->learns);
    weft_graph_destroy(p->reads);
    close_ctx(p->ctx);
}

static void draw(float *x, int run)
{
    for (int i = 0; i < ROWS * C; i++)
        x[i] = (float)sin(i * 1.7 + run) * (float)(1 + i % C) + (float)run;
}

/* What two passes in double say. */
static void expect_moments(const float *x, double mean[C], double variance[C])
{
    for (int c = 0; c < C; c++) {
        mean[c] = variance[c] = 0;
        for (int r = 0; r < ROWS; r++)
            mean[c] += (double)x[r * C + c] / ROWS;
        for (int r = 0; r < ROWS; r++)
            variance[c] += pow((double)x[r * C + c] - mean[c], 2) / ROWS;
    }
}

static void near(const char *what, int i, double got, double want)
{
    ck_assert_msg(fabs(got - want) <= 1e-5 * fmax(1, fabs(want)), "%s[%d] is %.9g, expected %.9g", what, i, got, want);
}

START_TEST(a_state_moves_and_is_read)
{
    static float x[ROWS * C], y[ROWS * C];
    double moving_mean[C] = { 0 }, moving_variance[C];
    pair p;
    open_pair(&p);
    for (int c = 0; c < C; c++)
        moving_variance[c] = 1;
    for (int run = 0; run < RUNS; run++) {
        double mean[C], variance[C];
        float learnt[3][C];
        draw(x, run);
        expect_moments(x, mean, variance);
        CHECK_OK(weft_model_set_input(p.learner, 0, x, sizeof x));
        CHECK_OK(weft_model_set_input(p.reader, 0, x, sizeof x));
        const uint64_t version = weft_store_version(p.store);
        CHECK_OK(weft_model_run(p.learner));
        ck_assert_uint_gt(weft_store_version(p.store), version);

        const int64_t requests = counter.requests, copies = host_copies();
        CHECK_OK(weft_model_run(p.reader));
#ifdef WEFT_ON_DOUBLES
        ck_assert_int_eq(host_copies(), copies + 1);      /* the input's upload */
        ck_assert_int_eq(counter.requests - requests, run == 0); /* the slot of the recording */
        if (run == RUNS - 1)
            ck_assert_int_ge(doubles->counts().graph_launches, 2); /* recorded once, for good */
#else
        ck_assert_int_eq(host_copies(), copies);
        ck_assert_int_eq(counter.requests, requests);
#endif
        for (int o = 0; o < 3; o++)
            CHECK_OK(weft_model_get_output(p.learner, o, learnt[o], sizeof learnt[o]));
        CHECK_OK(weft_model_get_output(p.reader, 0, y, sizeof y));
        for (int c = 0; c < C; c++) {
            moving_mean[c] = MOMENTUM * moving_mean[c] + (1 - MOMENTUM) * mean[c];
            moving_variance[c] = MOMENTUM * moving_variance[c] + (1 - MOMENTUM) * variance[c];
            near("mean", c, (double)learnt[0][c], moving_mean[c]);
            near("variance", c, (double)learnt[1][c], moving_variance[c]);
            near("difference", c, (double)learnt[2][c], mean[c] - variance[c]);
        }
        for (int i = 0; i < ROWS * C; i++)
            near("y", i, (double)y[i], ((double)x[i] - moving_mean[i % C]) / sqrt(moving_variance[i % C] + 1e-3));
    }
    close_pair(&p);
}
END_TEST

/* Setting a parameter is seen by every program of the store, at its next run. */
START_TEST(a_parameter_set_is_seen_by_all)
{
    static float x[ROWS * C], once[ROWS * C], twice[ROWS * C];
    float weight[C * C];
    pair p;
    weft_model *other;
    open_pair(&p);
    CHECK_OK(weft_model_create(p.ctx, p.reads, &(weft_model_opt){ .store = p.store, .batch = 2 }, &other));
    draw(x, 1);
    CHECK_OK(weft_model_set_input(p.reader, 0, x, sizeof x));
    CHECK_OK(weft_model_set_input(other, 0, x, sizeof x / 2));
    for (int change = 0; change < 3; change++) {
        CHECK_OK(weft_store_get(p.store, "conv/weight", weight, C * C));
        for (int i = 0; i < C * C; i++)
            weight[i] += .125f;
        CHECK_OK(weft_store_set(p.store, "conv/weight", weight, C * C));
        CHECK_OK(weft_model_run(p.reader));
        CHECK_OK(weft_model_run(other));
        CHECK_OK(weft_model_get_output(p.reader, 0, once, sizeof once));
        CHECK_OK(weft_model_get_output(other, 0, twice, sizeof twice / 2));
        for (int i = 0; i < ROWS * C / 2; i++)
            near("y", i, (double)twice[i], (double)once[i]);
        for (int c = 0; c < C; c++) { /* of the first pixel: the statistics are 0 and 1 */
            double sum = 0;
            for (int k = 0; k < C; k++)
                sum += (double)x[k] * ((k == c) + .125 * (change + 1));
            near("first", c, (double)once[c], sum / sqrt(1 + 1e-3));
        }
    }
    weft_model_destroy(other);
    close_pair(&p);
}
END_TEST

/* A factor that is an input is read anew in every run, recorded or not; labels are integers. */
START_TEST(scalars_and_labels)
{
    const weft_shape labels = weft_shape_nc(3, 1), rows = weft_shape_nc(3, 4), one = { .rank = 1, .dim = { 1 } };
    weft_ctx *ctx = open_ctx(2);
    weft_graph *g;
    weft_model *model;
    weft_port_info info;
    CHECK_OK(weft_graph_create(ctx, &g));
    const weft_var label = weft_input_of(g, "label", WEFT_I32, &labels);
    const weft_var scale = weft_input_of(g, "scale", WEFT_F32, &one);
    const weft_var state = weft_state(g, "state", &one, WEFT_INIT_ZERO);
    const weft_var x = weft_input(g, "x", &rows);
    weft_output(g, weft_add(g, weft_one_hot(g, label, &(weft_one_hot_opt){ .classes = 4 }), x), "y");
    weft_output(g, weft_moving_average(g, state, scale, &(weft_moving_average_opt){ .momentum = .5 }), "state");
    CHECK_OK(weft_model_create(ctx, g, &(weft_model_opt){ .batch = 2 }, &model));
    CHECK_OK(weft_model_input(model, 0, &info));
    ck_assert_int_eq(info.dtype, WEFT_I32);
    ck_assert_int_eq(info.shape.dim[0], 2);
    CHECK_OK(weft_model_input(model, 1, &info));
    ck_assert_int_eq(info.shape.dim[0], 1); /* no batch */
    CHECK_FAILS(WEFT_INVALID, weft_model_set_input(model, 0, "", 1), "[2, 1] of i32 needs 8");
    double want = 0;
    for (int run = 0; run < RUNS; run++) {
        const int32_t is[2] = { run % 4, 3 - run % 4 };
        const float add[8] = { 10, 20, 30, 40, 50, 60, 70, 80 }, lr = (float)(run + 1);
        float y[8], moved;
        CHECK_OK(weft_model_set_input(model, 0, is, sizeof is));
        CHECK_OK(weft_model_set_input(model, 1, &lr, sizeof lr));
        CHECK_OK(weft_model_set_input(model, 2, add, sizeof add));
        CHECK_OK(weft_model_run(model));
        CHECK_OK(weft_model_get_output(model, 0, y, sizeof y));
        CHECK_OK(weft_model_get_output(model, 1, &moved, sizeof moved));
        want = .5 * want + .5 * (double)lr;
        near("state", 0, (double)moved, want);
        for (int i = 0; i < 8; i++)
            near("y", i, (double)y[i], (double)add[i] + (i % 4 == is[i / 4]));
    }
    weft_model_destroy(model);
    weft_graph_destroy(g);
    close_ctx(ctx);
}
END_TEST

START_TEST(what_does_not_go)
{
    const weft_shape vector = { .rank = 1, .dim = { C } }, wider = { .rank = 1, .dim = { C + 1 } };
    const weft_shape map = weft_shape_nc(2, C);
    weft_ctx *ctx = open_ctx(2);
    weft_graph *g, *h, *labels;
    weft_store *store = NULL;
    weft_model *model = NULL;
    CHECK_OK(weft_graph_create(ctx, &g));
    weft_output(g, weft_moving_average(g, weft_state(g, "s", &vector, WEFT_INIT_ZERO),
                                       weft_moments(g, weft_input(g, "x", &map)).mean, NULL), "s");
    CHECK_OK(weft_graph_status(g));
    CHECK_OK(weft_graph_create(ctx, &h));
    const weft_var s = weft_state(h, "s", &wider, WEFT_INIT_ZERO);
    weft_output(h, weft_moving_average(h, s, weft_parameter(h, "p", &wider, WEFT_INIT_ONE), NULL), "s");
    CHECK_OK(weft_graph_status(h));
    const weft_graph *const both[] = { g, h };
    CHECK_FAILS(WEFT_INVALID, weft_store_create(ctx, both, 2, &store), "s is [6] in one graph and [7] in another");
    CHECK_OK(weft_store_create(ctx, both, 1, &store));
    CHECK_FAILS(WEFT_INVALID, weft_model_create(ctx, h, &(weft_model_opt){ .store = store }, &model),
                "s is [6] in the store and [7] in the graph");
    CHECK_FAILS(WEFT_NOT_FOUND, weft_store_set(store, "z", (const float[]){ 0 }, 1), "no parameter 'z'");
    weft_store_destroy(store);
    CHECK_OK(weft_store_create(ctx, both + 1, 1, &store));
    CHECK_FAILS(WEFT_INVALID, weft_model_create(ctx, g, &(weft_model_opt){ .store = store }, &model), "[7]");
    weft_moving_average(g, weft_input(g, "y", &vector), weft_input(g, "z", &vector), NULL);
    CHECK_FAILS(WEFT_INVALID, weft_graph_status(g), "input 0 is changed in place, expected a state or a parameter");
    CHECK_OK(weft_graph_create(ctx, &labels));
    weft_relu(labels, weft_input_of(labels, "label", WEFT_I32, &map));
    CHECK_FAILS(WEFT_INVALID, weft_graph_status(labels), "input 0 is of type i32, expected f32");
    weft_store_destroy(store);
    weft_graph_destroy(labels);
    weft_graph_destroy(g);
    weft_graph_destroy(h);
    close_ctx(ctx);
}
END_TEST

/* What has been changed in place lies in the store, whatever reads it: an addition that might write over its input, a
 * concatenation that would have it among its channels. */
START_TEST(what_is_changed_stays_in_the_store)
{
    enum { M = 2, COUNT = M * C };
    const weft_shape shape = { .rank = 2, .dim = { M, C } };
    const weft_moving_average_opt opt = { .momentum = MOMENTUM };
    float x[COUNT], got[COUNT], sums[COUNT], wide[2 * COUNT];
    weft_ctx *ctx = open_ctx(2);
    weft_graph *g;
    weft_model *model;
    CHECK_OK(weft_graph_create(ctx, &g));
    const weft_var in = weft_input(g, "x", &shape);
    weft_var moved[2];
    for (int i = 0; i < 2; i++)
        moved[i] = weft_moving_average(g, weft_state(g, i ? "t" : "s", &shape, WEFT_INIT_ZERO), in, &opt);
    weft_output(g, weft_add(g, moved[0], in), "sum");
    weft_output(g, weft_concat(g, (const weft_var[]){ in, moved[1] }, 2), "wide");
    CHECK_OK(weft_graph_status(g));
    CHECK_OK(weft_model_create(ctx, g, NULL, &model));
    for (int i = 0; i < COUNT; i++)
        x[i] = (float)(i - 5);
    CHECK_OK(weft_model_init(model, 1));
    CHECK_OK(weft_model_set_input(model, 0, x, sizeof x));
    CHECK_OK(weft_model_run(model));
    CHECK_OK(weft_model_get_output(model, 0, sums, sizeof sums));
    CHECK_OK(weft_model_get_output(model, 1, wide, sizeof wide));
    for (int k = 0; k < 2; k++) {
        CHECK_OK(weft_store_get(weft_model_store(model), k ? "t" : "s", got, COUNT));
        for (int i = 0; i < COUNT; i++) {
            near("state", i, (double)got[i], (1 - MOMENTUM) * (double)x[i]);
            near("sum", i, (double)sums[i], (2 - MOMENTUM) * (double)x[i]);
            near("wide", i, (double)wide[i / C * 2 * C + C + i % C], (1 - MOMENTUM) * (double)x[i]);
        }
    }
    weft_model_destroy(model);
    weft_graph_destroy(g);
    close_ctx(ctx);
}
END_TEST

int main(int argc, char **argv)
{
    if (!has_device(argc, argv))
        return 2;
    Suite *suite = suite_create("store");
    CHECK_CASE(suite, "programs", a_state_moves_and_is_read, a_parameter_set_is_seen_by_all, scalars_and_labels,
               what_does_not_go, what_is_changed_stays_in_the_store);
    return check_main(suite, argv[0]);
}
