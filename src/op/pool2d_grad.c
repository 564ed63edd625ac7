/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of pools over windows.
 *
 *   max_pool2d_dx   dx[n, i, j, c] = sum of dy over the windows whose largest pixel (i, j) is
 *   avg_pool2d_dx   dx[n, i, j, c] = sum of dy / d over the windows that hold (i, j), d as in avg_pool2d
 *
 * Semantics
 *  1. Options are those of the pool, its pads explicit. A pixel that no window holds has dx = 0.
 *  2. Of equal pixels of a window the first gets the gradient, in the order of lines, then columns. With zero_border
 *     the pixels of the padding stand in that order too, as zeros, and keep what they get.
 *  3. max_pool2d_dx looks for the largest pixel again, in x, which the layer before mostly keeps for a gradient of its
 *     own: no indices are kept.
 *  4. The residual is another gradient of the same x. */
#include "op/case.h"
#include "op/pool2d.h"

/* The options of the pool must be resolved already; dy must have the shape that they give. */
static weft_status check(const weft_pool2d_grad_opt *o, const weft_shape *dy)
{
    weft_pool2d_opt pool = o->pool;
    weft_sig sig = { .n_out = 0 };
    char is[96], want[96];
    WEFT_TRY(weft_need_shape("dy", dy, 4));
    WEFT_TRY(weft_need_range("h", o->h, 1, WEFT_MAX_DIM - 1));
    WEFT_TRY(weft_need_range("w", o->w, 1, WEFT_MAX_DIM - 1));
    if (pool.padding != WEFT_EXPLICIT || pool.kernel_h < 1 || pool.kernel_w < 1 || pool.stride_h < 1 ||
        pool.stride_w < 1)
        return weft_fail(WEFT_INVALID, "the pool's options are not resolved");
    const weft_shape x = weft_shape_nhwc(dy->dim[0], o->h, o->w, dy->dim[3]);
    WEFT_TRY(weft_pool2d_resolve(&pool, &x, 1, NULL));
    WEFT_TRY(weft_pool2d_infer(&pool, &x, 1, &sig));
    if (!weft_shape_equal(dy, &sig.out[0]))
        return weft_fail(WEFT_INVALID, "dy is %s, expected %s", weft_shape_text(dy, is, sizeof is),
                         weft_shape_text(&sig.out[0], want, sizeof want));
    return WEFT_OK;
}

static weft_status resolve_avg(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    (void)n_in, (void)arena;
    return check(opt, &in[0]);
}

static weft_status resolve_max(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_pool2d_grad_opt *o = opt;
    char is[96], want[96];
    (void)n_in, (void)arena;
    WEFT_TRY(check(o, &in[0]));
    const weft_shape x = weft_shape_nhwc(in[0].dim[0], o->h, o->w, in[0].dim[3]);
    if (!weft_shape_equal(&in[1], &x))
        return weft_fail(WEFT_INVALID, "x is %s, expected %s", weft_shape_text(&in[1], is, sizeof is),
                         weft_shape_text(&x, want, sizeof want));
    return WEFT_OK;
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_pool2d_grad_opt *o = opt;
    (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { weft_shape_nhwc(in[0].dim[0], o->h, o->w, in[0].dim[3]) } };
    return weft_need_output(&sig->out[0]);
}

static int64_t area(const weft_node *n)
{
    const weft_pool2d_opt *o = &((const weft_pool2d_grad_opt *)n->opt)->pool;
    return (int64_t)o->kernel_h * o->kernel_w;
}

static weft_cost cost(const weft_node *n)
{
    return (weft_cost){ .flops = (double)weft_shape_count(&n->in[0]) * (double)area(n) + weft_epilogue_flops(n) };
}

static int64_t reduction(const weft_node *n)
{
    return area(n) + weft_epilogue_terms(n);
}

static double least_max(const weft_node *n)
{
    return (double)weft_shape_count(&n->in[0]) + 2 * weft_out_count(n);
}

static void describe(const weft_node *n, char *buf, size_t size)
{
    const weft_pool2d_grad_opt *o = n->opt;
    weft_pool2d_text(&o->pool, o->h, o->w, buf, size);
}

