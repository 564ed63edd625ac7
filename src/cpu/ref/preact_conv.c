/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference of preact_conv: the references of its parts, one after the other, with what lies between them stored. */
#include "cpu/ref/ref.h"
#include "op/preact_conv.h"

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    plan->scratch = (size_t)weft_shape_count(&node->in[0]) * sizeof(real);
    return WEFT_OK;
}

static weft_status run(const weft_call *call)
{
    weft_preact_parts p;
    weft_preact_split(call->node, &p);
    const weft_view between = { call->scratch, weft_shape_channels(&call->node->in[0]) };
    weft_view in[WEFT_COUNT(p.conv_in)] = { between };
    for (int i = 1; i < p.conv.n_in; i++)
        in[i] = call->in[p.norm.n_in + i - 1];
    weft_call part = *call;
    part.node = &p.norm;
    part.out = &between;
    WEFT_TRY(WEFT_REF(batch_norm).run(&part));
    part.node = &p.conv;
    part.in = in;
    part.out = call->out;
    return WEFT_REF(conv2d).run(&part);
}

const weft_kernel WEFT_REF(preact_conv) = { WEFT_REF_NAMED(preact_conv), .prepare = prepare, .run = run };
