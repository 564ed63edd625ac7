/* SPDX-License-Identifier: Apache-2.0
 *
 * The halves of batch_norm_train and of batch_norm_dx: what each finds out about all of x, and what it then does with
 * every row. Between them ranks that train together merge what each of them has of its part of a batch, so that norms
 * are by the statistics of the whole (src/train/reduce.c). A pass makes them of norms and their gradients
 * (src/pass/halve.c). One after the other, with nothing between them, they are the node that they are the halves of.
 *
 *   mean = sum of x / m, variance = sum of (x - mean)^2 / m
 *   share of beta = sum of dy / m, share of gamma = sum of dy (x - mean) rstd / m
 *   dx = gamma rstd (dy - share of beta - (x - mean) rstd share of gamma)
 *
 * Semantics
 * 1. batch_norm_moments gives means and variances as pairs of floats, the second of which is what the first lost when
 *    it was rounded: moments that are merged are as good as those of the whole.
 * 2. batch_norm_by gives all that batch_norm_train gives (Semantics 1 to 3 there). `unbiased` counts the rows of all
 *    parts together.
 * 3. batch_norm_sums gives dgamma and dbeta of these rows alone, and shares of the same sums, each divided by m.
 * 4. batch_norm_by_dx is dx by such shares; activations and residual are as of batch_norm_dx. */
#include <math.h>

#include "op/activation.h"
#include "op/batch_norm.h"
#include "op/case.h"
#include "op/util.h"

static int64_t rows_of_x(const weft_node *n)
{
    return weft_shape_rows(&n->in[0]);
}

static weft_shape rows_by_channels(int rows, const weft_shape *x)
{
    return weft_shape_nc(rows, weft_shape_channels(x));
}

static weft_status need_rows(const char *what, const weft_shape *is, int rows, const weft_shape *x)
{
    const weft_shape want = rows_by_channels(rows, x);
    char a[96], b[96];
    if (weft_shape_equal(is, &want))
        return WEFT_OK;
    return weft_fail(WEFT_INVALID, "%s are %s, expected %s", what, weft_shape_text(is, a, sizeof a),
                     weft_shape_text(&want, b, sizeof b));
}

/* ---- batch_norm_moments ---- */

static weft_status resolve_moments(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    (void)opt, (void)n_in, (void)arena;
    return weft_need_shape("x", &in[0], 0);
}

static weft_status infer_moments(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { rows_by_channels(WEFT_MOMENTS_ROWS, &in[0]) } };
    return WEFT_OK;
}

static weft_cost cost_moments(const weft_node *n)
{
    return (weft_cost){ .flops = 4 * (double)weft_shape_count(&n->in[0]) };
}

static double least_moments(const weft_node *n)
{
    return (double)weft_shape_count(&n->in[0]);
}

