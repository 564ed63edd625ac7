/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d_dx and conv2d_dw on CUDA: own kernels for depthwise ones, cuDNN for the rest and own ones behind it. */
#include "cuda/part/conv_grad.h"

/* ---- depthwise ---- */

static const char *refuse_depthwise(const weft_node *node, const weft_device *device)
{
    (void)device;
    return weft_part_is_depthwise_grad(node) ? NULL : "not depthwise: groups, inputs and outputs must be equally many";
}

static weft_status prepare_depthwise(const weft_node *node, weft_plan *plan)
{
    weft_part_depthwise_grad *grad = plan->state = weft_arena_alloc(plan->arena, sizeof *grad);
    if (!grad)
        return WEFT_NO_MEMORY;
    return node->id == WEFT_OP_CONV2D_DX ? weft_part_depthwise_dx_prepare(grad, node, plan)
                                         : weft_part_depthwise_dw_prepare(grad, node, plan);
}

static weft_status pack_depthwise_dx(const weft_call *call)
{
    return weft_part_depthwise_dx_pack(call->state, call);
}

static weft_status run_depthwise_dx(const weft_call *call)
{
    return weft_part_depthwise_dx_run(call->state, call);
}

static weft_status run_depthwise_dw(const weft_call *call)
{
    return weft_part_depthwise_dw_run(call->state, call);
}

static int launches_depthwise(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    (void)node;
    return weft_part_depthwise_grad_cost(plan->state, out);
}

static const weft_kernel depthwise_dx = {
    .name = "cuda.conv2d_dx.depthwise", .refuse = refuse_depthwise, .prepare = prepare_depthwise,
    .pack = pack_depthwise_dx, .run = run_depthwise_dx, .launches = launches_depthwise,
};

static const weft_kernel depthwise_dw = {
    .name = "cuda.conv2d_dw.depthwise", .refuse = refuse_depthwise, .prepare = prepare_depthwise,
    .run = run_depthwise_dw, .launches = launches_depthwise,
};

/* ---- cuDNN ---- */

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

static weft_status pack_dx(const weft_call *call)
{
    const weft_part_conv2d_grad *grad = call->state;
    return weft_part_operand_pack(&grad->second, call);
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
    .name = "cuda.conv2d_dx.cudnn", .prepare = prepare_dx, .pack = pack_dx, .run = run, .launches = launches,
};

static const weft_kernel cudnn_dw = {
    .name = "cuda.conv2d_dw.cudnn", .prepare = prepare_dw, .run = run, .launches = launches,
};

const weft_kernel *const weft_cuda_conv2d_dx[] = { &depthwise_dx, &cudnn_dx, NULL };
const weft_kernel *const weft_cuda_conv2d_dw[] = { &depthwise_dw, &cudnn_dw, NULL };
