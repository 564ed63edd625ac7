/* SPDX-License-Identifier: Apache-2.0
 *
 * Batch normalisation with the statistics of the batch, and the gradients of both kinds: Ioffe & Szegedy 2015,
 * arXiv:1502.03167, algorithm 1 and the formulas behind it. m is the number of rows of x: images times pixels.
 *
 *   mean = sum of x / m, rstd = 1 / sqrt(sum of (x - mean)^2 / m + epsilon), y = gamma (x - mean) rstd + beta
 *   dbeta = sum of dy, dgamma = sum of dy (x - mean) rstd
 *   dx = gamma rstd (dy - dbeta / m - (x - mean) rstd dgamma / m)
 *
 * Semantics
 * 1. batch_norm_train gives y, mean, rstd, the variance that moves the moving statistic: divided by m, with
 *    `unbiased` by m - 1 (of a single row, which has no such variance, by m); and shift, beta less what mean lost when
 *    it was rounded to a float: y = gamma rstd (x - float(mean)) + shift.
 * 2. Sums are of deviations, so that a large mean costs no digits; they are added in a tree that depends on sizes
 *    alone.
 * 3. The epilogue's residual comes after beta, its activation last.
 * 4. batch_norm_dx takes mean and rstd as they were; with `frozen` they are parameters, the terms with 1 / m fall away,
 *    and rstd is computed of the variance. Its residual is another gradient of the same x.
 * 5. With an activation dy is the gradient behind that, and what is meant by dy above is dy slope(y), with y computed
 *    once more from x, in the same way (op/activation.c, Semantics 6, for the slopes).
 * 6. batch_norm_again is that last formula and gives the bits of y once more, with the epilogue of the node it repeats.
 * 7. batch_norm_stats gives all of batch_norm_train but y, for readers that compute it themselves (norm_conv.c): on
 *    devices that have a kernel for those, which is the CPU.
 * 8. batch_norm_frozen_dx is dx of frozen statistics alone, gamma dy / sqrt(variance + epsilon): x is not read.
 * 9. batch_norm_join_dx is activation_dx and the batch_norm_dx that reads what it gives, of an activation behind an
 *    addition, whose slope is of its result z: dy slope(z) is its last output, for those that read it besides. */
#include <math.h>
#include <string.h>

#include "graph/grad.h"
#include "op/activation.h"
#include "op/batch_norm.h"
#include "op/case.h"
#include "op/util.h"

static int64_t rows_of_x(const weft_node *n)
{
    return weft_shape_rows(&n->in[0]);
}

static weft_shape channels_of(const weft_shape *x)
{
    return (weft_shape){ .rank = 1, .dim = { weft_shape_channels(x) } };
}

/* ---- batch_norm_train ---- */

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_batch_norm_opt *o = opt;
    const weft_shape c = channels_of(&in[0]);
    (void)n_in;
    *sig = (weft_sig){ .n_out = 5, .out = { in[0], c, c, c, c } };
    if (!o->no_gamma)
        sig->param[sig->n_param++] =
            (weft_param_spec){ .name = "gamma", .shape = c, .init = o->zero_gamma ? WEFT_INIT_ZERO : WEFT_INIT_ONE };
    sig->param[sig->n_param++] = (weft_param_spec){ .name = "beta", .shape = c, .init = WEFT_INIT_ZERO };
    return WEFT_OK;
}

static weft_cost cost(const weft_node *n)
{
    return (weft_cost){ .flops = 6 * weft_out_count(n) + weft_epilogue_flops(n) };
}

static double least(const weft_node *n)
{
    return 3 * weft_out_count(n); /* read for the statistics, and again where the caches do not hold it */
}

static void describe(const weft_node *n, char *buf, size_t size)
{
    const weft_batch_norm_opt *o = n->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "epsilon %g%s%s", o->epsilon, o->no_gamma ? " no gamma" : "",
                  o->unbiased ? " unbiased" : "");
}

