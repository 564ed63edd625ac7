/* SPDX-License-Identifier: Apache-2.0
 *
 * Squeeze-and-excitation as one node: Hu 2017, arXiv:1709.01507, section 3.
 *
 * Semantics
 * 1. y = x * gate(W2 act(W1 m + b1) + b2), m[n, c] the mean of x over H and W; one gate per image and channel.
 * 2. act NONE means relu (Hu; EfficientNet sets swish), gate NONE means sigmoid (MobileNet V3 sets hard_sigmoid): there
 *    is no way to have none.
 * 3. W1 is [reduced, C], W2 [C, reduced]; reduced is always given, since networks round it in different ways.
 * 4. The multiply-adds are those of the two dense layers, 2 C reduced per image. */
#include "graph/grad.h"
#include "op/case.h"
#include "op/util.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_squeeze_excite_opt *o = opt;
    (void)n_in, (void)arena;
    WEFT_TRY(weft_need_shape("x", &in[0], 4));
    WEFT_TRY(weft_need_range("reduced", o->reduced, 1, WEFT_MAX_DIM - 1));
    WEFT_TRY(weft_need_range("act", (int)o->act, WEFT_ACT_NONE, WEFT_ACT_COUNT - 1));
    WEFT_TRY(weft_need_range("gate", (int)o->gate, WEFT_ACT_NONE, WEFT_ACT_COUNT - 1));
    WEFT_TRY(weft_need_init(&o->init, 0, WEFT_INIT_HE_NORMAL)); /* NORMAL has no deviation here: refused */
    if (o->act == WEFT_ACT_NONE)
        o->act = WEFT_ACT_RELU;
    if (o->gate == WEFT_ACT_NONE)
        o->gate = WEFT_ACT_SIGMOID;
    const weft_shape weight = { .rank = 2, .dim = { o->reduced, in[0].dim[3] } };
    return weft_need_shape("reduce/weight", &weight, 2);
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_squeeze_excite_opt *o = opt;
    const int64_t c = in[0].dim[3], r = o->reduced;
    (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { in[0] } };
    sig->param[sig->n_param++] = (weft_param_spec){
        .name = "reduce/weight", .shape = weft_shape_nc(r, c), .init = o->init, .fan_in = c, .fan_out = r
    };
    if (!o->no_bias)
        sig->param[sig->n_param++] =
            (weft_param_spec){ .name = "reduce/bias", .shape = { .rank = 1, .dim = { r } }, .init = WEFT_INIT_ZERO };
    sig->param[sig->n_param++] = (weft_param_spec){
        .name = "expand/weight", .shape = weft_shape_nc(c, r), .init = o->init, .fan_in = r, .fan_out = c
    };
    if (!o->no_bias)
        sig->param[sig->n_param++] =
            (weft_param_spec){ .name = "expand/bias", .shape = { .rank = 1, .dim = { c } }, .init = WEFT_INIT_ZERO };
    return WEFT_OK;
}

/* Both layers; sums in, gates out and in again. */
static double least(const weft_node *node)
{
    return weft_weight_count(node) + 4 * (double)node->in[0].dim[0] * (double)node->in[0].dim[3];
}

static weft_cost cost(const weft_node *node)
{
    const weft_squeeze_excite_opt *o = node->opt;
    const double n = (double)node->in[0].dim[0], c = (double)node->in[0].dim[3], r = (double)o->reduced;
    const double macs = 2 * n * c * r, bias = o->no_bias ? 0 : n * (r + c);
    return (weft_cost){ .macs = macs, .flops = 2 * macs + bias + n * (r + 2 * c) + 2 * weft_out_count(node) };
}

/* The mean, then both layers. */
static int64_t reduction(const weft_node *node)
{
    const weft_squeeze_excite_opt *o = node->opt;
    return node->in[0].dim[1] * node->in[0].dim[2] + node->in[0].dim[3] + o->reduced;
}

static void describe(const weft_node *node, char *buf, size_t size)
{
    const weft_squeeze_excite_opt *o = node->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "reduced %lld %s %s", (long long)o->reduced, weft_act_name(o->act),
                  weft_act_name(o->gate));
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("c16_r4", WEFT_NHWC(1, 5, 7, 16)), WEFT_OPT(weft_squeeze_excite_opt, .reduced = 4) },
    { WEFT_CASE("c1_r1", WEFT_NHWC(2, 3, 5, 1)), WEFT_OPT(weft_squeeze_excite_opt, .reduced = 1) },
    { WEFT_CASE("c3_r2_batch3", WEFT_NHWC(3, 3, 5, 3)), WEFT_OPT(weft_squeeze_excite_opt, .reduced = 2) },
    { WEFT_CASE("c17_r5_no_bias", WEFT_NHWC(1, 5, 3, 17)),
      WEFT_OPT(weft_squeeze_excite_opt, .reduced = 5, .no_bias = true) },
    { WEFT_CASE("c32_r8_swish", WEFT_NHWC(2, 7, 7, 32)),
      WEFT_OPT(weft_squeeze_excite_opt, .reduced = 8, .act = WEFT_ACT_SWISH) },
    { WEFT_CASE("c70_r17_hard", WEFT_NHWC(1, 3, 5, 70)),
      WEFT_OPT(weft_squeeze_excite_opt, .reduced = 17, .gate = WEFT_ACT_HARD_SIGMOID) },
    { WEFT_CASE("c8_r70", WEFT_NHWC(2, 3, 3, 8)),
      WEFT_OPT(weft_squeeze_excite_opt, .reduced = 70, .act = WEFT_ACT_TANH) },
    { WEFT_CASE("pixel_c96_r4", WEFT_NHWC(2, 1, 1, 96)),
      WEFT_OPT(weft_squeeze_excite_opt, .reduced = 4, .act = WEFT_ACT_SWISH) },
    { WEFT_CASE("c288_r18", WEFT_NHWC(3, 14, 14, 288)), WEFT_OPT(weft_squeeze_excite_opt, .reduced = 18) },
    { .name = NULL },
};
/* clang-format on */

/* One node for all gradients; what nobody wants of them is small. */
static weft_status grad(weft_grad *g)
{
    weft_squeeze_excite_opt opt = *(const weft_squeeze_excite_opt *)g->node.opt;
    weft_var in[2 + 4] = { weft_grad_in(g, 0), weft_grad_dy(g, 0) };
    for (int i = 0; i < g->node.n_param; i++)
        in[2 + i] = weft_grad_param(g, i);
    opt.name = "dx";
    const weft_var dx = weft_graph_append(g->graph, WEFT_OP_SQUEEZE_EXCITE_DX, &opt, in, 2 + g->node.n_param);
    weft_grad_add(g, 0, dx);
    for (int i = 0; i < g->node.n_param; i++)
        weft_grad_add_param(g, i, weft_graph_out(dx, 1 + i));
    return WEFT_OK;
}

const weft_op weft_op_squeeze_excite = {
    .name = "squeeze_excite",
    .brief = "Squeeze-and-excitation: gates from the channel means",
    .paper = "Hu et al. 2017, arXiv:1709.01507",
    .n_in = 1,
    .opt_size = sizeof(weft_squeeze_excite_opt),
    .error_class = WEFT_REDUCTION,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .least = least,
    .reduction = reduction,
    .depth = 3,
    .describe = describe,
    .grad = grad,
    .cases = cases,
};

weft_var weft_squeeze_excite(weft_graph *graph, weft_var x, const weft_squeeze_excite_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_SQUEEZE_EXCITE, opt, &x, 1);
}
