/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax over the last dimension.
 *
 * Semantics
 * 1. y[c] = exp(x[c] - m) / sum over j of exp(x[j] - m), m the largest x of the row: no input overflows.
 * 2. Each row (image, or pixel of a map) is normalised by itself; the sum is over all channels.
 * 3. There is no temperature and no logarithm.
 * 4. Backwards dx[c] = y[c] (dy[c] - sum over j of dy[j] y[j]): by the result, x need not be kept (softmax_dx). A
 *    network that is trained by cross_entropy needs none of it. */
#include "graph/grad.h"
#include "op/case.h"
#include "op/util.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    (void)opt, (void)n_in, (void)arena;
    return weft_need_shape("x", &in[0], 0);
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { in[0] } };
    return WEFT_OK;
}

/* Per element: compare, subtract, exponential, add, divide. */
static weft_cost cost(const weft_node *node)
{
    return (weft_cost){ .flops = 5 * weft_out_count(node) };
}

static int64_t reduction(const weft_node *node)
{
    return weft_shape_channels(&node->in[0]);
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("c1000", WEFT_NC(2, 1000)) },
    { WEFT_CASE("c10_batch3", WEFT_NC(3, 10)) },
    { WEFT_CASE("c1", WEFT_NC(3, 1)) },
    { WEFT_CASE("c3", WEFT_NC(1, 3)) },
    { WEFT_CASE("c17", WEFT_NC(5, 17)) },
    { WEFT_CASE("c70", WEFT_NC(1, 70)) },
    { WEFT_CASE("map_c33", WEFT_NHWC(2, 5, 3, 33)) },
    { WEFT_CASE("rows_over_threads", WEFT_NC(65, 1001)) },
    { WEFT_CASE("layer_1000", WEFT_NC(32, 1000)), .large = true },
    { .name = NULL },
};
/* clang-format on */

static weft_status grad(weft_grad *g)
{
    const char *dx = "dx";
    if (weft_grad_wants(g, 0))
        weft_grad_add(g, 0, weft_graph_append(g->graph, WEFT_OP_SOFTMAX_DX, &dx,
                                              (const weft_var[]){ weft_grad_dy(g, 0), weft_grad_out(g, 0) }, 2));
    return WEFT_OK;
}

const weft_op weft_op_softmax = {
    .name = "softmax",
    .brief = "Softmax over the last dimension",
    .paper = "Bridle 1990",
    .n_in = 1,
    .types = WEFT_TYPES_F32_OUT | WEFT_TYPES_WANTS_LOGITS,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .reduction = reduction,
    .depth = 2,
    .grad = grad,
    .cases = cases,
};

/* ---- softmax_dx: dy, y ---- */

static weft_status resolve_dx(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    char dy[96], y[96];
    (void)opt, (void)n_in, (void)arena;
    WEFT_TRY(weft_need_shape("dy", &in[0], 0));
    if (!weft_shape_equal(&in[0], &in[1]))
        return weft_fail(WEFT_INVALID, "dy is %s, expected the shape of y, %s", weft_shape_text(&in[0], dy, sizeof dy),
                         weft_shape_text(&in[1], y, sizeof y));
    return WEFT_OK;
}

static weft_cost cost_dx(const weft_node *node)
{
    return (weft_cost){ .flops = 4 * weft_out_count(node) };
}

/* clang-format off */
static const weft_op_case cases_dx[] = {
    { WEFT_CASE("c1000", WEFT_TWICE(WEFT_NC(2, 1000))), .positive = 2 },
    { WEFT_CASE("c1", WEFT_TWICE(WEFT_NC(3, 1))), .positive = 2 },
    { WEFT_CASE("map_c33", WEFT_TWICE(WEFT_NHWC(2, 5, 3, 33))), .positive = 2 },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_softmax_dx = {
    .name = "softmax_dx",
    .brief = "Gradient of softmax",
    .paper = "",
    .n_in = 2,
    .opt_size = sizeof(const char *),
    .types = WEFT_TYPES_F32_OUT,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve_dx,
    .infer = infer,
    .cost = cost_dx,
    .reduction = reduction,
    .cases = cases_dx,
};

weft_var weft_softmax(weft_graph *graph, weft_var x)
{
    return weft_graph_append(graph, WEFT_OP_SOFTMAX, NULL, &x, 1);
}
