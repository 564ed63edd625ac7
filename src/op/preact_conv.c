/* SPDX-License-Identifier: Apache-2.0
 *
 * y = conv2d(act(batch_norm(x))): the pre-activation of He et al. 2016, arXiv:1603.05027, at inference.
 *
 * Semantics
 * 1. Each part means what its own op means (batch_norm, conv2d); what lies between them is rounded to the storage type.
 * 2. Parameters are those of the norm, then those of the convolution, named after them. The epilogue is the
 *    convolution's. */
#include "op/preact_conv.h"

#include <string.h>

#include "op/case.h"
#include "op/util.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_preact_conv_opt *o = opt;
    WEFT_TRY(weft_op_batch_norm.resolve(&o->norm, in, n_in, arena));
    WEFT_TRY(weft_need_range("act", (int)o->act, WEFT_ACT_NONE, WEFT_ACT_COUNT - 1));
    return weft_op_conv2d.resolve(&o->conv, in, n_in, arena);
}

/* "gamma" of the norm is "norm/gamma". */
static const char *param_name(const char *name)
{
    static const char *const names[] = { "norm/gamma",    "norm/beta",   "norm/mean",
                                         "norm/variance", "conv/weight", "conv/bias" };
    for (int i = 0; i < WEFT_COUNT(names); i++)
        if (strcmp(names[i] + sizeof "norm/" - 1, name) == 0)
            return names[i];
    return name;
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_preact_conv_opt *o = opt;
    weft_sig norm = { 0 }, conv = { 0 };
    WEFT_TRY(weft_op_batch_norm.infer(&o->norm, in, n_in, &norm));
    WEFT_TRY(weft_op_conv2d.infer(&o->conv, in, n_in, &conv));
    *sig = (weft_sig){ .n_out = 1, .n_param = norm.n_param + conv.n_param, .out = { conv.out[0] } };
    memcpy(sig->param, norm.param, sizeof *norm.param * (size_t)norm.n_param);
    memcpy(sig->param + norm.n_param, conv.param, sizeof *conv.param * (size_t)conv.n_param);
    for (int i = 0; i < sig->n_param; i++)
        sig->param[i].name = param_name(sig->param[i].name);
    return WEFT_OK;
}

void weft_preact_split(const weft_node *node, weft_preact_parts *parts)
{
    weft_preact_parts *p = parts;
    const weft_preact_conv_opt *o = node->opt;
    const int of_norm = o->norm.no_gamma ? 3 : 4, rest = node->n_in - 1 - of_norm;
    p->between = node->in[0];
    memcpy(p->norm_in, node->in, sizeof *node->in * (size_t)(1 + of_norm));
    p->norm = (weft_node){ .id = WEFT_OP_BATCH_NORM, .op = &weft_op_batch_norm, .name = node->name, .opt = &o->norm,
                           .epi = { .act = o->act }, .n_in = 1 + of_norm, .n_out = 1, .n_param = of_norm,
                           .in = p->norm_in, .out = &p->between };
    p->conv_in[0] = p->between;
    memcpy(&p->conv_in[1], &node->in[1 + of_norm], sizeof *node->in * (size_t)rest);
    p->conv = (weft_node){ .id = WEFT_OP_CONV2D, .op = &weft_op_conv2d, .name = node->name, .opt = &o->conv,
                           .epi = node->epi, .n_in = 1 + rest, .n_out = 1, .n_param = node->n_param - of_norm,
                           .in = p->conv_in, .out = node->out };
}

static weft_cost cost(const weft_node *node)
{
    weft_preact_parts p;
    weft_preact_split(node, &p);
    weft_cost sum = p.conv.op->cost(&p.conv);
    sum.flops += p.norm.op->cost(&p.norm).flops;
    return sum;
}

static double least(const weft_node *node)
{
    weft_preact_parts p;
    weft_preact_split(node, &p);
    return p.conv.op->least(&p.conv);
}

static int64_t reduction(const weft_node *node)
{
    weft_preact_parts p;
    weft_preact_split(node, &p);
    return p.conv.op->reduction(&p.conv);
}

/* "1x1 128, of norm and relu" */
static void describe(const weft_node *node, char *buf, size_t size)
{
    const weft_preact_conv_opt *o = node->opt;
    weft_preact_parts p;
    weft_preact_split(node, &p);
    p.conv.op->describe(&p.conv, buf, size);
    size_t used = strlen(buf);
    weft_text_add(buf, size, &used, ", of norm%s%s", o->act == WEFT_ACT_NONE ? "" : " and ", weft_act_name(o->act));
}

/* clang-format off */
#define CASE(label, n, h, w, c) WEFT_CASE(label, WEFT_NHWC(n, h, w, c))
#define OPT(...) WEFT_OPT(weft_preact_conv_opt, __VA_ARGS__)
static const weft_op_case cases[] = {
    { CASE("densenet", 2, 14, 14, 96),
      OPT(.norm = { .epsilon = 1e-5 }, .act = WEFT_ACT_RELU, .conv = { .out = 128, .bias = true }),
      .epi = { .act = WEFT_ACT_RELU } },
    { CASE("pixel", 1, 1, 1, 5), OPT(.act = WEFT_ACT_RELU, .conv = { .out = 3 }) },
    { CASE("one_channel", 2, 9, 13, 1), OPT(.act = WEFT_ACT_RELU, .conv = { .out = 19 }) },
    { CASE("odd_swish", 3, 15, 7, 33), OPT(.act = WEFT_ACT_SWISH, .conv = { .out = 17 }) },
    { CASE("no_gamma_relu6_residual", 2, 13, 11, 70),
      OPT(.norm = { .no_gamma = true }, .act = WEFT_ACT_RELU6, .conv = { .out = 24, .bias = true }),
      .epi = { .act = WEFT_ACT_RELU, .residual = true } },
    { CASE("norm_alone_swish_last", 1, 16, 17, 64), OPT(.conv = { .out = 72 }), .epi = { .act = WEFT_ACT_SWISH } },
    { CASE("rows_over_threads", 3, 29, 31, 16), OPT(.act = WEFT_ACT_RELU, .conv = { .out = 24 }) },
    { CASE("deep", 1, 15, 15, 2100), OPT(.act = WEFT_ACT_RELU, .conv = { .out = 34 }) },
    { CASE("3x3_stride2", 2, 7, 6, 8), OPT(.act = WEFT_ACT_RELU, .conv = { .out = 16, .kernel = 3, .stride = 2 }) },
    { CASE("depthwise_zero_gamma", 1, 7, 6, 20),
      OPT(.norm = { .zero_gamma = true }, .act = WEFT_ACT_RELU, .conv = { .out = 20, .groups = 20, .kernel = 3 }) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_preact_conv = {
    .name = "preact_conv",
    .brief = "Convolution of a batch norm with moving statistics, computed as read",
    .paper = "He et al. 2016, arXiv:1603.05027",
    .n_in = 1,
    .opt_size = sizeof(weft_preact_conv_opt),
    .takes = WEFT_TAKES_ACT | WEFT_TAKES_RESIDUAL,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .least = least,
    .reduction = reduction,
    .depth = 2,
    .describe = describe,
    .cases = cases,
};
