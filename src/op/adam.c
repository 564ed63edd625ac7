/* SPDX-License-Identifier: Apache-2.0
 *
 * adam: running means of the gradient and of its square (Kingma & Ba 2014, arXiv:1412.6980), with AdamW's decay
 * (Loshchilov & Hutter 2017, arXiv:1711.05101). lamb: Adam's direction, scaled to each parameter's own size (You et al.
 * 2019, arXiv:1904.00962, algorithm 2). In place.
 *
 *   g = go[0] * gradient (+ decay * parameter, where the decay is coupled)
 *   m = beta1 * m + (1 - beta1) * g,   v = beta2 * v + (1 - beta2) * g^2
 *   d = m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon),   t = go[1]
 *   adam: parameter -= lr_scale * lr * (d + decay * parameter, where it is decoupled)
 *   lamb: r = d + decay * parameter,   parameter -= lr_scale * lr * |parameter| / |r| * r
 *
 * Semantics
 *  1. m and v start at 0; t counts the updates that were made, from 1, so that steps that are left out (go[0] is 0:
 *     nothing changes) correct nothing.
 *  2. epsilon is added to the corrected root, as in PyTorch; the paper's "epsilon hat" and TensorFlow's is another.
 *  3. Decoupled decay multiplies the parameter by 1 - lr_scale * lr * decay before the step: PyTorch's AdamW. The paper
 *     has a schedule of its own in place of lr.
 *  4. lamb's decay is always decoupled; the norms are of one parameter each, over all of its elements, and their
 *     quotient is 1 if either is 0 or with fixed_size.
 *  5. No AMSGrad, no clipping of the quotient. */
#include "op/case.h"
#include "op/update.h"

static const char *const what[] = { "parameter", "first moment", "second moment", "gradient" };

static weft_status need_rates(double *lr_scale, double *beta1, double *beta2, double decay)
{
    WEFT_TRY(weft_need_positive("lr_scale", lr_scale, 1));
    WEFT_TRY(weft_need_positive("beta1", beta1, .9));
    WEFT_TRY(weft_need_share("beta1", *beta1));
    WEFT_TRY(weft_need_positive("beta2", beta2, .999));
    WEFT_TRY(weft_need_share("beta2", *beta2));
    return weft_need_share("decay", decay);
}

static weft_status resolve_adam(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_adam_opt *o = opt;
    (void)n_in, (void)arena;
    WEFT_TRY(weft_need_update(what, WEFT_COUNT(what), in));
    WEFT_TRY(weft_need_positive("epsilon", &o->epsilon, 1e-8));
    return need_rates(&o->lr_scale, &o->beta1, &o->beta2, o->decay);
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 3, .out = { in[0], in[1], in[2] } };
    return WEFT_OK;
}

static weft_cost cost_adam(const weft_node *node)
{
    return (weft_cost){ .flops = 15 * weft_out_count(node) };
}

static void describe_adam(const weft_node *node, char *buf, size_t size)
{
    const weft_adam_opt *o = node->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "beta %g %g", o->beta1, o->beta2);
    if (o->decay > 0)
        weft_text_add(buf, size, &used, " decay %g%s", o->decay, o->decoupled ? " decoupled" : "");
    if (o->lr_scale != 1)
        weft_text_add(buf, size, &used, " lr x %g", o->lr_scale);
}

/* clang-format off */
#define STEP(...) WEFT_TWICE(__VA_ARGS__), WEFT_TWICE(__VA_ARGS__), WEFT_VECTOR(1), WEFT_VECTOR(2)
enum { POSITIVE = 4 + 32 };
static const weft_op_case adam_cases[] = {
    { WEFT_CASE("default", STEP(WEFT_VECTOR(17))), .positive = POSITIVE },
    { WEFT_CASE("coupled", STEP(WEFT_KRSC(8, 3, 3, 5))), WEFT_OPT(weft_adam_opt, .decay = 1e-2),
      .positive = POSITIVE },
    { WEFT_CASE("decoupled", STEP(WEFT_NC(33, 70))), WEFT_OPT(weft_adam_opt, .decay = 5e-2, .decoupled = true),
      .positive = POSITIVE },
    { WEFT_CASE("slower", STEP(WEFT_NC(3, 33))),
      WEFT_OPT(weft_adam_opt, .beta1 = .5, .beta2 = .9, .epsilon = 1e-3, .lr_scale = .25), .positive = POSITIVE },
    { WEFT_CASE("rows_over_threads", STEP(WEFT_KRSC(128, 3, 3, 64))), .positive = POSITIVE },
    { .name = NULL },
};
static const weft_op_case lamb_cases[] = {
    { WEFT_CASE("default", STEP(WEFT_VECTOR(17))), .positive = POSITIVE },
    { WEFT_CASE("decay", STEP(WEFT_KRSC(8, 3, 3, 5))), WEFT_OPT(weft_lamb_opt, .decay = 1e-2), .positive = POSITIVE },
    { WEFT_CASE("fixed_size", STEP(WEFT_NC(3, 33))), WEFT_OPT(weft_lamb_opt, .fixed_size = true, .lr_scale = .25),
      .positive = POSITIVE },
    { WEFT_CASE("rows_over_threads", STEP(WEFT_KRSC(128, 3, 3, 64))), .positive = POSITIVE },
    { .name = NULL },
};
#undef STEP
/* clang-format on */

