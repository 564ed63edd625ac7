/* SPDX-License-Identifier: Apache-2.0
 *
 * Activations, one by one: relu (Nair & Hinton 2010), relu6 (MobileNet), tanh, sigmoid, swish (Ramachandran 2017,
 * arXiv:1710.05941), their hard forms (Howard 2019, arXiv:1905.02244) and LeNet-5's scaled tanh (LeCun 1998).
 *
 * Semantics
 * 1. The formulas are those beside weft_act in <weft/act.h>; weft_act_eval computes them.
 * 2. A NaN stays a NaN; relu(-0) is 0 of either sign.
 * 3. swish has no factor inside (beta = 1). hard_sigmoid is MobileNet V3's, min(max(x + 3, 0), 6) / 6, not Keras 2's
 *    0.2 x + 0.5.
 * 4. weft_activation with NONE adds no node and gives x itself.
 * 5. The node is named after its activation, "relu".
 * 6. Backwards, dx = dy slope(v), where v is the result, of swish and hard_swish the argument: that of the others need
 *    not be kept. Where the slope jumps it is the one from the left, as in PyTorch:
 *    relu'(0) = 0, relu6'(0) = 0 and relu6'(6) = 0. */
#include "op/activation.h"

#include <math.h>

#include "graph/grad.h"
#include "op/case.h"
#include "op/util.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_activation_opt *o = opt;
    (void)n_in, (void)arena;
    WEFT_TRY(weft_need_shape("x", &in[0], 0));
    return weft_need_range("act", (int)o->act, WEFT_ACT_NONE + 1, WEFT_ACT_COUNT - 1);
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { in[0] } };
    return WEFT_OK;
}

/* One per element, whatever the function: what an epilogue counts, so that fusing changes nothing. */
static weft_cost cost(const weft_node *node)
{
    return (weft_cost){ .flops = weft_out_count(node) };
}

static void describe(const weft_node *node, char *buf, size_t size)
{
    size_t used = 0;
    weft_text_add(buf, size, &used, "%s", weft_act_name(((const weft_activation_opt *)node->opt)->act));
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("relu", WEFT_NHWC(1, 5, 7, 17)), WEFT_OPT(weft_activation_opt, .act = WEFT_ACT_RELU) },
    { WEFT_CASE("relu_c1", WEFT_NHWC(3, 5, 7, 1)), WEFT_OPT(weft_activation_opt, .act = WEFT_ACT_RELU) },
    { WEFT_CASE("relu_vectors", WEFT_NC(2, 70)), WEFT_OPT(weft_activation_opt, .act = WEFT_ACT_RELU) },
    { WEFT_CASE("relu6", WEFT_NHWC(1, 5, 7, 70)), WEFT_OPT(weft_activation_opt, .act = WEFT_ACT_RELU6) },
    { WEFT_CASE("tanh", WEFT_NHWC(1, 14, 14, 6)), WEFT_OPT(weft_activation_opt, .act = WEFT_ACT_TANH) },
    { WEFT_CASE("tanh_vectors", WEFT_NC(1, 84)), WEFT_OPT(weft_activation_opt, .act = WEFT_ACT_TANH) },
    { WEFT_CASE("sigmoid", WEFT_NHWC(2, 3, 5, 33)), WEFT_OPT(weft_activation_opt, .act = WEFT_ACT_SIGMOID) },
    { WEFT_CASE("sigmoid_c8", WEFT_NC(3, 8)), WEFT_OPT(weft_activation_opt, .act = WEFT_ACT_SIGMOID) },
    { WEFT_CASE("swish", WEFT_NHWC(1, 7, 7, 64)), WEFT_OPT(weft_activation_opt, .act = WEFT_ACT_SWISH) },
    { WEFT_CASE("swish_c3", WEFT_NHWC(2, 5, 3, 3)), WEFT_OPT(weft_activation_opt, .act = WEFT_ACT_SWISH) },
    { WEFT_CASE("hard_sigmoid", WEFT_NHWC(1, 5, 3, 70)), WEFT_OPT(weft_activation_opt, .act = WEFT_ACT_HARD_SIGMOID) },
    { WEFT_CASE("hard_swish", WEFT_NHWC(1, 5, 3, 70)), WEFT_OPT(weft_activation_opt, .act = WEFT_ACT_HARD_SWISH) },
    { WEFT_CASE("lecun_tanh", WEFT_NHWC(1, 5, 5, 16)), WEFT_OPT(weft_activation_opt, .act = WEFT_ACT_LECUN_TANH) },
    { WEFT_CASE("lecun_tanh_c1", WEFT_NC(5, 1)), WEFT_OPT(weft_activation_opt, .act = WEFT_ACT_LECUN_TANH) },
    { WEFT_CASE("leaky_relu", WEFT_NHWC(1, 5, 5, 17)), WEFT_OPT(weft_activation_opt, .act = WEFT_ACT_LEAKY_RELU) },
    { WEFT_CASE("rows_over_threads", WEFT_NHWC(2, 33, 31, 40)), WEFT_OPT(weft_activation_opt, .act = WEFT_ACT_SWISH) },
    { .name = NULL },
};
/* clang-format on */

static weft_status grad(weft_grad *g)
{
    const weft_activation_opt *o = g->node.opt;
    const weft_var kept = weft_act_keeps_result(o->act) ? weft_grad_out(g, 0) : weft_grad_in(g, 0);
    const weft_activation_opt opt = { .name = "dx", .act = o->act };
    if (weft_grad_wants(g, 0))
        weft_grad_add(g, 0, weft_graph_append(g->graph, WEFT_OP_ACTIVATION_DX, &opt,
                                              (const weft_var[]){ weft_grad_dy(g, 0), kept }, 2));
    return WEFT_OK;
}

