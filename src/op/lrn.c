/* SPDX-License-Identifier: Apache-2.0
 *
 * Local response normalisation across channels: Krizhevsky 2012, section 3.3.
 *
 * Semantics
 * 1. y[c] = x[c] (k + a s)^-beta, s the sum of x[j]^2 over c - window/2 <= j <= c + window/2 (window/2 rounded down),
 *    cut at the first and last channel. The window is the whole one: the paper's n = 5 reaches 2 channels to each side.
 * 2. a = alpha (paper, TensorFlow), or with alpha_is_per_window a = alpha / window (Caffe, PyTorch, cuDNN); the
 *    divisor is the window as given, also at the borders, where fewer channels are summed.
 * 3. k is 2 unless set (paper); Caffe's AlexNet and GoogLeNet and PyTorch take 1.
 * 4. TensorFlow's depth_radius r is window = 2 r + 1; its default 5 means 11 channels.
 * 5. An even window n reaches as far as n + 1, but divides alpha by n. (PyTorch reaches one channel less upwards.)
 * 6. Backwards (lrn_dx, from dy and x), with t = k + a s:
 *    dx[c] = dy[c] t[c]^-beta - 2 a beta x[c] (sum of dy[j] x[j] t[j]^(-beta - 1) over the window of c). The residual
 *    is another gradient of the same x. */
#include <math.h>

#include "graph/grad.h"
#include "op/case.h"
#include "op/util.h"

static weft_status need_real(const char *what, double value)
{
    if (value >= 0 && isfinite(value))
        return WEFT_OK;
    return weft_fail(WEFT_INVALID, "%s is %g, expected a finite number, 0 or more", what, value);
}

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_lrn_opt *o = opt;
    (void)n_in, (void)arena;
    WEFT_TRY(weft_need_shape("x", &in[0], 0));
    WEFT_TRY(need_real("alpha", o->alpha));
    WEFT_TRY(need_real("beta", o->beta));
    WEFT_TRY(need_real("k", o->k));
    if (o->window == 0)
        o->window = 5;
    if (o->alpha == 0)
        o->alpha = 1e-4;
    if (o->beta == 0)
        o->beta = .75;
    if (o->k == 0)
        o->k = 2;
    return weft_need_range("window", o->window, 1, WEFT_MAX_WINDOW);
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { in[0] } };
    return WEFT_OK;
}

/* Per element: window squares and additions, a s + k, the power as one, the product. */
static weft_cost cost(const weft_node *node)
{
    const weft_lrn_opt *o = node->opt;
    return (weft_cost){ .flops = (2. * o->window + 4) * weft_out_count(node) };
}

static int64_t reduction(const weft_node *node)
{
    return ((const weft_lrn_opt *)node->opt)->window;
}

static void describe(const weft_node *node, char *buf, size_t size)
{
    const weft_lrn_opt *o = node->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "window %d alpha %g%s beta %g k %g", o->window, o->alpha,
                  o->alpha_is_per_window ? "/window" : "", o->beta, o->k);
}

/* alpha is larger than in the papers where the case is about a, so that a wrong a shows above the tolerance. */
/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("paper", WEFT_NHWC(1, 5, 7, 96)) },
    { WEFT_CASE("paper_large_alpha", WEFT_NHWC(2, 3, 5, 17)), WEFT_OPT(weft_lrn_opt, .window = 5, .alpha = .3) },
    { WEFT_CASE("caffe", WEFT_NHWC(1, 7, 5, 64)),
      WEFT_OPT(weft_lrn_opt, .window = 5, .alpha = .5, .k = 1, .alpha_is_per_window = true) },
    { WEFT_CASE("tensorflow_radius2", WEFT_NHWC(1, 5, 3, 70)),
      WEFT_OPT(weft_lrn_opt, .window = 5, .alpha = 2e-5, .beta = .75, .k = 1) },
    { WEFT_CASE("tensorflow_defaults", WEFT_NHWC(1, 3, 3, 24)),
      WEFT_OPT(weft_lrn_opt, .window = 11, .alpha = 1, .beta = .5, .k = 1) },
    { WEFT_CASE("torch_k2", WEFT_NHWC(3, 3, 1, 33)),
      WEFT_OPT(weft_lrn_opt, .window = 5, .alpha = .5, .k = 2, .alpha_is_per_window = true) },
    { WEFT_CASE("even_window", WEFT_NHWC(1, 3, 5, 16)),
      WEFT_OPT(weft_lrn_opt, .window = 4, .alpha = .4, .alpha_is_per_window = true) },
    { WEFT_CASE("window1", WEFT_NHWC(1, 3, 3, 8)), WEFT_OPT(weft_lrn_opt, .window = 1, .alpha = .4) },
    { WEFT_CASE("beta1", WEFT_NHWC(1, 3, 3, 20)), WEFT_OPT(weft_lrn_opt, .alpha = .4, .beta = 1) },
    { WEFT_CASE("beta_odd", WEFT_NHWC(1, 3, 3, 20)), WEFT_OPT(weft_lrn_opt, .alpha = .4, .beta = .6) },
    { WEFT_CASE("window_over_all", WEFT_NHWC(1, 3, 3, 3)), WEFT_OPT(weft_lrn_opt, .alpha = .4) },
    { WEFT_CASE("c1", WEFT_NHWC(2, 3, 5, 1)), WEFT_OPT(weft_lrn_opt, .alpha = .4) },
    { WEFT_CASE("rows_over_threads", WEFT_NHWC(2, 23, 27, 32)), WEFT_OPT(weft_lrn_opt, .alpha = .4) },
    { .name = NULL },
};
/* clang-format on */

