/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of squeeze-and-excitation, all of them at once: dx, and those of the parameters in their order. Inputs
 * are x, dy and the parameters.
 *
 *   forwards   m = mean of x, v1 = W1 m + b1, h = act(v1), v2 = W2 h + b2, g = gate(v2)
 *   d2[n, c] = gate'(v2) (sum over h, w of x dy)      dW2 = d2' h    db2 = sum over n of d2
 *   d1[n, r] = act'(v1) (W2' d2)                      dW1 = d1' m    db1 = sum over n of d1
 *   dx[n, h, w, c] = g dy[n, h, w, c] + (W1' d1) / (H W)
 *
 * Semantics
 *  1. Everything of the forward pass is computed anew from x, whose mean is formed in the pass over x that d2 needs
 *     anyway: nothing is kept but x. The layers are small beside the maps. */
#include "op/case.h"
#include "op/util.h"

static weft_status need_param(const char *what, const weft_shape *is, const weft_shape *want)
{
    char a[96], b[96];
    if (!weft_shape_equal(is, want))
        return weft_fail(WEFT_INVALID, "%s is %s, expected %s", what, weft_shape_text(is, a, sizeof a),
                         weft_shape_text(want, b, sizeof b));
    return WEFT_OK;
}

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_squeeze_excite_opt *o = opt;
    weft_sig sig = { .n_out = 0 };
    WEFT_TRY(weft_op_squeeze_excite.resolve(opt, in, 1, arena));
    WEFT_TRY(weft_op_squeeze_excite.infer(o, in, 1, &sig));
    if (n_in != 2 + sig.n_param)
        return weft_fail(WEFT_INVALID, "found %d inputs, expected x, dy and %d parameters", n_in, sig.n_param);
    WEFT_TRY(need_param("dy", &in[1], &in[0]));
    for (int i = 0; i < sig.n_param; i++)
        WEFT_TRY(need_param(sig.param[i].name, &in[2 + i], &sig.param[i].shape));
    return WEFT_OK;
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt;
    *sig = (weft_sig){ .n_out = n_in - 1, .out = { in[0] } };
    for (int i = 2; i < n_in; i++)
        sig->out[i - 1] = in[i];
    return WEFT_OK;
}

/* The layers forwards, and twice backwards; over the map a sum, a product with dy, and dx. */
static weft_cost cost(const weft_node *n)
{
    const weft_squeeze_excite_opt *o = n->opt;
    const double macs = 6 * (double)n->in[0].dim[0] * (double)n->in[0].dim[3] * (double)o->reduced;
    return (weft_cost){ .macs = macs, .flops = 2 * macs + 5 * weft_out_count(n) };
}

/* x and dy in, dx out; dy comes again. */
static double least(const weft_node *n)
{
    return 4 * weft_out_count(n);
}

/* The sums over the map, the layers there and back, and over the batch; twice the error, since each sum is of what the
 * one before it rounded, and such terms cancel. */
static int64_t reduction(const weft_node *n)
{
    const weft_squeeze_excite_opt *o = n->opt;
    const int64_t *x = n->in[0].dim;
    return 4 * (2 * x[1] * x[2] + 2 * x[3] + 2 * o->reduced + x[0]);
}

static void describe(const weft_node *n, char *buf, size_t size)
{
    weft_op_squeeze_excite.describe(n, buf, size);
}

/* clang-format off */
#define SE(label, n, h, w, c, r, ...) \
    { WEFT_CASE(label, WEFT_TWICE(WEFT_NHWC(n, h, w, c)), WEFT_NC(r, c), WEFT_VECTOR(r), WEFT_NC(c, r), \
                WEFT_VECTOR(c)), WEFT_OPT(weft_squeeze_excite_opt, .reduced = r, __VA_ARGS__), \
      .weights = 1 << 2 | 1 << 4 }
static const weft_op_case cases[] = {
    SE("c16_r4", 1, 5, 7, 16, 4, .act = WEFT_ACT_RELU),
    SE("c1_r1", 2, 3, 5, 1, 1, .act = WEFT_ACT_TANH),
    SE("c3_r2_batch3", 3, 3, 5, 3, 2, .act = WEFT_ACT_RELU),
    { WEFT_CASE("c17_r5_no_bias", WEFT_TWICE(WEFT_NHWC(2, 5, 3, 17)), WEFT_NC(5, 17), WEFT_NC(17, 5)),
      WEFT_OPT(weft_squeeze_excite_opt, .reduced = 5, .no_bias = true), .weights = 1 << 2 | 1 << 3 },
    SE("c32_r8_swish", 2, 7, 7, 32, 8, .act = WEFT_ACT_SWISH),
    SE("c70_r17_hard", 1, 3, 5, 70, 17, .gate = WEFT_ACT_HARD_SIGMOID),
    SE("c8_r70", 2, 3, 3, 8, 70, .act = WEFT_ACT_TANH),
    SE("pixel_c96_r4", 2, 1, 1, 96, 4, .act = WEFT_ACT_SWISH),
    SE("batch19", 19, 5, 6, 40, 10, .act = WEFT_ACT_SWISH),
    SE("c288_r18", 3, 14, 14, 288, 18, .act = WEFT_ACT_RELU),
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_squeeze_excite_dx = {
    .name = "squeeze_excite_dx",
    .brief = "Gradients of squeeze-and-excitation",
    .paper = "",
    .n_in = -4,
    .opt_size = sizeof(weft_squeeze_excite_opt),
    .types = WEFT_TYPES_F32_REST, /* gradients of parameters are fp32, as these are in the store */
    .error_class = WEFT_REDUCTION,
    .unit = true,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .least = least,
    .reduction = reduction,
    .depth = 4,
    .describe = describe,
    .cases = cases,
};
