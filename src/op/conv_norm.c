/* SPDX-License-Identifier: Apache-2.0
 *
 * map = conv2d(x, weight, [bias]), y = act(batch_norm_train(map) (+ residual)), in training: Ioffe & Szegedy 2015,
 * arXiv:1502.03167.
 *
 * Semantics
 * 1. Each part means what its own op means; map is rounded to the storage type before it is normalised.
 * 2. Own parameters are the convolution's, then the norm's; the epilogue is the norm's. Outputs are those of
 *    batch_norm_train, then map, which the gradients read.
 * 3. Where map is stored in 16 bits its statistics may come of sums of map and of its squares, in float: a mean of r
 *    deviations costs them r^2 / 2^24 of the variance, but the map's numbers, rounded to 11 bits, r / 2^11 of a
 *    deviation each: wherever something is left of these, the variance has lost little. */
#include "op/conv_norm.h"

#include <string.h>

#include "op/case.h"
#include "op/util.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_conv_norm_opt *o = opt;
    WEFT_TRY(weft_op_conv2d.resolve(&o->conv, in, n_in, arena));
    return weft_op_batch_norm_train.resolve(&o->norm, in, n_in, arena);
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_conv_norm_opt *o = opt;
    weft_sig conv = { 0 };
    WEFT_TRY(weft_op_conv2d.infer(&o->conv, in, n_in, &conv));
    WEFT_TRY(weft_op_batch_norm_train.infer(&o->norm, &conv.out[0], 1, sig));
    sig->out[sig->n_out++] = conv.out[0];
    memmove(sig->param + conv.n_param, sig->param, sizeof *sig->param * (size_t)sig->n_param);
    memcpy(sig->param, conv.param, sizeof *sig->param * (size_t)conv.n_param);
    sig->n_param += conv.n_param;
    return WEFT_OK;
}

void weft_conv_norm_split_forward(const weft_node *node, weft_conv_norm *parts)
{
    weft_conv_norm *p = parts;
    const weft_conv_norm_opt *o = node->opt;
    const int conv = o->conv.bias ? 2 : 1, norm = o->norm.no_gamma ? 1 : 2, rest = norm + node->epi.residual;
    p->norm_param = 1 + conv;
    p->conv = (weft_node){ .id = WEFT_OP_CONV2D, .op = &weft_op_conv2d, .name = node->name, .opt = &o->conv,
                           .n_in = 1 + conv, .n_out = 1, .n_param = conv, .in = node->in,
                           .out = &node->out[WEFT_CONV_NORM_MAP], .in_dtype = node->in_dtype,
                           .out_dtype = node->out_dtype ? &node->out_dtype[WEFT_CONV_NORM_MAP] : NULL };
    p->norm_in[0] = node->out[WEFT_CONV_NORM_MAP];
    memcpy(&p->norm_in[1], &node->in[p->norm_param], sizeof *node->in * (size_t)rest);
    p->norm = (weft_node){ .id = WEFT_OP_BATCH_NORM_TRAIN, .op = &weft_op_batch_norm_train, .name = node->name,
                           .opt = &o->norm, .epi = node->epi, .n_in = 1 + rest, .n_out = WEFT_CONV_NORM_NORM_OUT,
                           .n_param = norm, .in = p->norm_in, .out = node->out };
}

static weft_cost cost(const weft_node *node)
{
    weft_conv_norm p;
    weft_conv_norm_split_forward(node, &p);
    weft_cost sum = p.conv.op->cost(&p.conv);
    sum.flops += p.norm.op->cost(&p.norm).flops;
    return sum;
}

/* The map is written with its sums, then read once. */
static double least(const weft_node *node)
{
    weft_conv_norm p;
    weft_conv_norm_split_forward(node, &p);
    return p.conv.op->least(&p.conv) + 2 * weft_out_count(node);
}

static int64_t reduction(const weft_node *node)
{
    weft_conv_norm p;
    weft_conv_norm_split_forward(node, &p);
    return p.conv.op->reduction(&p.conv) + p.norm.op->reduction(&p.norm);
}

/* "3x3/2 64, norm" */
static void describe(const weft_node *node, char *buf, size_t size)
{
    weft_conv_norm p;
    weft_conv_norm_split_forward(node, &p);
    p.conv.op->describe(&p.conv, buf, size);
    size_t used = strlen(buf);
    weft_text_add(buf, size, &used, ", norm");
}

