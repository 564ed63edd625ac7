/* SPDX-License-Identifier: Apache-2.0
 *
 * Facts about single networks that papers print beside the counts: how many layers of a kind, the maps between them,
 * multiply-adds at other sizes. */
#include "check/harness.h"

#include <string.h>
#include <weft/weft.h>

#include "graph/graph.h"

static weft_ctx *ctx;

static void open_context(void)
{
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx));
}

static void close_context(void)
{
    weft_ctx_destroy(ctx);
    ctx = NULL;
}

static weft_graph *build(const char *name, const weft_arch_opt *opt)
{
    weft_graph *g = NULL;

    CHECK_OK(weft_arch_build(ctx, name, opt, &g));
    return g;
}

/* How many nodes of an op a network has. */
static const struct op_count {
    const char *name;
    weft_dialect dialect;
    const char *op;
    int count;
} op_counts[] = {
    { "lenet5", WEFT_PAPER, "subsample", 2 },
    { "lenet5", WEFT_PAPER, "partial_conv2d", 1 },
    { "alexnet", WEFT_PAPER, "lrn", 2 },
    { "alexnet", WEFT_PAPER, "max_pool2d", 3 },
    { "alexnet", WEFT_TORCH, "lrn", 0 },
    { "zfnet", WEFT_PAPER, "lrn", 2 },
    { "googlenet", WEFT_PAPER, "conv2d", 57 },
    { "googlenet", WEFT_PAPER, "lrn", 2 },
    { "googlenet", WEFT_PAPER, "max_pool2d", 4 + 9 },
    { "googlenet", WEFT_TORCH, "batch_norm", 57 },
    { "bn-inception", WEFT_PAPER, "conv2d", 69 },
    { "se-inception", WEFT_PAPER, "squeeze_excite", 10 },
    { "cspdarknet53", WEFT_TORCH, "add", 1 + 2 + 8 + 8 + 4 },
    { "cspresnext50", WEFT_TORCH, "concat", 4 },
    { "fashion-cnn", WEFT_KERAS, "conv2d", 5 },
    { "vgg16", WEFT_KERAS, "conv2d", 13 },
    { "vgg19", WEFT_KERAS, "conv2d", 16 },
    { "vgg16", WEFT_KERAS, "dense", 3 },
    { "resnet34", WEFT_TORCH, "conv2d", 33 + 3 },
    { "resnet50", WEFT_KERAS, "conv2d", 49 + 4 },
    { "resnet50", WEFT_TORCH, "batch_norm", 49 + 4 },
    { "resnet152", WEFT_TORCH, "conv2d", 151 + 4 },
    { "resnet152", WEFT_TORCH, "add", 50 },
    { "resnet50v2", WEFT_KERAS, "batch_norm", 3 * 16 + 1 },
    { "resnet50v2", WEFT_KERAS, "max_pool2d", 1 + 3 },
    { "inception-v3", WEFT_KERAS, "conv2d", 94 },
    { "inception-v3", WEFT_KERAS, "concat", 11 + 4 },
    { "inception-resnet-v2", WEFT_KERAS, "conv2d", 244 },
    { "inception-resnet-v2", WEFT_KERAS, "concat", 43 },
    { "inception-resnet-v2", WEFT_KERAS, "add", 40 },
    { "inception-v4", WEFT_TORCH, "conv2d", 149 },
    { "inception-v4", WEFT_TORCH, "add", 0 },
    { "xception", WEFT_KERAS, "conv2d", 2 + 2 * 34 + 4 },
    { "xception", WEFT_KERAS, "add", 12 },
    { "resnext50-32x4d", WEFT_TORCH, "conv2d", 49 + 4 },
    { "resnext101-64x4d", WEFT_TORCH, "add", 33 },
    { "se-resnet34", WEFT_TORCH, "squeeze_excite", 16 },
    { "se-resnet152", WEFT_TORCH, "squeeze_excite", 50 },
    { "senet154", WEFT_TORCH, "conv2d", 3 + 3 * 50 + 4 },
    { "densenet121", WEFT_KERAS, "conv2d", 120 },
    { "densenet201", WEFT_TORCH, "conv2d", 200 },
    { "densenet201", WEFT_TORCH, "concat", 98 },
    { "mobilenet", WEFT_KERAS, "conv2d", 1 + 2 * 13 },
    { "mobilenetv2", WEFT_KERAS, "add", 10 },
    { "mobilenetv2", WEFT_TORCH, "conv2d", 52 },
    { "nasnet-mobile", WEFT_KERAS, "batch_norm", 192 },
    { "nasnet-mobile", WEFT_KERAS, "add", 80 },
    { "nasnet-mobile", WEFT_KERAS, "concat", 20 },
    { "nasnet-mobile", WEFT_KERAS, "conv2d", 2 * 160 + 36 },
    { "efficientnet-b0", WEFT_KERAS, "squeeze_excite", 16 },
    { "efficientnet-b7", WEFT_KERAS, "squeeze_excite", 55 },
    { "efficientnet-b0", WEFT_TORCH, "normalize", 0 },
    { "efficientnet-lite0", WEFT_TORCH, "conv2d", 49 },
    { "efficientnet-lite4", WEFT_TORCH, "squeeze_excite", 0 },
};

