/* SPDX-License-Identifier: Apache-2.0
 *
 * partial_conv2d: a convolution in which each output map sees only some of the input maps, as a table says. Layer C3 of
 * LeNet-5: LeCun et al. 1998, section II.B and table I.
 *
 *   y[n, oh, ow, k] = act(sum over c with table[k][c] and r, s of x[n, oh + r, ow + s, c] * weight[i(k, c), r, s]
 *                         + bias[k])
 *
 * Semantics
 *  1. Only the marked connections have weights: i(k, c) counts the marks of table in the order [out][C] up to (k, c),
 *     and weight is [marks, kernel, kernel, 1].
 *  2. No padding, stride 1, the filter is not flipped: the only form that LeNet-5 has.
 *  3. Every output map is connected to at least one input map, and every entry of the table is 0 or 1.
 *  4. The weights of one parameter are drawn with one fan-in: kernel^2 times the mean number of maps that an output
 *     sees. (The paper draws each output's by its own; the table of C3 has 3, 4 and 6.)
 *  5. The bias is off unless asked for.
 *  6. Backwards it is a convolution with zeros where there is no mark (partial_conv2d_grad.c). */
#include "op/partial_conv2d.h"

#include "graph/grad.h"
#include "op/case.h"
#include "op/channel_sum.h"
#include "op/conv2d.h"
#include "op/util.h"

#include <string.h>

static weft_status check_table(const weft_partial_conv2d_opt *o, int64_t channels)
{
    if (o->table == NULL)
        return weft_fail(WEFT_INVALID, "table is NULL, expected %lld x %lld marks", (long long)o->out,
                         (long long)channels);
    for (int64_t k = 0; k < o->out; k++) {
        int64_t marks = 0;
        for (int64_t c = 0; c < channels; c++) {
            const int mark = o->table[k * channels + c];
            if (mark > 1)
                return weft_fail(WEFT_INVALID, "table[%lld][%lld] is %d, expected 0 or 1", (long long)k, (long long)c,
                                 mark);
            marks += mark;
        }
        if (marks == 0)
            return weft_fail(WEFT_INVALID, "output map %lld is connected to no input map, expected at least one",
                             (long long)k);
    }
    return WEFT_OK;
}

static int64_t count_marks(const weft_partial_conv2d_opt *o, int64_t channels)
{
    int64_t marks = 0;
    for (int64_t i = 0; i < o->out * channels; i++)
        marks += o->table[i];
    return marks;
}

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_partial_conv2d_opt *o = opt;
    (void)n_in;
    WEFT_TRY(weft_need_shape("x", &in[0], 4));
    const int64_t channels = in[0].dim[3];
    WEFT_TRY(weft_need_range("out", o->out, 1, WEFT_MAX_DIM - 1));
    WEFT_TRY(weft_need_range("kernel", o->kernel, 1, WEFT_MAX_WINDOW));
    WEFT_TRY(weft_need_init(&o->init, 0, WEFT_INIT_HE_NORMAL));
    WEFT_TRY(check_table(o, channels));
    o->table = weft_arena_copy(arena, o->table, (size_t)(o->out * channels));
    return o->table != NULL ? WEFT_OK : WEFT_NO_MEMORY;
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_partial_conv2d_opt *o = opt;
    (void)n_in;
    WEFT_TRY(weft_need_shape("x", &in[0], 4));
    const weft_axis axis[2] = { { in[0].dim[1], o->kernel, 1, 1, 0, 0 }, { in[0].dim[2], o->kernel, 1, 1, 0, 0 } };
    int64_t oh, ow;
    WEFT_TRY(weft_window_out(axis, false, &oh, &ow));
    const int64_t channels = in[0].dim[3], marks = count_marks(o, channels), area = (int64_t)o->kernel * o->kernel;
    sig->n_out = 1;
    sig->out[0] = weft_shape_nhwc(in[0].dim[0], oh, ow, o->out);
    WEFT_TRY(weft_need_output(&sig->out[0]));
    sig->n_param = o->bias ? 2 : 1;
    sig->param[0] = (weft_param_spec){
        .name = "weight",
        .shape = weft_shape_nhwc(marks, o->kernel, o->kernel, 1),
        .init = o->init,
        .fan_in = (area * marks + o->out / 2) / o->out,
        .fan_out = (area * marks + channels / 2) / channels,
    };
    if (o->bias)
        sig->param[1] = (weft_param_spec){
            .name = "bias",
            .shape = { .rank = 1, .dim = { o->out } },
            .init = WEFT_INIT_ZERO,
            .fan_in = sig->param[0].fan_in,
            .fan_out = sig->param[0].fan_out,
        };
    return weft_need_shape("weight", &sig->param[0].shape, 4);
}

static weft_cost cost(const weft_node *n)
{
    const weft_partial_conv2d_opt *o = n->opt;
    const double out = weft_out_count(n), marks = (double)weft_node_param(n, 0)->dim[0];
    const double macs = out / (double)o->out * marks * o->kernel * o->kernel;
    return (weft_cost){ macs, 2 * macs + (o->bias ? out : 0) + weft_epilogue_flops(n) };
}

