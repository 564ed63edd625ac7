/* SPDX-License-Identifier: Apache-2.0
 *
 * dropout at inference is nothing; the graph removes it unless it is to stay as built: a copy then. */
#include "cuda/cuda.h"

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_map_args args = { .dtype = node->in_dtype[0], .y_dtype = node->out_dtype[0],
                                 .x = weft_kview_of(&call->in[0]), .y = weft_kview_of(&call->out[0]),
                                 .rows = weft_shape_rows(&node->in[0]), .c = (int)weft_shape_channels(&node->in[0]) };
    return weft_cuda_launched(call, weft_launch_map(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel copy = {
    .name = "cuda.dropout.copy", .run = run, .launches = weft_cuda_copy_cost, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cuda_dropout[] = { &copy, NULL };
