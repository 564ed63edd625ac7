/* SPDX-License-Identifier: Apache-2.0
 *
 * global_max_pool2d: the largest pixel of each channel over the whole image.
 *
 *   y[n, c] = max over h, w of x[n, h, w, c]
 *
 * Semantics
 *  1. The output is [N, C], not [N, 1, 1, C].
 *  2. NaNs and signed zeros as for max_pool2d: left open. */
#include "graph/grad.h"
#include "op/case.h"
#include "op/util.h"

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

static weft_cost cost(const weft_node *n)
{
    return (weft_cost){ 0, weft_out_count(n) * (double)(n->in[0].dim[1] * n->in[0].dim[2]) };
}

static weft_status grad(weft_grad *g)
{
    const char *opt = "dx";
    if (weft_grad_wants(g, 0))
        weft_grad_add(g, 0, weft_graph_append(g->graph, WEFT_OP_GLOBAL_MAX_POOL2D_DX, &opt,
                                              (const weft_var[]){ weft_grad_dy(g, 0), weft_grad_in(g, 0) }, 2));
    return WEFT_OK;
}

weft_var weft_global_max_pool2d(weft_graph *graph, weft_var x)
{
    return weft_graph_append(graph, WEFT_OP_GLOBAL_MAX_POOL2D, NULL, &x, 1);
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("7x7x64", WEFT_NHWC(1, 7, 7, 64)) },
    { WEFT_CASE("7x7_batch33", WEFT_NHWC(33, 7, 7, 24)) },
    { WEFT_CASE("1x1", WEFT_NHWC(3, 1, 1, 40)) },
    { WEFT_CASE("one_channel", WEFT_NHWC(2, 9, 5, 1)) },
    { WEFT_CASE("odd", WEFT_NHWC(3, 5, 8, 33)) },
    { WEFT_CASE("wide", WEFT_NHWC(1, 1, 50, 17)) },
    { WEFT_CASE("three_channels", WEFT_NHWC(1, 31, 3, 3)) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_global_max_pool2d = {
    .name = "global_max_pool2d",
    .brief = "Largest pixel of each channel over the image",
    .paper = "Oquab et al. 2015",
    .n_in = 1,
    .error_class = WEFT_EXACT,
    .resolve = weft_resolve_nothing,
    .infer = infer,
    .cost = cost,
    .least = weft_least_map,
    .grad = grad,
    .cases = cases,
};
