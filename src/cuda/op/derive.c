/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters from parameters: own kernels, run when the store has changed. */
#include "op/derive.h"

#include "cuda/cuda.h"

static weft_status run_fold(const weft_call *call)
{
    const weft_fold_norm_opt *o = call->node->opt;
    const weft_shape *weight = &call->node->out[0];
    const weft_view *in = call->in + 1; /* the optional ones, then beta, mean, variance */
    weft_fold_norm_args args = { .weight = call->in[0].data, .to = call->out[0].data, .shift = call->out[1].data,
                                 .epsilon = o->epsilon, .outputs = weight->dim[0],
                                 .each = weft_shape_count(weight) / weight->dim[0] };
    if (o->bias)
        args.bias = (in++)->data;
    if (o->gamma)
        args.gamma = (in++)->data;
    args.beta = in[0].data;
    args.mean = in[1].data;
    args.variance = in[2].data;
    return weft_cuda_launched(call, weft_launch_fold_norm(&args, weft_cuda_stream_of(call)));
}

static weft_status run_scale(const weft_call *call)
{
    const weft_scale_weights_opt *o = call->node->opt;
    const weft_scale_weights_args args = { .from = call->in[0].data, .to = call->out[0].data, .scale = o->scale,
                                           .count = weft_shape_count(&call->node->out[0]) };
    return weft_cuda_launched(call, weft_launch_scale_weights(&args, weft_cuda_stream_of(call)));
}

static weft_merge_weights_args merge_args(const weft_call *call)
{
    const weft_merge_weights_opt *o = call->node->opt;
    const weft_shape *in = call->node->in;
    return (weft_merge_weights_args){
        .first = call->in[0].data, .second = call->in[1].data, .to = call->out[0].data, .to_bias = call->out[1].data,
        .first_bias = o->first_bias ? call->in[2].data : NULL,
        .second_bias = o->second_bias ? call->in[2 + o->first_bias].data : NULL,
        .outputs = call->node->out[0].dim[0], .middle = in[0].dim[0], .first_in = in[0].dim[3],
        .second_in = in[1].dim[3],
    };
}

static weft_status run_compose(const weft_call *call)
{
    const weft_merge_weights_args args = merge_args(call);
    return weft_cuda_launched(call, weft_launch_compose_weights(&args, weft_cuda_stream_of(call)));
}

static weft_status run_join(const weft_call *call)
{
    const weft_merge_weights_args args = merge_args(call);
    return weft_cuda_launched(call, weft_launch_join_weights(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel fold = { .name = "cuda.fold_norm.double", .run = run_fold };
static const weft_kernel scale = { .name = "cuda.scale_weights.double", .run = run_scale };
static const weft_kernel compose = { .name = "cuda.compose_weights.double", .run = run_compose };
static const weft_kernel join = { .name = "cuda.join_weights.double", .run = run_join };

const weft_kernel *const weft_cuda_fold_norm[] = { &fold, NULL };
const weft_kernel *const weft_cuda_scale_weights[] = { &scale, NULL };
const weft_kernel *const weft_cuda_compose_weights[] = { &compose, NULL };
const weft_kernel *const weft_cuda_join_weights[] = { &join, NULL };
