/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of z = act(batch_norm_train(x0) + batch_norm_train(x1)), of both norms at once: Ioffe & Szegedy 2015,
 * arXiv:1502.03167. The projected shortcuts of residual units have it.
 *
 *   g = dy slope(z); dx, dgamma, dbeta of each are what batch_norm_dx gives for g
 *
 * Semantics
 * 1. The slope is of the result z (op/activation.c, Semantics 6); g is not rounded to the storage type, since nobody
 *    else reads it.
 * 2. dbeta of both is the sum of g; it is given twice, for two parameters. */
#include "op/batch_norm_pair.h"

#include <math.h>

#include "op/activation.h"
#include "op/case.h"
#include "op/util.h"

static weft_status need_same(const char *what, const weft_shape *is, const weft_shape *want)
{
    char a[96], b[96];
    if (!weft_shape_equal(is, want))
        return weft_fail(WEFT_INVALID, "%s is %s, expected %s", what, weft_shape_text(is, a, sizeof a),
                         weft_shape_text(want, b, sizeof b));
    return WEFT_OK;
}

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_batch_norm_pair_opt *o = opt;
    const int count = weft_batch_norm_pair_x(o, 2);
    (void)arena;
    WEFT_TRY(weft_need_range("act", (int)o->act, WEFT_ACT_NONE + 1, WEFT_ACT_COUNT - 1));
    if (!weft_act_keeps_result(o->act))
        return weft_fail(WEFT_INVALID, "act is %s, expected one with a slope of its result", weft_act_name(o->act));
    if (n_in != count)
        return weft_fail(WEFT_INVALID, "there are %d inputs, expected %d", n_in, count);
    WEFT_TRY(weft_need_shape("dy", &in[0], 0));
    WEFT_TRY(need_same("z", &in[1], &in[0]));
    const weft_shape c = { .rank = 1, .dim = { weft_shape_channels(&in[0]) } };
    for (int norm = 0; norm < 2; norm++) {
        const int x = weft_batch_norm_pair_x(o, norm);
        WEFT_TRY(need_same("x", &in[x], &in[0]));
        for (int i = x + 1; i < weft_batch_norm_pair_x(o, norm + 1); i++)
            WEFT_TRY(need_same("what belongs to the channels", &in[i], &c));
    }
    return WEFT_OK;
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_shape c = { .rank = 1, .dim = { weft_shape_channels(&in[0]) } };
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 6, .out = { in[0], c, c, in[0], c, c } };
    return WEFT_OK;
}

static weft_cost cost(const weft_node *n)
{
    return (weft_cost){ .flops = 20 * weft_out_count(n) };
}

static double least(const weft_node *n)
{
    return 10 * weft_out_count(n);
}

static int64_t reduction(const weft_node *n)
{
    return weft_shape_rows(&n->in[0]);
}

static void describe(const weft_node *n, char *buf, size_t size)
{
    const weft_batch_norm_pair_opt *o = n->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "of %s%s%s", weft_act_name(o->act), o->no_gamma[0] ? " no gamma" : "",
                  o->no_gamma[1] ? " no second gamma" : "");
}

/* clang-format off */
#define C(n) WEFT_VECTOR(n)
#define PAIR(...) WEFT_OPT(weft_batch_norm_pair_opt, __VA_ARGS__)
#define GAMMA(n, h, w, c) WEFT_NHWC(n, h, w, c), C(c), C(c), C(c)
#define PLAIN(n, h, w, c) WEFT_NHWC(n, h, w, c), C(c), C(c)
static const weft_op_case cases[] = {
    { WEFT_CASE("relu", WEFT_TWICE(WEFT_NHWC(2, 5, 5, 40)), GAMMA(2, 5, 5, 40), GAMMA(2, 5, 5, 40)),
      PAIR(.act = WEFT_ACT_RELU), .positive = 1 << 4 | 1 << 8 },
    { WEFT_CASE("relu6_first_no_gamma", WEFT_TWICE(WEFT_NHWC(2, 5, 5, 17)), PLAIN(2, 5, 5, 17), GAMMA(2, 5, 5, 17)),
      PAIR(.act = WEFT_ACT_RELU6, .no_gamma = { true, false }), .positive = 1 << 4 | 1 << 7 },
    { WEFT_CASE("leaky_relu_no_gammas", WEFT_TWICE(WEFT_NHWC(1, 1, 65, 33)), PLAIN(1, 1, 65, 33),
                PLAIN(1, 1, 65, 33)),
      PAIR(.act = WEFT_ACT_LEAKY_RELU, .no_gamma = { true, true }), .positive = 1 << 4 | 1 << 7 },
    { WEFT_CASE("one_row", WEFT_TWICE(WEFT_NHWC(1, 1, 1, 70)), GAMMA(1, 1, 1, 70), GAMMA(1, 1, 1, 70)),
      PAIR(.act = WEFT_ACT_RELU), .positive = 1 << 4 | 1 << 8 },
    { WEFT_CASE("rows_over_threads", WEFT_TWICE(WEFT_NHWC(2, 49, 51, 24)), GAMMA(2, 49, 51, 24),
                GAMMA(2, 49, 51, 24)), PAIR(.act = WEFT_ACT_RELU), .positive = 1 << 4 | 1 << 8 },
    { WEFT_CASE("layer_56x256", WEFT_TWICE(WEFT_NHWC(8, 56, 56, 256)), GAMMA(8, 56, 56, 256), GAMMA(8, 56, 56, 256)),
      PAIR(.act = WEFT_ACT_RELU), .positive = 1 << 4 | 1 << 8, .large = true },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_batch_norm_pair_dx = {
    .name = "batch_norm_pair_dx",
    .brief = "Gradients of two batch norms that are added, and of the activation",
    .paper = "Ioffe & Szegedy 2015, arXiv:1502.03167",
    .n_in = -8,
    .opt_size = sizeof(weft_batch_norm_pair_opt),
    .types = WEFT_TYPES_F32_REST,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .least = least,
    .reduction = reduction,
    .describe = describe,
    .cases = cases,
};