/* clang-format off */
static const weft_op_case cases_moments[] = {
    { WEFT_CASE("c1_5x7", WEFT_NHWC(1, 5, 7, 1)) },
    { WEFT_CASE("c17", WEFT_NHWC(2, 9, 5, 17)) },
    { WEFT_CASE("one_row", WEFT_NHWC(1, 1, 1, 70)) },
    { WEFT_CASE("vectors", WEFT_NC(65, 33)) },
    { WEFT_CASE("rows_over_threads", WEFT_NHWC(2, 49, 51, 24)) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_batch_norm_moments = {
    .name = "batch_norm_moments",
    .brief = "Mean and variance of a part of a batch",
    .paper = "Ioffe & Szegedy 2015, arXiv:1502.03167",
    .n_in = 1,
    .types = WEFT_TYPES_F32_OUT,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve_moments,
    .infer = infer_moments,
    .cost = cost_moments,
    .least = least_moments,
    .reduction = rows_of_x,
    .cases = cases_moments,
};

/* ---- batch_norm_by ---- */

static weft_status resolve_by(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_batch_norm_by_opt *o = opt;
    WEFT_TRY(weft_batch_norm_resolve(&o->norm, in, n_in, arena));
    WEFT_TRY(weft_need_range("parts", o->parts, 0, 1 << 24));
    if (o->parts == 0)
        o->parts = 1;
    return need_rows("moments", &in[1], WEFT_MOMENTS_ROWS, &in[0]);
}

static weft_status infer_by(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    return weft_op_batch_norm_train.infer(&((const weft_batch_norm_by_opt *)opt)->norm, in, n_in, sig);
}

static weft_cost cost_by(const weft_node *n)
{
    return (weft_cost){ .flops = 3 * weft_out_count(n) + weft_epilogue_flops(n) };
}

static void describe_by(const weft_node *n, char *buf, size_t size)
{
    const weft_batch_norm_by_opt *o = n->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "epsilon %g%s%s parts %d", o->norm.epsilon, o->norm.no_gamma ? " no gamma" : "",
                  o->norm.unbiased ? " unbiased" : "", o->parts);
}

/* As of batch_norm_train. */
static weft_status again(const weft_node *n, weft_arena *arena, weft_again *out)
{
    const weft_batch_norm_again_opt opt = { .no_gamma = ((const weft_batch_norm_by_opt *)n->opt)->norm.no_gamma };
    *out = (weft_again){ .op = WEFT_OP_BATCH_NORM_AGAIN, .opt = weft_arena_copy(arena, &opt, sizeof opt),
                         .n_in = opt.no_gamma ? 4 : 5, .in = { 0, ~1, ~2, ~4, weft_node_first_param(n) } };
    return out->opt ? WEFT_OK : WEFT_NO_MEMORY;
}

/* clang-format off */
#define C(n) WEFT_VECTOR(n)
#define M(c) WEFT_NC(WEFT_MOMENTS_ROWS, c)
#define BY(...) WEFT_OPT(weft_batch_norm_by_opt, __VA_ARGS__)
static const weft_op_case cases_by[] = {
    { WEFT_CASE("c1_5x7", WEFT_NHWC(1, 5, 7, 1), M(1)), .positive = 2 },
    { WEFT_CASE("c8_unbiased_parts", WEFT_NHWC(2, 4, 3, 8), M(8)), .positive = 2,
      BY(.norm = { .epsilon = 1e-5, .unbiased = true }, .parts = 3) },
    { WEFT_CASE("c17_no_gamma", WEFT_NHWC(1, 9, 5, 17), M(17)), .positive = 2, BY(.norm = { .no_gamma = true }) },
    { WEFT_CASE("c40_residual_relu", WEFT_NHWC(2, 5, 3, 40), M(40)), .positive = 2,
      .epi = { .act = WEFT_ACT_RELU, .residual = true } },
    { WEFT_CASE("one_row_unbiased", WEFT_NHWC(1, 1, 1, 20), M(20)), .positive = 2, BY(.norm = { .unbiased = true }) },
    { WEFT_CASE("vectors", WEFT_NC(65, 33), M(33)), .positive = 2 },
    { WEFT_CASE("rows_over_threads", WEFT_NHWC(2, 49, 51, 24), M(24)), .positive = 2,
      .epi = { .act = WEFT_ACT_SWISH } },
    { .name = NULL },
};
#undef M
#undef BY
/* clang-format on */

const weft_op weft_op_batch_norm_by = {
    .name = "batch_norm_by",
    .brief = "Batch normalisation by the moments of all parts of a batch",
    .paper = "Ioffe & Szegedy 2015, arXiv:1502.03167",
    .n_in = 2,
    .opt_size = sizeof(weft_batch_norm_by_opt),
    .takes = WEFT_TAKES_ACT | WEFT_TAKES_RESIDUAL,
    .types = WEFT_TYPES_F32_REST,
    .error_class = WEFT_ELEMENTWISE,
    .resolve = resolve_by,
    .infer = infer_by,
    .cost = cost_by,
    .least = weft_least_map,
    .describe = describe_by,
    .again = again,
    .cases = cases_by,
};

/* ---- batch_norm_sums ---- */

static weft_status need_unfrozen(const weft_batch_norm_dx_opt *o)
{
    return o->frozen ? weft_fail(WEFT_INVALID, "frozen is set, expected statistics of x") : WEFT_OK;
}

static weft_status resolve_sums(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    WEFT_TRY(need_unfrozen(opt));
    return weft_op_batch_norm_dx.resolve(opt, in, n_in, arena);
}

static weft_status infer_sums(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_shape c = WEFT_VECTOR(weft_shape_channels(&in[0]));
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 3, .out = { rows_by_channels(WEFT_SHARES_ROWS, &in[0]), c, c } };
    return WEFT_OK;
}

static weft_cost cost_sums(const weft_node *n)
{
    const weft_batch_norm_dx_opt *o = n->opt;
    return (weft_cost){ .flops = (o->act == WEFT_ACT_NONE ? 4 : 7) * (double)weft_shape_count(&n->in[0]) };
}

static double least_sums(const weft_node *n)
{
    return 2 * (double)weft_shape_count(&n->in[0]);
}