/* Of an output that sees every map. */
static int64_t reduction(const weft_node *n)
{
    const weft_partial_conv2d_opt *o = n->opt;
    return (int64_t)o->kernel * o->kernel * n->in[0].dim[3] + 1;
}

static void describe(const weft_node *n, char *buf, size_t size)
{
    const weft_partial_conv2d_opt *o = n->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "%dx%d %lld, %lld of %lld maps valid", o->kernel, o->kernel, (long long)o->out,
                  (long long)weft_node_param(n, 0)->dim[0], (long long)(o->out * n->in[0].dim[3]));
}

/* The convolution that sees all maps. */
static weft_status grad(weft_grad *g)
{
    const weft_partial_conv2d_opt *o = g->node.opt;
    const int64_t channels = g->node.in[0].dim[3];
    const weft_conv2d_opt conv = { .out = o->out, .kernel_h = o->kernel, .kernel_w = o->kernel, .stride_h = 1,
                                   .stride_w = 1, .dilation = 1, .groups = 1, .padding = WEFT_EXPLICIT };
    const weft_partial_grad_opt all = { "weight_all", o->out, channels, o->table };
    const weft_partial_grad_opt some = { "dw_some", o->out, channels, o->table };
    const weft_var dy = weft_grad_dy(g, 0), weight = weft_grad_param(g, 0);
    if (weft_grad_wants(g, 0)) {
        const weft_var full = weft_graph_append(g->graph, WEFT_OP_PARTIAL_EXPAND, &all, &weight, 1);
        weft_grad_add(g, 0, weft_conv2d_dx(g->graph, dy, full, &conv, &g->node.in[0]));
    }
    if (weft_grad_wants_param(g, 0)) {
        const weft_var dw = weft_conv2d_dw(g->graph, weft_grad_in(g, 0), dy, &conv);
        weft_grad_add_param(g, 0, weft_graph_append(g->graph, WEFT_OP_PARTIAL_COLLECT, &some, &dw, 1));
    }
    if (weft_grad_wants_param(g, 1))
        weft_grad_add_param(g, 1, weft_channel_sum(g->graph, dy, "db"));
    return WEFT_OK;
}

weft_var weft_partial_conv2d(weft_graph *graph, weft_var x, const weft_partial_conv2d_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_PARTIAL_CONV2D, opt, &x, 1);
}

/* clang-format off */
static const uint8_t one_each[] = { 1, 0, 0, 1 };
static const uint8_t all[] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
static const uint8_t ragged[] = { 0, 1, 0,  1, 1, 1,  0, 0, 1,  1, 0, 1,  1, 0, 0 };
/* Rows of the table of C3 that between them have 3, 4 and 6 marks, some runs wrapping around. */
static const uint8_t c3_like[] = {
    1, 1, 1, 0, 0, 0,  0, 0, 0, 1, 1, 1,  1, 1, 0, 0, 0, 1,
    0, 1, 1, 1, 1, 0,  1, 1, 0, 0, 1, 1,  1, 1, 0, 1, 1, 0,  1, 1, 1, 1, 1, 1,
};


static const weft_op_case cases[] = {
    { WEFT_CASE("5x5_c3", WEFT_NHWC(1, 14, 14, 6)),
      WEFT_OPT(weft_partial_conv2d_opt, .out = 7, .kernel = 5, .table = c3_like, .bias = true) },
    { WEFT_CASE("5x5_c3_lecun_tanh", WEFT_NHWC(2, 9, 8, 6)),
      WEFT_OPT(weft_partial_conv2d_opt, .out = 7, .kernel = 5, .table = c3_like, .bias = true),
      .epi = { .act = WEFT_ACT_LECUN_TANH } },
    { WEFT_CASE("5x5_one_output", WEFT_NHWC(3, 5, 5, 6)),
      WEFT_OPT(weft_partial_conv2d_opt, .out = 7, .kernel = 5, .table = c3_like) },
    { WEFT_CASE("3x3_ragged", WEFT_NHWC(2, 7, 6, 3)),
      WEFT_OPT(weft_partial_conv2d_opt, .out = 5, .kernel = 3, .table = ragged, .bias = true) },
    { WEFT_CASE("3x3_all", WEFT_NHWC(1, 6, 9, 3)),
      WEFT_OPT(weft_partial_conv2d_opt, .out = 5, .kernel = 3, .table = all), .epi = { .act = WEFT_ACT_RELU } },
    { WEFT_CASE("1x1_one_each", WEFT_NHWC(1, 4, 5, 2)),
      WEFT_OPT(weft_partial_conv2d_opt, .out = 2, .kernel = 1, .table = one_each) },
    { WEFT_CASE("2x2_wide", WEFT_NHWC(1, 3, 20, 5)),
      WEFT_OPT(weft_partial_conv2d_opt, .out = 3, .kernel = 2, .table = ragged, .bias = true),
      .epi = { .act = WEFT_ACT_TANH } },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_partial_conv2d = {
    .name = "partial_conv2d",
    .brief = "Convolution with a table of connected maps",
    .paper = "LeCun et al. 1998",
    .n_in = 1,
    .opt_size = sizeof(weft_partial_conv2d_opt),
    .takes = WEFT_TAKES_ACT,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .least = weft_least_product,
    .reduction = reduction,
    .describe = describe,
    .grad = grad,
    .cases = cases,
};