START_TEST(networks_have_the_right_layers)
{
    const struct op_count *expected = &op_counts[_i];
    weft_graph *g = build(expected->name, &(weft_arch_opt){ .dialect = expected->dialect });
    int count = 0;

    for (int i = 0; i < weft_graph_node_count(g); i++) {
        weft_node_info node;

        CHECK_OK(weft_graph_node(g, i, &node));
        count += strcmp(node.op, expected->op) == 0;
    }
    ck_assert_msg(count == expected->count, "%s has %d nodes %s, expected %d", expected->name, count, expected->op,
                  expected->count);
    weft_graph_destroy(g);
}
END_TEST

/* The map after a node, as the papers' tables print them. */
static const struct map {
    const char *name;
    weft_dialect dialect;
    const char *node;
    int size, channels;
} maps[] = {
    { "lenet5", WEFT_PAPER, "c1/conv2d", 28, 6 },
    { "lenet5", WEFT_PAPER, "s4", 5, 16 },
    { "lenet5", WEFT_PAPER, "c5/conv2d", 1, 120 },
    { "alexnet", WEFT_PAPER, "conv1/conv2d", 55, 96 },
    { "alexnet", WEFT_PAPER, "conv2/conv2d", 27, 256 },
    { "alexnet", WEFT_PAPER, "max_pool2d_3", 6, 256 },
    { "alexnet", WEFT_TORCH, "conv1/conv2d", 55, 64 },
    { "alexnet", WEFT_TORCH, "max_pool2d_3", 6, 256 },
    { "zfnet", WEFT_PAPER, "conv1/conv2d", 110, 96 },
    { "zfnet", WEFT_PAPER, "max_pool2d", 55, 96 },
    { "zfnet", WEFT_PAPER, "conv2/conv2d", 26, 256 },
    { "zfnet", WEFT_PAPER, "max_pool2d_2", 13, 256 },
    { "zfnet", WEFT_PAPER, "max_pool2d_3", 6, 256 },
    { "googlenet", WEFT_PAPER, "stem/c/conv2d", 56, 192 },
    { "googlenet", WEFT_PAPER, "3b/concat", 28, 480 },
    { "googlenet", WEFT_PAPER, "4e/concat", 14, 832 },
    { "googlenet", WEFT_PAPER, "5b/concat", 7, 1024 },
    { "fashion-cnn", WEFT_KERAS, "block3/max_pool2d", 3, 256 },
    { "vgg16", WEFT_KERAS, "block5/max_pool2d", 7, 512 },
    { "resnet50", WEFT_KERAS, "stem/conv2d", 112, 64 },
    { "resnet50", WEFT_KERAS, "max_pool2d", 56, 64 },
    { "resnet50", WEFT_KERAS, "stage2.0/a/conv2d", 28, 128 }, /* the stride sits here, */
    { "resnet50", WEFT_TORCH, "stage2.0/a/conv2d", 56, 128 }, /* and not here */
    { "resnet50", WEFT_PAPER, "stage2.0/a/conv2d", 28, 128 },
    { "resnet50", WEFT_TORCH, "stage4.2/c/conv2d", 7, 2048 },
    { "resnet50v2", WEFT_KERAS, "stage1.1/add", 56, 256 },
    { "resnet50v2", WEFT_KERAS, "stage1.2/add", 28, 256 },
    { "resnet50v2", WEFT_KERAS, "post/batch_norm", 7, 2048 },
    { "inception-v3", WEFT_KERAS, "stem/max_pool2d_2", 35, 192 },
    { "inception-v3", WEFT_KERAS, "mixed0/concat", 35, 256 },
    { "inception-v3", WEFT_KERAS, "mixed2/concat", 35, 288 },
    { "inception-v3", WEFT_KERAS, "mixed3/concat", 17, 768 },
    { "inception-v3", WEFT_KERAS, "mixed8/concat", 8, 1280 },
    { "inception-v3", WEFT_KERAS, "mixed10/concat", 8, 2048 },
    { "inception-resnet-v2", WEFT_KERAS, "stem/concat", 35, 320 },
    { "inception-resnet-v2", WEFT_KERAS, "reduce_a/concat", 17, 1088 },
    { "inception-resnet-v2", WEFT_KERAS, "reduce_b/concat", 8, 2080 },
    { "inception-resnet-v2", WEFT_KERAS, "top/conv2d", 8, 1536 },
    { "inception-v4", WEFT_TORCH, "stem.0/concat_3", 35, 384 },
    { "inception-v4", WEFT_TORCH, "reduce_a.0/concat", 17, 1024 },
    { "inception-v4", WEFT_TORCH, "c.2/concat", 8, 1536 },
    { "xception", WEFT_KERAS, "stem/b/conv2d", 147, 64 },
    { "xception", WEFT_KERAS, "block4/add", 19, 728 },
    { "xception", WEFT_KERAS, "block14/b/pointwise", 10, 2048 },
    { "resnext50-32x4d", WEFT_TORCH, "stage1.0/b/conv2d", 56, 128 },
    { "resnext101-64x4d", WEFT_TORCH, "stage4.2/b/conv2d", 7, 2048 },
    { "se-resnet50", WEFT_TORCH, "stage2.0/a/conv2d", 28, 128 },
    { "senet154", WEFT_TORCH, "max_pool2d", 56, 128 },
    { "senet154", WEFT_TORCH, "stage2.0/a/conv2d", 56, 256 },
    { "densenet121", WEFT_KERAS, "block1.5/concat", 56, 256 },
    { "densenet121", WEFT_TORCH, "block4.15/concat", 7, 1024 },
    { "densenet201", WEFT_TORCH, "transition3/avg_pool2d", 7, 896 },
    { "mobilenet", WEFT_KERAS, "unit13/pointwise/conv2d", 7, 1024 },
    { "mobilenet-0.25", WEFT_KERAS, "stem/conv2d", 112, 8 },
    { "mobilenetv2", WEFT_KERAS, "stage2.0/expand/conv2d", 112, 96 },
    { "mobilenetv2", WEFT_TORCH, "stage7.0/project/conv2d", 7, 320 },
    { "nasnet-mobile", WEFT_KERAS, "stem/conv2d", 111, 32 },
    { "nasnet-mobile", WEFT_KERAS, "stem2/concat", 28, 4 * 22 },
    { "nasnet-mobile", WEFT_KERAS, "stage3.3/concat", 7, 1056 },
    { "nasnet-large", WEFT_KERAS, "stage3.5/concat", 11, 4032 },
    { "efficientnet-b0", WEFT_KERAS, "stem/conv2d", 112, 32 },
    { "efficientnet-b0", WEFT_KERAS, "top/conv2d", 7, 1280 },
    { "efficientnet-b1", WEFT_KERAS, "top/conv2d", 8, 1280 },
    { "efficientnet-b7", WEFT_KERAS, "stem/conv2d", 300, 64 },
    { "efficientnet-b7", WEFT_KERAS, "top/conv2d", 19, 2560 },
    { "efficientnet-lite4", WEFT_TORCH, "stem/conv2d", 190, 32 },
    { "efficientnet-lite4", WEFT_TORCH, "top/conv2d", 12, 1280 },
};

