/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of pools over windows: own kernels, which gather. */
#include "op/pool2d.h"

#include "cuda/cuda.h"
#include "cuda/kernel/grad.h"

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    (void)plan;
    return weft_cuda_need_one_type(node, 0, node->n_in);
}

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_pool2d_opt *o = &((const weft_pool2d_grad_opt *)node->opt)->pool;
    const bool max = node->id == WEFT_OP_MAX_POOL2D_DX;
    weft_pool2d_grad_args args = { .dtype = node->out_dtype[0], .kind = max ? WEFT_POOL_MAX : WEFT_POOL_AVG,
                                   .dy = weft_kview_of(&call->in[0]), .dx = weft_kview_of(&call->out[0]),
                                   .win = weft_cuda_pool_window(o, &node->out[0], &node->in[0]),
                                   .c = (int)node->in[0].dim[3],
                                   .count_border = o->count_border, .zero_border = o->zero_border };
    if (max)
        args.x = weft_kview_of(&call->in[1]);
    if (node->epi.residual)
        args.residual = weft_kview_of(&call->in[node->n_in - 1]);
    return weft_cuda_launched(call, weft_launch_pool2d_grad(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel maximum = {
    .name = "cuda.max_pool2d_dx.winners", .prepare = prepare, .run = run, .inplace = WEFT_INPLACE_RESIDUAL,
};
static const weft_kernel average = {
    .name = "cuda.avg_pool2d_dx.share", .prepare = prepare, .run = run, .inplace = WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cuda_max_pool2d_dx[] = { &maximum, NULL };
const weft_kernel *const weft_cuda_avg_pool2d_dx[] = { &average, NULL };