/* clang-format off */
#define DX(kh, kw, sh, sw, ...) \
    { .kernel_h = kh, .kernel_w = kw, .stride_h = sh, .stride_w = sw, .padding = WEFT_EXPLICIT, __VA_ARGS__ }
#define PAD(t, b, l, r) .pad = { t, b, l, r }
#define MAX(label, n, h, w, oh, ow, c, ...) \
    { WEFT_CASE(label, WEFT_NHWC(n, oh, ow, c), WEFT_NHWC(n, h, w, c)), \
      WEFT_OPT(weft_pool2d_grad_opt, __VA_ARGS__, h, w) }
#define AVG(label, n, h, w, oh, ow, c, ...) \
    { WEFT_CASE(label, WEFT_NHWC(n, oh, ow, c)), WEFT_OPT(weft_pool2d_grad_opt, __VA_ARGS__, h, w) }
static const weft_op_case cases_max[] = {
    MAX("2x2", 1, 8, 8, 4, 4, 16, DX(2, 2, 2, 2, PAD(0, 0, 0, 0))),
    MAX("2x2_odd", 2, 7, 9, 4, 5, 33, DX(2, 2, 2, 2, PAD(0, 1, 0, 1))),
    MAX("2x2_ceil", 1, 7, 9, 4, 5, 24, DX(2, 2, 2, 2, .ceil = true)),
    MAX("2x2_one_channel", 3, 6, 6, 3, 3, 1, DX(2, 2, 2, 2, PAD(0, 0, 0, 0))),
    MAX("2x2_stride1", 1, 5, 6, 5, 6, 12, DX(2, 2, 1, 1, PAD(0, 1, 0, 1))),
    MAX("3x3_stride2", 1, 13, 13, 6, 6, 64, DX(3, 3, 2, 2, PAD(0, 0, 0, 0))),
    MAX("3x3_stride2_pad", 2, 16, 15, 8, 8, 70, DX(3, 3, 2, 2, PAD(1, 1, 1, 1))),
    MAX("3x3_stride2_zero_border", 2, 15, 16, 8, 8, 17, DX(3, 3, 2, 2, PAD(1, 1, 1, 1), .zero_border = true)),
    MAX("3x3_ceil_zero_border", 1, 8, 9, 4, 5, 5, DX(3, 3, 2, 2, PAD(1, 0, 1, 0), .ceil = true, .zero_border = true)),
    MAX("3x3_stride1", 1, 7, 7, 7, 7, 48, DX(3, 3, 1, 1, PAD(1, 1, 1, 1))),
    MAX("5x5_larger_than_input", 2, 3, 2, 2, 1, 9, DX(5, 5, 2, 2, PAD(2, 2, 1, 2))),
    MAX("2x4_stride_3x1", 1, 10, 13, 4, 13, 7, DX(2, 4, 3, 1, PAD(0, 1, 3, 0), .zero_border = true)),
    MAX("2x2_stride3_gaps", 1, 11, 10, 4, 3, 12, DX(2, 2, 3, 3, PAD(0, 0, 0, 0))),
    MAX("one_pixel", 2, 1, 1, 1, 1, 16, DX(3, 3, 2, 2, PAD(1, 1, 1, 1))),
    MAX("lines_over_threads", 2, 56, 57, 28, 29, 40, DX(3, 3, 2, 2, PAD(1, 1, 1, 1))),
    { WEFT_CASE("2x2_ties", WEFT_NHWC(2, 6, 6, 24), WEFT_NHWC(2, 12, 12, 24)),
      WEFT_OPT(weft_pool2d_grad_opt, DX(2, 2, 2, 2, PAD(0, 0, 0, 0)), 12, 12), .levels = 3 },
    { WEFT_CASE("3x3_ties", WEFT_NHWC(2, 8, 8, 20), WEFT_NHWC(2, 15, 16, 20)),
      WEFT_OPT(weft_pool2d_grad_opt, DX(3, 3, 2, 2, PAD(1, 1, 1, 1)), 15, 16), .levels = 3 },
    { WEFT_CASE("3x3_ties_zero_border", WEFT_NHWC(2, 8, 8, 20), WEFT_NHWC(2, 15, 16, 20)),
      WEFT_OPT(weft_pool2d_grad_opt, DX(3, 3, 2, 2, PAD(1, 1, 1, 1), .zero_border = true), 15, 16), .levels = 3 },
    { WEFT_CASE("4x3_ties", WEFT_NHWC(1, 9, 8, 20), WEFT_NHWC(1, 12, 10, 20)),
      WEFT_OPT(weft_pool2d_grad_opt, DX(4, 3, 1, 1, PAD(0, 0, 0, 0)), 12, 10), .levels = 4 },
    { WEFT_CASE("residual", WEFT_NHWC(2, 7, 7, 24), WEFT_NHWC(2, 15, 15, 24)),
      WEFT_OPT(weft_pool2d_grad_opt, DX(3, 3, 2, 2, PAD(0, 0, 0, 0)), 15, 15), .epi = { .residual = true } },
    { .name = NULL },
};
static const weft_op_case cases_avg[] = {
    AVG("2x2", 1, 8, 8, 4, 4, 16, DX(2, 2, 2, 2, PAD(0, 0, 0, 0))),
    AVG("2x2_odd", 2, 7, 9, 4, 5, 33, DX(2, 2, 2, 2, PAD(0, 1, 0, 1))),
    AVG("2x2_odd_count", 2, 7, 9, 4, 5, 20, DX(2, 2, 2, 2, PAD(0, 1, 0, 1), .count_border = true)),
    AVG("2x2_ceil_count", 1, 9, 7, 5, 4, 17, DX(2, 2, 2, 2, .ceil = true, .count_border = true)),
    AVG("2x2_one_channel", 3, 6, 6, 3, 3, 1, DX(2, 2, 2, 2, PAD(0, 0, 0, 0))),
    AVG("3x3_stride1", 1, 7, 8, 7, 8, 70, DX(3, 3, 1, 1, PAD(1, 1, 1, 1))),
    AVG("3x3_stride2_pad_count", 1, 16, 15, 8, 8, 32, DX(3, 3, 2, 2, PAD(1, 1, 1, 1), .count_border = true)),
    AVG("3x3_stride2_ceil_pad", 2, 12, 15, 7, 8, 20, DX(3, 3, 2, 2, PAD(1, 1, 1, 1), .ceil = true)),
    AVG("5x5_stride3", 1, 14, 14, 4, 4, 40, DX(5, 5, 3, 3, PAD(0, 0, 0, 0))),
    AVG("5x5_larger_than_input", 2, 3, 2, 3, 2, 8, DX(5, 5, 1, 1, PAD(2, 2, 2, 2))),
    AVG("8x8_whole_input", 2, 8, 8, 1, 1, 65, DX(8, 8, 8, 8, PAD(0, 0, 0, 0))),
    AVG("2x4_stride_3x1", 1, 10, 13, 4, 13, 7, DX(2, 4, 3, 1, PAD(0, 1, 3, 0), .count_border = true)),
    AVG("2x2_stride3_gaps", 1, 11, 10, 4, 3, 12, DX(2, 2, 3, 3, PAD(0, 0, 0, 0))),
    AVG("lines_over_threads", 2, 56, 57, 28, 28, 40, DX(2, 2, 2, 2, PAD(0, 0, 0, 0))),
    { WEFT_CASE("residual", WEFT_NHWC(2, 9, 9, 24)),
      WEFT_OPT(weft_pool2d_grad_opt, DX(3, 3, 1, 1, PAD(1, 1, 1, 1)), 9, 9), .epi = { .residual = true } },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_max_pool2d_dx = {
    .name = "max_pool2d_dx",
    .brief = "Gradient of a maximum pool",
    .paper = "",
    .n_in = 2,
    .opt_size = sizeof(weft_pool2d_grad_opt),
    .takes = WEFT_TAKES_RESIDUAL,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve_max,
    .infer = infer,
    .cost = cost,
    .least = least_max,
    .reduction = reduction,
    .describe = describe,
    .cases = cases_max,
};

const weft_op weft_op_avg_pool2d_dx = {
    .name = "avg_pool2d_dx",
    .brief = "Gradient of an average pool",
    .paper = "",
    .n_in = 1,
    .opt_size = sizeof(weft_pool2d_grad_opt),
    .takes = WEFT_TAKES_RESIDUAL,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve_avg,
    .infer = infer,
    .cost = cost,
    .least = weft_least_map,
    .reduction = reduction,
    .describe = describe,
    .cases = cases_avg,
};
