/* SPDX-License-Identifier: Apache-2.0
 *
 * What drops at random is off inside of a frozen part, and nowhere else: of a network of three layers and a classifier,
 * with a dropout before each, which still drop when these parts are frozen. */
#include <stdio.h>
#include <string.h>

#include "check/harness.h"
#include "train/train.h"

static const struct {
    const char *freeze[3], *drop;
} parts[] = {
    { { NULL }, "first second third fourth" },
    { { "one/*", "two/*", "three/*" }, "fourth" },
    { { "one/*" }, "second third fourth" },
    { { "two/*", "three/*" }, "first second third fourth" },
    { { "one/*", "three/*" }, "second third fourth" },
    { { "one/*", "two/*", "first/*" }, "third fourth" },
};

static weft_graph *dropping_network(weft_ctx *ctx)
{
    const weft_shape shape = weft_shape_nhwc(4, 8, 8, 3);
    static const char *const layers[] = { "one", "two", "three" }, *const drops[] = { "first", "second", "third" };
    weft_graph *g;
    CHECK_OK(weft_graph_create(ctx, &g));
    weft_var x = weft_input(g, "image", &shape);
    for (int i = 0; i < 3; i++) {
        weft_scope_push(g, "%s", drops[i]);
        const weft_var kept = i == 1 ? weft_drop_path(g, x, .2) : weft_dropout(g, x, .2);
        weft_scope_pop(g);
        const weft_conv2d_opt conv = { .name = layers[i], .out = 8, .kernel = 3, };
        x = weft_relu(g, weft_conv2d(g, kept, &conv));
    }
    weft_scope_push(g, "fourth");
    x = weft_dropout(g, weft_flatten(g, x), .2);
    weft_scope_pop(g);
    weft_output(g, weft_dense(g, x, &(weft_dense_opt){ .out = 5 }), "logits");
    CHECK_OK(weft_graph_status(g));
    return g;
}

START_TEST(frozen_parts_drop_nothing)
{
    weft_ctx *ctx;
    weft_graph *training;
    char found[64] = "";
    CHECK_OK(weft_ctx_create(NULL, &ctx));
    weft_graph *network = dropping_network(ctx);
    weft_train_opt opt = { .freeze = parts[_i].freeze };
    while (opt.freeze_count < 3 && opt.freeze[opt.freeze_count])
        opt.freeze_count++;
    CHECK_OK(weft_train_graph(ctx, network, &opt, &training));
    for (int i = 0; i < training->n_nodes; i++) {
        const weft_node *node = &training->nodes[i].node;
        const size_t used = strlen(found), path = strcspn(node->name, "/");
        const bool gradient = strstr(node->name, "/dx") != NULL; /* by the same masks */
        if (node->id == WEFT_OP_DROPOUT_TRAIN && !gradient)
            snprintf(found + used, sizeof found - used, "%s%.*s", used ? " " : "", (int)path, node->name);
    }
    ck_assert_str_eq(found, parts[_i].drop);
    weft_graph_destroy(training);
    weft_graph_destroy(network);
    weft_ctx_destroy(ctx);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("train-freeze");
    TCase *drops = tcase_create("drops");
    (void)argc;
    tcase_add_loop_test(drops, frozen_parts_drop_nothing, 0, (int)(sizeof parts / sizeof *parts));
    suite_add_tcase(suite, drops);
    return check_main(suite, argv[0]);
}
