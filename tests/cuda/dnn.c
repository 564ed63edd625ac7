/* SPDX-License-Identifier: Apache-2.0
 *
 * Describing graphs: what the check refuses, tensor by tensor, and that equal graphs have equal texts. No library. */
#include "cuda/dnn/dnn.h"

#include <string.h>

#include "check/harness.h"

static const weft_dnn_conv usual = { .name = "stem",
                                     .dtype = WEFT_F16,
                                     .n = 2,
                                     .h = 16,
                                     .w = 16,
                                     .c = 64,
                                     .k = 32,
                                     .r = 3,
                                     .s = 3,
                                     .window = { .top = 1, .bottom = 1, .left = 1, .right = 1 },
                                     .bias = true,
                                     .residual = true,
                                     .act = WEFT_ACT_RELU };

static weft_dnn_tensor *tensor(weft_dnn_graph *graph, const char *name)
{
    for (int i = 0; i < graph->n_tensors; i++)
        if (strcmp(graph->tensor[i].name, name) == 0)
            return &graph->tensor[i];
    ck_abort_msg("no tensor %s", name);
}

/* Every mistake is made in the graph of `usual`; part is of the sentence that names it. */
typedef struct mistake {
    void (*make)(weft_dnn_graph *graph);
    const char *part;
} mistake;

static void long_bias(weft_dnn_graph *g)
{
    tensor(g, "bias")->dim[1] = 33;
}
static void bias_along_w(weft_dnn_graph *g)
{
    tensor(g, "bias")->dim[1] = 1;
    tensor(g, "bias")->dim[3] = 16;
}
static void same_ids(weft_dnn_graph *g)
{
    tensor(g, "weight")->id = tensor(g, "x")->id;
}
static void no_id(weft_dnn_graph *g)
{
    tensor(g, "weight")->id = 0;
}
static void nobody_reads(weft_dnn_graph *g)
{
    weft_dnn_add_op(g, &(weft_dnn_op){ .kind = WEFT_DNN_TANH,
                                       .in = { g->op[0].out, -1 },
                                       .out = weft_dnn_add_virtual(g, "dangling", g->op[0].out) });
}
static void nobody_writes(weft_dnn_graph *g)
{
    g->op[1].in[0] = weft_dnn_add_virtual(g, "nothing", g->op[0].out);
}
static void never_used(weft_dnn_graph *g)
{
    weft_dnn_add_vector(g, "spare", 77, WEFT_F16, 3);
}
static void written_twice(weft_dnn_graph *g)
{
    g->op[g->n_ops - 1].out = g->op[0].out;
}
static void writes_an_input(weft_dnn_graph *g)
{
    g->op[g->n_ops - 1].out = g->op[0].in[0];
}
static void half_sums(weft_dnn_graph *g)
{
    g->tensor[g->op[0].out].dtype = WEFT_F16;
}
static void wrong_height(weft_dnn_graph *g)
{
    tensor(g, "y")->dim[2] = tensor(g, "residual")->dim[2] = g->tensor[g->op[0].out].dim[2] = 15;
}
static void wrong_batch(weft_dnn_graph *g)
{
    g->tensor[g->op[0].out].dim[0] = 3;
}
static void wrong_channels(weft_dnn_graph *g)
{
    g->tensor[g->op[0].out].dim[1] = 16;
}
static void odd_groups(weft_dnn_graph *g)
{
    tensor(g, "weight")->dim[1] = 48;
}
static void groups_and_filters(weft_dnn_graph *g)
{
    tensor(g, "weight")->dim[1] = 16; /* four groups of 31 filters */
    tensor(g, "weight")->dim[0] = 31;
}
static void float_filter(weft_dnn_graph *g)
{
    tensor(g, "weight")->dtype = WEFT_F32;
}
static void integers(weft_dnn_graph *g)
{
    tensor(g, "x")->dtype = WEFT_I64;
}
static void overlapping(weft_dnn_graph *g)
{
    tensor(g, "x")->stride[2] = 64; /* rows as far apart as pixels */
}
static void planar(weft_dnn_graph *g)
{
    weft_dnn_tensor *x = tensor(g, "x");
    x->stride[1] = 256;
    x->stride[2] = 16;
    x->stride[3] = 1;
}
static void empty(weft_dnn_graph *g)
{
    tensor(g, "x")->dim[0] = 0;
}
static void huge(weft_dnn_graph *g)
{
    tensor(g, "x")->stride[0] = INT64_MAX / 2;
}
static void odd_alignment(weft_dnn_graph *g)
{
    tensor(g, "x")->alignment = 12;
}
static void small_alignment(weft_dnn_graph *g)
{
    tensor(g, "x")->alignment = 1;
}
static void other_window(weft_dnn_graph *g)
{
    g->op[0].window.kernel_w = 5;
}
static void no_stride(weft_dnn_graph *g)
{
    g->op[0].window.stride_h = 0;
}
static void window_too_large(weft_dnn_graph *g)
{
    g->op[0].window.dilation_h = 9;
}
static void other_rank(weft_dnn_graph *g)
{
    tensor(g, "x")->rank = 3;
}
static void no_tensor(weft_dnn_graph *g)
{
    g->op[1].in[1] = 99;
}
static void no_kind(weft_dnn_graph *g)
{
    g->op[1].kind = WEFT_DNN_KIND_COUNT;
}
static void too_many(weft_dnn_graph *g)
{
    for (int i = 0; i < WEFT_DNN_MAX_OP; i++)
        weft_dnn_add_act(g, WEFT_ACT_HARD_SWISH, g->op[0].out, g->op[0].out);
}
static void no_scalar(weft_dnn_graph *g)
{
    const int constant = weft_dnn_add_constant(g, 2.0F, 4);
    g->tensor[constant].dim[1] = 32;
    g->op[1].in[1] = constant;
}

