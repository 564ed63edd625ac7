/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters let go of: the same bits afterwards, their memory is free, what asks for them is told, and models that may
 * not let go of theirs are refused. Built for the CPU and for the CUDA plug-in on doubles (its path is then the first
 * argument), where runs are recorded. */
#include <stdlib.h>
#include <string.h>
#include <weft/train.h>
#include <weft/weft.h>

#include "graph/device.h"
#include "graph/random_net.h"

#ifdef WEFT_ON_DOUBLES
enum { NETS = 6, LEAST = 64 * 27 * 4 }; /* weights that are folded; others are read as they are */
#else
enum { NETS = 40, LEAST = 64 * 128 * 9 * 4 }; /* the weights of "wide" */
#endif

static int64_t device_bytes(void)
{
#ifdef WEFT_ON_DOUBLES
    return (int64_t)doubles->memory_used();
#else
    return counter.bytes;
#endif
}

/* A folded and packed convolution, a norm that stands alone, and a dense layer. */
static weft_graph *network(weft_ctx *ctx)
{
    const weft_shape shape = weft_shape_nhwc(2, 12, 12, 3);
    weft_graph *g;
    CHECK_OK(weft_graph_create(ctx, &g));
    weft_var x = weft_input(g, "images", &shape);
    x = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "conv", .out = 64, .kernel = 3 });
    x = weft_relu(g, weft_batch_norm(g, x, &(weft_batch_norm_opt){ .name = "folded" }));
    x = weft_max_pool2d(g, x, &(weft_pool2d_opt){ .kernel = 2, .stride = 2 });
    x = weft_batch_norm(g, x, &(weft_batch_norm_opt){ .name = "alone" });
    x = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "wide", .out = 128, .kernel = 3 });
    x = weft_dense(g, weft_global_avg_pool2d(g, x), &(weft_dense_opt){ .name = "dense", .out = 10 });
    weft_output(g, x, "logits");
    CHECK_OK(weft_graph_status(g));
    return g;
}

static weft_model *model_on(weft_ctx *ctx, weft_store *store)
{
    weft_graph *g = network(ctx);
    weft_model *model;
    CHECK_OK(weft_model_create(ctx, g, &(weft_model_opt){ .store = store }, &model));
    CHECK_OK(store ? WEFT_OK : weft_model_init(model, 3));
    weft_graph_destroy(g);
    return model;
}

/* Whatever a network is made of: before any run, and after runs that were recorded. */
START_TEST(runs_answer_as_before)
{
    for (uint64_t net = 0; net < NETS; net++) {
        weft_ctx *ctx = open_ctx(2);
        weft_graph *g;
        float *outputs[3];
        int64_t count = 0;
        CHECK_OK(random_net(ctx, check_seed() * 911 + net, 24, &g));
        for (int before = 0; before < 2; before++) {
            weft_model *model;
            CHECK_OK(weft_model_create(ctx, g, NULL, &model));
            CHECK_OK(random_params(model, net));
            for (int k = before; k < 3; k++) {
                if (k == 1 + before)
                    CHECK_OK(weft_model_release_params(model));
                CHECK_OK(random_run(model, net, &outputs[k], &count));
                ck_assert_msg(memcmp(outputs[k], outputs[before], (size_t)count * sizeof(float)) == 0,
                              "network %d, run %d", (int)net, k);
            }
            for (int k = before; k < 3; k++)
                free(outputs[k]);
            weft_model_destroy(model);
        }
        weft_graph_destroy(g);
        close_ctx(ctx);
    }
}
END_TEST

START_TEST(their_memory_is_free)
{
    weft_ctx *ctx = open_ctx(2);
    weft_model *model = model_on(ctx, NULL);
    weft_memory before, after;
    CHECK_OK(weft_model_commit(model));
    CHECK_OK(weft_model_memory(model, &before));
    const int64_t bytes = device_bytes();
    CHECK_OK(weft_model_release_params(model));
    CHECK_OK(weft_model_memory(model, &after));
    const int64_t freed = (int64_t)(before.params - after.params);
    ck_assert_int_ge(freed, LEAST);
    ck_assert_int_ge(bytes - device_bytes(), freed - 8192);
    ck_assert_uint_eq(before.peak - after.peak, (size_t)freed);
    CHECK_OK(weft_model_release_params(model)); /* there is nothing more to let go of */
    weft_model_destroy(model);
    close_ctx(ctx);
}
END_TEST

START_TEST(who_asks_is_told)
{
    static float values[64 * 27];
    weft_ctx *ctx = open_ctx(2);
    weft_model *model = model_on(ctx, NULL), *other = NULL;
    weft_param_info info;
    weft_graph *g = network(ctx);
    CHECK_OK(weft_model_release_params(model));
    CHECK_OK(weft_model_param(model, 0, &info));
    const int64_t count = weft_shape_count(&info.shape);
    CHECK_FAILS(WEFT_INVALID, weft_model_get_param(model, info.name, values, count), "released");
    CHECK_FAILS(WEFT_INVALID, weft_model_set_param(model, info.name, values, count), "released");
    CHECK_FAILS(WEFT_INVALID, weft_model_init(model, 1), "released");
    CHECK_FAILS(WEFT_INVALID, weft_model_seed(model, 1), "released");
    const weft_model_opt opt = { .store = weft_model_store(model) };
    CHECK_FAILS(WEFT_INVALID, weft_model_create(ctx, g, &opt, &other), "released");
    CHECK_OK(weft_model_commit(model));
    CHECK_OK(weft_model_run(model));
    weft_graph_destroy(g);
    weft_model_destroy(model);
    close_ctx(ctx);
}
END_TEST

START_TEST(what_others_need_stays)
{
    weft_ctx *ctx = open_ctx(2);
    weft_model *model = model_on(ctx, NULL), *other = model_on(ctx, weft_model_store(model));
    weft_graph *g = network(ctx);
    weft_trainer *trainer;
    CHECK_FAILS(WEFT_INVALID, weft_model_release_params(NULL), "NULL");
    CHECK_FAILS(WEFT_INVALID, weft_model_release_params(model), "shared");
    CHECK_FAILS(WEFT_INVALID, weft_model_release_params(other), "shared");
    weft_model_destroy(other);
    CHECK_OK(weft_model_release_params(model)); /* alone again */
    CHECK_OK(weft_trainer_create(ctx, g, NULL, &trainer));
    CHECK_FAILS(WEFT_INVALID, weft_model_release_params(weft_trainer_model(trainer)), "shared");
    weft_trainer_destroy(trainer);
    weft_graph_destroy(g);
    weft_model_destroy(model);
    close_ctx(ctx);
}
END_TEST

int main(int argc, char **argv)
{
    if (!has_device(argc, argv))
        return 2;
    Suite *suite = suite_create("release");
    CHECK_CASE(suite, "parameters", runs_answer_as_before, their_memory_is_free, who_asks_is_told,
               what_others_need_stays);
    return check_main(suite, argv[0]);
}