static weft_status grad(weft_grad *g)
{
    const weft_batch_norm_opt *o = g->node.opt;
    const int first = o->no_gamma ? 0 : 1;
    const weft_batch_norm_dx_opt opt = { .name = "dx", .no_gamma = o->no_gamma };
    const weft_var in[] = { weft_grad_dy(g, 0), weft_grad_in(g, 0), weft_grad_out(g, 1), weft_grad_out(g, 2),
                            weft_grad_param(g, 0) };
    const weft_var dx = weft_graph_append(g->graph, WEFT_OP_BATCH_NORM_DX, &opt, in, 4 + first);
    weft_grad_add(g, 0, dx);
    if (first)
        weft_grad_add_param(g, 0, weft_graph_out(dx, 1));
    weft_grad_add_param(g, first, weft_graph_out(dx, 2));
    return WEFT_OK;
}

/* From the statistics that it gave: mean, rstd and shift are its outputs 1, 2 and 4. */
static weft_status again(const weft_node *n, weft_arena *arena, weft_again *out)
{
    const weft_batch_norm_again_opt opt = { .no_gamma = ((const weft_batch_norm_opt *)n->opt)->no_gamma };
    *out = (weft_again){ .op = WEFT_OP_BATCH_NORM_AGAIN, .opt = weft_arena_copy(arena, &opt, sizeof opt),
                         .n_in = opt.no_gamma ? 4 : 5, .in = { 0, ~1, ~2, ~4, weft_node_first_param(n) } };
    return out->opt ? WEFT_OK : WEFT_NO_MEMORY;
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("c1_5x7", WEFT_NHWC(1, 5, 7, 1)) },
    { WEFT_CASE("c3_batch3", WEFT_NHWC(3, 3, 5, 3)) },
    { WEFT_CASE("c8_epsilon_torch", WEFT_NHWC(2, 4, 3, 8)),
      WEFT_OPT(weft_batch_norm_opt, .epsilon = 1e-5, .unbiased = true) },
    { WEFT_CASE("c17_no_gamma", WEFT_NHWC(1, 9, 5, 17)), WEFT_OPT(weft_batch_norm_opt, .no_gamma = true) },
    { WEFT_CASE("c64_relu", WEFT_NHWC(2, 7, 7, 64)), .epi = { .act = WEFT_ACT_RELU } },
    { WEFT_CASE("c70_swish", WEFT_NHWC(1, 5, 3, 70)), .epi = { .act = WEFT_ACT_SWISH } },
    { WEFT_CASE("c40_residual_relu", WEFT_NHWC(2, 5, 3, 40)), .epi = { .act = WEFT_ACT_RELU, .residual = true } },
    { WEFT_CASE("c256_two_rows_unbiased", WEFT_NHWC(2, 1, 1, 256)), WEFT_OPT(weft_batch_norm_opt, .unbiased = true) },
    { WEFT_CASE("one_row_unbiased", WEFT_NHWC(1, 1, 1, 20)), WEFT_OPT(weft_batch_norm_opt, .unbiased = true) },
    { WEFT_CASE("vectors", WEFT_NC(65, 33)) },
    { WEFT_CASE("rows_over_threads", WEFT_NHWC(2, 49, 51, 24)), .epi = { .act = WEFT_ACT_RELU } },
    { WEFT_CASE("layer_56x256", WEFT_NHWC(8, 56, 56, 256)), .epi = { .act = WEFT_ACT_RELU }, .large = true },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_batch_norm_train = {
    .name = "batch_norm_train",
    .brief = "Batch normalisation with the statistics of the batch",
    .paper = "Ioffe & Szegedy 2015, arXiv:1502.03167",
    .n_in = 1,
    .opt_size = sizeof(weft_batch_norm_opt),
    .takes = WEFT_TAKES_ACT | WEFT_TAKES_RESIDUAL,
    .types = WEFT_TYPES_F32_REST,
    .error_class = WEFT_REDUCTION,
    .resolve = weft_batch_norm_resolve,
    .infer = infer,
    .cost = cost,
    .least = least,
    .reduction = rows_of_x,
    .describe = describe,
    .grad = grad,
    .again = again,
    .cases = cases,
};

/* ---- batch_norm_stats ---- */

static weft_status infer_stats(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    WEFT_TRY(infer(opt, in, n_in, sig));
    sig->n_out--;
    memmove(sig->out, sig->out + 1, sizeof *sig->out * (size_t)sig->n_out);
    return WEFT_OK;
}

