/* SPDX-License-Identifier: Apache-2.0
 *
 * max_pool2d: the largest pixel of each window, channel by channel. Ranzato et al. 2007; overlapping windows:
 * Krizhevsky et al. 2012.
 *
 *   y[n, oh, ow, c] = max over r, s of x[n, oh*stride_h - top + r, ow*stride_w - left + s, c]
 *
 * Semantics
 *  1. Pixels outside the image are left out, so that a border of negative values stays negative. With zero_border the
 *     pixels of the padding count as zeros: Keras's ZeroPadding2D before a pool.
 *  2. SAME is TensorFlow's: out = ceil(in / stride), the odd pixel at the bottom and right.
 *  3. The output size is rounded down. With ceil (Caffe, PyTorch's ceil_mode) it is rounded up, and the last window
 *     counts only if it starts inside the image or the padding before it. Pixels beyond the padding, which only such a
 *     window reaches, are left out even with zero_border. With SAME, ceil changes nothing.
 *  4. stride = 0 means the window's size; the window is 2x2 by default.
 *  5. Padding must be smaller than the window, so that every window holds a pixel of the image.
 *  6. Whether a NaN in the window reaches the output is left open. Between -0 and +0 either may win.
 *  7. count_border means nothing here and is refused.
 *  8. Backwards, the first of equal pixels gets the gradient of its window (max_pool2d_dx). */
#include "op/pool2d.h"

#include "graph/grad.h"
#include "op/case.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_pool2d_opt *o = opt;
    if (o->count_border)
        return weft_fail(WEFT_INVALID, "count_border is set, expected only for average pools");
    return weft_pool2d_resolve(opt, in, n_in, arena);
}

static weft_status grad(weft_grad *g)
{
    const weft_shape *x = &g->node.in[0];
    weft_pool2d_grad_opt opt = { *(const weft_pool2d_opt *)g->node.opt, x->dim[1], x->dim[2] };
    opt.pool.name = "dx";
    if (weft_grad_wants(g, 0))
        weft_grad_add(g, 0, weft_graph_append(g->graph, WEFT_OP_MAX_POOL2D_DX, &opt,
                                              (const weft_var[]){ weft_grad_dy(g, 0), weft_grad_in(g, 0) }, 2));
    return WEFT_OK;
}

weft_var weft_max_pool2d(weft_graph *graph, weft_var x, const weft_pool2d_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_MAX_POOL2D, opt, &x, 1);
}

/* clang-format off */
static const weft_op_case cases[] = {
    WEFT_POOL2D_CASES
    { WEFT_CASE("2x2_stride1_same", WEFT_NHWC(1, 5, 6, 12)), WEFT_OPT(weft_pool2d_opt, .kernel = 2, .stride = 1) },
    { WEFT_CASE("3x3_stride2_valid", WEFT_NHWC(1, 13, 13, 64)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride = 2, .padding = WEFT_VALID) },
    { WEFT_CASE("3x3_stride2_valid_even", WEFT_NHWC(2, 14, 12, 40)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride = 2, .padding = WEFT_VALID) },
    { WEFT_CASE("3x3_stride2_same", WEFT_NHWC(1, 14, 15, 70)), WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride = 2) },
    { WEFT_CASE("3x3_stride2_torch_pad", WEFT_NHWC(1, 16, 15, 64)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride = 2, .padding = WEFT_EXPLICIT, .pad = { 1, 1, 1, 1 }) },
    { WEFT_CASE("3x3_stride2_zero_border", WEFT_NHWC(2, 15, 16, 17)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride = 2, .padding = WEFT_EXPLICIT, .pad = { 1, 1, 1, 1 },
               .zero_border = true) },
    { WEFT_CASE("3x3_stride2_ceil", WEFT_NHWC(1, 14, 14, 32)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride = 2, .padding = WEFT_VALID, .ceil = true) },
    { WEFT_CASE("3x3_stride2_ceil_pad", WEFT_NHWC(1, 12, 15, 20)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride = 2, .padding = WEFT_EXPLICIT, .pad = { 1, 1, 1, 1 },
               .ceil = true) },
    { WEFT_CASE("3x3_stride2_ceil_zero_border", WEFT_NHWC(1, 8, 9, 5)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride = 2, .padding = WEFT_EXPLICIT, .pad = { 1, 0, 1, 0 }, .ceil = true,
               .zero_border = true) },
    { WEFT_CASE("3x3_stride1_same", WEFT_NHWC(1, 7, 7, 48)), WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride = 1) },
    { WEFT_CASE("3x3_stride3", WEFT_NHWC(1, 10, 11, 3)), WEFT_OPT(weft_pool2d_opt, .kernel = 3) },
    { WEFT_CASE("5x5_stride1_same", WEFT_NHWC(1, 6, 7, 16)), WEFT_OPT(weft_pool2d_opt, .kernel = 5, .stride = 1) },
    { WEFT_CASE("5x5_larger_than_input", WEFT_NHWC(2, 3, 2, 9)), WEFT_OPT(weft_pool2d_opt, .kernel = 5, .stride = 2) },
    { WEFT_CASE("2x2_stride3_gaps", WEFT_NHWC(1, 11, 10, 12)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 2, .stride = 3, .padding = WEFT_VALID) },
    { WEFT_CASE("3x3_stride_1x2_pads", WEFT_NHWC(1, 6, 11, 16)),
      WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride_h = 1, .stride_w = 2, .padding = WEFT_EXPLICIT,
               .pad = { 2, 0, 0, 1 }, .zero_border = true) },
    { WEFT_CASE("2x4_stride_3x1_pads", WEFT_NHWC(1, 10, 13, 7)),
      WEFT_OPT(weft_pool2d_opt, .kernel_h = 2, .kernel_w = 4, .stride_h = 3, .stride_w = 1, .padding = WEFT_EXPLICIT,
               .pad = { 0, 1, 3, 0 }, .zero_border = true) },
    { WEFT_CASE("layer_112", WEFT_NHWC(4, 112, 112, 64)), WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride = 2),
      .large = true },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_max_pool2d = {
    .name = "max_pool2d",
    .brief = "Largest pixel of each window",
    .paper = "Ranzato et al. 2007",
    .n_in = 1,
    .opt_size = sizeof(weft_pool2d_opt),
    .error_class = WEFT_EXACT,
    .resolve = resolve,
    .infer = weft_pool2d_infer,
    .cost = weft_pool2d_cost,
    .least = weft_least_map,
    .describe = weft_pool2d_describe,
    .grad = grad,
    .cases = cases,
};
