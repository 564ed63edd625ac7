/* SPDX-License-Identifier: Apache-2.0
 *
 * dense: every output sees every input of its image. Rosenblatt 1958.
 *
 *   y[n, k] = act(sum over c of x[n, c] * weight[k, c] + bias[k] + residual[n, k])
 *
 * Semantics
 *  1. x is [N, C]; an image must be flattened first, in the order H, W, C (reshape, Semantics 1).
 *  2. weight is [out, C], one row per output, as in PyTorch; Keras keeps [C, out].
 *  3. The bias is on unless no_bias; it is added before the residual, the residual before the activation. */
#include "op/util.h"

static weft_status need_vectors(const weft_shape *x)
{
    char text[128];
    WEFT_TRY(weft_need_shape("x", x, 0));
    if (x->rank != 2)
        return weft_fail(WEFT_INVALID, "x is %s, expected [N, C]: flatten it with weft_flatten",
                         weft_shape_text(x, text, sizeof text));
    return WEFT_OK;
}

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_dense_opt *o = opt;
    (void)n_in;
    (void)arena;
    WEFT_TRY(need_vectors(&in[0]));
    WEFT_TRY(weft_need_range("out", o->out, 1, WEFT_MAX_DIM - 1));
    return weft_need_init(&o->init, o->init_scale, WEFT_INIT_HE_NORMAL);
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_dense_opt *o = opt;
    (void)n_in;
    WEFT_TRY(need_vectors(&in[0]));
    const int64_t channels = in[0].dim[1];
    sig->n_out = 1;
    sig->out[0] = weft_shape_nc(in[0].dim[0], o->out);
    WEFT_TRY(weft_need_output(&sig->out[0]));
    sig->n_param = o->no_bias ? 1 : 2;
    sig->param[0] = (weft_param_spec){
        .name = "weight",
        .shape = weft_shape_nc(o->out, channels),
        .init = o->init,
        .init_scale = o->init_scale,
        .fan_in = channels,
        .fan_out = o->out,
    };
    if (!o->no_bias)
        sig->param[1] = (weft_param_spec){
            .name = "bias",
            .shape = { .rank = 1, .dim = { o->out } },
            .init = WEFT_INIT_ZERO,
            .fan_in = channels,
            .fan_out = o->out,
        };
    return weft_need_shape("weight", &sig->param[0].shape, 2);
}

static weft_cost cost(const weft_node *n)
{
    const weft_dense_opt *o = n->opt;
    const double out = weft_out_count(n), macs = out * (double)n->in[0].dim[1];
    return (weft_cost){ macs, 2 * macs + (o->no_bias ? 0 : out) + weft_epilogue_flops(n) };
}

static int64_t reduction(const weft_node *n)
{
    const weft_dense_opt *o = n->opt;
    return n->in[0].dim[1] + (o->no_bias ? 0 : 1) + weft_epilogue_terms(n);
}

static void describe(const weft_node *n, char *buf, size_t size)
{
    const weft_dense_opt *o = n->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "%lld", (long long)o->out);
}

weft_var weft_dense(weft_graph *graph, weft_var x, const weft_dense_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_DENSE, opt, &x, 1);
}

/* clang-format off */
#define CASE(label, n, c, what, add, ...) \
    { .name = label, .n_in = 1, .in = { { 2, { n, c } } }, .opt = &(const weft_dense_opt){ __VA_ARGS__ }, \
      .epi = { .act = what, .residual = add } }

static const weft_op_case cases[] = {
    CASE("one_to_one", 1, 1, WEFT_ACT_NONE, false, .out = 1),
    CASE("row_to_10", 1, 84, WEFT_ACT_NONE, false, .out = 10),
    CASE("batch3_to_10", 3, 64, WEFT_ACT_NONE, false, .out = 10),
    CASE("batch32_to_100", 32, 96, WEFT_ACT_NONE, false, .out = 100),
    CASE("batch7_odd", 7, 33, WEFT_ACT_NONE, false, .out = 65),
    CASE("batch2_to_1000", 2, 280, WEFT_ACT_NONE, false, .out = 1000),
    CASE("row_to_1001", 1, 129, WEFT_ACT_NONE, false, .out = 1001),
    CASE("batch33_to_24", 33, 17, WEFT_ACT_NONE, false, .out = 24),
    CASE("deep", 2, 9216, WEFT_ACT_NONE, false, .out = 40),
    CASE("deep_row_no_bias", 1, 4099, WEFT_ACT_NONE, false, .out = 64, .no_bias = true),
    CASE("no_bias", 5, 48, WEFT_ACT_NONE, false, .out = 32, .no_bias = true),
    CASE("from_one", 4, 1, WEFT_ACT_NONE, false, .out = 19),
    CASE("to_one", 5, 70, WEFT_ACT_NONE, false, .out = 1),
    CASE("relu", 4, 100, WEFT_ACT_RELU, false, .out = 128),
    CASE("relu6_no_bias", 2, 65, WEFT_ACT_RELU6, false, .out = 24, .no_bias = true),
    CASE("tanh", 1, 120, WEFT_ACT_TANH, false, .out = 84),
    CASE("lecun_tanh", 2, 120, WEFT_ACT_LECUN_TANH, false, .out = 84),
    CASE("sigmoid", 6, 12, WEFT_ACT_SIGMOID, false, .out = 48),
    CASE("swish", 3, 24, WEFT_ACT_SWISH, false, .out = 6),
    CASE("hard_sigmoid", 2, 40, WEFT_ACT_HARD_SIGMOID, false, .out = 10),
    CASE("hard_swish", 2, 40, WEFT_ACT_HARD_SWISH, false, .out = 33),
    CASE("residual", 3, 50, WEFT_ACT_NONE, true, .out = 50),
    CASE("residual_relu_no_bias", 9, 20, WEFT_ACT_RELU, true, .out = 30, .no_bias = true),
    { .name = "layer_4096", .n_in = 1, .in = { { 2, { 16, 4096 } } }, .large = true,
      .opt = &(const weft_dense_opt){ .out = 4096 } },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_dense = {
    .name = "dense",
    .brief = "fully connected layer",
    .paper = "Rosenblatt 1958",
    .n_in = 1,
    .opt_size = sizeof(weft_dense_opt),
    .takes = WEFT_TAKES_ACT | WEFT_TAKES_RESIDUAL,
    .types = WEFT_TYPES_LOGITS,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .least = weft_least_product,
    .reduction = reduction,
    .describe = describe,
    .cases = cases,
};
