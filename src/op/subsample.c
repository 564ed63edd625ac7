/* SPDX-License-Identifier: Apache-2.0
 *
 * subsample: the trainable sub-sampling of LeNet-5, layers S2 and S4. LeCun et al. 1998, section II.B.
 *
 *   y[n, oh, ow, c] = act(gain[c] * (sum over r, s of x[n, oh*kernel + r, ow*kernel + s, c]) + bias[c])
 *
 * Semantics
 *  1. The window is summed, not averaged: gain 1 / kernel^2 would be the mean.
 *  2. Windows do not overlap (the stride is the kernel); the output size is rounded down, there is no padding.
 *  3. The sum is multiplied by the gain once; the bias is added after, the activation last.
 *  4. gain is drawn as the paper draws weights, within 2.4 / fan-in with fan-in kernel^2; bias starts at zero.
 *  5. Backwards each pixel of a window gets gain dy, and what no window holds 0 (subsample_dx); the gain's gradient is
 *     the sum of dy times the sums of the windows, formed again (subsample_dg). */
#include "graph/grad.h"
#include "op/case.h"
#include "op/channel_sum.h"
#include "op/util.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_subsample_opt *o = opt;
    (void)n_in;
    (void)arena;
    WEFT_TRY(weft_need_shape("x", &in[0], 4));
    if (o->kernel == 0)
        o->kernel = 2;
    return weft_need_range("kernel", o->kernel, 1, WEFT_MAX_WINDOW);
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_subsample_opt *o = opt;
    const int k = o->kernel;
    (void)n_in;
    WEFT_TRY(weft_need_shape("x", &in[0], 4));
    const weft_axis axis[2] = { { in[0].dim[1], k, k, 1, 0, 0 }, { in[0].dim[2], k, k, 1, 0, 0 } };
    int64_t oh, ow;
    WEFT_TRY(weft_window_out(axis, false, &oh, &ow));
    const int64_t channels = in[0].dim[3], area = (int64_t)k * k;
    const weft_shape each = { .rank = 1, .dim = { channels } };
    sig->n_out = 1;
    sig->out[0] = weft_shape_nhwc(in[0].dim[0], oh, ow, channels);
    sig->n_param = 2;
    sig->param[0] = (weft_param_spec){
        .name = "gain", .shape = each, .init = WEFT_INIT_LECUN_UNIFORM, .fan_in = area, .fan_out = 1
    };
    sig->param[1] =
        (weft_param_spec){ .name = "bias", .shape = each, .init = WEFT_INIT_ZERO, .fan_in = area, .fan_out = 1 };
    return WEFT_OK;
}

/* kernel^2 - 1 additions, the gain, the bias. */
static weft_cost cost(const weft_node *n)
{
    const weft_subsample_opt *o = n->opt;
    return (weft_cost){ 0, weft_out_count(n) * ((double)o->kernel * o->kernel + 1) + weft_epilogue_flops(n) };
}

static int64_t reduction(const weft_node *n)
{
    const weft_subsample_opt *o = n->opt;
    return (int64_t)o->kernel * o->kernel + 1;
}

static void describe(const weft_node *n, char *buf, size_t size)
{
    const weft_subsample_opt *o = n->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "%dx%d/%d", o->kernel, o->kernel, o->kernel);
}

static weft_status grad(weft_grad *g)
{
    const weft_subsample_opt *o = g->node.opt;
    const weft_shape *x = &g->node.in[0];
    const weft_var dy = weft_grad_dy(g, 0);
    const weft_subsample_dx_opt dx = { "dx", o->kernel, x->dim[1], x->dim[2] };
    const weft_subsample_opt dg = { .name = "dg", .kernel = o->kernel };
    if (weft_grad_wants(g, 0))
        weft_grad_add(g, 0, weft_graph_append(g->graph, WEFT_OP_SUBSAMPLE_DX, &dx,
                                              (const weft_var[]){ dy, weft_grad_param(g, 0) }, 2));
    if (weft_grad_wants_param(g, 0))
        weft_grad_add_param(g, 0, weft_graph_append(g->graph, WEFT_OP_SUBSAMPLE_DG, &dg,
                                                    (const weft_var[]){ weft_grad_in(g, 0), dy }, 2));
    if (weft_grad_wants_param(g, 1))
        weft_grad_add_param(g, 1, weft_channel_sum(g->graph, dy, "db"));
    return WEFT_OK;
}

