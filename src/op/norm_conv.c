/* SPDX-License-Identifier: Apache-2.0
 *
 * y = conv2d(act(batch_norm_again(x, mean, rstd, shift, [gamma])), weight, [bias]): Ioffe & Szegedy 2015,
 * arXiv:1502.03167, in training, with statistics that batch_norm_stats gave.
 *
 * Semantics
 * 1. Each part means what its own op means; what lies between them is rounded to the storage type.
 * 2. Inputs are those of batch_norm_again; parameters and epilogue are the convolution's. */
#include "op/norm_conv.h"

#include <string.h>

#include "op/case.h"
#include "op/util.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_norm_conv_opt *o = opt;
    WEFT_TRY(weft_op_batch_norm_again.resolve(&o->norm, in, n_in, arena));
    WEFT_TRY(weft_need_range("act", (int)o->act, WEFT_ACT_NONE, WEFT_ACT_COUNT - 1));
    return weft_op_conv2d.resolve(&o->conv, in, 1, arena);
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)n_in;
    return weft_op_conv2d.infer(&((const weft_norm_conv_opt *)opt)->conv, in, 1, sig);
}

void weft_again_split(const weft_node *node, const weft_batch_norm_again_opt *opt, weft_act act, const weft_shape *in,
                      weft_again_part *part)
{
    const int count = weft_again_inputs(opt);
    memcpy(part->in, in, sizeof *in * (size_t)count);
    part->out = in[0];
    part->node = (weft_node){ .id = WEFT_OP_BATCH_NORM_AGAIN, .op = &weft_op_batch_norm_again, .name = node->name,
                              .opt = opt, .epi = { .act = act }, .n_in = count, .n_out = 1, .in = part->in,
                              .out = &part->out };
}

void weft_norm_conv_split(const weft_node *node, weft_norm_conv_parts *parts)
{
    weft_norm_conv_parts *p = parts;
    const weft_norm_conv_opt *o = node->opt;
    const int first = weft_again_inputs(&o->norm), rest = node->n_in - first;
    weft_again_split(node, &o->norm, o->act, node->in, &p->again);
    p->conv_in[0] = node->in[0];
    memcpy(&p->conv_in[1], &node->in[first], sizeof *node->in * (size_t)rest);
    p->conv = (weft_node){ .id = WEFT_OP_CONV2D, .op = &weft_op_conv2d, .name = node->name, .opt = &o->conv,
                           .epi = node->epi, .n_in = 1 + rest, .n_out = 1, .n_param = node->n_param,
                           .in = p->conv_in, .out = node->out };
}

static weft_cost cost(const weft_node *node)
{
    weft_norm_conv_parts p;
    weft_norm_conv_split(node, &p);
    weft_cost sum = p.conv.op->cost(&p.conv);
    sum.flops += p.again.node.op->cost(&p.again.node).flops;
    return sum;
}

static double least(const weft_node *node)
{
    weft_norm_conv_parts p;
    weft_norm_conv_split(node, &p);
    return p.conv.op->least(&p.conv);
}

static int64_t reduction(const weft_node *node)
{
    weft_norm_conv_parts p;
    weft_norm_conv_split(node, &p);
    return p.conv.op->reduction(&p.conv);
}

/* "3x3/2 dw, of relu6" */
static void describe(const weft_node *node, char *buf, size_t size)
{
    const weft_norm_conv_opt *o = node->opt;
    weft_norm_conv_parts p;
    weft_norm_conv_split(node, &p);
    p.conv.op->describe(&p.conv, buf, size);
    size_t used = strlen(buf);
    weft_text_add(buf, size, &used, ", of %s%s", o->act == WEFT_ACT_NONE ? "" : "norm and ",
                  o->act == WEFT_ACT_NONE ? "norm" : weft_act_name(o->act));
}

/* clang-format off */
#define C(n) WEFT_VECTOR(n)
#define CASE(label, n, h, w, c, ...) \
    WEFT_CASE(label, WEFT_NHWC(n, h, w, c), C(c), C(c), C(c), __VA_ARGS__), .positive = 4
#define CASE_NO_GAMMA(label, n, h, w, c) WEFT_CASE(label, WEFT_NHWC(n, h, w, c), C(c), C(c), C(c)), .positive = 4
#define OPT(...) WEFT_OPT(weft_norm_conv_opt, __VA_ARGS__)
static const weft_op_case cases[] = {
    { CASE("1x1", 2, 5, 7, 6, C(6)), OPT(.act = WEFT_ACT_RELU, .conv = { .out = 10 }) },
    { CASE("1x1_odd_swish", 3, 5, 3, 33, C(33)), OPT(.act = WEFT_ACT_SWISH, .conv = { .out = 17 }) },
    { CASE("1x1_bias_relu_residual", 2, 13, 11, 96, C(96)),
      OPT(.act = WEFT_ACT_RELU6, .conv = { .out = 24, .bias = true }),
      .epi = { .act = WEFT_ACT_RELU, .residual = true } },
    { CASE_NO_GAMMA("1x1_no_gamma", 1, 16, 17, 64), OPT(.norm = { .no_gamma = true }, .conv = { .out = 72 }) },
    { CASE("1x1_wide", 1, 9, 13, 320, C(320)), OPT(.act = WEFT_ACT_RELU, .conv = { .out = 34 }) },
    { CASE("1x1_rows_over_threads", 3, 49, 51, 16, C(16)), OPT(.act = WEFT_ACT_RELU, .conv = { .out = 24 }) },
    { CASE("depthwise_relu6", 17, 9, 8, 24, C(24)),
      OPT(.act = WEFT_ACT_RELU6, .conv = { .out = 24, .groups = 24, .kernel = 3 }) },
    { CASE("depthwise_stride2_swish", 9, 12, 11, 17, C(17)),
      OPT(.act = WEFT_ACT_SWISH, .conv = { .out = 17, .groups = 17, .kernel = 3, .stride = 2, .bias = true }) },
    { CASE("depthwise_5x5_stride2_turns", 9, 36, 40, 48, C(48)),
      OPT(.act = WEFT_ACT_RELU, .conv = { .out = 48, .groups = 48, .kernel = 5, .stride = 2 }),
      .epi = { .act = WEFT_ACT_SWISH } },
    { CASE_NO_GAMMA("depthwise_dilation2_valid", 8, 11, 9, 20),
      OPT(.norm = { .no_gamma = true }, .conv = { .out = 20, .groups = 20, .kernel = 3, .dilation = 2,
                                                  .padding = WEFT_VALID }) },
    { CASE("3x3", 2, 7, 6, 8, C(8)), OPT(.act = WEFT_ACT_RELU, .conv = { .out = 16, .kernel = 3 }) },
    { .name = NULL },
};
#undef C
/* clang-format on */

const weft_op weft_op_norm_conv = {
    .name = "norm_conv",
    .brief = "Convolution of a batch norm's result, which is computed as it is read",
    .paper = "Ioffe & Szegedy 2015, arXiv:1502.03167",
    .n_in = -4,
    .opt_size = sizeof(weft_norm_conv_opt),
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
