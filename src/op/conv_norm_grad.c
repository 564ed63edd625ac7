/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of y = conv2d(x, weight) and z = act(batch_norm(y)), at once: Ioffe & Szegedy 2015,
 * arXiv:1502.03167. dy is the gradient behind the norm, or behind the activation that the options name.
 *
 *   between, dgamma, dbeta = batch_norm_dx(dy, y, mean, rstd, [gamma], [beta])
 *   dx = conv2d_dx(between, weight) (+ residual), dw = conv2d_dw(x, between)
 *
 * Semantics
 * 1. Each part means what its own op means; between is rounded to the storage type.
 * 2. Inputs are those of batch_norm_dx, then x, then the weights. Outputs are dx, dw, dgamma, dbeta.
 * 3. With `again` what was convolved is act(batch_norm_again(x, mean, rstd, shift, [gamma])); the inputs behind x are
 *    those. dx is the gradient of what was convolved all the same. */
#include "op/conv_norm_grad.h"

#include <string.h>

#include "op/case.h"
#include "op/util.h"

static int norm_inputs(const weft_batch_norm_dx_opt *o)
{
    return weft_batch_norm_dx_beta(o) + (o->act != WEFT_ACT_NONE);
}

static int x_inputs(const weft_conv_norm_grad_opt *o)
{
    return o->again ? weft_again_inputs(&o->before) : 1;
}

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_conv_norm_grad_opt *o = opt;
    const int x = norm_inputs(&o->norm), weights = x + x_inputs(o);
    if (n_in != weights + 1)
        return weft_fail(WEFT_INVALID, "there are %d inputs, expected %d", n_in, weights + 1);
    WEFT_TRY(weft_op_batch_norm_dx.resolve(&o->norm, in, x, arena));
    if (o->again)
        WEFT_TRY(weft_op_batch_norm_again.resolve(&o->before, &in[x], weights - x, arena));
    WEFT_TRY(weft_need_range("before_act", (int)o->before_act, WEFT_ACT_NONE, WEFT_ACT_COUNT - 1));
    const weft_shape of_dx[] = { in[0], in[weights] }, of_dw[] = { in[x], in[0] };
    WEFT_TRY(weft_op_conv2d_dx.resolve(&o->conv, of_dx, 2, arena));
    return weft_op_conv2d_dw.resolve(&o->conv, of_dw, 2, arena);
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_conv_norm_grad_opt *o = opt;
    const weft_shape channels = in[2], x = in[norm_inputs(&o->norm)];
    *sig = (weft_sig){ .n_out = 4, .out = { x, in[n_in - 1], channels, channels } };
    return weft_need_output(&sig->out[WEFT_CONV_NORM_DX]);
}

void weft_conv_norm_split(const weft_node *node, weft_conv_norm_parts *parts)
{
    weft_conv_norm_parts *p = parts;
    const weft_conv_norm_grad_opt *o = node->opt;
    const weft_shape between = node->in[0];
    p->x = norm_inputs(&o->norm);
    p->weights = p->x + x_inputs(o);
    if (o->again)
        weft_again_split(node, &o->before, o->before_act, &node->in[p->x], &p->again);
    for (int i = 0; i < p->x; i++)
        p->norm_in[i] = node->in[i];
    p->norm_out[0] = between;
    p->norm_out[1] = node->out[WEFT_CONV_NORM_DGAMMA];
    p->norm_out[2] = node->out[WEFT_CONV_NORM_DBETA];
    p->norm = (weft_node){ .id = WEFT_OP_BATCH_NORM_DX, .op = &weft_op_batch_norm_dx, .name = node->name,
                           .opt = &o->norm, .n_in = p->x, .n_out = 3, .in = p->norm_in, .out = p->norm_out };
    p->dx_in[0] = p->dw_in[1] = between;
    p->dx_in[1] = node->in[p->weights];
    p->dx_in[2] = node->out[WEFT_CONV_NORM_DX];
    p->dx = (weft_node){ .id = WEFT_OP_CONV2D_DX, .op = &weft_op_conv2d_dx, .name = node->name, .opt = &o->conv,
                         .epi = node->epi, .n_in = 2 + node->epi.residual, .n_out = 1, .in = p->dx_in,
                         .out = &node->out[WEFT_CONV_NORM_DX] };
    p->dw_in[0] = node->in[p->x];
    p->dw = (weft_node){ .id = WEFT_OP_CONV2D_DW, .op = &weft_op_conv2d_dw, .name = node->name, .opt = &o->conv,
                         .n_in = 2, .n_out = 1, .in = p->dw_in, .out = &node->out[WEFT_CONV_NORM_DW] };
}

