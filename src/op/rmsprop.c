/* SPDX-License-Identifier: Apache-2.0
 *
 * rmsprop: a running mean of squares divides the gradient (Hinton 2012, lecture 6e), with momentum, in place, as
 * TensorFlow does it.
 *
 *   g  = go[0] * gradient + decay * parameter
 *   s  = rho * s + (1 - rho) * g^2
 *   v  = momentum * v + lr_scale * lr * g / sqrt(s + epsilon)
 *   parameter -= v
 *
 * Semantics
 *  1. epsilon is inside of the root: recipes with epsilon 1 (Inception) or 1e-3 (EfficientNet) mean this form. PyTorch
 *     adds it to the root.
 *  2. The learning rate goes through the momentum, after the division.
 *  3. Where s starts is its state's affair: at 1 in TensorFlow 1 and tf-slim (what the papers of Inception, MobileNet
 *     and EfficientNet used, and weft's trainer), at 0 in Keras (weft_optimizer.mean_square_from_zero).
 *  4. s is of the gradient itself, not of its deviation from a mean (not "centered").
 *  5. decay is coupled (L2), goes into s, and is not scaled by go.
 *  6. go[0] is 0: nothing changes. */
#include "op/case.h"
#include "op/update.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    static const char *const what[] = { "parameter", "mean square", "momentum", "gradient" };
    weft_rmsprop_opt *o = opt;
    (void)n_in, (void)arena;
    WEFT_TRY(weft_need_update(what, WEFT_COUNT(what), in));
    WEFT_TRY(weft_need_positive("lr_scale", &o->lr_scale, 1));
    WEFT_TRY(weft_need_positive("epsilon", &o->epsilon, 1e-3));
    WEFT_TRY(weft_need_positive("rho", &o->rho, .9));
    WEFT_TRY(weft_need_share("rho", o->rho));
    WEFT_TRY(weft_need_share("momentum", o->momentum));
    return weft_need_share("decay", o->decay);
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 3, .out = { in[0], in[1], in[2] } };
    return WEFT_OK;
}

static weft_cost cost(const weft_node *node)
{
    return (weft_cost){ .flops = 13 * weft_out_count(node) };
}

static void describe(const weft_node *node, char *buf, size_t size)
{
    const weft_rmsprop_opt *o = node->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "rho %g momentum %g epsilon %g", o->rho, o->momentum, o->epsilon);
    if (o->decay > 0)
        weft_text_add(buf, size, &used, " decay %g", o->decay);
    if (o->lr_scale != 1)
        weft_text_add(buf, size, &used, " lr x %g", o->lr_scale);
}

/* clang-format off */
#define STEP(...) WEFT_TWICE(__VA_ARGS__), WEFT_TWICE(__VA_ARGS__), WEFT_VECTOR(1), WEFT_VECTOR(2)
static const weft_op_case cases[] = {
    { WEFT_CASE("default", STEP(WEFT_VECTOR(17))), .positive = 34 },
    { WEFT_CASE("efficientnet", STEP(WEFT_KRSC(8, 3, 3, 5))),
      WEFT_OPT(weft_rmsprop_opt, .momentum = .9, .decay = 1e-5), .positive = 34 },
    { WEFT_CASE("inception", STEP(WEFT_NC(33, 70))), WEFT_OPT(weft_rmsprop_opt, .momentum = .9, .epsilon = 1),
      .positive = 34 },
    { WEFT_CASE("slower", STEP(WEFT_NC(3, 33))), WEFT_OPT(weft_rmsprop_opt, .rho = .5, .lr_scale = .25),
      .positive = 34 },
    { WEFT_CASE("rows_over_threads", STEP(WEFT_KRSC(128, 3, 3, 64))), WEFT_OPT(weft_rmsprop_opt, .momentum = .9),
      .positive = 34 },
    { .name = NULL },
};
#undef STEP
/* clang-format on */

const weft_op weft_op_rmsprop = {
    .name = "rmsprop",
    .brief = "RMSProp with momentum in TensorFlow's form, in place",
    .paper = "Hinton 2012",
    .n_in = 6,
    .opt_size = sizeof(weft_rmsprop_opt),
    .types = WEFT_TYPES_F32_IN | WEFT_TYPES_F32_OUT | WEFT_TYPES_TAKES_GRADIENT,
    .error_class = WEFT_ELEMENTWISE,
    .updates = 7,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .least = weft_least_update,
    .describe = describe,
    .cases = cases,
};

weft_var weft_rmsprop(weft_graph *graph, weft_var parameter, weft_var mean_square, weft_var momentum, weft_var gradient,
                      weft_var lr, weft_var go, const weft_rmsprop_opt *opt)
{
    const weft_var in[] = { parameter, mean_square, momentum, gradient, lr, go };
    return weft_graph_append(graph, WEFT_OP_RMSPROP, opt, in, WEFT_COUNT(in));
}
