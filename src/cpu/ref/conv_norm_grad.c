/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference of conv_norm_grad: the references of its parts, one after the other, with what lies between them stored. */
#include "cpu/ref/ref.h"
#include "op/conv_norm_grad.h"

static size_t between(const weft_node *node)
{
    return weft_round_up((size_t)weft_shape_count(&node->in[0]) * sizeof(real), WEFT_CACHE_LINE);
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_conv_norm_grad_opt *o = node->opt;
    const size_t again = (size_t)weft_shape_count(&node->out[WEFT_CONV_NORM_DX]) * sizeof(real);
    plan->scratch = between(node) + (o->again ? again : 0);
    return WEFT_OK;
}

/* What was convolved. */
static weft_status convolved(const weft_call *call, const weft_conv_norm_parts *p, weft_view *x)
{
    const weft_conv_norm_grad_opt *o = call->node->opt;
    *x = call->in[p->x];
    if (!o->again)
        return WEFT_OK;
    const weft_view again = { weft_at(call->scratch, between(call->node)), weft_shape_channels(&p->again.out) };
    weft_call part = *call;
    part.node = &p->again.node;
    part.in = &call->in[p->x];
    part.out = &again;
    *x = again;
    return WEFT_REF(batch_norm_again).run(&part);
}

static weft_status run(const weft_call *call)
{
    weft_conv_norm_parts p;
    weft_conv_norm_split(call->node, &p);
    const weft_view *in = call->in, *out = call->out;
    const weft_view dy = { call->scratch, weft_shape_channels(&call->node->in[0]) };
    const weft_view norm_out[] = { dy, out[WEFT_CONV_NORM_DGAMMA], out[WEFT_CONV_NORM_DBETA] };
    const weft_view dx_in[] = { dy, in[p.weights], in[call->node->n_in - 1] };
    weft_view dw_in[] = { { NULL, 0 }, dy };
    weft_call part = *call;
    WEFT_TRY(convolved(call, &p, &dw_in[0]));
    part.node = &p.norm;
    part.out = norm_out;
    WEFT_TRY(WEFT_REF(batch_norm_dx).run(&part));
    part.node = &p.dx;
    part.in = dx_in;
    part.out = &out[WEFT_CONV_NORM_DX];
    WEFT_TRY(WEFT_REF(conv2d_dx).run(&part));
    part.node = &p.dw;
    part.in = dw_in;
    part.out = &out[WEFT_CONV_NORM_DW];
    return WEFT_REF(conv2d_dw).run(&part);
}

const weft_kernel WEFT_REF(conv_norm_grad) = { WEFT_REF_NAMED(conv_norm_grad), .prepare = prepare, .run = run };