const weft_op weft_op_activation = {
    .name = "activation",
    .brief = "Elementwise activation",
    .paper = "",
    .n_in = 1,
    .opt_size = sizeof(weft_activation_opt),
    .error_class = WEFT_ELEMENTWISE,
    .special = true,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .describe = describe,
    .grad = grad,
    .cases = cases,
};

/* ---- activation_dx ---- */

bool weft_act_keeps_result(weft_act act)
{
    return act != WEFT_ACT_SWISH && act != WEFT_ACT_HARD_SWISH;
}

double weft_act_slope(weft_act act, double v)
{
    const double gate = 1 / (1 + exp(-v));
    switch (act) {
    case WEFT_ACT_RELU:
        return v > 0;
    case WEFT_ACT_RELU6:
        return v > 0 && v < 6;
    case WEFT_ACT_TANH:
        return 1 - v * v;
    case WEFT_ACT_SIGMOID:
        return v * (1 - v);
    case WEFT_ACT_SWISH:
        return gate * (1 + v * (1 - gate));
    case WEFT_ACT_HARD_SIGMOID:
        return v > 0 && v < 1 ? 1. / 6 : 0;
    case WEFT_ACT_HARD_SWISH:
        return v <= -3 ? 0 : v > 3 ? 1 : (2 * v + 3) / 6;
    case WEFT_ACT_LECUN_TANH:
        return 2. / 3 * (1.7159 - v * v / 1.7159);
    case WEFT_ACT_LEAKY_RELU:
        return v > 0 ? 1 : .01;
    case WEFT_ACT_NONE:
    case WEFT_ACT_COUNT:
        break;
    }
    return 1;
}

static weft_status resolve_dx(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    char dy[96], v[96];
    WEFT_TRY(resolve(opt, in, n_in, arena));
    if (!weft_shape_equal(&in[0], &in[1]))
        return weft_fail(WEFT_INVALID, "dy is %s, expected %s", weft_shape_text(&in[0], dy, sizeof dy),
                         weft_shape_text(&in[1], v, sizeof v));
    return WEFT_OK;
}

static weft_cost cost_dx(const weft_node *node)
{
    return (weft_cost){ .flops = 2 * weft_out_count(node) };
}

/* clang-format off */
#define DX(label, shape, kind) { WEFT_CASE(label, WEFT_TWICE(shape)), WEFT_OPT(weft_activation_opt, .act = kind) }
static const weft_op_case cases_dx[] = {
    DX("relu", WEFT_NHWC(1, 5, 7, 17), WEFT_ACT_RELU),
    DX("relu6", WEFT_NHWC(1, 5, 7, 70), WEFT_ACT_RELU6),
    DX("tanh", WEFT_NHWC(1, 14, 14, 6), WEFT_ACT_TANH),
    DX("sigmoid", WEFT_NHWC(2, 3, 5, 33), WEFT_ACT_SIGMOID),
    DX("swish", WEFT_NHWC(1, 7, 7, 64), WEFT_ACT_SWISH),
    DX("hard_sigmoid", WEFT_NHWC(1, 5, 3, 70), WEFT_ACT_HARD_SIGMOID),
    DX("hard_swish", WEFT_NHWC(1, 5, 3, 70), WEFT_ACT_HARD_SWISH),
    DX("lecun_tanh", WEFT_NC(5, 1), WEFT_ACT_LECUN_TANH),
    DX("leaky_relu", WEFT_NHWC(1, 5, 5, 17), WEFT_ACT_LEAKY_RELU),
    DX("rows_over_threads", WEFT_NHWC(2, 33, 31, 40), WEFT_ACT_RELU),
    { .name = NULL },
};
#undef DX
/* clang-format on */

const weft_op weft_op_activation_dx = {
    .name = "activation_dx",
    .brief = "Gradient of an activation",
    .paper = "",
    .n_in = 2,
    .opt_size = sizeof(weft_activation_opt),
    .error_class = WEFT_ELEMENTWISE,
    .resolve = resolve_dx,
    .infer = infer,
    .cost = cost_dx,
    .describe = describe,
    .cases = cases_dx,
};

/* ---- builders ---- */

weft_var weft_activation(weft_graph *graph, weft_var x, weft_act act)
{
    if (act == WEFT_ACT_NONE)
        return x;
    const char *name = weft_act_name(act);
    const weft_activation_opt opt = { .name = name[0] ? name : NULL, .act = act };
    return weft_graph_append(graph, WEFT_OP_ACTIVATION, &opt, &x, 1);
}

weft_var weft_relu(weft_graph *graph, weft_var x)
{
    return weft_activation(graph, x, WEFT_ACT_RELU);
}

weft_var weft_relu6(weft_graph *graph, weft_var x)
{
    return weft_activation(graph, x, WEFT_ACT_RELU6);
}

weft_var weft_tanh(weft_graph *graph, weft_var x)
{
    return weft_activation(graph, x, WEFT_ACT_TANH);
}

weft_var weft_sigmoid(weft_graph *graph, weft_var x)
{
    return weft_activation(graph, x, WEFT_ACT_SIGMOID);
}

weft_var weft_swish(weft_graph *graph, weft_var x)
{
    return weft_activation(graph, x, WEFT_ACT_SWISH);
}

weft_var weft_hard_swish(weft_graph *graph, weft_var x)
{
    return weft_activation(graph, x, WEFT_ACT_HARD_SWISH);
}
