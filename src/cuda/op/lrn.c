/* SPDX-License-Identifier: Apache-2.0
 *
 * Local response normalisation: own kernel; cuDNN's graph API has none. */
#include "cuda/cuda.h"
#include "cuda/kernel/grad.h"

static float factor_of(const weft_lrn_opt *o)
{
    return (float)(o->alpha_is_per_window ? o->alpha / o->window : o->alpha);
}

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_lrn_opt *o = node->opt;
    const weft_lrn_args args = { .dtype = node->in_dtype[0], .x = weft_kview_of(&call->in[0]),
                                 .y = weft_kview_of(&call->out[0]), .rows = weft_shape_rows(&node->in[0]),
                                 .c = (int)weft_shape_channels(&node->in[0]), .reach = o->window / 2,
                                 .k = (float)o->k, .a = factor_of(o), .beta = (float)o->beta };
    return weft_cuda_launched(call, weft_launch_lrn(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel window = { .name = "cuda.lrn.window", .run = run };

const weft_kernel *const weft_cuda_lrn[] = { &window, NULL };

/* ---- lrn_dx ---- */

static weft_status prepare_dx(const weft_node *node, weft_plan *plan)
{
    (void)plan;
    return weft_cuda_need_one_type(node, 0, node->n_in);
}

static weft_status run_dx(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_lrn_opt *o = node->opt;
    weft_lrn_grad_args args = { .dtype = node->out_dtype[0], .dy = weft_kview_of(&call->in[0]),
                                .x = weft_kview_of(&call->in[1]), .dx = weft_kview_of(&call->out[0]),
                                .rows = weft_shape_rows(&node->in[0]), .c = (int)weft_shape_channels(&node->in[0]),
                                .reach = o->window / 2, .k = (float)o->k, .a = factor_of(o), .beta = (float)o->beta };
    if (node->epi.residual)
        args.residual = weft_kview_of(&call->in[node->n_in - 1]);
    return weft_cuda_launched(call, weft_launch_lrn_grad(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel window_dx = {
    .name = "cuda.lrn_dx.window", .prepare = prepare_dx, .run = run_dx, .inplace = WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cuda_lrn_dx[] = { &window_dx, NULL };
