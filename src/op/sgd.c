/* SPDX-License-Identifier: Apache-2.0
 *
 * sgd: stochastic gradient descent with momentum (Sutskever et al. 2013), in place.
 *
 *   g     = go[0] * gradient + decay * parameter
 *   v     = momentum * v + g
 *   parameter -= lr_scale * lr * (nesterov ? g + momentum * v : v)
 *
 * Semantics
 *  1. The learning rate multiplies when the parameter changes, not when v does: PyTorch's form. A rate that falls takes
 *     effect at once on all of the momentum.
 *  2. v starts at 0, so the first step is lr * g.
 *  3. decay is coupled (L2): it goes through the momentum. It is not scaled by go.
 *  4. go[0] is 0: nothing changes, not even v. */
#include "op/case.h"
#include "op/update.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    static const char *const what[] = { "parameter", "momentum", "gradient" };
    weft_sgd_opt *o = opt;
    (void)n_in, (void)arena;
    WEFT_TRY(weft_need_update(what, WEFT_COUNT(what), in));
    WEFT_TRY(weft_need_positive("lr_scale", &o->lr_scale, 1));
    WEFT_TRY(weft_need_share("momentum", o->momentum));
    return weft_need_share("decay", o->decay);
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 2, .out = { in[0], in[1] } };
    return WEFT_OK;
}

static weft_cost cost(const weft_node *node)
{
    return (weft_cost){ .flops = 7 * weft_out_count(node) };
}

static void describe(const weft_node *node, char *buf, size_t size)
{
    const weft_sgd_opt *o = node->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "momentum %g%s", o->momentum, o->nesterov ? " nesterov" : "");
    if (o->decay > 0)
        weft_text_add(buf, size, &used, " decay %g", o->decay);
    if (o->lr_scale != 1)
        weft_text_add(buf, size, &used, " lr x %g", o->lr_scale);
}

/* clang-format off */
#define STEP(...) __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, WEFT_VECTOR(1), WEFT_VECTOR(2)
static const weft_op_case cases[] = {
    { WEFT_CASE("plain", STEP(WEFT_VECTOR(17))), .positive = 16 },
    { WEFT_CASE("momentum", STEP(WEFT_KRSC(8, 3, 3, 5))), WEFT_OPT(weft_sgd_opt, .momentum = .9, .decay = 5e-4),
      .positive = 16 },
    { WEFT_CASE("nesterov", STEP(WEFT_NC(33, 70))),
      WEFT_OPT(weft_sgd_opt, .momentum = .9, .nesterov = true, .decay = 1e-4), .positive = 16 },
    { WEFT_CASE("slower", STEP(WEFT_NC(3, 33))), WEFT_OPT(weft_sgd_opt, .lr_scale = .25), .positive = 16 },
    { WEFT_CASE("rows_over_threads", STEP(WEFT_KRSC(128, 3, 3, 64))), WEFT_OPT(weft_sgd_opt, .momentum = .9),
      .positive = 16 },
    { .name = NULL },
};
#undef STEP
/* clang-format on */

const weft_op weft_op_sgd = {
    .name = "sgd",
    .brief = "Stochastic gradient descent with momentum, in place",
    .paper = "Sutskever et al. 2013",
    .n_in = 5,
    .opt_size = sizeof(weft_sgd_opt),
    .types = WEFT_TYPES_F32_IN | WEFT_TYPES_F32_OUT | WEFT_TYPES_TAKES_GRADIENT,
    .error_class = WEFT_ELEMENTWISE,
    .updates = 3,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .least = weft_least_update,
    .describe = describe,
    .cases = cases,
};

weft_var weft_sgd(weft_graph *graph, weft_var parameter, weft_var momentum, weft_var gradient, weft_var lr, weft_var go,
                  const weft_sgd_opt *opt)
{
    const weft_var in[] = { parameter, momentum, gradient, lr, go };
    return weft_graph_append(graph, WEFT_OP_SGD, opt, in, WEFT_COUNT(in));
}
