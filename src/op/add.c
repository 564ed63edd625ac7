/* SPDX-License-Identifier: Apache-2.0
 *
 * The addition of residual units: He 2015, arXiv:1512.03385; scaled as in Inception-ResNet, Szegedy 2016,
 * arXiv:1602.07261.
 *
 * Semantics
 * 1. y = a + scale * b: scale belongs to the second input. 0 means 1.
 * 2. Shapes are equal; nothing is broadcast.
 * 3. The epilogue's activation comes after the sum.
 * 4. Backwards a gets dy and b scale dy (the op scale, y = factor x, which adds another gradient of b as its
 *    residual). */
#include <math.h>

#include "graph/grad.h"
#include "op/case.h"
#include "op/util.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_add_opt *o = opt;
    char a[128], b[128];
    (void)n_in, (void)arena;
    WEFT_TRY(weft_need_shape("a", &in[0], 0));
    WEFT_TRY(weft_need_shape("b", &in[1], 0));
    if (!weft_shape_equal(&in[0], &in[1]))
        return weft_fail(WEFT_INVALID, "a is %s and b %s, expected equal shapes", weft_shape_text(&in[0], a, sizeof a),
                         weft_shape_text(&in[1], b, sizeof b));
    if (!isfinite(o->scale))
        return weft_fail(WEFT_INVALID, "scale is %g, expected a finite number", o->scale);
    if (o->scale == 0)
        o->scale = 1;
    return WEFT_OK;
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { in[0] } };
    return WEFT_OK;
}

static weft_cost cost(const weft_node *node)
{
    const weft_add_opt *o = node->opt;
    return (weft_cost){ .flops = (o->scale == 1 ? 1 : 2) * weft_out_count(node) + weft_epilogue_flops(node) };
}

static void describe(const weft_node *node, char *buf, size_t size)
{
    const weft_add_opt *o = node->opt;
    size_t used = 0;
    if (o->scale == 1)
        weft_text_add(buf, size, &used, "%s", "");
    else
        weft_text_add(buf, size, &used, "scale %g", o->scale);
}

static weft_status grad(weft_grad *g)
{
    const weft_add_opt *o = g->node.opt;
    const weft_var dy = weft_grad_dy(g, 0);
    const weft_scale_opt scaled = { "db", o->scale };
    weft_grad_pass(g, 0, 0);
    if (o->scale == 1)
        weft_grad_pass(g, 1, 0);
    else if (weft_grad_is_one(g, 0))
        return weft_fail(WEFT_UNSUPPORTED, "a loss is added with a scale: give it to the loss itself");
    else if (weft_grad_wants(g, 1))
        weft_grad_add(g, 1, weft_graph_append(g->graph, WEFT_OP_SCALE, &scaled, &dy, 1));
    return WEFT_OK;
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("c1", WEFT_TWICE(WEFT_NHWC(1, 5, 7, 1))) },
    { WEFT_CASE("c3_batch3", WEFT_TWICE(WEFT_NHWC(3, 3, 5, 3))) },
    { WEFT_CASE("c8_relu", WEFT_TWICE(WEFT_NHWC(2, 3, 5, 8))), .epi = { .act = WEFT_ACT_RELU } },
    { WEFT_CASE("c17_scaled", WEFT_TWICE(WEFT_NHWC(1, 5, 3, 17))), WEFT_OPT(weft_add_opt, .scale = .17) },
    { WEFT_CASE("c64_scaled_relu", WEFT_TWICE(WEFT_NHWC(1, 7, 7, 64))), WEFT_OPT(weft_add_opt, .scale = .1),
      .epi = { .act = WEFT_ACT_RELU } },
    { WEFT_CASE("c70_negative_scale", WEFT_TWICE(WEFT_NHWC(1, 5, 3, 70))), WEFT_OPT(weft_add_opt, .scale = -1) },
    { WEFT_CASE("c70_swish", WEFT_TWICE(WEFT_NHWC(1, 5, 3, 70))), .epi = { .act = WEFT_ACT_SWISH } },
    { WEFT_CASE("vectors", WEFT_TWICE(WEFT_NC(3, 33))) },
    { WEFT_CASE("rows_over_threads", WEFT_TWICE(WEFT_NHWC(2, 29, 31, 24))), .epi = { .act = WEFT_ACT_RELU } },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_add = {
    .name = "add",
    .brief = "Residual addition, a + scale * b",
    .paper = "He et al. 2015, arXiv:1512.03385",
    .n_in = 2,
    .opt_size = sizeof(weft_add_opt),
    .takes = WEFT_TAKES_ACT,
    .error_class = WEFT_ELEMENTWISE,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .describe = describe,
    .grad = grad,
    .cases = cases,
};

/* ---- scale ---- */

static weft_status resolve_scale(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_scale_opt *o = opt;
    (void)n_in, (void)arena;
    WEFT_TRY(weft_need_shape("x", &in[0], 0));
    return isfinite(o->factor) ? WEFT_OK
                               : weft_fail(WEFT_INVALID, "factor is %g, expected a finite number", o->factor);
}

static weft_cost cost_scale(const weft_node *node)
{
    return (weft_cost){ .flops = weft_out_count(node) + weft_epilogue_flops(node) };
}

static void describe_scale(const weft_node *node, char *buf, size_t size)
{
    size_t used = 0;
    weft_text_add(buf, size, &used, "%g", ((const weft_scale_opt *)node->opt)->factor);
}

/* clang-format off */
static const weft_op_case cases_scale[] = {
    { WEFT_CASE("c1", WEFT_NHWC(1, 5, 7, 1)), WEFT_OPT(weft_scale_opt, .factor = .17) },
    { WEFT_CASE("c17", WEFT_NHWC(1, 5, 3, 17)), WEFT_OPT(weft_scale_opt, .factor = -1) },
    { WEFT_CASE("vectors", WEFT_NC(3, 33)), WEFT_OPT(weft_scale_opt, .factor = 0) },
    { WEFT_CASE("rows_over_threads", WEFT_NHWC(2, 29, 31, 24)), WEFT_OPT(weft_scale_opt, .factor = .1) },
    { WEFT_CASE("residual", WEFT_NHWC(2, 3, 5, 70)), WEFT_OPT(weft_scale_opt, .factor = .1),
      .epi = { .residual = true } },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_scale = {
    .name = "scale",
    .brief = "A tensor times a number",
    .paper = "",
    .n_in = 1,
    .opt_size = sizeof(weft_scale_opt),
    .takes = WEFT_TAKES_RESIDUAL,
    .error_class = WEFT_ELEMENTWISE,
    .resolve = resolve_scale,
    .infer = infer,
    .cost = cost_scale,
    .describe = describe_scale,
    .cases = cases_scale,
};

/* ---- builders ---- */

weft_var weft_add(weft_graph *graph, weft_var a, weft_var b)
{
    return weft_add_scaled(graph, a, b, NULL);
}

weft_var weft_add_scaled(weft_graph *graph, weft_var a, weft_var b, const weft_add_opt *opt)
{
    const weft_var in[2] = { a, b };
    return weft_graph_append(graph, WEFT_OP_ADD, opt, in, 2);
}