static const mistake mistakes[] = {
    { long_bias, "stem: add: tensor 'bias' has 33 along C, 32 or 1 are expected" },
    { bias_along_w, "tensor 'bias' is broadcast along C but not along W" },
    { same_ids, "tensors 'x' and 'weight' have the same id 1" },
    { no_id, "tensor 'weight' has id 0" },
    { nobody_reads, "tensor 'dangling' is virtual and nobody reads it" },
    { nobody_writes, "tensor 'nothing' is virtual and read before it is written" },
    { never_used, "tensor 'spare' is not used" },
    { written_twice, "it is another operation's result" },
    { writes_an_input, "tensor 'x' is written, but it is an input" },
    { half_sums, "lives between operations as f16; sums are f32" },
    { wrong_height, "conv: tensor 'sum' has 15 along H, 16 is expected" },
    { wrong_batch, "tensor 'sum' has 3 along N, 2 is expected" },
    { wrong_channels, "tensor 'sum' has 16 along C, 32 is expected" },
    { odd_groups, "tensor 'x' has 64 channels, which the filter's 48 do not divide" },
    { groups_and_filters, "4 groups do not divide 31 filters" },
    { float_filter, "tensor 'x' is f16, 'weight' is f32" },
    { integers, "tensor 'x' is i64; f32, f16 or bf16 is expected" },
    { overlapping, "tensor 'x': its strides make elements overlap" },
    { planar, "tensor 'x': channels are 256 elements apart, not contiguous" },
    { empty, "tensor 'x': dimension 0 is 0" },
    { huge, "tensor 'x' is larger than memory can be" },
    { odd_alignment, "alignment 12 is not a power of two" },
    { small_alignment, "alignment 1 is not a power of two that holds an element" },
    { other_window, "the filter is 3x3, the window 3x5" },
    { no_stride, "stride 0" },
    { window_too_large, "a window of 19 does not fit 16 pixels with padding 1 and 1" },
    { other_rank, "tensor 'x' has rank 3, 4 is expected" },
    { no_tensor, "tensor 99 of" },
    { no_kind, "operation 1 is of no kind" },
    { too_many, "a graph has room for" },
    { no_scalar, "a constant is a scalar" },
};

START_TEST(mistakes_are_named)
{
    weft_dnn_graph graph;
    weft_dnn_conv_graph(&usual, &graph);
    CHECK_OK(weft_dnn_graph_check(&graph));
    mistakes[_i].make(&graph);
    CHECK_FAILS(WEFT_INVALID, weft_dnn_graph_check(&graph), mistakes[_i].part);
}
END_TEST

START_TEST(wrong_products_and_pools)
{
    weft_dnn_graph graph;
    const weft_dnn_dense dense = { .name = "fc", .dtype = WEFT_BF16, .n = 8, .c = 16, .k = 32, .bias = true };
    weft_dnn_dense_graph(&dense, &graph);
    CHECK_OK(weft_dnn_graph_check(&graph));
    tensor(&graph, "weight")->dim[1] = 8;
    CHECK_FAILS(WEFT_INVALID, weft_dnn_graph_check(&graph),
                "fc: matmul: tensor 'weight' has 8 along K, 16 is expected");
    weft_dnn_dense_graph(&dense, &graph);
    tensor(&graph, "weight")->dim[0] = 3;
    CHECK_FAILS(WEFT_INVALID, weft_dnn_graph_check(&graph), "along batch");

    weft_dnn_conv pooled = usual;
    pooled.pool =
        (weft_dnn_window){ .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .bottom = 1, .right = 1 };
    weft_dnn_conv_graph(&pooled, &graph);
    CHECK_OK(weft_dnn_graph_check(&graph));
    ck_assert_int_eq(tensor(&graph, "y")->dim[2], 8);
    tensor(&graph, "y")->dim[2] = 7;
    CHECK_FAILS(WEFT_INVALID, weft_dnn_graph_check(&graph), "stem: maxpool: tensor 'y' has 7 along H, 8 is expected");
    pooled.pool.left = 3;
    weft_dnn_conv_graph(&pooled, &graph);
    CHECK_FAILS(WEFT_INVALID, weft_dnn_graph_check(&graph), "lies in its padding");
    pooled.pool = (weft_dnn_window){ .kernel_h = 20, .kernel_w = 3 };
    weft_dnn_conv_graph(&pooled, &graph);
    CHECK_FAILS(WEFT_INVALID, weft_dnn_graph_check(&graph), "stem: ");
}
END_TEST

