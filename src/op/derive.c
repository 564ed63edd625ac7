/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters computed from parameters, when these have changed:
 *   fold_norm        batch norm behind a convolution or dense layer, folded into it (ADR 0005):
 *                      s[k] = gamma[k] / sqrt(variance[k] + epsilon), weight'[k] = weight[k] s[k],
 *                      bias'[k] = (bias[k] - mean[k]) s[k] + beta[k]
 *   scale_weights    a factor behind the layer:  w' = w scale
 *   compose_weights  y = B (A x + a) + b as one 1x1 convolution of weights B A and bias B a + b
 *   join_weights     y = A x + a + B z + b as one over [x, z] of weights [A, B] and bias a + b
 *
 * Semantics
 * 1. Everything is computed in double and rounded once.
 * 2. An absent bias is 0, an absent gamma 1. */
#include "op/derive.h"

#include "op/case.h"
#include "op/util.h"

static weft_shape vector(int64_t count)
{
    return (weft_shape){ .rank = 1, .dim = { count } };
}

static weft_status need_vectors(const weft_shape *in, int first, int n_in, int64_t count)
{
    char text[96];
    for (int i = first; i < n_in; i++)
        if (in[i].rank != 1 || in[i].dim[0] != count)
            return weft_fail(WEFT_INVALID, "input %d is %s, expected [%lld]", i,
                             weft_shape_text(&in[i], text, sizeof text), (long long)count);
    return WEFT_OK;
}

/* ---- fold_norm ---- */

static weft_status resolve_fold(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_fold_norm_opt *o = opt;
    (void)arena;
    if (n_in != 4 + o->bias + o->gamma)
        return weft_fail(WEFT_INVALID, "fold_norm: %d inputs given, %d expected", n_in, 4 + o->bias + o->gamma);
    WEFT_TRY(weft_need_shape("weight", &in[0], 0));
    return need_vectors(in, 1, n_in, in[0].dim[0]);
}

static weft_status infer_fold(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 2, .out = { in[0], vector(in[0].dim[0]) } };
    return WEFT_OK;
}

static weft_cost cost_fold(const weft_node *node)
{
    return (weft_cost){ .flops = weft_out_count(node) + 6 * (double)node->out[1].dim[0] };
}

/* clang-format off */
static const weft_op_case fold_cases[] = {
    { WEFT_CASE("bias_gamma", WEFT_KRSC(17, 3, 3, 5), WEFT_VECTOR(17), WEFT_VECTOR(17), WEFT_VECTOR(17),
                WEFT_VECTOR(17), WEFT_VECTOR(17)),
      WEFT_OPT(weft_fold_norm_opt, .epsilon = 1e-3, .bias = true, .gamma = true), .positive = 0x20 },
    { WEFT_CASE("gamma", WEFT_KRSC(8, 1, 1, 40), WEFT_VECTOR(8), WEFT_VECTOR(8), WEFT_VECTOR(8), WEFT_VECTOR(8)),
      WEFT_OPT(weft_fold_norm_opt, .epsilon = 1e-5, .gamma = true), .positive = 0x10 },
    { WEFT_CASE("bias", WEFT_KRSC(33, 3, 3, 1), WEFT_VECTOR(33), WEFT_VECTOR(33), WEFT_VECTOR(33), WEFT_VECTOR(33)),
      WEFT_OPT(weft_fold_norm_opt, .epsilon = 1e-5, .bias = true), .positive = 0x10 },
    { WEFT_CASE("dense", WEFT_NC(10, 300), WEFT_VECTOR(10), WEFT_VECTOR(10), WEFT_VECTOR(10)),
      WEFT_OPT(weft_fold_norm_opt, .epsilon = 2e-5), .positive = 8 },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_fold_norm = {
    .name = "fold_norm",
    .brief = "Weights and bias with the batch norm behind them; by a pass",
    .paper = "",
    .n_in = -4,
    .opt_size = sizeof(weft_fold_norm_opt),
    .types = WEFT_TYPES_F32_IN | WEFT_TYPES_F32_OUT,
    .error_class = WEFT_ELEMENTWISE,
    .resolve = resolve_fold,
    .infer = infer_fold,
    .cost = cost_fold,
    .cases = fold_cases,
};

/* ---- scale_weights ---- */

static weft_status resolve_scale(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    (void)opt, (void)n_in, (void)arena;
    return weft_need_shape("weights", &in[0], 0);
}

static weft_status infer_scale(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { in[0] } };
    return WEFT_OK;
}