/* clang-format off */
#define DX(...) WEFT_OPT(weft_batch_norm_dx_opt, __VA_ARGS__)
static const weft_op_case cases_sums[] = {
    { WEFT_CASE("c1_5x7", WEFT_TWICE(WEFT_NHWC(1, 5, 7, 1)), C(1), C(1), C(1)), .positive = 8 },
    { WEFT_CASE("c64_no_gamma", WEFT_TWICE(WEFT_NHWC(2, 7, 7, 64)), C(64), C(64)), DX(.no_gamma = true),
      .positive = 8 },
    { WEFT_CASE("relu", WEFT_TWICE(WEFT_NHWC(2, 5, 5, 40)), C(40), C(40), C(40), C(40)), DX(.act = WEFT_ACT_RELU),
      .positive = 8 },
    { WEFT_CASE("vectors", WEFT_TWICE(WEFT_NC(65, 33)), C(33), C(33), C(33)), .positive = 8 },
    { WEFT_CASE("rows_over_threads", WEFT_TWICE(WEFT_NHWC(2, 49, 51, 24)), C(24), C(24), C(24)), .positive = 8 },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_batch_norm_sums = {
    .name = "batch_norm_sums",
    .brief = "What a batch norm's gradient needs of all rows",
    .paper = "Ioffe & Szegedy 2015, arXiv:1502.03167",
    .n_in = -4,
    .opt_size = sizeof(weft_batch_norm_dx_opt),
    .types = WEFT_TYPES_F32_OUT,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve_sums,
    .infer = infer_sums,
    .cost = cost_sums,
    .least = least_sums,
    .reduction = rows_of_x,
    .cases = cases_sums,
};

/* ---- batch_norm_by_dx ---- */

static weft_status resolve_by_dx(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_shape plain[6] = { in[0], in[1], in[2], in[3] };
    WEFT_TRY(need_unfrozen(opt));
    if (n_in < 5 || n_in > 7)
        return weft_fail(WEFT_INVALID, "there are %d inputs, expected 5 to 7", n_in);
    for (int i = 5; i < n_in; i++)
        plain[i - 1] = in[i];
    WEFT_TRY(weft_op_batch_norm_dx.resolve(opt, plain, n_in - 1, arena));
    return need_rows("shares", &in[WEFT_BY_DX_SHARES], WEFT_SHARES_ROWS, &in[0]);
}

static weft_status infer_by_dx(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { in[0] } };
    return WEFT_OK;
}

static weft_cost cost_by_dx(const weft_node *n)
{
    const weft_batch_norm_dx_opt *o = n->opt;
    return (weft_cost){ .flops = (o->act == WEFT_ACT_NONE ? 5 : 8) * weft_out_count(n) + weft_epilogue_flops(n) };
}

static double least_by_dx(const weft_node *n)
{
    return 3 * weft_out_count(n);
}

/* clang-format off */
#define S(c) WEFT_NC(WEFT_SHARES_ROWS, c)
static const weft_op_case cases_by_dx[] = {
    { WEFT_CASE("c1_5x7", WEFT_TWICE(WEFT_NHWC(1, 5, 7, 1)), C(1), C(1), S(1), C(1)), .positive = 8 },
    { WEFT_CASE("c64_no_gamma", WEFT_TWICE(WEFT_NHWC(2, 7, 7, 64)), C(64), C(64), S(64)), DX(.no_gamma = true),
      .positive = 8 },
    { WEFT_CASE("relu", WEFT_TWICE(WEFT_NHWC(2, 5, 5, 40)), C(40), C(40), S(40), C(40), C(40)),
      DX(.act = WEFT_ACT_RELU), .positive = 8 },
    { WEFT_CASE("swish_residual", WEFT_TWICE(WEFT_NHWC(2, 3, 5, 48)), C(48), C(48), S(48), C(48), C(48)),
      DX(.act = WEFT_ACT_SWISH), .epi = { .residual = true }, .positive = 8 },
    { WEFT_CASE("vectors", WEFT_TWICE(WEFT_NC(65, 33)), C(33), C(33), S(33), C(33)), .positive = 8 },
    { WEFT_CASE("rows_over_threads", WEFT_TWICE(WEFT_NHWC(2, 49, 51, 24)), C(24), C(24), S(24), C(24)),
      .positive = 8 },
    { .name = NULL },
};
#undef S
#undef C
#undef DX
/* clang-format on */

const weft_op weft_op_batch_norm_by_dx = {
    .name = "batch_norm_by_dx",
    .brief = "Gradient of batch normalisation by the shares of all parts of a batch",
    .paper = "Ioffe & Szegedy 2015, arXiv:1502.03167",
    .n_in = -5,
    .opt_size = sizeof(weft_batch_norm_dx_opt),
    .takes = WEFT_TAKES_RESIDUAL,
    .types = WEFT_TYPES_F32_REST,
    .error_class = WEFT_ELEMENTWISE,
    .resolve = resolve_by_dx,
    .infer = infer_by_dx,
    .cost = cost_by_dx,
    .least = least_by_dx,
    .cases = cases_by_dx,
};
