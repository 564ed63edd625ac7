/* SPDX-License-Identifier: Apache-2.0
 *
 * softmax over rows, and its gradient, in float whatever comes in; probabilities are floats. */
#include "cuda/cuda.h"
#include "cuda/kernel/grad.h"

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_softmax_args args = { .dtype = node->in_dtype[0], .y_dtype = node->out_dtype[0],
                                     .x = weft_kview_of(&call->in[0]), .y = weft_kview_of(&call->out[0]),
                                     .rows = weft_shape_rows(&node->in[0]),
                                     .c = (int)weft_shape_channels(&node->in[0]) };
    return weft_cuda_launched(call, weft_launch_softmax(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel rows = {
    .name = "cuda.softmax.rows", .run = run, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cuda_softmax[] = { &rows, NULL };

/* ---- softmax_dx: dy, y ---- */

static weft_status run_dx(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_softmax_grad_args args = { .dy_dtype = node->in_dtype[0], .y_dtype = node->in_dtype[1],
                                          .dx_dtype = node->out_dtype[0], .dy = weft_kview_of(&call->in[0]),
                                          .y = weft_kview_of(&call->in[1]), .dx = weft_kview_of(&call->out[0]),
                                          .rows = weft_shape_rows(&node->in[0]),
                                          .c = (int)weft_shape_channels(&node->in[0]) };
    return weft_cuda_launched(call, weft_launch_softmax_grad(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel rows_dx = {
    .name = "cuda.softmax_dx.rows", .run = run_dx, .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_IN1,
};

const weft_kernel *const weft_cuda_softmax_dx[] = { &rows_dx, NULL };
