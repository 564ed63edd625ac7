/* SPDX-License-Identifier: Apache-2.0
 *
 * activation by itself, and its gradient: one pass each, in place where the graph allows. Most are epilogues and never
 * come here. */
#include "op/activation.h"

#include "cuda/cuda.h"
#include "cuda/kernel/norm.h"

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_activation_opt *o = node->opt;
    const weft_map_args args = { .dtype = node->in_dtype[0], .y_dtype = node->out_dtype[0],
                                 .x = weft_kview_of(&call->in[0]), .y = weft_kview_of(&call->out[0]),
                                 .rows = weft_shape_rows(&node->in[0]), .c = (int)weft_shape_channels(&node->in[0]),
                                 .epi = { .act = o->act } };
    return weft_cuda_launched(call, weft_launch_map(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel map = {
    .name = "cuda.activation.map", .run = run, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cuda_activation[] = { &map, NULL };

/* ---- activation_dx ---- */

static weft_status run_dx(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_activation_opt *o = node->opt;
    const weft_slope_args args = { .dtype = weft_node_in_dtype(node, 0), .dy = weft_kview_of(&call->in[0]),
                                   .v = weft_kview_of(&call->in[1]), .dx = weft_kview_of(&call->out[0]),
                                   .rows = weft_shape_rows(&node->in[0]), .c = (int)weft_shape_channels(&node->in[0]),
                                   .act = o->act };
    return weft_cuda_launched(call, weft_launch_slope(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel slope = {
    .name = "cuda.activation_dx.map", .run = run_dx, .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_IN1,
};

const weft_kernel *const weft_cuda_activation_dx[] = { &slope, NULL };