static weft_cost cost_stats(const weft_node *n)
{
    return (weft_cost){ .flops = 4 * (double)weft_shape_count(&n->in[0]) };
}

static double least_stats(const weft_node *n)
{
    return (double)weft_shape_count(&n->in[0]);
}

/* clang-format off */
static const weft_op_case cases_stats[] = {
    { WEFT_CASE("c3_batch3", WEFT_NHWC(3, 3, 5, 3)) },
    { WEFT_CASE("c17_no_gamma", WEFT_NHWC(1, 9, 5, 17)), WEFT_OPT(weft_batch_norm_opt, .no_gamma = true) },
    { WEFT_CASE("c256_two_rows_unbiased", WEFT_NHWC(2, 1, 1, 256)), WEFT_OPT(weft_batch_norm_opt, .unbiased = true) },
    { WEFT_CASE("vectors", WEFT_NC(65, 33)) },
    { WEFT_CASE("rows_over_threads", WEFT_NHWC(2, 49, 51, 24)) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_batch_norm_stats = {
    .name = "batch_norm_stats",
    .brief = "Statistics of a batch, and what a norm by them shifts",
    .paper = "Ioffe & Szegedy 2015, arXiv:1502.03167",
    .n_in = 1,
    .opt_size = sizeof(weft_batch_norm_opt),
    .types = WEFT_TYPES_F32_OUT,
    .error_class = WEFT_REDUCTION,
    .resolve = weft_batch_norm_resolve,
    .infer = infer_stats,
    .cost = cost_stats,
    .least = least_stats,
    .reduction = rows_of_x,
    .describe = describe,
    .cases = cases_stats,
};

/* ---- batch_norm_again ---- */

static weft_status need_same(const char *what, const weft_shape *is, const weft_shape *want)
{
    char a[96], b[96];
    if (!weft_shape_equal(is, want))
        return weft_fail(WEFT_INVALID, "%s is %s, expected %s", what, weft_shape_text(is, a, sizeof a),
                         weft_shape_text(want, b, sizeof b));
    return WEFT_OK;
}

static weft_status need_channels(const weft_shape *in, int first, int n_in)
{
    const weft_shape c = channels_of(&in[0]);
    for (int i = first; i < n_in; i++)
        WEFT_TRY(need_same("what belongs to the channels", &in[i], &c));
    return WEFT_OK;
}

static weft_status resolve_again(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_batch_norm_again_opt *o = opt;
    const int count = o->no_gamma ? 4 : 5;
    (void)arena;
    if (n_in != count)
        return weft_fail(WEFT_INVALID, "there are %d inputs, expected %d", n_in, count);
    WEFT_TRY(weft_need_shape("x", &in[0], 0));
    return need_channels(in, 1, n_in);
}

static weft_status infer_again(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { in[0] } };
    return WEFT_OK;
}

static weft_cost cost_again(const weft_node *n)
{
    return (weft_cost){ .flops = 3 * weft_out_count(n) + weft_epilogue_flops(n) };
}

/* clang-format off */
#define C(n) WEFT_VECTOR(n)
static const weft_op_case cases_again[] = {
    { WEFT_CASE("c1_5x7", WEFT_NHWC(1, 5, 7, 1), C(1), C(1), C(1), C(1)), .positive = 4 },
    { WEFT_CASE("c17_relu", WEFT_NHWC(2, 9, 5, 17), C(17), C(17), C(17), C(17)), .epi = { .act = WEFT_ACT_RELU },
      .positive = 4 },
    { WEFT_CASE("c40_residual_relu", WEFT_NHWC(2, 5, 3, 40), C(40), C(40), C(40), C(40)),
      .epi = { .act = WEFT_ACT_RELU, .residual = true }, .positive = 4 },
    { WEFT_CASE("c64_no_gamma_swish", WEFT_NHWC(2, 7, 7, 64), C(64), C(64), C(64)),
      WEFT_OPT(weft_batch_norm_again_opt, .no_gamma = true), .epi = { .act = WEFT_ACT_SWISH }, .positive = 4 },
    { WEFT_CASE("vectors", WEFT_NC(65, 33), C(33), C(33), C(33), C(33)), .positive = 4 },
    { WEFT_CASE("rows_over_threads", WEFT_NHWC(2, 49, 51, 24), C(24), C(24), C(24), C(24)),
      .epi = { .act = WEFT_ACT_RELU }, .positive = 4 },
    { .name = NULL },
};
#undef C
/* clang-format on */

const weft_op weft_op_batch_norm_again = {
    .name = "batch_norm_again",
    .brief = "Batch normalisation once more, by statistics that were kept",
    .paper = "Pleiss et al. 2017, arXiv:1707.06990",
    .n_in = -4,
    .opt_size = sizeof(weft_batch_norm_again_opt),
    .takes = WEFT_TAKES_ACT | WEFT_TAKES_RESIDUAL,
    .error_class = WEFT_ELEMENTWISE,
    .resolve = resolve_again,
    .infer = infer_again,
    .cost = cost_again,
    .least = weft_least_map,
    .cases = cases_again,
};

/* ---- batch_norm_dx ---- */

static weft_status resolve_dx(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_batch_norm_dx_opt *o = opt;
    (void)arena;
    WEFT_TRY(weft_need_range("act", (int)o->act, WEFT_ACT_NONE, WEFT_ACT_COUNT - 1));
    if (!weft_batch_norm_dx_takes(o->act))
        return weft_fail(WEFT_INVALID, "act is %s, whose gradient is for activation_dx", weft_act_name(o->act));
    const int count = weft_batch_norm_dx_beta(o) + (o->act != WEFT_ACT_NONE);
    if (n_in != count)
        return weft_fail(WEFT_INVALID, "there are %d inputs, expected %d", n_in, count);
    if (!(o->epsilon >= 0) || !isfinite(o->epsilon))
        return weft_fail(WEFT_INVALID, "epsilon is %g, expected a finite number, 0 or more", o->epsilon);
    WEFT_TRY(weft_need_shape("dy", &in[0], 0));
    WEFT_TRY(need_same("x", &in[1], &in[0]));
    return need_channels(in, 2, n_in);
}

static weft_status infer_dx(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_shape c = channels_of(&in[0]);
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 3, .out = { in[0], c, c } };
    return WEFT_OK;
}