START_TEST(maps_have_the_published_sizes)
{
    const struct map *map = &maps[_i];
    weft_graph *g = build(map->name, &(weft_arch_opt){ .dialect = map->dialect });
    const weft_shape expected = weft_shape_nhwc(1, map->size, map->size, map->channels);
    int found = 0;

    for (int i = 0; i < weft_graph_node_count(g); i++) {
        weft_node_info node;
        char text[64];

        CHECK_OK(weft_graph_node(g, i, &node));
        if (strcmp(node.name, map->node) != 0)
            continue;
        found++;
        ck_assert_msg(weft_shape_equal(&node.out, &expected), "%s %s is %s", map->name, map->node,
                      weft_shape_text(&node.out, text, sizeof text));
    }
    ck_assert_msg(found == 1, "%s has %d nodes named %s", map->name, found, map->node);
    weft_graph_destroy(g);
}
END_TEST

/* Multiply-adds at sizes other than the default, in millions, as published. */
static const struct at_size {
    const char *name;
    int px;
    int64_t mega_macs;
} at_sizes[] = {
    { "resnet50v2", 299, 6536 },
    { "resnet101v2", 299, 13374 },
    { "resnet152v2", 299, 20211 },
};

START_TEST(macs_follow_the_image)
{
    weft_graph *g = build(at_sizes[_i].name, &(weft_arch_opt){ .px = at_sizes[_i].px });
    weft_counts counts;

    CHECK_OK(weft_graph_counts(g, &counts));
    ck_assert_int_eq((counts.macs + 500000) / 1000000, at_sizes[_i].mega_macs);
    weft_graph_destroy(g);
}
END_TEST

