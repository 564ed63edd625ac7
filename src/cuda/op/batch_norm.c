/* SPDX-License-Identifier: Apache-2.0
 *
 * batch_norm that could not be folded into a convolution before it (DenseNet's, of a concatenation): y = act(x gain +
 * bias) in one pass, gain and bias computed in double when the parameters are packed. */
#include "cuda/cuda.h"

/* Offset of bias behind gain, floats. */
static int64_t bias_at(const weft_node *node)
{
    return (int64_t)weft_round_up((size_t)weft_shape_channels(&node->in[0]), 4);
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    plan->packed = (size_t)(2 * bias_at(node)) * sizeof(float);
    return WEFT_OK;
}

static weft_status pack(const weft_call *call)
{
    const weft_batch_norm_opt *o = call->node->opt;
    const int first = o->no_gamma ? 0 : 1;
    float *gain = call->packed;
    const weft_fold_norm_args args = {
        .gamma = first ? weft_call_param(call, 0) : NULL, .beta = weft_call_param(call, first),
        .mean = weft_call_param(call, first + 1), .variance = weft_call_param(call, first + 2), .to = gain,
        .shift = gain + bias_at(call->node), .epsilon = o->epsilon,
        .outputs = weft_shape_channels(&call->node->in[0]), .each = 1,
    };
    return weft_cuda_launched(call, weft_launch_fold_norm(&args, weft_cuda_stream_of(call)));
}

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const float *gain = call->packed;
    const weft_map_args args = { .dtype = node->in_dtype[0], .y_dtype = node->out_dtype[0],
                                 .x = weft_kview_of(&call->in[0]), .y = weft_kview_of(&call->out[0]),
                                 .rows = weft_shape_rows(&node->in[0]), .c = (int)weft_shape_channels(&node->in[0]),
                                 .gain = gain, .epi = { .bias = gain + bias_at(node), .act = node->epi.act } };
    return weft_cuda_launched(call, weft_launch_map(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel map = {
    .name = "cuda.batch_norm.map", .prepare = prepare, .pack = pack, .run = run,
    .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cuda_batch_norm[] = { &map, NULL };
