/* SPDX-License-Identifier: Apache-2.0
 *
 * LeNet-5's S2 and S4: own kernel, gains and biases in float. */
#include "cuda/cuda.h"

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_subsample_opt *o = node->opt;
    const weft_shape *x = &node->in[0], *y = &node->out[0];
    const weft_subsample_args args = {
        .dtype = node->in_dtype[0], .x = weft_kview_of(&call->in[0]), .y = weft_kview_of(&call->out[0]),
        .win = { .n = (int)x->dim[0], .h = (int)x->dim[1], .w = (int)x->dim[2], .oh = (int)y->dim[1],
                 .ow = (int)y->dim[2], .kernel_h = o->kernel, .kernel_w = o->kernel, .stride_h = o->kernel,
                 .stride_w = o->kernel, .dilation = 1 },
        .c = (int)x->dim[3], .gain = weft_call_param(call, 0),
        .epi = { .bias = weft_call_param(call, 1), .act = node->epi.act },
    };
    return weft_cuda_launched(call, weft_launch_subsample(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel window = { .name = "cuda.subsample.window", .run = run };

const weft_kernel *const weft_cuda_subsample[] = { &window, NULL };
