/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of conv_norm_grad, and its parts as calls of their own. */
#include "cpu/conv_norm_grad.h"

#include "cpu/ref/ref.h"

void weft_conv_norm_call(const weft_call *call, int64_t ld, weft_conv_norm_calls *calls)
{
    weft_conv_norm_calls *c = calls;
    const weft_view between = { NULL, ld }, *in = call->in, *out = call->out;
    weft_conv_norm_split(call->node, &c->parts);
    c->whole = call;
    c->norm_out[0] = between;
    c->norm_out[1] = out[WEFT_CONV_NORM_DGAMMA];
    c->norm_out[2] = out[WEFT_CONV_NORM_DBETA];
    c->dx_in[0] = c->dw_in[1] = between;
    c->dx_in[1] = in[c->parts.weights];
    c->dx_in[2] = in[call->node->n_in - 1];
    c->dw_in[0] = in[c->parts.x];
    c->again = c->norm = c->dx = c->dw = *call;
    c->again.node = &c->parts.again.node;
    c->again.in = &in[c->parts.x];
    c->norm.node = &c->parts.norm;
    c->norm.out = c->norm_out;
    c->dx.node = &c->parts.dx;
    c->dx.in = c->dx_in;
    c->dx.out = &out[WEFT_CONV_NORM_DX];
    c->dw.node = &c->parts.dw;
    c->dw.in = c->dw_in;
    c->dw.out = &out[WEFT_CONV_NORM_DW];
}

const weft_kernel *const weft_cpu_conv_norm_grad[] = {
    &weft_cpu_conv_norm_grad_depthwise, &weft_cpu_conv_norm_grad_rows, &weft_cpu_conv_norm_grad_ref, NULL,
};
