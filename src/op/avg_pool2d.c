/* SPDX-License-Identifier: Apache-2.0
 *
 * avg_pool2d: the mean of each window, channel by channel. LeCun et al. 1989.
 *
 *   y[n, oh, ow, c] = (sum over r, s of x[n, oh*stride_h - top + r, ow*stride_w - left + s, c]) / d
 *
 * Semantics
 *  1. d is the number of the window's pixels that lie inside the image (TensorFlow; PyTorch with
 *     count_include_pad=False).
 *  2. With count_border, d counts the padding too (PyTorch's default), as zeros. A window that reaches beyond the
 *     padding, which happens only with ceil, is cut there first: d = pixels inside image + padding (PyTorch, Caffe).
 *  3. SAME is TensorFlow's: out = ceil(in / stride), the odd pixel at the bottom and right.
 *  4. The output size is rounded down. With ceil (Caffe, PyTorch's ceil_mode) it is rounded up, and the last window
 *     counts only if it starts inside the image or the padding before it. With SAME, ceil changes nothing.
 *  5. stride = 0 means the window's size; the window is 2x2 by default.
 *  6. Padding must be smaller than the window, so that every window holds a pixel of the image and d > 0.
 *  7. zero_border means nothing here and is refused. */
#include "op/pool2d.h"

#include "graph/grad.h"
#include "op/case.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_pool2d_opt *o = opt;
    if (o->zero_border)
        return weft_fail(WEFT_INVALID, "zero_border is set, expected only for maximum pools");
    return weft_pool2d_resolve(opt, in, n_in, arena);
}

static weft_status grad(weft_grad *g)
{
    const weft_shape *x = &g->node.in[0];
    weft_pool2d_grad_opt opt = { *(const weft_pool2d_opt *)g->node.opt, x->dim[1], x->dim[2] };
    opt.pool.name = "dx";
    if (weft_grad_wants(g, 0))
        weft_grad_add(g, 0, weft_graph_append(g->graph, WEFT_OP_AVG_POOL2D_DX, &opt,
                                              (const weft_var[]){ weft_grad_dy(g, 0) }, 1));
    return WEFT_OK;
}

weft_var weft_avg_pool2d(weft_graph *graph, weft_var x, const weft_pool2d_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_AVG_POOL2D, opt, &x, 1);
}

/* clang-format off */
static const weft_op_case cases[] = {
    WEFT_POOL2D_CASES
    { WEFT_CASE("2x2_same_odd_count", WEFT_NHWC(2, 7, 9, 20)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 2, .count_border = true) },
    { WEFT_CASE("2x2_ceil_odd_count", WEFT_NHWC(1, 9, 7, 17)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 2, .padding = WEFT_VALID, .ceil = true, .count_border = true) },
    { WEFT_CASE("3x3_stride1_same", WEFT_NHWC(1, 7, 8, 70)), WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride = 1) },
    { WEFT_CASE("3x3_stride1_same_count", WEFT_NHWC(1, 7, 8, 48)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride = 1, .count_border = true) },
    { WEFT_CASE("3x3_stride2_same", WEFT_NHWC(1, 14, 15, 44)), WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride = 2) },
    { WEFT_CASE("3x3_stride2_valid", WEFT_NHWC(1, 13, 12, 64)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride = 2, .padding = WEFT_VALID) },
    { WEFT_CASE("3x3_stride2_torch_pad", WEFT_NHWC(1, 16, 15, 32)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride = 2, .padding = WEFT_EXPLICIT, .pad = { 1, 1, 1, 1 },
               .count_border = true) },
    { WEFT_CASE("3x3_stride2_ceil_pad", WEFT_NHWC(2, 12, 15, 20)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride = 2, .padding = WEFT_EXPLICIT, .pad = { 1, 1, 1, 1 },
               .ceil = true) },
    { WEFT_CASE("3x3_stride2_ceil_pad_count", WEFT_NHWC(1, 12, 14, 9)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride = 2, .padding = WEFT_EXPLICIT, .pad = { 1, 1, 1, 1 }, .ceil = true,
               .count_border = true) },
    { WEFT_CASE("3x3_asymmetric_count", WEFT_NHWC(1, 9, 8, 10)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride = 2, .padding = WEFT_EXPLICIT, .pad = { 2, 0, 1, 0 },
               .count_border = true) },
    { WEFT_CASE("5x5_stride3_valid", WEFT_NHWC(1, 14, 14, 40)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 5, .stride = 3, .padding = WEFT_VALID) },
    { WEFT_CASE("5x5_larger_than_input", WEFT_NHWC(2, 3, 2, 8)), WEFT_OPT(weft_pool2d_opt, .kernel = 5, .stride = 1) },
    { WEFT_CASE("8x8_whole_input", WEFT_NHWC(2, 8, 8, 65)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 8, .padding = WEFT_VALID) },
    { WEFT_CASE("7x7_stride1_valid", WEFT_NHWC(1, 8, 8, 12)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 7, .stride = 1, .padding = WEFT_VALID) },
    { WEFT_CASE("3x3_stride_1x2_pads", WEFT_NHWC(1, 6, 11, 16)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride_h = 1, .stride_w = 2, .padding = WEFT_EXPLICIT,
               .pad = { 2, 0, 0, 1 }, .count_border = true) },
    { WEFT_CASE("2x4_stride_3x1_pads", WEFT_NHWC(1, 10, 13, 7)),
      WEFT_OPT(weft_pool2d_opt, .kernel_h = 2, .kernel_w = 4, .stride_h = 3, .stride_w = 1, .padding = WEFT_EXPLICIT,
               .pad = { 0, 1, 3, 0 }, .count_border = true) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_avg_pool2d = {
    .name = "avg_pool2d",
    .brief = "Mean of each window",
    .paper = "LeCun et al. 1989",
    .n_in = 1,
    .opt_size = sizeof(weft_pool2d_opt),
    .error_class = WEFT_REDUCTION,
    .resolve = resolve,
    .infer = weft_pool2d_infer,
    .cost = weft_pool2d_cost,
    .least = weft_least_map,
    .reduction = weft_pool2d_reduction,
    .describe = weft_pool2d_describe,
    .grad = grad,
    .cases = cases,
};
