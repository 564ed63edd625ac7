/* SPDX-License-Identifier: Apache-2.0
 *
 * partial_expand and partial_collect: weights of connected maps among zeros, and back, a launch each. */
#include "cuda/cuda.h"
#include "cuda/kernel/conv_grad.h"
#include "op/partial_conv2d.h"

static weft_partial_weights_args args_of(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_partial_grad_opt *o = node->opt;
    return (weft_partial_weights_args){ .dtype = node->in_dtype[0], .to_dtype = node->out_dtype[0],
                                        .from = weft_kview_of(&call->in[0]), .to = weft_kview_of(&call->out[0]),
                                        .k = (int)o->out, .c = (int)o->channels,
                                        .taps = (int)(node->in[0].dim[1] * node->in[0].dim[2]), .table = o->table };
}

static weft_status run_expand(const weft_call *call)
{
    const weft_partial_weights_args args = args_of(call);
    return weft_cuda_launched(call, weft_launch_partial_expand(&args, weft_cuda_stream_of(call)));
}

static weft_status run_collect(const weft_call *call)
{
    const weft_partial_weights_args args = args_of(call);
    return weft_cuda_launched(call, weft_launch_partial_collect(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel expand = { .name = "cuda.partial_expand.table", .run = run_expand };
static const weft_kernel collect = { .name = "cuda.partial_collect.table", .run = run_collect };

const weft_kernel *const weft_cuda_partial_expand[] = { &expand, NULL };
const weft_kernel *const weft_cuda_partial_collect[] = { &collect, NULL };
