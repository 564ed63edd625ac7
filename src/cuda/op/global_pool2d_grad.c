/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of pools over images. dy may be fp32 where x is not: that of logits, where a network ends in the pool. */
#include "cuda/cuda.h"
#include "cuda/kernel/grad.h"

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    (void)plan;
    const bool wide = node->in_dtype[0] == WEFT_F32;
    return weft_cuda_need_one_type(node, wide ? 1 : 0, node->n_in);
}

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_shape *x = &node->out[0];
    const bool max = node->id == WEFT_OP_GLOBAL_MAX_POOL2D_DX;
    weft_global_pool_grad_args args = { .dtype = node->out_dtype[0], .dy_dtype = node->in_dtype[0],
                                        .kind = max ? WEFT_POOL_MAX : WEFT_POOL_AVG,
                                        .dy = weft_kview_of(&call->in[0]), .dx = weft_kview_of(&call->out[0]),
                                        .n = (int)x->dim[0], .pixels = (int)(x->dim[1] * x->dim[2]),
                                        .c = (int)x->dim[3] };
    if (max)
        args.x = weft_kview_of(&call->in[1]);
    if (node->epi.residual)
        args.residual = weft_kview_of(&call->in[node->n_in - 1]);
    return weft_cuda_launched(call, weft_launch_global_pool_grad(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel average = {
    .name = "cuda.global_avg_pool2d_dx.spread", .prepare = prepare, .run = run, .inplace = WEFT_INPLACE_RESIDUAL,
};
static const weft_kernel maximum = { .name = "cuda.global_max_pool2d_dx.largest", .prepare = prepare, .run = run };

const weft_kernel *const weft_cuda_global_avg_pool2d_dx[] = { &average, NULL };
const weft_kernel *const weft_cuda_global_max_pool2d_dx[] = { &maximum, NULL };