/* The variance that training moves is divided by m - 1 in torch, by m in Keras. */
static const struct {
    const char *name;
    weft_dialect dialect;
    bool unbiased;
} moved[] = {
    { "resnet50", WEFT_TORCH, true },
    { "resnet50", WEFT_KERAS, false },
    { "mobilenetv2", WEFT_TORCH, true },
    { "mobilenetv2", WEFT_KERAS, false },
    { "efficientnet-b0", WEFT_TORCH, true },
    { "efficientnet-b0", WEFT_KERAS, false },
    { "densenet121", WEFT_TORCH, true },
    { "cspdarknet53", WEFT_TORCH, true },
};

START_TEST(norms_move_the_variance_of_their_dialect)
{
    weft_graph *g = build(moved[_i].name, &(weft_arch_opt){ .dialect = moved[_i].dialect });
    int norms = 0;
    for (int32_t i = 0; i < g->n_nodes; i++) {
        const weft_node *node = &g->nodes[i].node;
        if (node->id != WEFT_OP_BATCH_NORM)
            continue;
        norms++;
        ck_assert_int_eq(((const weft_batch_norm_opt *)node->opt)->unbiased, moved[_i].unbiased);
    }
    ck_assert_int_gt(norms, 0);
    weft_graph_destroy(g);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("arch_facts");
    TCase *facts = tcase_create("facts");

    tcase_add_checked_fixture(facts, open_context, close_context);
    tcase_add_loop_test(facts, networks_have_the_right_layers, 0, (int)(sizeof op_counts / sizeof *op_counts));
    tcase_add_loop_test(facts, maps_have_the_published_sizes, 0, (int)(sizeof maps / sizeof *maps));
    tcase_add_loop_test(facts, macs_follow_the_image, 0, (int)(sizeof at_sizes / sizeof *at_sizes));
    tcase_add_loop_test(facts, norms_move_the_variance_of_their_dialect, 0, (int)(sizeof moved / sizeof *moved));
    suite_add_tcase(s, facts);
    return s;
}

int main(void)
{
    return check_main(suite(), "arch_facts");
}
