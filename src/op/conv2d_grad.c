/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of a convolution.
 *
 *   dx[n, ih, iw, c] = sum over r, s, k of dy[n, oh, ow, k] * weight[k, r, s, c]
 *   dw[k, r, s, c]   = sum over n, oh, ow of dy[n, oh, ow, k] * x[n, ih, iw, c]
 *   ih = oh*stride_h - top + r*dilation,  iw = ow*stride_w - left + s*dilation,  groups as in the convolution
 *
 * Semantics
 *  1. Options are those of the convolution, its pads explicit. A pixel of x that no window reaches has dx = 0.
 *  2. The residual of conv2d_dx is another gradient of the same x: gradients of a value with two readers are added as
 *     the second one is computed. */
#include "op/conv2d.h"

#include "op/case.h"
#include "op/util.h"

static void axes(const weft_conv2d_grad_opt *o, weft_axis axis[2])
{
    const weft_conv2d_opt *v = &o->conv;
    axis[0] = (weft_axis){ o->h, v->kernel_h, v->stride_h, v->dilation, v->pad.top, v->pad.bottom };
    axis[1] = (weft_axis){ o->w, v->kernel_w, v->stride_w, v->dilation, v->pad.left, v->pad.right };
}

/* The options of the convolution must be resolved already; dy must have the shape that they give. */
static weft_status check(const weft_conv2d_grad_opt *o, const weft_shape *dy)
{
    const weft_conv2d_opt *v = &o->conv;
    weft_axis axis[2];
    int64_t oh, ow;
    char text[96];
    WEFT_TRY(weft_need_shape("dy", dy, 4));
    if (v->padding != WEFT_EXPLICIT || v->kernel_h < 1 || v->kernel_w < 1 || v->stride_h < 1 || v->stride_w < 1 ||
        v->dilation < 1 || v->groups < 1 || o->c < 1 || v->out < 1 || o->c % v->groups || v->out % v->groups)
        return weft_fail(WEFT_INVALID, "the convolution's options are not resolved");
    axes(o, axis);
    WEFT_TRY(weft_window_out(axis, false, &oh, &ow));
    if (dy->dim[1] != oh || dy->dim[2] != ow || dy->dim[3] != v->out)
        return weft_fail(WEFT_INVALID, "dy is %s, expected [N, %lld, %lld, %lld]",
                         weft_shape_text(dy, text, sizeof text), (long long)oh, (long long)ow, (long long)v->out);
    return WEFT_OK;
}

static weft_shape weight_shape(const weft_conv2d_grad_opt *o)
{
    return weft_shape_nhwc(o->conv.out, o->conv.kernel_h, o->conv.kernel_w, o->c / o->conv.groups);
}

static void describe(const weft_node *n, char *buf, size_t size)
{
    const weft_conv2d_grad_opt *o = n->opt;
    size_t used = 0;
    weft_axis axis[2];
    axes(o, axis);
    weft_text_window(buf, size, &used, axis);
    if (o->conv.groups == o->c && o->conv.groups > 1)
        weft_text_add(buf, size, &used, " dw");
    else
        weft_text_add(buf, size, &used, " %lld", (long long)o->conv.out);
    if (o->conv.groups > 1 && o->conv.groups != o->c)
        weft_text_add(buf, size, &used, " groups %lld", (long long)o->conv.groups);
    weft_text_pad(buf, size, &used, axis);
}

/* Multiply-adds of the convolution, of which each gradient has as many. */
static double macs(const weft_conv2d_grad_opt *o, const weft_shape *dy)
{
    return (double)weft_shape_count(dy) * o->conv.kernel_h * o->conv.kernel_w * (double)(o->c / o->conv.groups);
}

/* ---- conv2d_dx ---- */

static weft_status resolve_dx(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_conv2d_grad_opt *o = opt;
    char is[96], want[96];
    (void)n_in, (void)arena;
    WEFT_TRY(check(o, &in[0]));
    const weft_shape weight = weight_shape(o);
    if (!weft_shape_equal(&in[1], &weight))
        return weft_fail(WEFT_INVALID, "weight is %s, expected %s", weft_shape_text(&in[1], is, sizeof is),
                         weft_shape_text(&weight, want, sizeof want));
    return WEFT_OK;
}