static weft_cost cost_dx(const weft_node *n)
{
    const weft_batch_norm_dx_opt *o = n->opt;
    return (weft_cost){ .flops = (o->act == WEFT_ACT_NONE ? 9 : 12) * weft_out_count(n) + weft_epilogue_flops(n) };
}

static double least_dx(const weft_node *n)
{
    return 5 * weft_out_count(n);
}

static void describe_dx(const weft_node *n, char *buf, size_t size)
{
    const weft_batch_norm_dx_opt *o = n->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "%s%s%s%s%s", o->act == WEFT_ACT_NONE ? "" : "of ", weft_act_name(o->act),
                  o->act != WEFT_ACT_NONE && o->frozen ? " " : "", o->frozen ? "frozen" : "",
                  o->no_gamma ? " no gamma" : "");
}

/* clang-format off */
#define C(n) WEFT_VECTOR(n)
#define DX(...) WEFT_OPT(weft_batch_norm_dx_opt, __VA_ARGS__)
static const weft_op_case cases_dx[] = {
    { WEFT_CASE("c1_5x7", WEFT_TWICE(WEFT_NHWC(1, 5, 7, 1)), C(1), C(1), C(1)), .positive = 8 },
    { WEFT_CASE("c17", WEFT_TWICE(WEFT_NHWC(2, 9, 5, 17)), C(17), C(17), C(17)), .positive = 8 },
    { WEFT_CASE("c64_no_gamma", WEFT_TWICE(WEFT_NHWC(2, 7, 7, 64)), C(64), C(64)), DX(.no_gamma = true),
      .positive = 8 },
    { WEFT_CASE("one_row", WEFT_TWICE(WEFT_NHWC(1, 1, 1, 70)), C(70), C(70), C(70)), .positive = 8 },
    { WEFT_CASE("vectors_residual", WEFT_TWICE(WEFT_NC(65, 33)), C(33), C(33), C(33)), .epi = { .residual = true },
      .positive = 8 },
    { WEFT_CASE("frozen", WEFT_TWICE(WEFT_NHWC(2, 3, 5, 24)), C(24), C(24), C(24)),
      DX(.frozen = true, .epsilon = 1e-3), .positive = 8 },
    { WEFT_CASE("relu", WEFT_TWICE(WEFT_NHWC(2, 5, 5, 40)), C(40), C(40), C(40), C(40)), DX(.act = WEFT_ACT_RELU),
      .positive = 8 },
    { WEFT_CASE("relu6_no_gamma", WEFT_TWICE(WEFT_NHWC(2, 5, 5, 17)), C(17), C(17), C(17)),
      DX(.act = WEFT_ACT_RELU6, .no_gamma = true), .positive = 8 },
    { WEFT_CASE("swish_residual", WEFT_TWICE(WEFT_NHWC(2, 3, 5, 48)), C(48), C(48), C(48), C(48)),
      DX(.act = WEFT_ACT_SWISH), .epi = { .residual = true }, .positive = 8 },
    { WEFT_CASE("hard_sigmoid", WEFT_TWICE(WEFT_NC(9, 17)), C(17), C(17), C(17), C(17)),
      DX(.act = WEFT_ACT_HARD_SIGMOID), .positive = 8 },
    { WEFT_CASE("hard_swish_frozen", WEFT_TWICE(WEFT_NHWC(1, 5, 5, 33)), C(33), C(33), C(33), C(33)),
      DX(.act = WEFT_ACT_HARD_SWISH, .frozen = true, .epsilon = 1e-5), .positive = 8 },
    { WEFT_CASE("leaky_relu", WEFT_TWICE(WEFT_NHWC(1, 5, 5, 8)), C(8), C(8), C(8), C(8)),
      DX(.act = WEFT_ACT_LEAKY_RELU), .positive = 8 },
    { WEFT_CASE("rows_over_threads", WEFT_TWICE(WEFT_NHWC(2, 49, 51, 24)), C(24), C(24), C(24), C(24)),
      DX(.act = WEFT_ACT_RELU), .positive = 8 },
    { WEFT_CASE("layer_56x256", WEFT_TWICE(WEFT_NHWC(8, 56, 56, 256)), C(256), C(256), C(256)), .positive = 8,
      .large = true },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_batch_norm_dx = {
    .name = "batch_norm_dx",
    .brief = "Gradients of batch normalisation",
    .paper = "Ioffe & Szegedy 2015, arXiv:1502.03167",
    .n_in = -4,
    .opt_size = sizeof(weft_batch_norm_dx_opt),
    .takes = WEFT_TAKES_RESIDUAL,
    .types = WEFT_TYPES_F32_REST,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve_dx,
    .infer = infer_dx,
    .cost = cost_dx,
    .least = least_dx,
    .reduction = rows_of_x,
    .describe = describe_dx,
    .cases = cases_dx,
};

/* ---- batch_norm_join_dx ---- */

static weft_status resolve_join(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_batch_norm_dx_opt *o = opt;
    weft_batch_norm_dx_opt norm = { .no_gamma = o->no_gamma };
    WEFT_TRY(weft_need_range("act", (int)o->act, WEFT_ACT_NONE + 1, WEFT_ACT_COUNT - 1));
    if (!weft_act_keeps_result(o->act) || o->frozen)
        return weft_fail(WEFT_INVALID, "act is %s%s, expected one with a slope of its result, and statistics of x",
                         weft_act_name(o->act), o->frozen ? ", frozen" : "");
    if (n_in < 5)
        return weft_fail(WEFT_INVALID, "there are %d inputs, expected %d", n_in, 5 + !o->no_gamma);
    WEFT_TRY(resolve_dx(&norm, in, n_in - 1, arena));
    return need_same("z", &in[n_in - 1], &in[0]);
}

static weft_status infer_join(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    WEFT_TRY(infer_dx(opt, in, n_in, sig));
    sig->out[sig->n_out++] = in[0];
    return WEFT_OK;
}

static weft_cost cost_join(const weft_node *n)
{
    return (weft_cost){ .flops = 11 * weft_out_count(n) + weft_epilogue_flops(n) };
}

static double least_join(const weft_node *n)
{
    return 7 * weft_out_count(n);
}

/* clang-format off */
static const weft_op_case cases_join[] = {
    { WEFT_CASE("relu", WEFT_TWICE(WEFT_NHWC(2, 5, 5, 40)), C(40), C(40), C(40), WEFT_NHWC(2, 5, 5, 40)),
      DX(.act = WEFT_ACT_RELU), .positive = 8 },
    { WEFT_CASE("relu6_no_gamma", WEFT_TWICE(WEFT_NHWC(2, 5, 5, 17)), C(17), C(17), WEFT_NHWC(2, 5, 5, 17)),
      DX(.act = WEFT_ACT_RELU6, .no_gamma = true), .positive = 8 },
    { WEFT_CASE("leaky_relu_residual", WEFT_TWICE(WEFT_NC(65, 33)), C(33), C(33), C(33), WEFT_NC(65, 33)),
      DX(.act = WEFT_ACT_LEAKY_RELU), .epi = { .residual = true }, .positive = 8 },
    { WEFT_CASE("rows_over_threads", WEFT_TWICE(WEFT_NHWC(2, 49, 51, 24)), C(24), C(24), C(24),
                WEFT_NHWC(2, 49, 51, 24)), DX(.act = WEFT_ACT_RELU), .positive = 8 },
    { .name = NULL },
};
#undef DX
/* clang-format on */

const weft_op weft_op_batch_norm_join_dx = {
    .name = "batch_norm_join_dx",
    .brief = "Gradients of an activation behind an addition, and of the norm before",
    .paper = "Ioffe & Szegedy 2015, arXiv:1502.03167",
    .n_in = -5,
    .opt_size = sizeof(weft_batch_norm_dx_opt),
    .takes = WEFT_TAKES_RESIDUAL,
    .types = WEFT_TYPES_F32_REST,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve_join,
    .infer = infer_join,
    .cost = cost_join,
    .least = least_join,
    .reduction = rows_of_x,
    .depth = 2, /* dx is of dy slope(z) as that is stored */
    .describe = describe_dx,
    .cases = cases_join,
};

/* ---- batch_norm_frozen_dx ---- */

static weft_status resolve_frozen(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_batch_norm_frozen_opt *o = opt;
    const int count = o->no_gamma ? 2 : 3;
    (void)arena;
    if (n_in != count)
        return weft_fail(WEFT_INVALID, "there are %d inputs, expected %d", n_in, count);
    if (!(o->epsilon >= 0) || !isfinite(o->epsilon))
        return weft_fail(WEFT_INVALID, "epsilon is %g, expected a finite number, 0 or more", o->epsilon);
    WEFT_TRY(weft_need_shape("dy", &in[0], 0));
    return need_channels(in, 1, n_in);
}

static weft_status infer_frozen(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { in[0] } };
    return WEFT_OK;
}

