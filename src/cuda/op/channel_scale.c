/* SPDX-License-Identifier: Apache-2.0
 *
 * channel_scale: each image's channels times its factors, in place where the graph allows. */
#include "cuda/cuda.h"

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_shape *x = &node->in[0];
    const weft_channel_scale_args args = { .dtype = node->in_dtype[0], .s_dtype = node->in_dtype[0],
                                           .x = weft_kview_of(&call->in[0]), .s = weft_kview_of(&call->in[1]),
                                           .y = weft_kview_of(&call->out[0]), .n = (int)x->dim[0],
                                           .pixels = (int)(x->dim[1] * x->dim[2]), .c = (int)x->dim[3],
                                           .epi = { .act = node->epi.act } };
    return weft_cuda_launched(call, weft_launch_channel_scale(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel scale = {
    .name = "cuda.channel_scale.map", .run = run, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cuda_channel_scale[] = { &scale, NULL };
