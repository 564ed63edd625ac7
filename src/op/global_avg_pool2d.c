/* SPDX-License-Identifier: Apache-2.0
 *
 * global_avg_pool2d: the mean of each channel over the whole image. Lin et al. 2013, arXiv:1312.4400.
 *
 *   y[n, c] = (sum over h, w of x[n, h, w, c]) / (H * W)
 *
 * Semantics
 *  1. The output is [N, C], not [N, 1, 1, C]. */
#include "graph/grad.h"
#include "op/case.h"
#include "op/pool2d.h"

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt;
    (void)n_in;
    WEFT_TRY(weft_need_shape("x", &in[0], 4));
    sig->n_out = 1;
    sig->out[0] = weft_shape_nc(in[0].dim[0], in[0].dim[3]);
    sig->n_param = 0;
    return WEFT_OK;
}

static int64_t reduction(const weft_node *n)
{
    return n->in[0].dim[1] * n->in[0].dim[2];
}

static weft_cost cost(const weft_node *n)
{
    return (weft_cost){ 0, weft_out_count(n) * (double)reduction(n) };
}

static weft_status grad(weft_grad *g)
{
    const weft_global_pool2d_grad_opt opt = { "dx", g->node.in[0].dim[1], g->node.in[0].dim[2] };
    if (weft_grad_wants(g, 0))
        weft_grad_add(g, 0, weft_graph_append(g->graph, WEFT_OP_GLOBAL_AVG_POOL2D_DX, &opt,
                                              (const weft_var[]){ weft_grad_dy(g, 0) }, 1));
    return WEFT_OK;
}

weft_var weft_global_avg_pool2d(weft_graph *graph, weft_var x)
{
    return weft_graph_append(graph, WEFT_OP_GLOBAL_AVG_POOL2D, NULL, &x, 1);
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("7x7x64", WEFT_NHWC(1, 7, 7, 64)) },
    { WEFT_CASE("7x7x1280", WEFT_NHWC(2, 7, 7, 1280)) },
    { WEFT_CASE("7x7_batch33", WEFT_NHWC(33, 7, 7, 24)) },
    { WEFT_CASE("1x1", WEFT_NHWC(3, 1, 1, 40)) },
    { WEFT_CASE("one_channel", WEFT_NHWC(2, 9, 5, 1)) },
    { WEFT_CASE("odd", WEFT_NHWC(3, 5, 8, 33)) },
    { WEFT_CASE("wide", WEFT_NHWC(1, 1, 50, 17)) },
    { WEFT_CASE("large_image", WEFT_NHWC(1, 56, 56, 16)) },
    { WEFT_CASE("three_channels", WEFT_NHWC(1, 31, 3, 3)) },
    { WEFT_CASE("layer_2048", WEFT_NHWC(32, 7, 7, 2048)), .large = true },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_global_avg_pool2d = {
    .name = "global_avg_pool2d",
    .brief = "Mean of each channel over the image",
    .paper = "Lin et al. 2013, arXiv:1312.4400",
    .n_in = 1,
    .error_class = WEFT_REDUCTION,
    .resolve = weft_resolve_nothing,
    .infer = infer,
    .cost = cost,
    .least = weft_least_map,
    .reduction = reduction,
    .grad = grad,
    .cases = cases,
};
