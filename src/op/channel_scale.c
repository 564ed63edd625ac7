/* SPDX-License-Identifier: Apache-2.0
 *
 * A map times one factor per image and channel: the recalibration of squeeze-and-excitation, Hu 2017,
 * arXiv:1709.01507, eq. 4, where the gates come from elsewhere in the graph.
 *
 * Semantics
 * 1. y[n, h, w, c] = x[n, h, w, c] s[n, c]; s is [N, C] of x's N and C.
 * 2. Backwards dx = dy s is a channel_scale again, and ds[n, c] the sum over h and w of x dy (channel_scale_ds). */
#include "graph/grad.h"
#include "op/case.h"
#include "op/util.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    char x[128], s[128];
    (void)opt, (void)n_in, (void)arena;
    WEFT_TRY(weft_need_shape("x", &in[0], 4));
    WEFT_TRY(weft_need_shape("s", &in[1], 2));
    if (in[0].dim[0] != in[1].dim[0] || in[0].dim[3] != in[1].dim[1])
        return weft_fail(WEFT_INVALID, "x is %s and s %s, expected s to have x's images and channels",
                         weft_shape_text(&in[0], x, sizeof x), weft_shape_text(&in[1], s, sizeof s));
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
    return (weft_cost){ .flops = weft_out_count(node) };
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("c1", WEFT_NHWC(1, 5, 7, 1), WEFT_NC(1, 1)) },
    { WEFT_CASE("c3_batch3", WEFT_NHWC(3, 3, 5, 3), WEFT_NC(3, 3)) },
    { WEFT_CASE("c8", WEFT_NHWC(2, 1, 1, 8), WEFT_NC(2, 8)) },
    { WEFT_CASE("c17", WEFT_NHWC(2, 5, 3, 17), WEFT_NC(2, 17)) },
    { WEFT_CASE("c64", WEFT_NHWC(1, 7, 7, 64), WEFT_NC(1, 64)) },
    { WEFT_CASE("c70", WEFT_NHWC(2, 3, 5, 70), WEFT_NC(2, 70)) },
    { WEFT_CASE("rows_over_threads", WEFT_NHWC(3, 29, 23, 24), WEFT_NC(3, 24)) },
    { .name = NULL },
};
/* clang-format on */

static weft_status grad(weft_grad *g)
{
    const weft_var x = weft_grad_in(g, 0), s = weft_grad_in(g, 1), dy = weft_grad_dy(g, 0);
    const char *ds = "ds";
    if (weft_grad_wants(g, 0))
        weft_grad_add(g, 0, weft_channel_scale(g->graph, dy, s));
    if (weft_grad_wants(g, 1))
        weft_grad_add(g, 1, weft_graph_append(g->graph, WEFT_OP_CHANNEL_SCALE_DS, &ds, (const weft_var[]){ x, dy }, 2));
    return WEFT_OK;
}

const weft_op weft_op_channel_scale = {
    .name = "channel_scale",
    .brief = "A map times one factor per image and channel",
    .paper = "Hu et al. 2017, arXiv:1709.01507",
    .n_in = 2,
    .error_class = WEFT_ELEMENTWISE,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .grad = grad,
    .cases = cases,
};

/* ---- channel_scale_ds ---- */

static weft_status resolve_ds(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    char x[96], dy[96];
    (void)opt, (void)n_in, (void)arena;
    WEFT_TRY(weft_need_shape("x", &in[0], 4));
    if (!weft_shape_equal(&in[0], &in[1]))
        return weft_fail(WEFT_INVALID, "dy is %s, expected the shape of x, %s", weft_shape_text(&in[1], dy, sizeof dy),
                         weft_shape_text(&in[0], x, sizeof x));
    return WEFT_OK;
}

static weft_status infer_ds(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { weft_shape_nc(in[0].dim[0], in[0].dim[3]) } };
    return WEFT_OK;
}

static weft_cost cost_ds(const weft_node *node)
{
    return (weft_cost){ .flops = 2 * (double)weft_shape_count(&node->in[0]) };
}

static double least_ds(const weft_node *node)
{
    return 2 * (double)weft_shape_count(&node->in[0]);
}

static int64_t reduction_ds(const weft_node *node)
{
    return node->in[0].dim[1] * node->in[0].dim[2];
}

/* clang-format off */
static const weft_op_case cases_ds[] = {
    { WEFT_CASE("c1", WEFT_TWICE(WEFT_NHWC(1, 5, 7, 1))) },
    { WEFT_CASE("c3_batch3", WEFT_TWICE(WEFT_NHWC(3, 3, 5, 3))) },
    { WEFT_CASE("one_pixel", WEFT_TWICE(WEFT_NHWC(2, 1, 1, 40))) },
    { WEFT_CASE("c70", WEFT_TWICE(WEFT_NHWC(2, 7, 7, 70))) },
    { WEFT_CASE("blocks_over_threads", WEFT_TWICE(WEFT_NHWC(1, 29, 23, 300))) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_channel_scale_ds = {
    .name = "channel_scale_ds",
    .brief = "Sum over the image of the product of two maps",
    .paper = "",
    .n_in = 2,
    .opt_size = sizeof(const char *),
    .error_class = WEFT_REDUCTION,
    .resolve = resolve_ds,
    .infer = infer_ds,
    .cost = cost_ds,
    .least = least_ds,
    .reduction = reduction_ds,
    .cases = cases_ds,
};

weft_var weft_channel_scale(weft_graph *graph, weft_var x, weft_var s)
{
    const weft_var in[2] = { x, s };
    return weft_graph_append(graph, WEFT_OP_CHANNEL_SCALE, NULL, in, 2);
}
