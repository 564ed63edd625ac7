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
#include "op/case.h"
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
static const weft_op_case cases[] = {
    { WEFT_CASE("one_to_one", WEFT_NC(1, 1)), WEFT_OPT(weft_dense_opt, .out = 1) },
    { WEFT_CASE("row_to_10", WEFT_NC(1, 84)), WEFT_OPT(weft_dense_opt, .out = 10) },
    { WEFT_CASE("batch3_to_10", WEFT_NC(3, 64)), WEFT_OPT(weft_dense_opt, .out = 10) },
    { WEFT_CASE("batch32_to_100", WEFT_NC(32, 96)), WEFT_OPT(weft_dense_opt, .out = 100) },
    { WEFT_CASE("batch7_odd", WEFT_NC(7, 33)), WEFT_OPT(weft_dense_opt, .out = 65) },
    { WEFT_CASE("batch2_to_1000", WEFT_NC(2, 280)), WEFT_OPT(weft_dense_opt, .out = 1000) },
    { WEFT_CASE("row_to_1001", WEFT_NC(1, 129)), WEFT_OPT(weft_dense_opt, .out = 1001) },
    { WEFT_CASE("batch33_to_24", WEFT_NC(33, 17)), WEFT_OPT(weft_dense_opt, .out = 24) },
    { WEFT_CASE("deep", WEFT_NC(2, 9216)), WEFT_OPT(weft_dense_opt, .out = 40) },
    { WEFT_CASE("deep_row_no_bias", WEFT_NC(1, 4099)), WEFT_OPT(weft_dense_opt, .out = 64, .no_bias = true) },
    { WEFT_CASE("no_bias", WEFT_NC(5, 48)), WEFT_OPT(weft_dense_opt, .out = 32, .no_bias = true) },
    { WEFT_CASE("from_one", WEFT_NC(4, 1)), WEFT_OPT(weft_dense_opt, .out = 19) },
    { WEFT_CASE("to_one", WEFT_NC(5, 70)), WEFT_OPT(weft_dense_opt, .out = 1) },
    { WEFT_CASE("relu", WEFT_NC(4, 100)), WEFT_OPT(weft_dense_opt, .out = 128), .epi = { .act = WEFT_ACT_RELU } },
    { WEFT_CASE("relu6_no_bias", WEFT_NC(2, 65)), WEFT_OPT(weft_dense_opt, .out = 24, .no_bias = true),
      .epi = { .act = WEFT_ACT_RELU6 } },
    { WEFT_CASE("tanh", WEFT_NC(1, 120)), WEFT_OPT(weft_dense_opt, .out = 84), .epi = { .act = WEFT_ACT_TANH } },
    { WEFT_CASE("lecun_tanh", WEFT_NC(2, 120)), WEFT_OPT(weft_dense_opt, .out = 84),
      .epi = { .act = WEFT_ACT_LECUN_TANH } },
    { WEFT_CASE("sigmoid", WEFT_NC(6, 12)), WEFT_OPT(weft_dense_opt, .out = 48), .epi = { .act = WEFT_ACT_SIGMOID } },
    { WEFT_CASE("swish", WEFT_NC(3, 24)), WEFT_OPT(weft_dense_opt, .out = 6), .epi = { .act = WEFT_ACT_SWISH } },
    { WEFT_CASE("hard_sigmoid", WEFT_NC(2, 40)), WEFT_OPT(weft_dense_opt, .out = 10),
      .epi = { .act = WEFT_ACT_HARD_SIGMOID } },
    { WEFT_CASE("hard_swish", WEFT_NC(2, 40)), WEFT_OPT(weft_dense_opt, .out = 33),
      .epi = { .act = WEFT_ACT_HARD_SWISH } },
    { WEFT_CASE("residual", WEFT_NC(3, 50)), WEFT_OPT(weft_dense_opt, .out = 50), .epi = { .residual = true } },
    { WEFT_CASE("residual_relu_no_bias", WEFT_NC(9, 20)), WEFT_OPT(weft_dense_opt, .out = 30, .no_bias = true),
      .epi = { .act = WEFT_ACT_RELU, .residual = true } },
    { WEFT_CASE("layer_4096", WEFT_NC(16, 4096)), WEFT_OPT(weft_dense_opt, .out = 4096), .large = true },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_dense = {
    .name = "dense",
    .brief = "Fully connected layer",
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