static weft_status infer_dx(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_conv2d_grad_opt *o = opt;
    (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { weft_shape_nhwc(in[0].dim[0], o->h, o->w, o->c) } };
    return weft_need_output(&sig->out[0]);
}

static weft_cost cost_dx(const weft_node *n)
{
    const double m = macs(n->opt, &n->in[0]);
    return (weft_cost){ m, 2 * m + weft_epilogue_flops(n) };
}

static int64_t reduction_dx(const weft_node *n)
{
    const weft_conv2d_opt *o = &((const weft_conv2d_grad_opt *)n->opt)->conv;
    return o->kernel_h * o->kernel_w * (o->out / o->groups) + weft_epilogue_terms(n);
}

static double least(const weft_node *n)
{
    return (double)weft_shape_count(&n->in[0]) + (double)weft_shape_count(&n->in[1]) + weft_out_count(n);
}

const weft_op weft_op_conv2d_dx = {
    .name = "conv2d_dx",
    .brief = "Gradient of a convolution's input",
    .paper = "LeCun et al. 1998",
    .n_in = 2,
    .opt_size = sizeof(weft_conv2d_grad_opt),
    .takes = WEFT_TAKES_RESIDUAL,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve_dx,
    .infer = infer_dx,
    .cost = cost_dx,
    .least = least,
    .reduction = reduction_dx,
    .describe = describe,
    .cases = weft_conv2d_dx_cases,
};

weft_var weft_conv2d_dx(weft_graph *graph, weft_var dy, weft_var weight, const weft_conv2d_opt *conv,
                        const weft_shape *x)
{
    weft_conv2d_grad_opt opt = { *conv, x->dim[1], x->dim[2], x->dim[3] };
    opt.conv.name = "dx";
    return weft_graph_append(graph, WEFT_OP_CONV2D_DX, &opt, (const weft_var[]){ dy, weight }, 2);
}

/* ---- conv2d_dw ---- */

static weft_status resolve_dw(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_conv2d_grad_opt *o = opt;
    char text[96];
    (void)n_in, (void)arena;
    WEFT_TRY(check(o, &in[1]));
    if (in[0].rank != 4 || in[0].dim[0] != in[1].dim[0] || in[0].dim[1] != o->h || in[0].dim[2] != o->w ||
        in[0].dim[3] != o->c)
        return weft_fail(WEFT_INVALID, "x is %s, expected [%lld, %lld, %lld, %lld]",
                         weft_shape_text(&in[0], text, sizeof text), (long long)in[1].dim[0], (long long)o->h,
                         (long long)o->w, (long long)o->c);
    return WEFT_OK;
}

static weft_status infer_dw(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)in, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { weight_shape(opt) } };
    return weft_need_output(&sig->out[0]);
}

static weft_cost cost_dw(const weft_node *n)
{
    const double m = macs(n->opt, &n->in[1]);
    return (weft_cost){ m, 2 * m };
}

static int64_t reduction_dw(const weft_node *n)
{
    return weft_shape_rows(&n->in[1]);
}

const weft_op weft_op_conv2d_dw = {
    .name = "conv2d_dw",
    .brief = "Gradient of a convolution's weights",
    .paper = "LeCun et al. 1998",
    .n_in = 2,
    .opt_size = sizeof(weft_conv2d_grad_opt),
    .types = WEFT_TYPES_F32_OUT | WEFT_TYPES_GRADIENT,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve_dw,
    .infer = infer_dw,
    .cost = cost_dw,
    .least = least,
    .reduction = reduction_dw,
    .describe = describe,
    .cases = weft_conv2d_dw_cases,
};

weft_var weft_conv2d_dw(weft_graph *graph, weft_var x, weft_var dy, const weft_conv2d_opt *conv)
{
    const weft_shape shape = weft_var_shape(graph, x);
    weft_conv2d_grad_opt opt = { *conv, shape.dim[1], shape.dim[2], shape.dim[3] };
    opt.conv.name = "dw";
    return weft_graph_append(graph, WEFT_OP_CONV2D_DW, &opt, (const weft_var[]){ x, dy }, 2);
}
