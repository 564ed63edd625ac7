/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters on their way to what kernels read (weft_kernel.pack), on the CUDA backend's doubles: queued together, part
 * of each step where that changes them, once for a layer and its gradient. */
#include <math.h>
#include <string.h>

#include "cuda/kernel/pack.h"
#include "graph/grad.h"
#include "prove.h"

enum { LAYERS = 140 };

/* Each layer has weights in the device's type, a bias in it, and one of floats. */
static void dense_layers(weft_graph *g, int which)
{
    const weft_shape shape = { .rank = 2, .dim = { 2, 8 } };
    weft_var x = weft_input(g, "x", &shape);
    (void)which;
    for (int i = 0; i < LAYERS; i++)
        x = weft_relu(g, weft_dense(g, x, &(weft_dense_opt){ .out = 8 }));
    weft_output(g, x, "y");
}

/* The same values once more, a change all the same. */
static void set_again(weft_model *model)
{
    float values[64];
    weft_param_info info;
    CHECK_OK(weft_model_param(model, 0, &info));
    const int64_t count = weft_shape_count(&info.shape);
    ck_assert_int_le(count, 64);
    CHECK_OK(weft_model_get_param(model, info.name, values, count));
    CHECK_OK(weft_model_set_param(model, info.name, values, count));
}

START_TEST(packs_are_queued_together)
{
    static float first[ROOM], again[ROOM];
    built b = { 0 };
    const graph_of of = { dense_layers, 0 };
    make(&b, &half, &of);
    CHECK_OK(weft_model_run(b.model));
    const int64_t n = dump(&b, first), before = doubles->counts().kernels;
    CHECK_OK(weft_model_commit(b.model)); /* nothing has changed */
    ck_assert_int_eq(doubles->counts().kernels, before);
    set_again(b.model);
    CHECK_OK(weft_model_commit(b.model));
    const int64_t launches = doubles->counts().kernels - before;
    ck_assert_int_eq(launches, (3 * LAYERS + WEFT_PACK_SEGMENTS - 1) / WEFT_PACK_SEGMENTS);
    CHECK_OK(weft_model_run(b.model));
    ck_assert_int_eq(dump(&b, again), n);
    ck_assert_mem_eq(first, again, (size_t)n * sizeof *first);
    unmake(&b);
    finish();
}
END_TEST

/* A launch of packs that fails is an error, and nothing of it is left for the next ones. */
START_TEST(failed_packs_are_forgotten)
{
    static float expected[ROOM], got[ROOM];
    built b = { 0 };
    const graph_of of = { dense_layers, 0 };
    ck_assert_int_gt(results(&half, &of, false, expected), 0);
    make(&b, &half, &of);
    doubles->inject("launch", 1 + _i, 719);
    ck_assert_int_ne(weft_model_commit(b.model), WEFT_OK);
    doubles->inject("none", 1, 0);
    for (int run = 0; run < RUNS; run++)
        CHECK_OK(weft_model_run(b.model));
    const int64_t n = dump(&b, got);
    ck_assert_mem_eq(expected, got, (size_t)n * sizeof *got);
    unmake(&b);
    finish();
}
END_TEST

/* Convolutions of an image, by groups, depthwise with a stride and without, a dense layer; all that have weights twice,
 * forwards and backwards. */