weft_var weft_subsample(weft_graph *graph, weft_var x, const weft_subsample_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_SUBSAMPLE, opt, &x, 1);
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("2x2_s2", WEFT_NHWC(1, 28, 28, 6)), WEFT_OPT(weft_subsample_opt, .kernel = 0) },
    { WEFT_CASE("2x2_s4_lecun_tanh", WEFT_NHWC(2, 10, 10, 16)), WEFT_OPT(weft_subsample_opt, .kernel = 2),
      .epi = { .act = WEFT_ACT_LECUN_TANH } },
    { WEFT_CASE("2x2_odd", WEFT_NHWC(3, 7, 9, 33)), WEFT_OPT(weft_subsample_opt, .kernel = 2) },
    { WEFT_CASE("3x3", WEFT_NHWC(1, 11, 9, 5)), WEFT_OPT(weft_subsample_opt, .kernel = 3),
      .epi = { .act = WEFT_ACT_TANH } },
    { WEFT_CASE("1x1", WEFT_NHWC(1, 4, 3, 17)), WEFT_OPT(weft_subsample_opt, .kernel = 1) },
    { WEFT_CASE("5x5_whole_input", WEFT_NHWC(2, 5, 5, 1)), WEFT_OPT(weft_subsample_opt, .kernel = 5),
      .epi = { .act = WEFT_ACT_SIGMOID } },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_subsample = {
    .name = "subsample",
    .brief = "Sum of each window times a gain, plus a bias",
    .paper = "LeCun et al. 1998",
    .n_in = 1,
    .opt_size = sizeof(weft_subsample_opt),
    .takes = WEFT_TAKES_ACT,
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

/* ---- subsample_dx: dy, gain ---- */

/* dy must be what windows of `kernel` make of h x w. */
static weft_status need_windows(const weft_shape *dy, int kernel, int64_t h, int64_t w)
{
    char text[96];
    WEFT_TRY(weft_need_shape("dy", dy, 4));
    WEFT_TRY(weft_need_range("kernel", kernel, 1, WEFT_MAX_WINDOW));
    if (dy->dim[1] != h / kernel || dy->dim[2] != w / kernel)
        return weft_fail(WEFT_INVALID, "dy is %s, expected [N, %lld, %lld, C]", weft_shape_text(dy, text, sizeof text),
                         (long long)(h / kernel), (long long)(w / kernel));
    return WEFT_OK;
}

static weft_status resolve_dx(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_subsample_dx_opt *o = opt;
    char text[96];
    (void)n_in, (void)arena;
    WEFT_TRY(need_windows(&in[0], o->kernel, o->h, o->w));
    if (in[1].rank != 1 || in[1].dim[0] != in[0].dim[3])
        return weft_fail(WEFT_INVALID, "gain is %s, expected [%lld]", weft_shape_text(&in[1], text, sizeof text),
                         (long long)in[0].dim[3]);
    return WEFT_OK;
}

static weft_status infer_dx(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_subsample_dx_opt *o = opt;
    (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { weft_shape_nhwc(in[0].dim[0], o->h, o->w, in[0].dim[3]) } };
    return weft_need_output(&sig->out[0]);
}

static weft_cost cost_dx(const weft_node *n)
{
    return (weft_cost){ .flops = (double)weft_shape_count(&n->in[0]) };
}

/* clang-format off */
static const weft_op_case cases_dx[] = {
    { WEFT_CASE("2x2_s2", WEFT_NHWC(1, 14, 14, 6), WEFT_VECTOR(6)),
      WEFT_OPT(weft_subsample_dx_opt, .kernel = 2, .h = 28, .w = 28) },
    { WEFT_CASE("2x2_odd", WEFT_NHWC(3, 3, 4, 33), WEFT_VECTOR(33)),
      WEFT_OPT(weft_subsample_dx_opt, .kernel = 2, .h = 7, .w = 9) },
    { WEFT_CASE("1x1", WEFT_NHWC(1, 4, 3, 17), WEFT_VECTOR(17)),
      WEFT_OPT(weft_subsample_dx_opt, .kernel = 1, .h = 4, .w = 3) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_subsample_dx = {
    .name = "subsample_dx",
    .brief = "Gradient of a subsampling's input",
    .paper = "",
    .n_in = 2,
    .opt_size = sizeof(weft_subsample_dx_opt),
    .error_class = WEFT_ELEMENTWISE,
    .resolve = resolve_dx,
    .infer = infer_dx,
    .cost = cost_dx,
    .cases = cases_dx,
};

/* ---- subsample_dg: x, dy ---- */

static weft_status resolve_dg(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_subsample_opt *o = opt;
    char x[96], dy[96];
    (void)n_in, (void)arena;
    WEFT_TRY(weft_need_shape("x", &in[0], 4));
    WEFT_TRY(need_windows(&in[1], o->kernel, in[0].dim[1], in[0].dim[2]));
    if (in[0].dim[0] != in[1].dim[0] || in[0].dim[3] != in[1].dim[3])
        return weft_fail(WEFT_INVALID, "x is %s and dy %s, expected the same images and channels",
                         weft_shape_text(&in[0], x, sizeof x), weft_shape_text(&in[1], dy, sizeof dy));
    return WEFT_OK;
}

static weft_status infer_dg(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { { .rank = 1, .dim = { in[0].dim[3] } } } };
    return WEFT_OK;
}

static weft_cost cost_dg(const weft_node *n)
{
    return (weft_cost){ .flops = (double)weft_shape_count(&n->in[0]) + 2 * (double)weft_shape_count(&n->in[1]) };
}

static int64_t reduction_dg(const weft_node *n)
{
    return weft_shape_rows(&n->in[0]);
}

/* clang-format off */
static const weft_op_case cases_dg[] = {
    { WEFT_CASE("2x2_s2", WEFT_NHWC(1, 28, 28, 6), WEFT_NHWC(1, 14, 14, 6)),
      WEFT_OPT(weft_subsample_opt, .kernel = 2) },
    { WEFT_CASE("2x2_odd", WEFT_NHWC(3, 7, 9, 33), WEFT_NHWC(3, 3, 4, 33)), WEFT_OPT(weft_subsample_opt, .kernel = 2) },
    { WEFT_CASE("1x1", WEFT_TWICE(WEFT_NHWC(1, 4, 3, 17))), WEFT_OPT(weft_subsample_opt, .kernel = 1) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_subsample_dg = {
    .name = "subsample_dg",
    .brief = "Gradient of a subsampling's gain",
    .paper = "",
    .n_in = 2,
    .opt_size = sizeof(weft_subsample_opt),
    .types = WEFT_TYPES_F32_OUT,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve_dg,
    .infer = infer_dg,
    .cost = cost_dg,
    .reduction = reduction_dg,
    .describe = describe,
    .cases = cases_dg,
};
