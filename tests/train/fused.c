/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of training as the passes rewrite it leaves the bits of the graph as it was built: gradients of convolutions
 * with those of the norms behind them, norms that are computed where they are read. */
#include <string.h>

#include "check/harness.h"
#include "train/train.h"

enum { BATCH = 9, SIDE = 15, CLASSES = 4, STEPS = 3 };

/* ---- networks ---- */

static weft_var norm(weft_graph *g, weft_var x, weft_act act)
{
    x = weft_batch_norm(g, x, NULL);
    return act == WEFT_ACT_NONE ? x : weft_activation(g, x, act);
}

static weft_var conv(weft_graph *g, weft_var x, const char *name, int out, int kernel, int stride, int groups)
{
    return weft_conv2d(g, x, &(weft_conv2d_opt){ .name = name, .out = out, .kernel = kernel, .stride = stride,
                                                 .groups = groups });
}

static weft_var unit(weft_graph *g, weft_var x, int wide, int out, int kernel, int stride, weft_act act)
{
    weft_var y = norm(g, conv(g, x, "expand", wide, 1, 1, 1), act);
    y = norm(g, conv(g, y, "depthwise", wide, kernel, stride, wide), act);
    return norm(g, conv(g, y, "project", out, 1, 1, 1), WEFT_ACT_NONE);
}

static weft_graph *network(weft_ctx *ctx, weft_act act)
{
    weft_graph *g;
    CHECK_OK(weft_graph_create(ctx, &g));
    weft_var x = weft_input(g, "images", &(weft_shape){ .rank = 4, .dim = { BATCH, SIDE, SIDE, 3 } });
    x = norm(g, conv(g, x, "stem", 20, 3, 1, 1), act);
    weft_scope_push(g, "a");
    x = weft_add(g, x, unit(g, x, 60, 20, 3, 1, act));
    weft_scope_pop(g);
    weft_scope_push(g, "b");
    x = unit(g, x, 72, 33, 5, 2, act);
    weft_scope_pop(g);
    weft_scope_push(g, "c"); /* the bottleneck of a ResNet */
    weft_var y = norm(g, conv(g, x, "a", 16, 1, 1, 1), act);
    y = norm(g, conv(g, y, "b", 16, 3, 1, 1), act);
    y = norm(g, conv(g, y, "c", 33, 1, 1, 1), WEFT_ACT_NONE);
    x = weft_relu(g, weft_add(g, y, x));
    weft_scope_pop(g);
    x = weft_dense(g, weft_global_avg_pool2d(g, x), &(weft_dense_opt){ .name = "head", .out = CLASSES });
    weft_output(g, x, "logits");
    CHECK_OK(weft_graph_status(g));
    return g;
}

/* ---- steps ---- */

static void set_inputs(weft_model *model)
{
    const weft_shape shape = { .rank = 4, .dim = { BATCH, SIDE, SIDE, 3 } };
    static float images[BATCH * SIDE * SIDE * 3];
    int32_t labels[BATCH];
    const float rate = .05f;
    CHECK_OK(weft_seed_images(1, &shape, -1, 1, images));
    for (int i = 0; i < BATCH; i++)
        labels[i] = i * 3 % CLASSES;
    for (int i = 0; i < weft_model_input_count(model); i++) {
        weft_port_info port;
        CHECK_OK(weft_model_input(model, i, &port));
        if (strcmp(port.name, "images") == 0)
            CHECK_OK(weft_model_set_input(model, i, images, sizeof images));
        else if (strcmp(port.name, WEFT_LABELS_INPUT) == 0)
            CHECK_OK(weft_model_set_input(model, i, labels, sizeof labels));
        else if (strcmp(port.name, WEFT_LR_INPUT) == 0)
            CHECK_OK(weft_model_set_input(model, i, &rate, sizeof rate));
    }
}

/* Nodes whose kernel's name begins so. */
static int count(const weft_model *model, const char *kernel)
{
    int n = 0;
    for (int i = 0; i < weft_model_step_count(model); i++) {
        weft_step_info step;
        CHECK_OK(weft_model_step(model, i, &step));
        n += strncmp(step.kernel, kernel, strlen(kernel)) == 0;
    }
    return n;
}

/* The loss, and the norm of all gradients, of three steps. */
static void steps(weft_model *model, float out[STEPS][2])
{
    CHECK_OK(weft_model_init(model, 5));
    set_inputs(model);
    for (int i = 0; i < STEPS; i++) {
        CHECK_OK(weft_model_run(model));
        for (int o = 0; o < weft_model_output_count(model); o++) {
            weft_port_info port;
            CHECK_OK(weft_model_output(model, o, &port));
            for (int k = 0; k < 2; k++)
                if (strcmp(port.name, k ? "gradient_norm" : "loss") == 0)
                    CHECK_OK(weft_model_get_output(model, o, &out[i][k], sizeof out[i][k]));
        }
    }
}

START_TEST(the_same_bits)
{
    /* Of others the slopes are of what the norm gives, which fusion computes once more, with other roundings. */
    static const weft_act acts[] = { WEFT_ACT_RELU, WEFT_ACT_RELU6 };
    float plain[STEPS][2] = { { 0 } }, fused[STEPS][2] = { { 0 } };
    weft_ctx *ctx;
    weft_graph *graph, *training;
    weft_model *model;
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .device = "cpu", .threads = 1 + _i }, &ctx));
    graph = network(ctx, acts[_i]);
    CHECK_OK(weft_train_graph(ctx, graph, &(weft_train_opt){ .optimizer = { .momentum = .9 } }, &training));
    CHECK_OK(weft_model_create(ctx, training, &(weft_model_opt){ .no_fusion = true }, &model));
    ck_assert_int_eq(count(model, "cpu.conv_norm_grad") + count(model, "cpu.norm_conv"), 0);
    steps(model, plain);
    weft_model_destroy(model);
    CHECK_OK(weft_model_create(ctx, training, &(weft_model_opt){ .training = true }, &model));
    const bool fuses = count(model, "cpu.conv2d.ref") == 0; /* references add residuals before they round */
    if (fuses) {
        ck_assert_int_eq(count(model, "cpu.conv_norm_grad.depthwise"), 2);
        ck_assert_int_eq(count(model, "cpu.conv_norm_grad.rows"), 6);
        ck_assert_int_eq(count(model, "cpu.norm_conv.depthwise"), 2);
        ck_assert_int_eq(count(model, "cpu.norm_conv.rows"), 3);
    }
    steps(model, fused);
    ck_assert(plain[STEPS - 1][0] > 0 && plain[STEPS - 1][0] != plain[0][0] && plain[0][1] > 0);
    if (fuses)
        ck_assert_mem_eq(plain, fused, sizeof plain);
    weft_model_destroy(model);
    weft_graph_destroy(training);
    weft_graph_destroy(graph);
    weft_ctx_destroy(ctx);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("train-fused");
    TCase *bits = tcase_create("bits");
    (void)argc;
    tcase_add_loop_test(bits, the_same_bits, 0, 2);
    suite_add_tcase(suite, bits);
    return check_main(suite, argv[0]);
}
