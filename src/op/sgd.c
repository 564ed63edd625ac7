/* SPDX-License-Identifier: Apache-2.0
 *
 * sgd: stochastic gradient descent with momentum (Sutskever et al. 2013), in place.
 *
 *   g     = gradient + decay * parameter
 *   v     = momentum * v + g
 *   parameter -= lr * (nesterov ? g + momentum * v : v)
 *
 * Semantics
 *  1. The learning rate multiplies when the parameter changes, not when v does: PyTorch's form. A rate that falls takes
 *     effect at once on all of the momentum.
 *  2. v starts at 0, so the first step is lr * g.
 *  3. decay is coupled (L2): it goes through the momentum. */
#include "op/case.h"
#include "op/util.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_sgd_opt *o = opt;
    static const char *const what[] = { "parameter", "momentum", "gradient" };
    char is[96], want[96];
    (void)n_in, (void)arena;
    for (int i = 0; i < WEFT_COUNT(what); i++) {
        WEFT_TRY(weft_need_shape(what[i], &in[i], 0));
        if (!weft_shape_equal(&in[i], &in[0]))
            return weft_fail(WEFT_INVALID, "%s is %s, expected the parameter's shape %s", what[i],
                             weft_shape_text(&in[i], is, sizeof is), weft_shape_text(&in[0], want, sizeof want));
    }
    if (weft_shape_count(&in[3]) != 1)
        return weft_fail(WEFT_INVALID, "lr is %s, expected [1]", weft_shape_text(&in[3], is, sizeof is));
    if (!(o->momentum >= 0 && o->momentum < 1))
        return weft_fail(WEFT_INVALID, "momentum is %g, expected 0 to less than 1", o->momentum);
    if (!(o->decay >= 0 && o->decay < 1))
        return weft_fail(WEFT_INVALID, "decay is %g, expected 0 to less than 1", o->decay);
    return WEFT_OK;
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 2, .out = { in[0], in[1] } };
    return WEFT_OK;
}

static weft_cost cost(const weft_node *node)
{
    return (weft_cost){ .flops = 6 * weft_out_count(node) };
}

static double least(const weft_node *node)
{
    return 5 * weft_out_count(node);
}

static void describe(const weft_node *node, char *buf, size_t size)
{
    const weft_sgd_opt *o = node->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "momentum %g%s", o->momentum, o->nesterov ? " nesterov" : "");
    if (o->decay > 0)
        weft_text_add(buf, size, &used, " decay %g", o->decay);
}

/* clang-format off */
#define THRICE(...) __VA_ARGS__, __VA_ARGS__, __VA_ARGS__
static const weft_op_case cases[] = {
    { WEFT_CASE("plain", THRICE(WEFT_VECTOR(17)), WEFT_VECTOR(1)) },
    { WEFT_CASE("momentum", THRICE(WEFT_KRSC(8, 3, 3, 5)), WEFT_VECTOR(1)),
      WEFT_OPT(weft_sgd_opt, .momentum = .9, .decay = 5e-4) },
    { WEFT_CASE("nesterov", THRICE(WEFT_NC(33, 70)), WEFT_VECTOR(1)),
      WEFT_OPT(weft_sgd_opt, .momentum = .9, .nesterov = true, .decay = 1e-4) },
    { WEFT_CASE("rows_over_threads", THRICE(WEFT_KRSC(128, 3, 3, 64)), WEFT_VECTOR(1)),
      WEFT_OPT(weft_sgd_opt, .momentum = .9) },
    { .name = NULL },
};
#undef THRICE
/* clang-format on */

const weft_op weft_op_sgd = {
    .name = "sgd",
    .brief = "Stochastic gradient descent with momentum, in place",
    .paper = "Sutskever et al. 2013",
    .n_in = 4,
    .opt_size = sizeof(weft_sgd_opt),
    .types = WEFT_TYPES_F32_OUT,
    .error_class = WEFT_ELEMENTWISE,
    .updates = 3,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .least = least,
    .describe = describe,
    .cases = cases,
};

weft_var weft_sgd(weft_graph *graph, weft_var parameter, weft_var momentum, weft_var gradient, weft_var lr,
                  const weft_sgd_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_SGD, opt, (const weft_var[]){ parameter, momentum, gradient, lr }, 4);
}
