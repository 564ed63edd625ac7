/* SPDX-License-Identifier: Apache-2.0
 *
 * reshape, and flatten: the same elements in the same order under another shape.
 *
 * Semantics
 *  1. The order is that of the dimensions, the last fastest: flattening an image gives H, W, C, as in Keras. PyTorch
 *     flattens C, H, W: the weights of the dense layer after it must be permuted when they are imported.
 *  2. The first dimension, the batch, stays: shape.dim[0] must be x's, or 0 for it.
 *  3. Flattening [N, C] gives [N, C]. */
#include "graph/grad.h"
#include "op/case.h"
#include "op/util.h"

static int64_t rest(const weft_shape *shape)
{
    int64_t count = 1;
    for (int i = 1; i < shape->rank; i++)
        count *= shape->dim[i];
    return count;
}

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_reshape_opt *o = opt;
    char want[128], have[128];
    (void)n_in;
    (void)arena;
    WEFT_TRY(weft_need_shape("x", &in[0], 0));
    if (o->shape.rank == 0)
        o->shape = weft_shape_nc(in[0].dim[0], rest(&in[0]));
    if (o->shape.dim[0] == 0)
        o->shape.dim[0] = in[0].dim[0];
    WEFT_TRY(weft_need_shape("shape", &o->shape, 0));
    if (o->shape.dim[0] != in[0].dim[0] || weft_shape_count(&o->shape) != weft_shape_count(&in[0]))
        return weft_fail(WEFT_INVALID, "shape is %s, expected the batch and the count of x, %s",
                         weft_shape_text(&o->shape, want, sizeof want), weft_shape_text(&in[0], have, sizeof have));
    o->shape.dim[0] = 0; /* x's: a model may replace the batch and resolve again */
    return WEFT_OK;
}

/* The batch is x's, not the one of the options: a model may have replaced it. */
static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_reshape_opt *o = opt;
    (void)n_in;
    WEFT_TRY(weft_need_shape("x", &in[0], 0));
    if (rest(&o->shape) != rest(&in[0]))
        return weft_fail(WEFT_INVALID, "x has %lld elements per image, expected %lld", (long long)rest(&in[0]),
                         (long long)rest(&o->shape));
    sig->n_out = 1;
    sig->out[0] = o->shape;
    sig->out[0].dim[0] = in[0].dim[0];
    sig->n_param = 0;
    return WEFT_OK;
}

static weft_cost cost(const weft_node *n)
{
    (void)n;
    return (weft_cost){ 0, 0 };
}

static weft_status grad(weft_grad *g)
{
    if (weft_grad_wants(g, 0))
        weft_grad_add(g, 0, weft_reshape(g->graph, weft_grad_dy(g, 0), &g->node.in[0]));
    return WEFT_OK;
}

weft_var weft_flatten(weft_graph *graph, weft_var x)
{
    return weft_graph_append(graph, WEFT_OP_RESHAPE, &(const weft_reshape_opt){ .name = "flatten" }, &x, 1);
}

weft_var weft_reshape(weft_graph *graph, weft_var x, const weft_shape *shape)
{
    if (shape == NULL || shape->rank == 0)
        return weft_graph_fail(graph, WEFT_INVALID, "reshape: found no shape, expected one of rank 1 to %d",
                               (int)WEFT_MAX_RANK);
    return weft_graph_append(graph, WEFT_OP_RESHAPE, &(const weft_reshape_opt){ .shape = *shape }, &x, 1);
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("flatten", WEFT_NHWC(2, 3, 4, 5)), WEFT_OPT(weft_reshape_opt, .shape = { 0 }) },
    { WEFT_CASE("flatten_wide", WEFT_NHWC(3, 6, 6, 65)), WEFT_OPT(weft_reshape_opt, .shape = { 0 }) },
    { WEFT_CASE("flatten_one_pixel", WEFT_NHWC(3, 1, 1, 33)), WEFT_OPT(weft_reshape_opt, .shape = { 0 }) },
    { WEFT_CASE("flatten_vector", WEFT_NC(4, 17)), WEFT_OPT(weft_reshape_opt, .shape = { 0 }) },
    { WEFT_CASE("vector_to_image", WEFT_NC(3, 36)), WEFT_OPT(weft_reshape_opt, .shape = { 4, { 3, 1, 1, 36 } }) },
    { WEFT_CASE("vector_to_pixels", WEFT_NC(2, 60)), WEFT_OPT(weft_reshape_opt, .shape = { 4, { 0, 3, 4, 5 } }) },
    { WEFT_CASE("regroup", WEFT_NHWC(2, 4, 3, 10)), WEFT_OPT(weft_reshape_opt, .shape = { 4, { 2, 2, 10, 6 } }) },
    { WEFT_CASE("rank3", WEFT_NHWC(2, 4, 4, 8)), WEFT_OPT(weft_reshape_opt, .shape = { 3, { 2, 16, 8 } }) },
    { WEFT_CASE("rank6", WEFT_NHWC(1, 4, 6, 10)), WEFT_OPT(weft_reshape_opt, .shape = { 6, { 1, 2, 2, 3, 2, 10 } }) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_reshape = {
    .name = "reshape",
    .brief = "The same elements under another shape; flatten",
    .paper = "",
    .n_in = 1,
    .opt_size = sizeof(weft_reshape_opt),
    .shares = WEFT_SHARES_WHOLE,
    .error_class = WEFT_EXACT,
    .special = true,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .grad = grad,
    .cases = cases,
};