static weft_cost cost_scale(const weft_node *node)
{
    return (weft_cost){ .flops = weft_out_count(node) };
}

/* clang-format off */
static const weft_op_case scale_cases[] = {
    { WEFT_CASE("weights", WEFT_KRSC(17, 1, 1, 40)), WEFT_OPT(weft_scale_weights_opt, .scale = .17) },
    { WEFT_CASE("bias", WEFT_VECTOR(17)), WEFT_OPT(weft_scale_weights_opt, .scale = .1) },
    { WEFT_CASE("negative", WEFT_NC(5, 70)), WEFT_OPT(weft_scale_weights_opt, .scale = -3) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_scale_weights = {
    .name = "scale_weights",
    .brief = "Weights times a factor; by a pass",
    .paper = "",
    .n_in = 1,
    .opt_size = sizeof(weft_scale_weights_opt),
    .types = WEFT_TYPES_F32_IN | WEFT_TYPES_F32_OUT,
    .error_class = WEFT_ELEMENTWISE,
    .resolve = resolve_scale,
    .infer = infer_scale,
    .cost = cost_scale,
    .cases = scale_cases,
};

/* ---- compose_weights, join_weights ---- */

static weft_status need_pointwise(const weft_shape *in, int n_in, const weft_merge_weights_opt *o)
{
    char text[96];
    if (n_in != 2 + o->first_bias + o->second_bias)
        return weft_fail(WEFT_INVALID, "%d inputs given, %d expected", n_in, 2 + o->first_bias + o->second_bias);
    for (int i = 0; i < 2; i++) {
        WEFT_TRY(weft_need_shape("weights", &in[i], 0));
        if (in[i].rank != 4 || in[i].dim[1] != 1 || in[i].dim[2] != 1)
            return weft_fail(WEFT_INVALID, "input %d is %s, expected weights [K, 1, 1, C]", i,
                             weft_shape_text(&in[i], text, sizeof text));
    }
    if (o->first_bias)
        WEFT_TRY(need_vectors(in, 2, 3, in[0].dim[0]));
    return need_vectors(in, 2 + o->first_bias, n_in, in[1].dim[0]);
}

static weft_status resolve_compose(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    (void)arena;
    WEFT_TRY(need_pointwise(in, n_in, opt));
    if (in[1].dim[3] != in[0].dim[0])
        return weft_fail(WEFT_INVALID, "the second layer reads %lld channels, the first writes %lld",
                         (long long)in[1].dim[3], (long long)in[0].dim[0]);
    return WEFT_OK;
}

static weft_status infer_compose(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 2, .out = { in[1], vector(in[1].dim[0]) } };
    sig->out[0].dim[3] = in[0].dim[3];
    return weft_need_output(&sig->out[0]);
}

static weft_cost cost_compose(const weft_node *node)
{
    const double macs = (weft_out_count(node) + (double)node->out[1].dim[0]) * (double)node->in[0].dim[0];
    return (weft_cost){ .flops = 2 * macs };
}

static int64_t reduction_compose(const weft_node *node)
{
    return node->in[0].dim[0] + 1;
}

static weft_status resolve_join(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    (void)arena;
    WEFT_TRY(need_pointwise(in, n_in, opt));
    if (in[0].dim[0] != in[1].dim[0])
        return weft_fail(WEFT_INVALID, "the layers write %lld and %lld channels, expected the same",
                         (long long)in[0].dim[0], (long long)in[1].dim[0]);
    return WEFT_OK;
}

static weft_status infer_join(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 2, .out = { in[0], vector(in[0].dim[0]) } };
    sig->out[0].dim[3] += in[1].dim[3];
    return weft_need_output(&sig->out[0]);
}

