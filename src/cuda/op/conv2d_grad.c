/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d_dx and conv2d_dw on CUDA: cuDNN, and own kernels behind it. */
#include "cuda/part/conv_grad.h"

static weft_status prepare(const weft_node *node, weft_plan *plan, weft_dnn_kind kind)
{
    weft_part_conv2d_grad *grad = plan->state = weft_arena_alloc(plan->arena, sizeof *grad);
    return grad ? weft_part_conv2d_grad_prepare(grad, node, kind, plan) : WEFT_NO_MEMORY;
}

static weft_status prepare_dx(const weft_node *node, weft_plan *plan)
{
    return prepare(node, plan, WEFT_DNN_DGRAD);
}

static weft_status prepare_dw(const weft_node *node, weft_plan *plan)
{
    return prepare(node, plan, WEFT_DNN_WGRAD);
}

static weft_status run(const weft_call *call)
{
    return weft_part_conv2d_grad_run(call->state, call);
}

static int launches(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    (void)node;
    return weft_part_conv2d_grad_cost(plan->state, plan->device, out);
}

static const weft_kernel cudnn_dx = {
    .name = "cuda.conv2d_dx.cudnn", .prepare = prepare_dx, .run = run, .launches = launches,
};

static const weft_kernel cudnn_dw = {
    .name = "cuda.conv2d_dw.cudnn", .prepare = prepare_dw, .run = run, .launches = launches,
};

const weft_kernel *const weft_cuda_conv2d_dx[] = { &cudnn_dx, NULL };
const weft_kernel *const weft_cuda_conv2d_dw[] = { &cudnn_dw, NULL };