static void trained_layers(weft_graph *g, int which)
{
    const weft_shape image = weft_shape_nhwc(2, 8, 8, 3), classes = { .rank = 2, .dim = { 2, 5 } };
    const weft_var lr = weft_input(g, "lr", &SCALAR), none = { 0 };
    weft_var x = weft_input(g, "x", &image), target = weft_input(g, "target", &classes), p[16], d[16];
    (void)which;
    x = weft_relu(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "stem", .out = 16, .kernel = 3 }));
    x = weft_swish(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "one", .out = 16, .bias = true }));
    x = weft_swish(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "deep", .kernel = 3, .groups = 16 }));
    x = weft_swish(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "half", .kernel = 5, .groups = 16, .stride = 2 }));
    x = weft_swish(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "grouped", .out = 16, .kernel = 3, .groups = 2 }));
    x = weft_dense(g, weft_global_avg_pool2d(g, x), &(weft_dense_opt){ .name = "dense", .out = 5 });
    const weft_var loss = weft_cross_entropy(g, x, target, NULL);
    int n = 0;
    for (; n < g->n_params; n++)
        p[n] = (weft_var){ g->params[n].value };
    CHECK_OK(weft_graph_grad(g, &loss, &none, 1, p, n, d));
    const weft_gate_vars gate = weft_gate(g, weft_state(g, "count", &SCALAR, WEFT_INIT_ZERO), loss,
                                          weft_gradient_norm(g, d, n), none, NULL);
    for (int i = 0; i < n; i++) {
        char text[32];
        weft_sgd(g, p[i], weft_state(g, name_of(text, "momentum", i), &g->values[p[i].id].shape, WEFT_INIT_ZERO), d[i],
                 lr, gate.go, NULL);
    }
    weft_output(g, loss, "loss");
}

/* In every run, in its recording, and in what it costs; once for both readers of the weights. In fp32 there are only
 * those of the image and the depthwise ones, of which one is turned half round for its gradient. */
START_TEST(packs_are_part_of_steps)
{
    static const struct {
        int packs, readers, pieces;
    } expected[PRECISIONS] = { { 4, 5, 4 }, { 4, 5, 4 }, { 7, 11, 10 }, { 7, 11, 10 } };
    const weft_ctx_opt how = { .device = "cuda", .precision = precisions[_i].precision };
    const graph_of of = { trained_layers, 0 };
    int steps, readers = 0, pieces = 0;
    built b = { 0 };
    (void)prove(&how, &of, precisions[_i].limit, &steps);
    make(&b, &how, &of);
    for (int i = 0; i < b.model->n_priors; i++) {
        const weft_prior *prior = &b.model->priors[i];
        ck_assert(prior->packs && !prior->once);
        pieces += b.model->steps[prior->step].plan.pack_pieces;
    }
    for (int i = 0; i < steps; i++)
        readers += weft_step_packs(&b.model->steps[i]) != 0;
    ck_assert_int_eq(b.model->n_priors, expected[_i].packs);
    ck_assert_int_eq(readers, expected[_i].readers);
    ck_assert_int_eq(pieces, expected[_i].pieces);
    unmake(&b);
    finish();
}
END_TEST

/* No engine runs: the direct kernels read what was packed, and give gradients in the types that were planned. */
START_TEST(own_kernels_do_as_well)
{
    static float got[ROOM], expected[ROOM];
    const weft_ctx_opt how = { .device = "cuda", .precision = precisions[_i].precision };
    const graph_of of = { trained_layers, 0 };
    doubles->inject("cudnnBackendExecute", 0, EXECUTION_FAILED);
    const int64_t n = results(&how, &of, false, got);
    ck_assert_int_eq(doubles->counts().plans, 0);
    ck_assert_int_eq(results(&(weft_ctx_opt){ .device = "cpu" }, &of, false, expected), n);
    double off = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        off += pow((double)got[i] - (double)expected[i], 2);
        size += pow((double)expected[i], 2);
    }
    ck_assert_msg(sqrt(off / size) <= precisions[_i].limit, "%.3g from the CPU's result", sqrt(off / size));
    finish();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cuda-packs");
    TCase *packs = tcase_create("packs");
    tcase_add_checked_fixture(packs, start, NULL);
    tcase_add_test(packs, packs_are_queued_together);
    tcase_add_loop_test(packs, failed_packs_are_forgotten, 0, 2);
    tcase_add_loop_test(packs, packs_are_part_of_steps, 0, PRECISIONS);
    tcase_add_loop_test(packs, own_kernels_do_as_well, 0, PRECISIONS);
    suite_add_tcase(s, packs);
    return s;
}

int main(int argc, char **argv)
{
    return small_main(argc, argv, suite, "cuda-packs PLUGIN");
}
