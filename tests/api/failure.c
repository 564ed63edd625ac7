/* SPDX-License-Identifier: Apache-2.0
 *
 * The n-th allocation fails, for n = 1, 2, ... until all succeed, over the whole public path: context, graph, network,
 * model, parameters, run. Every status is NO_MEMORY with a sentence, nothing leaks, no byte beyond a block is
 * written, and what the failed call would have created stays NULL. */
#include <string.h>
#include <weft/weft.h>

#include "check/alloc.h"
#include "check/harness.h"

enum { PX = 12, CLASSES = 5, BATCH = 2 };

/* Uses what plans differently: 3x3, 1x1, depthwise and grouped convolutions, batch norm, residual, concat in slices,
 * both pools, a squeeze-excite, a dense layer. */
static weft_status build_small(weft_graph *g)
{
    const weft_shape shape = weft_shape_nhwc(BATCH, PX, PX, 3);
    weft_var x = weft_input(g, "image", &shape);
    weft_scope_push(g, "stem%d", 0);
    x = weft_conv2d(g, x, &(weft_conv2d_opt){ .out = 16, .kernel = 3, .stride = 2, .bias = true });
    x = weft_relu(g, weft_batch_norm(g, x, NULL));
    weft_scope_pop(g);
    weft_var y = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "depthwise", .kernel = 3, .groups = 16 });
    y = weft_swish(g, weft_batch_norm(g, y, NULL));
    y = weft_squeeze_excite(g, y, &(weft_squeeze_excite_opt){ .reduced = 4 });
    y = weft_conv2d(g, y, &(weft_conv2d_opt){ .name = "project", .out = 16, .kernel = 1 });
    x = weft_add(g, weft_batch_norm(g, y, NULL), x);
    const weft_var branch[] = {
        weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "b0", .out = 8, .kernel = 1, .bias = true }),
        weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "b1", .out = 12, .kernel = 3, .groups = 4 }),
        weft_max_pool2d(g, x, &(weft_pool2d_opt){ .kernel = 3, .stride = 1 }),
    };
    x = weft_concat(g, branch, 3);
    x = weft_avg_pool2d(g, x, NULL);
    x = weft_dense(g, weft_global_avg_pool2d(g, x), &(weft_dense_opt){ .out = CLASSES });
    weft_output(g, weft_softmax(g, x), "probabilities");
    return weft_graph_status(g);
}

/* One model's life; *sum is that of the outputs. */
static weft_status live(weft_ctx *ctx, const weft_graph *graph, double *sum)
{
    static float image[BATCH * PX * PX * 3], out[BATCH * CLASSES];
    weft_model *model = NULL;
    weft_status status = weft_model_create(ctx, graph, &(weft_model_opt){ .track = true }, &model);
    if (status != WEFT_OK) {
        ck_assert_ptr_null(model);
        return status;
    }
    for (int i = 0; i < BATCH * PX * PX * 3; i++)
        image[i] = (float)(i % 11) / 11;
    status = weft_model_init(model, 7);
    if (status == WEFT_OK)
        status = weft_model_set_input(model, 0, image, sizeof image);
    if (status == WEFT_OK)
        status = weft_model_run(model);
    if (status == WEFT_OK)
        status = weft_model_get_output(model, 0, out, sizeof out);
    *sum = 0;
    for (int i = 0; status == WEFT_OK && i < BATCH * CLASSES; i++)
        *sum += (double)out[i];
    weft_model_destroy(model);
    return status;
}

static weft_status whole_path(const weft_allocator *allocator, void *arg)
{
    const weft_ctx_opt *const like = arg;
    weft_ctx_opt opt = *like;
    weft_ctx *ctx = NULL;
    weft_graph *graph = NULL;
    double sum = BATCH;
    opt.allocator = *allocator;
    weft_status status = weft_ctx_create(&opt, &ctx);
    if (status != WEFT_OK)
        ck_assert_ptr_null(ctx);
    if (status == WEFT_OK) {
        status = weft_graph_create(ctx, &graph);
        if (status != WEFT_OK)
            ck_assert_ptr_null(graph);
    }
    if (status == WEFT_OK)
        status = build_small(graph);
    if (status == WEFT_OK && strcmp(weft_ctx_device(ctx), "cpu") == 0)
        status = live(ctx, graph, &sum);
    if (status == WEFT_OK)
        ck_assert_msg(sum > BATCH - 1e-4 && sum < BATCH + 1e-4, "probabilities sum to %g", sum);
    weft_graph_destroy(graph);
    weft_ctx_destroy(ctx);
    return status;
}

START_TEST(on_the_fast_kernels)
{
    weft_ctx_opt opt = { .threads = 2 };
    ck_assert_int_gt(check_every_failure(whole_path, &opt), 40);
}
END_TEST

START_TEST(on_the_reference_kernels)
{
    weft_ctx_opt opt = { .threads = 1, .isa = "ref" };
    ck_assert_int_gt(check_every_failure(whole_path, &opt), 40);
}
END_TEST

static weft_status by_name(const weft_allocator *allocator, void *arg)
{
    weft_ctx *ctx = NULL;
    weft_graph *graph = NULL;
    weft_counts counts;
    weft_status status = weft_ctx_create(&(weft_ctx_opt){ .allocator = *allocator, .threads = 1 }, &ctx);
    if (status == WEFT_OK) {
        status = weft_arch_build(ctx, arg, NULL, &graph);
        if (status != WEFT_OK)
            ck_assert_ptr_null(graph);
    }
    if (status == WEFT_OK)
        status = weft_graph_counts(graph, &counts);
    weft_graph_destroy(graph);
    weft_ctx_destroy(ctx);
    return status;
}

START_TEST(on_networks_by_name)
{
    static char lenet[] = "lenet5", mobilenet[] = "mobilenet-v2", inception[] = "inception-v3";
    ck_assert_int_gt(check_every_failure(by_name, lenet), 2);
    ck_assert_int_gt(check_every_failure(by_name, mobilenet), 10);
    ck_assert_int_gt(check_every_failure(by_name, inception), 10);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("failure");
    CHECK_CASE(suite, "failure", on_the_fast_kernels, on_the_reference_kernels, on_networks_by_name);
    return check_main(suite, argv[0]);
}