static weft_cost cost_join(const weft_node *node)
{
    return (weft_cost){ .flops = (double)node->out[1].dim[0] };
}

/* clang-format off */
static const weft_op_case compose_cases[] = {
    { WEFT_CASE("biases", WEFT_KRSC(16, 1, 1, 96), WEFT_KRSC(40, 1, 1, 16), WEFT_VECTOR(16), WEFT_VECTOR(40)),
      WEFT_OPT(weft_merge_weights_opt, .first_bias = true, .second_bias = true) },
    { WEFT_CASE("first_bias", WEFT_KRSC(5, 1, 1, 7), WEFT_KRSC(33, 1, 1, 5), WEFT_VECTOR(5)),
      WEFT_OPT(weft_merge_weights_opt, .first_bias = true) },
    { WEFT_CASE("second_bias", WEFT_KRSC(5, 1, 1, 7), WEFT_KRSC(33, 1, 1, 5), WEFT_VECTOR(33)),
      WEFT_OPT(weft_merge_weights_opt, .second_bias = true) },
    { WEFT_CASE("no_bias", WEFT_KRSC(1, 1, 1, 3), WEFT_KRSC(2, 1, 1, 1)),
      WEFT_OPT(weft_merge_weights_opt, .first_bias = false) },
    { .name = NULL },
};

static const weft_op_case join_cases[] = {
    { WEFT_CASE("biases", WEFT_KRSC(40, 1, 1, 16), WEFT_KRSC(40, 1, 1, 33), WEFT_VECTOR(40), WEFT_VECTOR(40)),
      WEFT_OPT(weft_merge_weights_opt, .first_bias = true, .second_bias = true) },
    { WEFT_CASE("first_bias", WEFT_KRSC(5, 1, 1, 7), WEFT_KRSC(5, 1, 1, 2), WEFT_VECTOR(5)),
      WEFT_OPT(weft_merge_weights_opt, .first_bias = true) },
    { WEFT_CASE("second_bias", WEFT_KRSC(5, 1, 1, 1), WEFT_KRSC(5, 1, 1, 8), WEFT_VECTOR(5)),
      WEFT_OPT(weft_merge_weights_opt, .second_bias = true) },
    { WEFT_CASE("no_bias", WEFT_KRSC(3, 1, 1, 3), WEFT_KRSC(3, 1, 1, 1)),
      WEFT_OPT(weft_merge_weights_opt, .first_bias = false) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_compose_weights = {
    .name = "compose_weights",
    .brief = "Two 1x1 convolutions in a row as one; by a pass",
    .paper = "",
    .n_in = -2,
    .opt_size = sizeof(weft_merge_weights_opt),
    .types = WEFT_TYPES_F32_IN | WEFT_TYPES_F32_OUT,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve_compose,
    .infer = infer_compose,
    .cost = cost_compose,
    .reduction = reduction_compose,
    .cases = compose_cases,
};

const weft_op weft_op_join_weights = {
    .name = "join_weights",
    .brief = "Two 1x1 convolutions with one sum as one; by a pass",
    .paper = "",
    .n_in = -2,
    .opt_size = sizeof(weft_merge_weights_opt),
    .types = WEFT_TYPES_F32_IN | WEFT_TYPES_F32_OUT,
    .error_class = WEFT_ELEMENTWISE,
    .resolve = resolve_join,
    .infer = infer_join,
    .cost = cost_join,
    .cases = join_cases,
};
