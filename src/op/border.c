/* SPDX-License-Identifier: Apache-2.0
 *
 * pad2d: zeros around the image; in front of a convolution or pool it is usually folded into that op's own padding.
 * crop2d: the image without its outermost rows and columns; NASNet's shifted reduction path: Zoph et al. 2017,
 * arXiv:1707.07012.
 *
 *   pad2d   y[n, h, w, c] = x[n, h - top, w - left, c] inside, 0 in the border
 *   crop2d  y[n, h, w, c] = x[n, h + top, w + left, c]
 *
 * Semantics
 *  1. The border that pad2d adds is zero (not reflected, not repeated).
 *  2. At least one row and one column must be left by crop2d.
 *  3. No pad, and no crop, at all is allowed: a copy.
 *  4. Each is the gradient of the other. */
#include "graph/grad.h"
#include "op/case.h"
#include "op/util.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_border_opt *o = opt;
    (void)n_in;
    (void)arena;
    WEFT_TRY(weft_need_shape("x", &in[0], 4));
    return weft_need_pad(&o->pad);
}

static weft_status infer_pad(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_border_opt *o = opt;
    (void)n_in;
    WEFT_TRY(weft_need_shape("x", &in[0], 4));
    const int64_t h = in[0].dim[1] + o->pad.top + o->pad.bottom, w = in[0].dim[2] + o->pad.left + o->pad.right;
    *sig = (weft_sig){ .n_out = 1, .out = { weft_shape_nhwc(in[0].dim[0], h, w, in[0].dim[3]) } };
    return weft_need_output(&sig->out[0]);
}

static weft_status infer_crop(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_border_opt *o = opt;
    (void)n_in;
    WEFT_TRY(weft_need_shape("x", &in[0], 4));
    const int64_t h = in[0].dim[1] - o->pad.top - o->pad.bottom, w = in[0].dim[2] - o->pad.left - o->pad.right;
    if (h < 1 || w < 1)
        return weft_fail(WEFT_INVALID, "pad is %d,%d,%d,%d, expected to leave some of the %lldx%lld image", o->pad.top,
                         o->pad.bottom, o->pad.left, o->pad.right, (long long)in[0].dim[1], (long long)in[0].dim[2]);
    *sig = (weft_sig){ .n_out = 1, .out = { weft_shape_nhwc(in[0].dim[0], h, w, in[0].dim[3]) } };
    return WEFT_OK;
}

static weft_cost cost(const weft_node *n)
{
    (void)n;
    return (weft_cost){ 0, 0 };
}

static void describe(const weft_node *n, char *buf, size_t size)
{
    const weft_border_opt *o = n->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "%d,%d,%d,%d", o->pad.top, o->pad.bottom, o->pad.left, o->pad.right);
}

/* The other op, of the same border. */
static weft_status grad_by(weft_grad *g, weft_op_id op)
{
    const weft_border_opt opt = { "dx", ((const weft_border_opt *)g->node.opt)->pad };
    const weft_var dy = weft_grad_dy(g, 0);
    if (weft_grad_wants(g, 0))
        weft_grad_add(g, 0, weft_graph_append(g->graph, op, &opt, &dy, 1));
    return WEFT_OK;
}

static weft_status grad_pad(weft_grad *g)
{
    return grad_by(g, WEFT_OP_CROP2D);
}

static weft_status grad_crop(weft_grad *g)
{
    return grad_by(g, WEFT_OP_PAD2D);
}

static weft_var build(weft_graph *graph, weft_op_id op, weft_var x, const weft_pad *pad)
{
    if (pad == NULL)
        return weft_graph_fail(graph, WEFT_INVALID, "%s: pad is NULL, expected the four sides", weft_op_get(op)->name);
    return weft_graph_append(graph, op, &(const weft_border_opt){ .pad = *pad }, &x, 1);
}

weft_var weft_pad2d(weft_graph *graph, weft_var x, const weft_pad *pad)
{
    return build(graph, WEFT_OP_PAD2D, x, pad);
}

weft_var weft_crop2d(weft_graph *graph, weft_var x, const weft_pad *pad)
{
    return build(graph, WEFT_OP_CROP2D, x, pad);
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("one_each", WEFT_NHWC(1, 7, 8, 16)), WEFT_OPT(weft_border_opt, .pad = { 1, 1, 1, 1 }) },
    { WEFT_CASE("three_each_rgb", WEFT_NHWC(2, 9, 10, 3)), WEFT_OPT(weft_border_opt, .pad = { 3, 3, 3, 3 }) },
    { WEFT_CASE("bottom_right", WEFT_NHWC(1, 6, 6, 33)), WEFT_OPT(weft_border_opt, .pad = { 0, 1, 0, 1 }) },
    { WEFT_CASE("top_left", WEFT_NHWC(1, 5, 7, 40)), WEFT_OPT(weft_border_opt, .pad = { 1, 0, 1, 0 }) },
    { WEFT_CASE("all_different", WEFT_NHWC(3, 9, 8, 5)), WEFT_OPT(weft_border_opt, .pad = { 1, 2, 3, 0 }) },
    { WEFT_CASE("rows_only", WEFT_NHWC(1, 8, 3, 17)), WEFT_OPT(weft_border_opt, .pad = { 2, 1, 0, 0 }) },
    { WEFT_CASE("columns_only", WEFT_NHWC(2, 3, 9, 1)), WEFT_OPT(weft_border_opt, .pad = { 0, 0, 4, 2 }) },
    { WEFT_CASE("to_one_pixel", WEFT_NHWC(2, 5, 4, 20)), WEFT_OPT(weft_border_opt, .pad = { 2, 2, 3, 0 }) },
    { WEFT_CASE("nothing", WEFT_NHWC(1, 4, 4, 24)), WEFT_OPT(weft_border_opt, .pad = { 0, 0, 0, 0 }) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_pad2d = {
    .name = "pad2d",
    .brief = "Zeros around the image",
    .paper = "",
    .n_in = 1,
    .opt_size = sizeof(weft_border_opt),
    .error_class = WEFT_EXACT,
    .special = true,
    .resolve = resolve,
    .infer = infer_pad,
    .cost = cost,
    .describe = describe,
    .grad = grad_pad,
    .cases = cases,
};

const weft_op weft_op_crop2d = {
    .name = "crop2d",
    .brief = "The image without its border",
    .paper = "Zoph et al. 2017, arXiv:1707.07012",
    .n_in = 1,
    .opt_size = sizeof(weft_border_opt),
    .error_class = WEFT_EXACT,
    .special = true,
    .resolve = resolve,
    .infer = infer_crop,
    .cost = cost,
    .describe = describe,
    .grad = grad_crop,
    .cases = cases,
};
