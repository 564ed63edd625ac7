/* SPDX-License-Identifier: Apache-2.0
 *
 * LeNet-5's S2 and S4, and their gradients: own kernels, gains and biases in float. */
#include "op/util.h"

#include "cuda/cuda.h"
#include "cuda/kernel/grad.h"

/* Windows of `kernel`, side by side. */
static weft_kwindow window_of(int kernel, const weft_shape *x, const weft_shape *y)
{
    const weft_pool2d_opt o = { .kernel_h = kernel, .kernel_w = kernel, .stride_h = kernel, .stride_w = kernel };
    return weft_cuda_pool_window(&o, x, y);
}

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_subsample_opt *o = node->opt;
    const weft_subsample_args args = {
        .dtype = node->in_dtype[0], .x = weft_kview_of(&call->in[0]), .y = weft_kview_of(&call->out[0]),
        .win = window_of(o->kernel, &node->in[0], &node->out[0]), .c = (int)node->in[0].dim[3],
        .gain = weft_call_param(call, 0), .epi = { .bias = weft_call_param(call, 1), .act = node->epi.act },
    };
    return weft_cuda_launched(call, weft_launch_subsample(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel window = { .name = "cuda.subsample.window", .run = run };

const weft_kernel *const weft_cuda_subsample[] = { &window, NULL };

/* ---- subsample_dx: dy, gain ---- */

static weft_status prepare_dx(const weft_node *node, weft_plan *plan)
{
    (void)plan;
    return weft_cuda_need_one_type(node, 0, 1);
}

static weft_status run_dx(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_subsample_dx_opt *o = node->opt;
    const weft_subsample_grad_args args = {
        .dtype = node->out_dtype[0], .dy = weft_kview_of(&call->in[0]), .dx = weft_kview_of(&call->out[0]),
        .win = window_of(o->kernel, &node->out[0], &node->in[0]), .c = (int)node->in[0].dim[3],
        .gain = call->in[1].data,
    };
    return weft_cuda_launched(call, weft_launch_subsample_dx(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel gained = { .name = "cuda.subsample_dx.map", .prepare = prepare_dx, .run = run_dx };

const weft_kernel *const weft_cuda_subsample_dx[] = { &gained, NULL };

/* ---- subsample_dg: x, dy ---- */

static weft_subsample_grad_args dg_args(const weft_node *node)
{
    const weft_subsample_opt *o = node->opt;
    return (weft_subsample_grad_args){ .dtype = node->in_dtype[0], .c = (int)node->in[0].dim[3],
                                       .win = window_of(o->kernel, &node->in[0], &node->in[1]) };
}

static size_t part_bytes(const weft_node *node)
{
    const weft_subsample_grad_args args = dg_args(node);
    return (size_t)weft_subsample_parts(&args) * (size_t)args.c * sizeof(float);
}

static weft_status prepare_dg(const weft_node *node, weft_plan *plan)
{
    plan->scratch = part_bytes(node);
    if (node->in_dtype[0] != node->in_dtype[1])
        return weft_fail(WEFT_UNSUPPORTED, "x is %s and dy %s: CUDA's kernel wants one type",
                         weft_dtype_name(node->in_dtype[0]), weft_dtype_name(node->in_dtype[1]));
    return WEFT_OK;
}

static weft_status run_dg(const weft_call *call)
{
    weft_subsample_grad_args args = dg_args(call->node);
    args.x = weft_kview_of(&call->in[0]);
    args.dy = weft_kview_of(&call->in[1]);
    args.dgain = call->out[0].data;
    args.scratch = call->scratch;
    return weft_cuda_launched(call, weft_launch_subsample_dg(&args, weft_cuda_stream_of(call)));
}

static int launches_dg(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    const double parts = (double)part_bytes(node);
    weft_plain_cost(node, plan, &out[0]);
    out[1] = (weft_kernel_cost){ .what = "parts", .core = parts / sizeof(float), .read = parts,
                                 .written = out[0].written };
    out[0].what = "windows";
    out[0].written = parts;
    return 2;
}

static const weft_kernel parts = {
    .name = "cuda.subsample_dg.parts", .prepare = prepare_dg, .run = run_dg, .launches = launches_dg,
};

const weft_kernel *const weft_cuda_subsample_dg[] = { &parts, NULL };