static weft_cost cost(const weft_node *node)
{
    weft_conv_norm_parts p;
    weft_conv_norm_split(node, &p);
    const weft_conv_norm_grad_opt *o = node->opt;
    const weft_cost norm = p.norm.op->cost(&p.norm), dx = p.dx.op->cost(&p.dx), dw = p.dw.op->cost(&p.dw);
    const double again = o->again ? p.again.node.op->cost(&p.again.node).flops : 0;
    return (weft_cost){ dx.macs + dw.macs, norm.flops + dx.flops + dw.flops + again };
}

/* dy and y twice, for the sums and for what follows from them; x, dx, the weights and their gradient. */
static double least(const weft_node *node)
{
    return 4 * (double)weft_shape_count(&node->in[0]) + 2 * (double)weft_shape_count(&node->out[WEFT_CONV_NORM_DX]) +
           2 * (double)weft_shape_count(&node->out[WEFT_CONV_NORM_DW]);
}

static int64_t reduction(const weft_node *node)
{
    weft_conv_norm_parts p;
    weft_conv_norm_split(node, &p);
    return p.norm.op->reduction(&p.norm) + p.dx.op->reduction(&p.dx) + p.dw.op->reduction(&p.dw);
}

/* "1x1 64, of relu" */
static void describe(const weft_node *node, char *buf, size_t size)
{
    const weft_conv_norm_grad_opt *o = node->opt;
    weft_conv_norm_parts p;
    char norm[48] = "";
    weft_conv_norm_split(node, &p);
    p.dx.op->describe(&p.dx, buf, size);
    p.norm.op->describe(&p.norm, norm, sizeof norm);
    size_t used = strlen(buf);
    if (*norm)
        weft_text_add(buf, size, &used, ", %s", norm);
    if (o->again)
        weft_text_add(buf, size, &used, ", behind norm%s%s", o->before_act == WEFT_ACT_NONE ? "" : " and ",
                      weft_act_name(o->before_act));
}

/* clang-format off */
#define C(n) WEFT_VECTOR(n)
/* 1x1, from [n, h, w, c] to k channels. */
#define CONV(h_, w_, c_, k) .conv = { { .out = k, .kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, \
                                        .dilation = 1, .groups = 1, .padding = WEFT_EXPLICIT }, h_, w_, c_ }
#define CASE(label, n, h, w, c, k, ...) \
    WEFT_CASE(label, WEFT_TWICE(WEFT_NHWC(n, h, w, k)), C(k), C(k), __VA_ARGS__, WEFT_NHWC(n, h, w, c), \
              WEFT_KRSC(k, 1, 1, c)), .positive = 8
/* Depthwise, from [n, h, w, c] to [n, oh, ow, c]. */
#define DEPTHWISE(h_, w_, c_, kernel, stride, dilate, ...) \
    .conv = { { .out = c_, .kernel_h = kernel, .kernel_w = kernel, .stride_h = stride, .stride_w = stride, \
                .dilation = dilate, .groups = c_, .padding = WEFT_EXPLICIT, .pad = { __VA_ARGS__ } }, h_, w_, c_ }
