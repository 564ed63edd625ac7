/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients by the launchers of cuda/kernel/grad.h: of pools, normalisations and outputs. */
#include "cuda/kernel/grad.h"
#include "lower_part.h"
#include "op/pool2d.h"

/* The others have work for many threads of a CPU. */
bool lower_is_small(const weft_node *n)
{
    return weft_shape_count(&n->out[0]) <= 1 << 16;
}

/* The residual of a gradient without parameters: its last input. */
static weft_kview residual_of(const lower_call *call)
{
    const weft_node *n = call->node;
    return n->epi.residual ? call->in[n->n_in - 1] : (weft_kview){ NULL, 0 };
}

int lower_pool2d_grad(const lower_call *call)
{
    const weft_node *n = call->node;
    const weft_pool2d_opt *o = &((const weft_pool2d_grad_opt *)n->opt)->pool;
    const bool max = n->id == WEFT_OP_MAX_POOL2D_DX;
    const weft_shape *x = &n->out[0], *y = &n->in[0];
    const weft_pool2d_grad_args a = { .dtype = call->dtype,
                                      .kind = max ? WEFT_POOL_MAX : WEFT_POOL_AVG,
                                      .dy = call->in[0],
                                      .x = max ? call->in[1] : (weft_kview){ NULL, 0 },
                                      .dx = call->out,
                                      .win = { .n = (int)x->dim[0],
                                               .h = (int)x->dim[1],
                                               .w = (int)x->dim[2],
                                               .oh = (int)y->dim[1],
                                               .ow = (int)y->dim[2],
                                               .kernel_h = o->kernel_h,
                                               .kernel_w = o->kernel_w,
                                               .stride_h = o->stride_h,
                                               .stride_w = o->stride_w,
                                               .pad = o->pad },
                                      .c = (int)x->dim[3],
                                      .count_border = o->count_border,
                                      .zero_border = o->zero_border,
                                      .residual = residual_of(call) };
    return weft_launch_pool2d_grad(&a, NULL);
}

int lower_global_pool2d_grad(const lower_call *call)
{
    const weft_shape *x = &call->node->out[0];
    const bool max = call->node->id == WEFT_OP_GLOBAL_MAX_POOL2D_DX;
    const weft_global_pool_grad_args a = { .dtype = call->y_dtype,
                                           .dy_dtype = call->dtype,
                                           .kind = max ? WEFT_POOL_MAX : WEFT_POOL_AVG,
                                           .dy = call->in[0],
                                           .x = max ? call->in[1] : (weft_kview){ NULL, 0 },
                                           .dx = call->out,
                                           .n = (int)x->dim[0],
                                           .pixels = (int)(x->dim[1] * x->dim[2]),
                                           .c = (int)x->dim[3],
                                           .residual = residual_of(call) };
    return weft_launch_global_pool_grad(&a, NULL);
}

int lower_lrn_grad(const lower_call *call)
{
    const weft_lrn_opt *o = call->node->opt;
    const weft_lrn_grad_args a = { .dtype = call->dtype,
                                   .dy = call->in[0],
                                   .x = call->in[1],
                                   .dx = call->out,
                                   .rows = weft_shape_rows(&call->node->in[0]),
                                   .c = (int)weft_shape_channels(&call->node->in[0]),
                                   .reach = o->window / 2,
                                   .k = (float)o->k,
                                   .a = (float)(o->alpha_is_per_window ? o->alpha / o->window : o->alpha),
                                   .beta = (float)o->beta,
                                   .residual = residual_of(call) };
    return weft_launch_lrn_grad(&a, NULL);
}

int lower_softmax_grad(const lower_call *call)
{
    const weft_softmax_grad_args a = { .dy_dtype = call->dtype,
                                       .y_dtype = call->dtype,
                                       .dx_dtype = call->y_dtype,
                                       .dy = call->in[0],
                                       .y = call->in[1],
                                       .dx = call->out,
                                       .rows = weft_shape_rows(&call->node->in[0]),
                                       .c = (int)weft_shape_channels(&call->node->in[0]) };
    return weft_launch_softmax_grad(&a, NULL);
}

int lower_rbf_grad(const lower_call *call)
{
    const weft_rbf_grad_args a = { .dy_dtype = call->dtype,
                                   .x_dtype = call->dtype,
                                   .centre_dtype = call->dtype,
                                   .dx_dtype = call->y_dtype,
                                   .dy = call->in[0],
                                   .x = call->in[1],
                                   .centre = call->in[2],
                                   .dx = call->out,
                                   .n = (int)call->node->in[1].dim[0],
                                   .c = (int)call->node->in[1].dim[1],
                                   .k = (int)call->node->in[0].dim[1] };
    return weft_launch_rbf_grad(&a, NULL);
}
