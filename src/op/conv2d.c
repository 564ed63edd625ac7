/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d: two-dimensional convolution of NHWC images with KRSC filters, grouped or not; depthwise and pointwise
 * convolutions are special cases. LeCun et al. 1998; groups: Krizhevsky et al. 2012; dilation: Yu & Koltun 2016,
 * arXiv:1511.07122.
 *
 *   y[n, oh, ow, k] = act(sum over r, s, c of x[n, ih, iw, g*C/groups + c] * weight[k, r, s, c] + bias[k] + residual)
 *   ih = oh*stride_h - top + r*dilation,  iw = ow*stride_w - left + s*dilation
 *
 * Semantics
 *  1. It is cross-correlation: the filter is not flipped (as in every framework; mathematics flips it).
 *  2. Pixels outside the image count as zeros.
 *  3. SAME is TensorFlow's: out = ceil(in / stride), and an odd pixel of padding goes to the bottom and right. With a
 *     stride above 1 that differs from (kernel - 1) / 2 on both sides, which is PyTorch's habit: pass EXPLICIT for it.
 *  4. The output size is rounded down: pixels that no whole window reaches are ignored.
 *  5. Group g = k / (out/groups) reads the channels g*C/groups to (g + 1)*C/groups - 1: consecutive filters share a
 *     group. Depthwise with multiplier m: filters c*m to c*m + m - 1 read channel c.
 *  6. With groups = C, out = 0 means C, so that a depthwise layer needs only groups; elsewhere out must be said.
 *  7. The bias is off unless asked for; it is added before the residual, and the residual before the activation.
 *  8. Padding may exceed the window; such outputs see only zeros (and the bias). */
#include "op/conv2d.h"

#include "graph/grad.h"
#include "op/case.h"
#include "op/channel_sum.h"
#include "op/util.h"

static void axes(const weft_conv2d_opt *o, const weft_shape *x, weft_axis axis[2])
{
    axis[0] = (weft_axis){ x->dim[1], o->kernel_h, o->stride_h, o->dilation, o->pad.top, o->pad.bottom };
    axis[1] = (weft_axis){ x->dim[2], o->kernel_w, o->stride_w, o->dilation, o->pad.left, o->pad.right };
}

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_conv2d_opt *o = opt;
    (void)n_in;
    (void)arena;
    WEFT_TRY(weft_need_shape("x", &in[0], 4));
    const int64_t channels = in[0].dim[3];
    const bool forgotten = o->out == 0 && o->groups != channels;
    if (o->out == 0)
        o->out = channels;
    if (o->groups == 0)
        o->groups = 1;
    if (o->dilation == 0)
        o->dilation = 1;
    WEFT_TRY(weft_need_range("out", o->out, 1, WEFT_MAX_DIM - 1));
    WEFT_TRY(weft_need_range("dilation", o->dilation, 1, WEFT_MAX_WINDOW));
    WEFT_TRY(weft_resolve_pair("kernel", o->kernel, &o->kernel_h, &o->kernel_w, 1, 1));
    WEFT_TRY(weft_resolve_pair("stride", o->stride, &o->stride_h, &o->stride_w, 1, 1));
    WEFT_TRY(weft_need_range("groups", o->groups, 1, channels));
    if (channels % o->groups != 0 || o->out % o->groups != 0)
        return weft_fail(WEFT_INVALID, "groups is %lld, expected a divisor of %lld input and %lld output channels",
                         (long long)o->groups, (long long)channels, (long long)o->out);
    WEFT_TRY(weft_need_init(&o->init, o->init_scale, WEFT_INIT_HE_NORMAL));
    weft_axis axis[2];
    axes(o, &in[0], axis);
    WEFT_TRY(weft_resolve_window(axis, o->padding, &o->pad));
    if (forgotten)
        return weft_fail(WEFT_INVALID, "out is 0, expected the number of output channels; only with groups = C, "
                         "depthwise, it stands for C");
    o->padding = WEFT_EXPLICIT;
    return WEFT_OK;
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_conv2d_opt *o = opt;
    (void)n_in;
    WEFT_TRY(weft_need_shape("x", &in[0], 4));
    if (in[0].dim[3] % o->groups != 0)
        return weft_fail(WEFT_INVALID, "x has %lld channels, expected a multiple of the %lld groups",
                         (long long)in[0].dim[3], (long long)o->groups);
    weft_axis axis[2];
    int64_t oh, ow;
    axes(o, &in[0], axis);
    WEFT_TRY(weft_window_out(axis, false, &oh, &ow));
    const int64_t depth = in[0].dim[3] / o->groups, area = (int64_t)o->kernel_h * o->kernel_w;
    sig->n_out = 1;
    sig->out[0] = weft_shape_nhwc(in[0].dim[0], oh, ow, o->out);
    WEFT_TRY(weft_need_output(&sig->out[0]));
    sig->n_param = o->bias ? 2 : 1;
    sig->param[0] = (weft_param_spec){
        .name = "weight",
        .shape = weft_shape_nhwc(o->out, o->kernel_h, o->kernel_w, depth),
        .init = o->init,
        .init_scale = o->init_scale,
        .fan_in = area * depth,
        .fan_out = area * (o->out / o->groups),
    };
    if (o->bias)
        sig->param[1] = (weft_param_spec){
            .name = "bias",
            .shape = { .rank = 1, .dim = { o->out } },
            .init = WEFT_INIT_ZERO,
            .fan_in = area * depth,
            .fan_out = area * (o->out / o->groups),
        };
    return weft_need_shape("weight", &sig->param[0].shape, 4);
}