#define CASE_DEPTHWISE(label, n, h, w, c, kernel, oh, ow, ...) \
    WEFT_CASE(label, WEFT_TWICE(WEFT_NHWC(n, oh, ow, c)), C(c), C(c), __VA_ARGS__, WEFT_NHWC(n, h, w, c), \
              WEFT_KRSC(c, kernel, kernel, 1)), .positive = 8
/* The same, of a norm computed once more. */
#define AGAIN(h, w, n, c) WEFT_NHWC(n, h, w, c), C(c), C(c), C(c), C(c)
#define CASE_AGAIN(label, n, h, w, c, k, ...) \
    WEFT_CASE(label, WEFT_TWICE(WEFT_NHWC(n, h, w, k)), C(k), C(k), __VA_ARGS__, AGAIN(h, w, n, c), \
              WEFT_KRSC(k, 1, 1, c)), .positive = 8
#define CASE_AGAIN_DEPTHWISE(label, n, h, w, c, kernel, oh, ow, ...) \
    WEFT_CASE(label, WEFT_TWICE(WEFT_NHWC(n, oh, ow, c)), C(c), C(c), __VA_ARGS__, AGAIN(h, w, n, c), \
              WEFT_KRSC(c, kernel, kernel, 1)), .positive = 8
#define OPT(...) WEFT_OPT(weft_conv_norm_grad_opt, __VA_ARGS__)
static const weft_op_case cases[] = {
    { CASE("plain", 2, 5, 7, 6, 10, C(10)), .weights = 1 << 6, OPT(CONV(5, 7, 6, 10)) },
    { CASE("expand_relu6", 2, 14, 12, 24, 144, C(144), C(144)), .weights = 1 << 7,
      OPT(.norm = { .act = WEFT_ACT_RELU6 }, CONV(14, 12, 24, 144)) },
    { CASE("project_residual", 2, 14, 14, 144, 24, C(24)), .weights = 1 << 6, OPT(CONV(14, 14, 144, 24)),
      .epi = { .residual = true } },
    { CASE("odd_swish", 3, 11, 9, 33, 17, C(17), C(17)), .weights = 1 << 7,
      OPT(.norm = { .act = WEFT_ACT_SWISH }, CONV(11, 9, 33, 17)) },
    { CASE("no_gamma_relu_residual", 2, 13, 13, 64, 72, C(72)), .weights = 1 << 6,
      OPT(.norm = { .act = WEFT_ACT_RELU, .no_gamma = true }, CONV(13, 13, 64, 72)), .epi = { .residual = true } },
    { CASE("frozen_hard_swish", 2, 12, 13, 40, 24, C(24), C(24)), .weights = 1 << 7,
      OPT(.norm = { .act = WEFT_ACT_HARD_SWISH, .frozen = true, .epsilon = 1e-3 }, CONV(12, 13, 40, 24)) },
    { CASE("wide", 1, 9, 17, 264, 20, C(20), C(20)), .weights = 1 << 7,
      OPT(.norm = { .act = WEFT_ACT_RELU }, CONV(9, 17, 264, 20)) },
    { CASE("wider", 1, 9, 17, 24, 272, C(272), C(272)), .weights = 1 << 7,
      OPT(.norm = { .act = WEFT_ACT_RELU }, CONV(9, 17, 24, 272)) },
    { CASE("rows_over_threads", 3, 49, 51, 16, 24, C(24), C(24)), .weights = 1 << 7,
      OPT(.norm = { .act = WEFT_ACT_RELU }, CONV(49, 51, 16, 24)) },
    { CASE_AGAIN("again_relu6_swish", 2, 14, 12, 24, 144, C(144), C(144)), .weights = 1 << 11,
      OPT(.norm = { .act = WEFT_ACT_RELU6 }, .again = true, .before_act = WEFT_ACT_SWISH, CONV(14, 12, 24, 144)) },
    { CASE_AGAIN("again_odd_residual", 3, 11, 9, 33, 17, C(17)), .weights = 1 << 10,
      OPT(.again = true, .before_act = WEFT_ACT_RELU, CONV(11, 9, 33, 17)), .epi = { .residual = true } },
    { CASE_AGAIN_DEPTHWISE("depthwise_again_turns", 33, 12, 12, 272, 3, 12, 12, C(272), C(272)),
      OPT(.norm = { .act = WEFT_ACT_RELU }, .again = true, .before_act = WEFT_ACT_RELU6,
          DEPTHWISE(12, 12, 272, 3, 1, 1, 1, 1, 1, 1)) },
    { CASE_AGAIN_DEPTHWISE("depthwise_again_dilation2", 2, 11, 9, 20, 3, 11, 9, C(20)),
      OPT(.again = true, DEPTHWISE(11, 9, 20, 3, 1, 2, 2, 2, 2, 2)) },
    { CASE_DEPTHWISE("depthwise_relu6", 3, 9, 8, 24, 3, 9, 8, C(24), C(24)),
      OPT(.norm = { .act = WEFT_ACT_RELU6 }, DEPTHWISE(9, 8, 24, 3, 1, 1, 1, 1, 1, 1)) },
    { CASE_DEPTHWISE("depthwise_residual", 2, 7, 6, 40, 3, 7, 6, C(40)), OPT(DEPTHWISE(7, 6, 40, 3, 1, 1, 1, 1, 1, 1)),
      .epi = { .residual = true } },
    { CASE_DEPTHWISE("depthwise_stride2_swish", 2, 12, 10, 32, 3, 6, 5, C(32), C(32)),
      OPT(.norm = { .act = WEFT_ACT_SWISH }, DEPTHWISE(12, 10, 32, 3, 2, 1, 0, 1, 0, 1)) },
    { CASE_DEPTHWISE("depthwise_5x5_stride2_residual", 2, 13, 11, 17, 5, 7, 6, C(17)),
      OPT(DEPTHWISE(13, 11, 17, 5, 2, 1, 2, 2, 2, 2)), .epi = { .residual = true } },
    { CASE_DEPTHWISE("depthwise_dilation2_no_gamma_relu", 2, 11, 9, 20, 3, 11, 9, C(20)),
      OPT(.norm = { .act = WEFT_ACT_RELU, .no_gamma = true }, DEPTHWISE(11, 9, 20, 3, 1, 2, 2, 2, 2, 2)) },
    { CASE_DEPTHWISE("depthwise_valid_frozen", 2, 9, 9, 16, 3, 7, 7, C(16)),
      OPT(.norm = { .frozen = true, .epsilon = 1e-3 }, DEPTHWISE(9, 9, 16, 3, 1, 1, 0, 0, 0, 0)) },
    { CASE_DEPTHWISE("depthwise_many_images", 67, 5, 4, 8, 3, 5, 4, C(8)),
      OPT(DEPTHWISE(5, 4, 8, 3, 1, 1, 1, 1, 1, 1)) },
    { CASE_DEPTHWISE("depthwise_5x5_stride2_bands", 3, 36, 20, 24, 5, 18, 10, C(24), C(24)),
      OPT(.norm = { .act = WEFT_ACT_RELU }, DEPTHWISE(36, 20, 24, 5, 2, 1, 1, 2, 1, 2)) },
    { CASE("layer_56x64_to_256", 8, 56, 56, 64, 256, C(256), C(256)), .weights = 1 << 7,
      OPT(.norm = { .act = WEFT_ACT_RELU }, CONV(56, 56, 64, 256)), .large = true },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_conv_norm_grad = {
    .name = "conv_norm_grad",
    .brief = "Gradients of a convolution and of the batch norm behind it, as one",
    .paper = "Ioffe & Szegedy 2015, arXiv:1502.03167",
    .n_in = -6,
    .opt_size = sizeof(weft_conv_norm_grad_opt),
    .takes = WEFT_TAKES_RESIDUAL,
    .types = WEFT_TYPES_F32_REST,
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
