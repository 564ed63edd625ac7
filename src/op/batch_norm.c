/* SPDX-License-Identifier: Apache-2.0
 *
 * Batch normalisation: Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 2 (inference) with the moving statistics. In
 * a training graph batch_norm_train stands for it, and moving averages of its statistics beside that.
 *
 * Semantics
 * 1. y = gamma (x - mean) / sqrt(variance + epsilon) + beta for each channel of the last dimension, epsilon
 *    inside the root. epsilon 0 means 1e-3 (Keras); PyTorch's is 1e-5.
 * 2. At inference mean and variance are the moving statistics, which are parameters but not trainable.
 * 3. momentum is the share of the old statistic that a training step keeps (Keras): moving = momentum * moving +
 *    (1 - momentum) * batch. PyTorch's momentum is 1 minus this one. A trainer may be given another for all norms
 *    (weft_train_opt.norm_momentum).
 * 4. In training the variance that normalises is the biased one, divided by the count m. So is the one that moves the
 *    statistic (Keras), unless `unbiased`: then that is divided by m - 1 (the paper, PyTorch).
 * 5. Without gamma, gamma is 1 and no parameter; the others keep their order: beta, mean, variance.
 * 6. The epilogue's activation comes after beta.
 * 7. A layer whose path is frozen keeps the moving statistics while the others train, and does not move them; gradients
 *    go through it as through any scale and shift: dx = gamma dy / sqrt(variance + epsilon). */
#include "op/batch_norm.h"

#include <math.h>

#include "graph/grad.h"
#include "graph/twin.h"
#include "op/case.h"
#include "op/util.h"

weft_status weft_batch_norm_resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_batch_norm_opt *o = opt;
    (void)n_in, (void)arena;
    WEFT_TRY(weft_need_shape("x", &in[0], 0));
    if (!(o->epsilon >= 0) || !isfinite(o->epsilon))
        return weft_fail(WEFT_INVALID, "epsilon is %g, expected a finite number, 0 or more", o->epsilon);
    if (!(o->momentum >= 0 && o->momentum <= 1))
        return weft_fail(WEFT_INVALID, "momentum is %g, expected 0 to 1", o->momentum);
    if (o->no_gamma && o->zero_gamma)
        return weft_fail(WEFT_INVALID, "zero_gamma is set together with no_gamma, expected one of them");
    if (o->epsilon == 0)
        o->epsilon = 1e-3;
    if (o->momentum == 0)
        o->momentum = .99;
    return WEFT_OK;
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_batch_norm_opt *o = opt;
    const weft_shape c = { .rank = 1, .dim = { weft_shape_channels(&in[0]) } };
    (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { in[0] } };
    if (!o->no_gamma)
        sig->param[sig->n_param++] =
            (weft_param_spec){ .name = "gamma", .shape = c, .init = o->zero_gamma ? WEFT_INIT_ZERO : WEFT_INIT_ONE };
    sig->param[sig->n_param++] = (weft_param_spec){ .name = "beta", .shape = c, .init = WEFT_INIT_ZERO };
    sig->param[sig->n_param++] =
        (weft_param_spec){ .name = "mean", .shape = c, .init = WEFT_INIT_ZERO, .statistic = true };
    sig->param[sig->n_param++] =
        (weft_param_spec){ .name = "variance", .shape = c, .init = WEFT_INIT_ONE, .statistic = true };
    return WEFT_OK;
}

/* Counted as applied: one multiply-add per element; the division per channel is left out. */
static weft_cost cost(const weft_node *node)
{
    return (weft_cost){ .flops = 2 * weft_out_count(node) + weft_epilogue_flops(node) };
}

static void describe(const weft_node *node, char *buf, size_t size)
{
    const weft_batch_norm_opt *o = node->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "epsilon %g%s", o->epsilon, o->no_gamma ? " no gamma" : "");
}

/* ---- training ---- */

static weft_status move(weft_twin *t, const char *state, const char *name, weft_init init, double momentum, weft_var to)
{
    const weft_shape c = { .rank = 1, .dim = { weft_shape_channels(&t->node->in[0]) } };
    weft_var kept;
    WEFT_TRY(weft_twin_state(t, state, &c, init, &kept));
    return momentum == 1 ? WEFT_OK /* keeps all of the old one */ : weft_twin_move(t, name, momentum, kept, to);
}

