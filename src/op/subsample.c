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
 *  4. gain is drawn as the paper draws weights, within 2.4 / fan-in with fan-in kernel^2; bias starts at zero. */
#include "op/case.h"
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
    .cases = cases,
};