const weft_op weft_op_adam = {
    .name = "adam",
    .brief = "Adam and AdamW, in place",
    .paper = "Kingma & Ba 2014, arXiv:1412.6980; Loshchilov & Hutter 2017, arXiv:1711.05101",
    .n_in = 6,
    .opt_size = sizeof(weft_adam_opt),
    .types = WEFT_TYPES_F32_IN | WEFT_TYPES_F32_OUT | WEFT_TYPES_TAKES_GRADIENT,
    .error_class = WEFT_ELEMENTWISE,
    .updates = 7,
    .resolve = resolve_adam,
    .infer = infer,
    .cost = cost_adam,
    .least = weft_least_update,
    .describe = describe_adam,
    .cases = adam_cases,
};

weft_var weft_adam(weft_graph *graph, weft_var parameter, weft_var first, weft_var second, weft_var gradient,
                   weft_var lr, weft_var go, const weft_adam_opt *opt)
{
    const weft_var in[] = { parameter, first, second, gradient, lr, go };
    return weft_graph_append(graph, WEFT_OP_ADAM, opt, in, WEFT_COUNT(in));
}

/* ---- lamb ---- */

static weft_status resolve_lamb(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_lamb_opt *o = opt;
    (void)n_in, (void)arena;
    WEFT_TRY(weft_need_update(what, WEFT_COUNT(what), in));
    WEFT_TRY(weft_need_positive("epsilon", &o->epsilon, 1e-6));
    return need_rates(&o->lr_scale, &o->beta1, &o->beta2, o->decay);
}

static weft_cost cost_lamb(const weft_node *node)
{
    return (weft_cost){ .flops = 24 * weft_out_count(node) };
}

static double least_lamb(const weft_node *node)
{
    return 11 * weft_out_count(node); /* the norms are known when everything has been read: then once more */
}

static void describe_lamb(const weft_node *node, char *buf, size_t size)
{
    const weft_lamb_opt *o = node->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "beta %g %g", o->beta1, o->beta2);
    if (o->decay > 0)
        weft_text_add(buf, size, &used, " decay %g", o->decay);
    if (o->lr_scale != 1)
        weft_text_add(buf, size, &used, " lr x %g", o->lr_scale);
}

const weft_op weft_op_lamb = {
    .name = "lamb",
    .brief = "LAMB: Adam's direction at each parameter's scale, in place",
    .paper = "You et al. 2019, arXiv:1904.00962",
    .n_in = 6,
    .opt_size = sizeof(weft_lamb_opt),
    .types = WEFT_TYPES_F32_IN | WEFT_TYPES_F32_OUT | WEFT_TYPES_TAKES_GRADIENT,
    .error_class = WEFT_ELEMENTWISE,
    .updates = 7,
    .resolve = resolve_lamb,
    .infer = infer,
    .cost = cost_lamb,
    .least = least_lamb,
    .describe = describe_lamb,
    .cases = lamb_cases,
};

weft_var weft_lamb(weft_graph *graph, weft_var parameter, weft_var first, weft_var second, weft_var gradient,
                   weft_var lr, weft_var go, const weft_lamb_opt *opt)
{
    const weft_var in[] = { parameter, first, second, gradient, lr, go };
    return weft_graph_append(graph, WEFT_OP_LAMB, opt, in, WEFT_COUNT(in));
}
