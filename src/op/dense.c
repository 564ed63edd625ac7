/* SPDX-License-Identifier: Apache-2.0
 *
 * dense: every output sees every input of its image. Rosenblatt 1958.
 *
 *   y[n, k] = act(sum over c of x[n, c] * weight[k, c] + bias[k] + residual[n, k])
 *
 * Semantics
 *  1. x is [N, C]; an image must be flattened first, in the order H, W, C (reshape, Semantics 1).
 *  2. weight is [out, C], one row per output, as in PyTorch; Keras keeps [C, out].
 *  3. The bias is on unless no_bias; it is added before the residual, the residual before the activation.
 *  4. Backwards, dx[n, c] = sum over k of dy[n, k] weight[k, c] (dense_dx, which adds another gradient of x as its
 *     residual) and dw[k, c] = sum over n of dy[n, k] x[n, c] (dense_dw). */
#include "graph/grad.h"
#include "op/case.h"
#include "op/channel_sum.h"
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

static weft_status grad(weft_grad *g)
{
    const weft_var x = weft_grad_in(g, 0), w = weft_grad_param(g, 0), dy = weft_grad_dy(g, 0);
    const char *dx = "dx", *dw = "dw";
    if (weft_grad_wants(g, 0))
        weft_grad_add(g, 0, weft_graph_append(g->graph, WEFT_OP_DENSE_DX, &dx, (const weft_var[]){ dy, w }, 2));
    if (weft_grad_wants_param(g, 0))
        weft_grad_add_param(g, 0, weft_graph_append(g->graph, WEFT_OP_DENSE_DW, &dw, (const weft_var[]){ x, dy }, 2));
    if (weft_grad_wants_param(g, 1))
        weft_grad_add_param(g, 1, weft_channel_sum(g->graph, dy, "db"));
    return WEFT_OK;
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
    .grad = grad,
    .cases = cases,
};

/* ---- dense_dx, dense_dw: their only option is a name ---- */

static weft_status need_two(const weft_shape *in, int a, int b)
{
    char one[96], two[96];
    WEFT_TRY(need_vectors(&in[0]));
    WEFT_TRY(need_vectors(&in[1]));
    if (in[0].dim[a] != in[1].dim[b])
        return weft_fail(WEFT_INVALID, "%s and %s do not go together", weft_shape_text(&in[0], one, sizeof one),
                         weft_shape_text(&in[1], two, sizeof two));
    return WEFT_OK;
}

static weft_status resolve_dx(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    (void)opt, (void)n_in, (void)arena;
    return need_two(in, 1, 0);
}

static weft_status infer_dx(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { weft_shape_nc(in[0].dim[0], in[1].dim[1]) } };
    return weft_need_output(&sig->out[0]);
}

static weft_status resolve_dw(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    (void)opt, (void)n_in, (void)arena;
    return need_two(in, 0, 0);
}

static weft_status infer_dw(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { weft_shape_nc(in[1].dim[1], in[0].dim[1]) } };
    return weft_need_output(&sig->out[0]);
}

static int64_t reduction_dx(const weft_node *n)
{
    return n->in[0].dim[1] + weft_epilogue_terms(n);
}

static int64_t reduction_dw(const weft_node *n)
{
    return n->in[0].dim[0];
}

static weft_cost cost_dx(const weft_node *n)
{
    const double macs = weft_out_count(n) * (double)n->in[0].dim[1];
    return (weft_cost){ macs, 2 * macs + weft_epilogue_flops(n) };
}

static weft_cost cost_dw(const weft_node *n)
{
    const double macs = weft_out_count(n) * (double)n->in[0].dim[0];
    return (weft_cost){ macs, 2 * macs };
}

static double least_two(const weft_node *n)
{
    return (double)weft_shape_count(&n->in[0]) + (double)weft_shape_count(&n->in[1]) + weft_out_count(n);
}

/* clang-format off */
static const weft_op_case cases_dx[] = {
    { WEFT_CASE("row_of_10", WEFT_NC(1, 10), WEFT_NC(10, 84)) },
    { WEFT_CASE("batch32_of_100", WEFT_NC(32, 100), WEFT_NC(100, 96)) },
    { WEFT_CASE("batch7_odd", WEFT_NC(7, 65), WEFT_NC(65, 33)) },
    { WEFT_CASE("from_one", WEFT_NC(5, 1), WEFT_NC(1, 70)) },
    { WEFT_CASE("to_one", WEFT_NC(4, 19), WEFT_NC(19, 1)) },
    { WEFT_CASE("thousand", WEFT_NC(16, 1000), WEFT_NC(1000, 280)) },
    { WEFT_CASE("residual", WEFT_NC(9, 40), WEFT_NC(40, 50)), .epi = { .residual = true } },
    { .name = NULL },
};
static const weft_op_case cases_dw[] = {
    { WEFT_CASE("row_to_10", WEFT_NC(1, 84), WEFT_NC(1, 10)) },
    { WEFT_CASE("batch32_to_100", WEFT_NC(32, 96), WEFT_NC(32, 100)) },
    { WEFT_CASE("batch7_odd", WEFT_NC(7, 33), WEFT_NC(7, 65)) },
    { WEFT_CASE("from_one", WEFT_NC(4, 1), WEFT_NC(4, 19)) },
    { WEFT_CASE("to_one", WEFT_NC(5, 70), WEFT_NC(5, 1)) },
    { WEFT_CASE("batch300", WEFT_NC(300, 64), WEFT_NC(300, 48)) },
    { WEFT_CASE("thousand", WEFT_NC(16, 280), WEFT_NC(16, 1000)) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_dense_dx = {
    .name = "dense_dx",
    .brief = "Gradient of a fully connected layer's input",
    .paper = "",
    .n_in = 2,
    .opt_size = sizeof(const char *),
    .takes = WEFT_TAKES_RESIDUAL,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve_dx,
    .infer = infer_dx,
    .cost = cost_dx,
    .least = least_two,
    .reduction = reduction_dx,
    .cases = cases_dx,
};

const weft_op weft_op_dense_dw = {
    .name = "dense_dw",
    .brief = "Gradient of a fully connected layer's weights",
    .paper = "",
    .n_in = 2,
    .opt_size = sizeof(const char *),
    .types = WEFT_TYPES_F32_OUT,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve_dw,
    .infer = infer_dw,
    .cost = cost_dw,
    .least = least_two,
    .reduction = reduction_dw,
    .cases = cases_dw,
};
