/* SPDX-License-Identifier: Apache-2.0
 *
 * LeNet-5's output units: own kernel, centres and distances in float. */
#include "cuda/cuda.h"

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_rbf_args args = { .dtype = node->in_dtype[0], .y_dtype = node->out_dtype[0],
                                 .x = weft_kview_of(&call->in[0]), .y = weft_kview_of(&call->out[0]),
                                 .n = (int)node->in[0].dim[0], .c = (int)node->in[0].dim[1],
                                 .k = (int)node->out[0].dim[1], .centre = weft_call_param(call, 0) };
    return weft_cuda_launched(call, weft_launch_rbf(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel distance = { .name = "cuda.rbf.distance", .run = run };

const weft_kernel *const weft_cuda_rbf[] = { &distance, NULL };