static weft_status grad(weft_grad *g)
{
    weft_lrn_opt opt = *(const weft_lrn_opt *)g->node.opt;
    opt.name = "dx";
    if (weft_grad_wants(g, 0))
        weft_grad_add(g, 0, weft_graph_append(g->graph, WEFT_OP_LRN_DX, &opt,
                                              (const weft_var[]){ weft_grad_dy(g, 0), weft_grad_in(g, 0) }, 2));
    return WEFT_OK;
}

const weft_op weft_op_lrn = {
    .name = "lrn",
    .brief = "Local response normalisation across channels",
    .paper = "Krizhevsky et al. 2012, section 3.3",
    .n_in = 1,
    .opt_size = sizeof(weft_lrn_opt),
    .error_class = WEFT_REDUCTION,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .least = weft_least_map,
    .reduction = reduction,
    .describe = describe,
    .grad = grad,
    .cases = cases,
};

/* ---- lrn_dx ---- */

static weft_status resolve_dx(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    char dy[96], x[96];
    WEFT_TRY(resolve(opt, in, n_in, arena));
    if (!weft_shape_equal(&in[0], &in[1]))
        return weft_fail(WEFT_INVALID, "dy is %s, expected the shape of x, %s", weft_shape_text(&in[0], dy, sizeof dy),
                         weft_shape_text(&in[1], x, sizeof x));
    return WEFT_OK;
}

/* The sum of squares again, the power as one, two products; then the window's sum and the rest. */
static weft_cost cost_dx(const weft_node *node)
{
    const weft_lrn_opt *o = node->opt;
    return (weft_cost){ .flops = (3. * o->window + 9) * weft_out_count(node) + weft_epilogue_flops(node) };
}

static double least_dx(const weft_node *node)
{
    return 3 * weft_out_count(node);
}

static int64_t reduction_dx(const weft_node *node)
{
    return 2 * reduction(node) + weft_epilogue_terms(node);
}

/* clang-format off */
#define DX(label, shape, ...) { WEFT_CASE(label, WEFT_TWICE(shape)), WEFT_OPT(weft_lrn_opt, __VA_ARGS__) }
static const weft_op_case cases_dx[] = {
    DX("paper", WEFT_NHWC(1, 5, 7, 96), .window = 5),
    DX("paper_large_alpha", WEFT_NHWC(2, 3, 5, 17), .window = 5, .alpha = .3),
    DX("caffe", WEFT_NHWC(1, 7, 5, 64), .window = 5, .alpha = .5, .k = 1, .alpha_is_per_window = true),
    DX("tensorflow_defaults", WEFT_NHWC(1, 3, 3, 24), .window = 11, .alpha = 1, .beta = .5, .k = 1),
    DX("even_window", WEFT_NHWC(1, 3, 5, 16), .window = 4, .alpha = .4, .alpha_is_per_window = true),
    DX("window1", WEFT_NHWC(1, 3, 3, 8), .window = 1, .alpha = .4),
    DX("beta1", WEFT_NHWC(1, 3, 3, 20), .alpha = .4, .beta = 1),
    DX("beta_odd", WEFT_NHWC(1, 3, 3, 20), .alpha = .4, .beta = .6),
    DX("window_over_all", WEFT_NHWC(1, 3, 3, 3), .alpha = .4),
    DX("c1", WEFT_NHWC(2, 3, 5, 1), .alpha = .4),
    DX("rows_over_threads", WEFT_NHWC(2, 23, 27, 32), .alpha = .4),
    { WEFT_CASE("residual", WEFT_TWICE(WEFT_NHWC(2, 3, 5, 24))), WEFT_OPT(weft_lrn_opt, .alpha = .4),
      .epi = { .residual = true } },
    { .name = NULL },
};
#undef DX
/* clang-format on */

const weft_op weft_op_lrn_dx = {
    .name = "lrn_dx",
    .brief = "Gradient of local response normalisation",
    .paper = "",
    .n_in = 2,
    .opt_size = sizeof(weft_lrn_opt),
    .takes = WEFT_TAKES_RESIDUAL,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve_dx,
    .infer = infer,
    .cost = cost_dx,
    .least = least_dx,
    .reduction = reduction_dx,
    .describe = describe,
    .cases = cases_dx,
};

weft_var weft_lrn(weft_graph *graph, weft_var x, const weft_lrn_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_LRN, opt, &x, 1);
}
