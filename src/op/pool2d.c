/* SPDX-License-Identifier: Apache-2.0
 *
 * The windows of max_pool2d and avg_pool2d: options resolved, output sizes, cost and text. The rules are the Semantics
 * of those two files. */
#include "op/pool2d.h"

static void axes(const weft_pool2d_opt *o, const weft_shape *x, weft_axis axis[2])
{
    axis[0] = (weft_axis){ x->dim[1], o->kernel_h, o->stride_h, 1, o->pad.top, o->pad.bottom };
    axis[1] = (weft_axis){ x->dim[2], o->kernel_w, o->stride_w, 1, o->pad.left, o->pad.right };
}

weft_status weft_pool2d_resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_pool2d_opt *o = opt;
    (void)n_in;
    (void)arena;
    WEFT_TRY(weft_need_shape("x", &in[0], 4));
    WEFT_TRY(weft_resolve_pair("kernel", o->kernel, &o->kernel_h, &o->kernel_w, 2, 2));
    WEFT_TRY(weft_resolve_pair("stride", o->stride, &o->stride_h, &o->stride_w, o->kernel_h, o->kernel_w));
    weft_axis axis[2];
    axes(o, &in[0], axis);
    WEFT_TRY(weft_resolve_window(axis, o->padding, &o->pad));
    o->padding = WEFT_EXPLICIT;
    for (int i = 0; i < 2; i++)
        if (axis[i].before >= axis[i].kernel || axis[i].after >= axis[i].kernel)
            return weft_fail(WEFT_INVALID, "pad is %d,%d,%d,%d, expected less than the window, %dx%d", o->pad.top,
                             o->pad.bottom, o->pad.left, o->pad.right, o->kernel_h, o->kernel_w);
    return WEFT_OK;
}

weft_status weft_pool2d_infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_pool2d_opt *o = opt;
    (void)n_in;
    WEFT_TRY(weft_need_shape("x", &in[0], 4));
    weft_axis axis[2];
    int64_t oh, ow;
    axes(o, &in[0], axis);
    WEFT_TRY(weft_window_out(axis, o->ceil, &oh, &ow));
    sig->n_out = 1;
    sig->out[0] = weft_shape_nhwc(in[0].dim[0], oh, ow, in[0].dim[3]);
    sig->n_param = 0;
    return weft_need_output(&sig->out[0]);
}

weft_cost weft_pool2d_cost(const weft_node *node)
{
    return (weft_cost){ 0, weft_out_count(node) * (double)weft_pool2d_reduction(node) };
}

int64_t weft_pool2d_reduction(const weft_node *node)
{
    const weft_pool2d_opt *o = node->opt;
    return (int64_t)o->kernel_h * o->kernel_w;
}

void weft_pool2d_describe(const weft_node *node, char *buf, size_t size)
{
    weft_pool2d_text(node->opt, node->in[0].dim[1], node->in[0].dim[2], buf, size);
}

void weft_pool2d_text(const weft_pool2d_opt *o, int64_t h, int64_t w, char *buf, size_t size)
{
    size_t used = 0;
    weft_axis axis[2];
    axes(o, &(const weft_shape){ .dim = { 0, h, w } }, axis);
    weft_text_window(buf, size, &used, axis);
    weft_text_pad(buf, size, &used, axis);
    weft_text_add(buf, size, &used, "%s%s%s", o->ceil ? " ceil" : "", o->count_border ? " count_border" : "",
                  o->zero_border ? " zero_border" : "");
}