/* A convolution that sums its result. */
static void sums_graph(weft_dnn_graph *g)
{
    weft_dnn_conv conv = usual;
    conv.bias = conv.residual = false;
    conv.act = WEFT_ACT_NONE;
    conv.stats = true;
    weft_dnn_conv_graph(&conv, g);
}

START_TEST(sums_are_checked)
{
    weft_dnn_graph g;
    char text[WEFT_DNN_TEXT];
    sums_graph(&g);
    CHECK_OK(weft_dnn_graph_check(&g));
    ck_assert_ptr_nonnull(strstr(weft_dnn_graph_text(&g, text, sizeof text), "stats(2,-1>3)+4 "));
    tensor(&g, "squares")->dim[1] = 33;
    CHECK_FAILS(WEFT_INVALID, weft_dnn_graph_check(&g), "stem: stats: tensor 'squares' has 33 along C, 32 is expected");
    sums_graph(&g);
    tensor(&g, "sums")->dtype = WEFT_F16;
    CHECK_FAILS(WEFT_INVALID, weft_dnn_graph_check(&g), "tensor 'sums' is f16; sums are f32");
    sums_graph(&g);
    g.op[1].more = g.op[1].out;
    CHECK_FAILS(WEFT_INVALID, weft_dnn_graph_check(&g), "another operation's result");
    sums_graph(&g);
    g.op[1].more = 99;
    CHECK_FAILS(WEFT_INVALID, weft_dnn_graph_check(&g), "tensor 99");
}
END_TEST

START_TEST(every_epilogue_passes)
{
    for (int act = 0; act < WEFT_ACT_COUNT; act++)
        for (int parts = 0; parts < 4; parts++) {
            weft_dnn_graph graph;
            weft_dnn_conv conv = usual;
            conv.act = (weft_act)act;
            conv.bias = parts & 1;
            conv.residual = parts & 2;
            conv.y_ld = 96;
            conv.y_align = 4;
            weft_dnn_conv_graph(&conv, &graph);
            CHECK_OK(weft_dnn_graph_check(&graph));
            const weft_dnn_dense dense = { .name = "fc",
                                           .dtype = WEFT_F32,
                                           .batch = 4,
                                           .n = 3,
                                           .c = 5,
                                           .k = 7,
                                           .bias = conv.bias,
                                           .residual = conv.residual,
                                           .act = conv.act };
            weft_dnn_dense_graph(&dense, &graph);
            CHECK_OK(weft_dnn_graph_check(&graph));
            ck_assert_int_eq(graph.n_ops > 1, act != WEFT_ACT_NONE || parts != 0);
        }
}
END_TEST

START_TEST(texts_tell_graphs_apart)
{
    weft_dnn_graph graph, other;
    weft_dnn_conv changed = usual;
    weft_dnn_conv_graph(&usual, &graph);
    changed.name = "another name";
    weft_dnn_conv_graph(&changed, &other);
    ck_assert_uint_eq(weft_dnn_graph_hash(&graph), weft_dnn_graph_hash(&other));
#define DIFFERS(field, value)                                                                                          \
    do {                                                                                                               \
        changed = usual;                                                                                               \
        changed.field = value;                                                                                         \
        weft_dnn_conv_graph(&changed, &other);                                                                         \
        ck_assert_msg(weft_dnn_graph_hash(&graph) != weft_dnn_graph_hash(&other), #field);                             \
    } while (0)
    DIFFERS(dtype, WEFT_BF16);
    DIFFERS(n, 3);
    DIFFERS(groups, 2);
    DIFFERS(x_ld, 128);
    DIFFERS(y_ld, 64);
    DIFFERS(residual_ld, 64);
    DIFFERS(y_align, 8);
    DIFFERS(window.stride_w, 2);
    DIFFERS(window.top, 0);
    DIFFERS(bias, false);
    DIFFERS(residual, false);
    DIFFERS(act, WEFT_ACT_LEAKY_RELU);
    DIFFERS(act, WEFT_ACT_RELU6);
#undef DIFFERS
    char text[WEFT_DNN_TEXT];
    ck_assert_uint_lt(strlen(weft_dnn_graph_text(&graph, text, sizeof text)), 1000);
    char cut[8];
    ck_assert_str_eq(weft_dnn_graph_text(&graph, cut, sizeof cut), (text[7] = '\0', text));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dnn");
    TCase *wrong = tcase_create("mistakes");
    tcase_add_loop_test(wrong, mistakes_are_named, 0, (int)(sizeof mistakes / sizeof mistakes[0]));
    suite_add_tcase(suite, wrong);
    CHECK_CASE(suite, "graphs", wrong_products_and_pools, sums_are_checked, every_epilogue_passes,
               texts_tell_graphs_apart);
    return check_main(suite, "cuda-dnn");
}