/* From the map and the statistics that it gave. */
static weft_status again(const weft_node *node, weft_arena *arena, weft_again *out)
{
    const weft_conv_norm_opt *o = node->opt;
    const weft_batch_norm_again_opt opt = { .no_gamma = o->norm.no_gamma };
    *out = (weft_again){ .op = WEFT_OP_BATCH_NORM_AGAIN, .opt = weft_arena_copy(arena, &opt, sizeof opt),
                         .n_in = opt.no_gamma ? 4 : 5,
                         .in = { ~WEFT_CONV_NORM_MAP, ~1, ~2, ~4, weft_node_first_param(node) + 1 + o->conv.bias } };
    return out->opt ? WEFT_OK : WEFT_NO_MEMORY;
}

/* clang-format off */
#define OPT(...) WEFT_OPT(weft_conv_norm_opt, __VA_ARGS__)
static const weft_op_case cases[] = {
    { WEFT_CASE("1x1", WEFT_NHWC(2, 5, 7, 8)), OPT(.conv = { .out = 16 }) },
    { WEFT_CASE("1x1_relu", WEFT_NHWC(3, 13, 11, 24)), OPT(.conv = { .out = 72 }), .epi = { .act = WEFT_ACT_RELU } },
    { WEFT_CASE("3x3_stride2_relu6", WEFT_NHWC(2, 9, 8, 16)),
      OPT(.conv = { .out = 24, .kernel = 3, .stride = 2 }, .norm = { .epsilon = 1e-5, .unbiased = true }),
      .epi = { .act = WEFT_ACT_RELU6 } },
    { WEFT_CASE("1x1_no_gamma_residual_relu", WEFT_NHWC(2, 7, 6, 40)),
      OPT(.conv = { .out = 16 }, .norm = { .no_gamma = true }), .epi = { .act = WEFT_ACT_RELU, .residual = true } },
    { WEFT_CASE("3x3_odd_bias_swish", WEFT_NHWC(1, 9, 11, 5)), OPT(.conv = { .out = 17, .kernel = 3, .bias = true }),
      .epi = { .act = WEFT_ACT_SWISH } },
    { WEFT_CASE("depthwise", WEFT_NHWC(2, 6, 7, 24)), OPT(.conv = { .out = 24, .groups = 24, .kernel = 3 }) },
    { WEFT_CASE("depthwise_tiles_swish", WEFT_NHWC(5, 19, 23, 56)),
      OPT(.conv = { .out = 56, .groups = 56, .kernel = 5 }), .epi = { .act = WEFT_ACT_SWISH } },
    { WEFT_CASE("depthwise_5x5_stride2_bias", WEFT_NHWC(7, 9, 22, 16)),
      OPT(.conv = { .out = 16, .groups = 16, .kernel = 5, .stride = 2, .bias = true }, .norm = { .no_gamma = true }),
      .epi = { .act = WEFT_ACT_RELU6, .residual = true } },
    { WEFT_CASE("groups_residual", WEFT_NHWC(2, 5, 5, 32)), OPT(.conv = { .out = 64, .groups = 2, .kernel = 3 }),
      .epi = { .residual = true } },
    { WEFT_CASE("rows_over_threads", WEFT_NHWC(2, 49, 51, 8)), OPT(.conv = { .out = 24 }),
      .epi = { .act = WEFT_ACT_RELU } },
    { WEFT_CASE("layer_56x64_to_256", WEFT_NHWC(8, 56, 56, 64)), OPT(.conv = { .out = 256 }),
      .epi = { .act = WEFT_ACT_RELU }, .large = true },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_conv_norm = {
    .name = "conv_norm",
    .brief = "Convolution and the batch norm behind it, as one",
    .paper = "Ioffe & Szegedy 2015, arXiv:1502.03167",
    .n_in = 1,
    .opt_size = sizeof(weft_conv_norm_opt),
    .takes = WEFT_TAKES_ACT | WEFT_TAKES_RESIDUAL,
    .types = WEFT_TYPES_F32_REST,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .least = least,
    .reduction = reduction,
    .depth = 2,
    .describe = describe,
    .again = again,
    .cases = cases,
};