static weft_status train(weft_twin *t)
{
    const weft_batch_norm_opt *o = t->node->opt;
    const double momentum = t->norm_momentum > 0 ? t->norm_momentum : o->momentum;
    WEFT_TRY(weft_twin_add(t, WEFT_OP_BATCH_NORM_TRAIN, o, t->in, 1, &t->out[0]));
    WEFT_TRY(move(t, "mean", "moving_mean", WEFT_INIT_ZERO, momentum, weft_graph_out(t->out[0], 1)));
    return move(t, "variance", "moving_variance", WEFT_INIT_ONE, momentum, weft_graph_out(t->out[0], 3));
}

/* With the moving statistics. Without gradients of gamma and beta x need not be kept. */
static weft_status grad(weft_grad *g)
{
    const weft_batch_norm_opt *o = g->node.opt;
    const int first = o->no_gamma ? 0 : 1;
    const weft_var dy = weft_grad_dy(g, 0), gamma = weft_grad_param(g, 0), mean = weft_grad_param(g, first + 1);
    const weft_var variance = weft_grad_param(g, first + 2);
    if (!weft_grad_wants_param(g, first) && !(first && weft_grad_wants_param(g, 0))) {
        const weft_batch_norm_frozen_opt opt = { "dx", o->no_gamma, o->epsilon };
        weft_grad_add(g, 0, weft_graph_append(g->graph, WEFT_OP_BATCH_NORM_FROZEN_DX, &opt,
                                              (const weft_var[]){ dy, variance, gamma }, 2 + first));
        return WEFT_OK;
    }
    const weft_batch_norm_dx_opt opt = { .name = "dx", .no_gamma = o->no_gamma, .frozen = true, .epsilon = o->epsilon };
    const weft_var in[] = { dy, weft_grad_in(g, 0), mean, variance, gamma };
    const weft_var dx = weft_graph_append(g->graph, WEFT_OP_BATCH_NORM_DX, &opt, in, 4 + first);
    weft_grad_add(g, 0, dx);
    if (first)
        weft_grad_add_param(g, 0, weft_graph_out(dx, 1));
    weft_grad_add_param(g, first, weft_graph_out(dx, 2));
    return WEFT_OK;
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("c1_5x7", WEFT_NHWC(1, 5, 7, 1)) },
    { WEFT_CASE("c3_batch3", WEFT_NHWC(3, 3, 5, 3)) },
    { WEFT_CASE("c8_epsilon_torch", WEFT_NHWC(2, 4, 3, 8)),
      WEFT_OPT(weft_batch_norm_opt, .epsilon = 1e-5, .momentum = .9) },
    { WEFT_CASE("c17_no_gamma", WEFT_NHWC(1, 9, 5, 17)), WEFT_OPT(weft_batch_norm_opt, .no_gamma = true) },
    { WEFT_CASE("c17_zero_gamma", WEFT_NHWC(1, 3, 5, 17)), WEFT_OPT(weft_batch_norm_opt, .zero_gamma = true) },
    { WEFT_CASE("c64_relu", WEFT_NHWC(2, 7, 7, 64)), .epi = { .act = WEFT_ACT_RELU } },
    { WEFT_CASE("c70_swish", WEFT_NHWC(1, 5, 3, 70)), .epi = { .act = WEFT_ACT_SWISH } },
    { WEFT_CASE("c70_no_gamma_relu6", WEFT_NHWC(1, 5, 3, 70)), WEFT_OPT(weft_batch_norm_opt, .no_gamma = true),
      .epi = { .act = WEFT_ACT_RELU6 } },
    { WEFT_CASE("c256_pixel", WEFT_NHWC(1, 1, 1, 256)) },
    { WEFT_CASE("vectors", WEFT_NC(3, 33)) },
    { WEFT_CASE("rows_over_threads", WEFT_NHWC(2, 29, 31, 24)), .epi = { .act = WEFT_ACT_RELU } },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_batch_norm = {
    .name = "batch_norm",
    .brief = "Batch normalisation with moving statistics",
    .paper = "Ioffe & Szegedy 2015, arXiv:1502.03167",
    .n_in = 1,
    .opt_size = sizeof(weft_batch_norm_opt),
    .takes = WEFT_TAKES_ACT,
    .error_class = WEFT_ELEMENTWISE,
    .train = train,
    .resolve = weft_batch_norm_resolve,
    .infer = infer,
    .cost = cost,
    .describe = describe,
    .grad = grad,
    .cases = cases,
};

weft_var weft_batch_norm(weft_graph *graph, weft_var x, const weft_batch_norm_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_BATCH_NORM, opt, &x, 1);
}