static weft_cost cost_frozen(const weft_node *n)
{
    return (weft_cost){ .flops = weft_out_count(n) + weft_epilogue_flops(n) };
}

/* clang-format off */
static const weft_op_case cases_frozen[] = {
    { WEFT_CASE("c17", WEFT_NHWC(2, 9, 5, 17), C(17), C(17)), WEFT_OPT(weft_batch_norm_frozen_opt, .epsilon = 1e-3),
      .positive = 2 },
    { WEFT_CASE("no_gamma_residual", WEFT_NHWC(2, 3, 5, 64), C(64)),
      WEFT_OPT(weft_batch_norm_frozen_opt, .no_gamma = true), .epi = { .residual = true }, .positive = 2 },
    { WEFT_CASE("vectors", WEFT_NC(5, 33), C(33), C(33)), .positive = 2 },
    { WEFT_CASE("rows_over_threads", WEFT_NHWC(2, 49, 51, 24), C(24), C(24)), .positive = 2 },
    { .name = NULL },
};
#undef C
/* clang-format on */

const weft_op weft_op_batch_norm_frozen_dx = {
    .name = "batch_norm_frozen_dx",
    .brief = "Gradient of batch normalisation with moving statistics",
    .paper = "Ioffe & Szegedy 2015, arXiv:1502.03167",
    .n_in = -2,
    .opt_size = sizeof(weft_batch_norm_frozen_opt),
    .takes = WEFT_TAKES_RESIDUAL,
    .error_class = WEFT_ELEMENTWISE,
    .resolve = resolve_frozen,
    .infer = infer_frozen,
    .cost = cost_frozen,
    .least = weft_least_map,
    .cases = cases_frozen,
};
