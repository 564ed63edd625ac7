/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference of conv_norm: the references of its parts, one after the other. */
#include "cpu/ref/ref.h"
#include "op/conv_norm.h"

static weft_status run(const weft_call *call)
{
    weft_conv_norm p;
    weft_conv_norm_split_forward(call->node, &p);
    weft_view in[WEFT_COUNT(p.norm_in)] = { call->out[WEFT_CONV_NORM_MAP] };
    for (int i = 1; i < p.norm.n_in; i++)
        in[i] = call->in[p.norm_param + i - 1];
    weft_call part = *call;
    part.node = &p.conv;
    part.out = &call->out[WEFT_CONV_NORM_MAP];
    WEFT_TRY(WEFT_REF(conv2d).run(&part));
    part.node = &p.norm;
    part.in = in;
    part.out = call->out;
    return WEFT_REF(batch_norm_train).run(&part);
}

const weft_kernel WEFT_REF(conv_norm) = { WEFT_REF_NAMED(conv_norm), .run = run };
