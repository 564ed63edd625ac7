/* SPDX-License-Identifier: Apache-2.0
 *
 * add by itself, scaled, with activation, and scale, its gradient where it has a factor: one pass each, in place where
 * the graph allows. Additions behind a convolution are its epilogue and do not come here. */
#include "op/util.h"

#include "cuda/cuda.h"
#include "cuda/kernel/norm.h"

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_add_opt *o = node->opt;
    const weft_map_args args = { .dtype = node->in_dtype[0], .y_dtype = node->out_dtype[0],
                                 .x = weft_kview_of(&call->in[0]), .y = weft_kview_of(&call->out[0]),
                                 .rows = weft_shape_rows(&node->in[0]), .c = (int)weft_shape_channels(&node->in[0]),
                                 .b = weft_kview_of(&call->in[1]), .b_scale = (float)o->scale,
                                 .epi = { .act = node->epi.act } };
    return weft_cuda_launched(call, weft_launch_map(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel map = {
    .name = "cuda.add.map", .run = run, .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_IN1,
};

const weft_kernel *const weft_cuda_add[] = { &map, NULL };

/* ---- scale ---- */

static weft_status run_scale(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_scale_opt *o = node->opt;
    weft_norm_apply_args args = { .dtype = weft_node_in_dtype(node, 0), .x = weft_kview_of(&call->in[0]),
                                  .y = weft_kview_of(&call->out[0]), .rows = weft_shape_rows(&node->in[0]),
                                  .c = (int)weft_shape_channels(&node->in[0]), .factor = (float)o->factor };
    if (node->epi.residual)
        args.residual = weft_kview_of(&call->in[node->n_in - 1]);
    return weft_cuda_launched(call, weft_launch_norm_apply(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel scale = {
    .name = "cuda.scale.map", .run = run_scale, .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cuda_scale[] = { &scale, NULL };