/* Terms of one output without bias and residual. */
static int64_t taps(const weft_node *n)
{
    const weft_conv2d_opt *o = n->opt;
    return (int64_t)o->kernel_h * o->kernel_w * (n->in[0].dim[3] / o->groups);
}

/* With a stride beyond its window not all of x is read. */
static double least(const weft_node *node)
{
    const weft_conv2d_opt *o = node->opt;
    const weft_shape *x = &node->in[0], *y = &node->out[0];
    const bool skips_h = o->stride_h > o->kernel_h, skips_w = o->stride_w > o->kernel_w;
    return (double)x->dim[0] * (double)x->dim[3] * (double)(skips_h ? y->dim[1] : x->dim[1]) *
               (double)(skips_w ? y->dim[2] : x->dim[2]) +
           weft_weight_count(node) + weft_out_count(node);
}

static weft_cost cost(const weft_node *n)
{
    const weft_conv2d_opt *o = n->opt;
    const double out = n->pool ? (double)weft_shape_count(n->map) : weft_out_count(n), macs = out * (double)taps(n);
    return (weft_cost){ macs, 2 * macs + (o->bias ? out : 0) + weft_epilogue_flops(n) };
}

static int64_t reduction(const weft_node *n)
{
    const weft_conv2d_opt *o = n->opt;
    return taps(n) + (o->bias ? 1 : 0) + weft_epilogue_terms(n);
}

static void describe(const weft_node *n, char *buf, size_t size)
{
    const weft_conv2d_opt *o = n->opt;
    const int64_t channels = n->in[0].dim[3];
    const bool depthwise = o->groups == channels && o->groups > 1;
    size_t used = 0;
    weft_axis axis[2];
    axes(o, &n->in[0], axis);
    weft_text_window(buf, size, &used, axis);
    if (depthwise && o->out == channels)
        weft_text_add(buf, size, &used, " dw");
    else
        weft_text_add(buf, size, &used, depthwise ? " dw %lld" : " %lld", (long long)o->out);
    if (o->groups > 1 && !depthwise)
        weft_text_add(buf, size, &used, " groups %lld", (long long)o->groups);
    if (o->dilation != 1)
        weft_text_add(buf, size, &used, " dilation %d", o->dilation);
    weft_text_pad(buf, size, &used, axis);
}

static weft_status grad(weft_grad *g)
{
    const weft_conv2d_opt *o = g->node.opt;
    const weft_var x = weft_grad_in(g, 0), w = weft_grad_param(g, 0), dy = weft_grad_dy(g, 0);
    if (weft_grad_wants(g, 0))
        weft_grad_add(g, 0, weft_conv2d_dx(g->graph, dy, w, o, &g->node.in[0]));
    if (weft_grad_wants_param(g, 0))
        weft_grad_add_param(g, 0, weft_conv2d_dw(g->graph, x, dy, o));
    if (weft_grad_wants_param(g, 1))
        weft_grad_add_param(g, 1, weft_channel_sum(g->graph, dy, "db"));
    return WEFT_OK;
}

weft_var weft_conv2d(weft_graph *graph, weft_var x, const weft_conv2d_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_CONV2D, opt, &x, 1);
}

const weft_op weft_op_conv2d = {
    .name = "conv2d",
    .brief = "2-D convolution, grouped, dilated, depthwise",
    .paper = "LeCun et al. 1998",
    .n_in = 1,
    .opt_size = sizeof(weft_conv2d_opt),
    .takes = WEFT_TAKES_ACT | WEFT_TAKES_RESIDUAL,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .least = least,
    .reduction = reduction,
    .describe = describe,
    .grad = grad,
    .cases = weft_conv2d_cases,
};
