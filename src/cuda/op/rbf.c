/* SPDX-License-Identifier: Apache-2.0
 *
 * LeNet-5's output units, and their gradient: own kernels, centres and distances in float. */
#include "cuda/cuda.h"
#include "cuda/kernel/grad.h"

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

/* ---- rbf_dx: dy, x, centre ---- */

static weft_status run_dx(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_rbf_grad_args args = { .dy_dtype = node->in_dtype[0], .x_dtype = node->in_dtype[1],
                                      .centre_dtype = node->in_dtype[2], .dx_dtype = node->out_dtype[0],
                                      .dy = weft_kview_of(&call->in[0]), .x = weft_kview_of(&call->in[1]),
                                      .centre = weft_kview_of(&call->in[2]), .dx = weft_kview_of(&call->out[0]),
                                      .n = (int)node->in[1].dim[0], .c = (int)node->in[1].dim[1],
                                      .k = (int)node->in[0].dim[1] };
    return weft_cuda_launched(call, weft_launch_rbf_grad(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel distance_dx = { .name = "cuda.rbf_dx.distance", .run = run_dx };

const weft_kernel *const weft_cuda_rbf_dx[] = { &distance_dx, NULL };
