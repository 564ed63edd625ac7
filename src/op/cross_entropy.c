/* SPDX-License-Identifier: Apache-2.0
 *
 * Losses of a row of outputs and a row of targets, each with its gradient: cross_entropy (softmax and the negative
 * log-likelihood in one), bce (a sigmoid for each class), rbf_criterion (LeCun 1998, eq. 9, of distances).
 *
 *   w[k] t[n, k] = target times the weight of its class; T[n] = sum over k of w[k] t[n, k]
 *   cross_entropy: p = softmax of x[n];  loss = weight / N * sum of w[k] t[n, k] (-log p[n, k])
 *                  dx[n, k] = weight / N * (p[n, k] T[n] - w[k] t[n, k])
 *   bce:           loss = weight / (N K) * sum of w[k] (log(1 + exp(x)) - t x)
 *                  dx[n, k] = weight / (N K) * w[k] (sigmoid(x[n, k]) - t[n, k])
 *   rbf_criterion: loss = weight / N * sum over n of (sum over k of t[n, k] x[n, k] + T[n] log(exp(-j) + sum over k of
 *                  exp(-x[n, k])));  dx[n, k] = weight / N * (t[n, k] - T[n] exp(-x[n, k]) / (exp(-j) + ...))
 *
 * Semantics
 *  1. A target is any row of numbers: one-hot, smoothed, mixed (mixup, cutmix).
 *  2. The loss is the mean over the batch, times weight (0: 1): 0.3 for an auxiliary head. Weights of classes multiply
 *     targets and do not change what is divided by (torch's "mean" divides by the sum of the weights that occurred; so
 *     a batch of rare images alone counts there as any other, here more).
 *  3. bce: the mean is over the classes, too (torch's); with sum_classes they are added up.
 *  4. Logarithms are of sums of exp(x - m), m the largest: finite for all finite inputs.
 *  5. dx is the gradient of the loss as it stands here, ready when the forward pass is. With a third input, the state
 *     scale [3] (gate.c), it is scale[0] times that, and so are all gradients that are made of it; the loss is not.
 *  6. rbf_criterion: x are distances, the smallest is the answer. The paper gives j no value; 0 means 0.1: it keeps
 *     distances that are large already from being pushed further. */
#include "graph/grad.h"
#include "op/case.h"
#include "op/gate.h"
#include "op/update.h"

#include <math.h>

/* All is fp32 on any device: targets that come from outside (mixup's are not 0 and 1), logits where the layer before
 * can give them, loss and gradient. */
enum { TYPES = WEFT_TYPES_F32_IN | WEFT_TYPES_F32_OUT | WEFT_TYPES_WANTS_LOGITS };

static weft_status need_rows(const char *what, const weft_shape *in, int n_in, double *weight)
{
    char logits[96], target[96];
    if (n_in > 3)
        return weft_fail(WEFT_INVALID, "found %d inputs, expected %s, target and perhaps scale", n_in, what);
    WEFT_TRY(weft_need_shape(what, &in[0], 2));
    if (!weft_shape_equal(&in[0], &in[1]))
        return weft_fail(WEFT_INVALID, "target is %s, expected the shape of the %s, %s",
                         weft_shape_text(&in[1], target, sizeof target), what,
                         weft_shape_text(&in[0], logits, sizeof logits));
    if (!isfinite(*weight))
        return weft_fail(WEFT_INVALID, "weight is %g, expected a finite number", *weight);
    if (*weight == 0)
        *weight = 1;
    return n_in == 3 ? weft_need_vector("scale", &in[2], WEFT_SCALE_NUMBERS) : WEFT_OK;
}

/* The weights of classes, checked and copied. */
static weft_status keep_weights(const float **weights, int64_t classes, weft_arena *arena)
{
    if (!*weights)
        return WEFT_OK;
    for (int64_t k = 0; k < classes; k++)
        if (!isfinite((*weights)[k]) || (*weights)[k] < 0)
            return weft_fail(WEFT_INVALID, "the weight of class %lld is %g, expected a number from 0", (long long)k,
                             (double)(*weights)[k]);
    *weights = weft_arena_copy(arena, *weights, (size_t)classes * sizeof **weights);
    return *weights ? WEFT_OK : WEFT_NO_MEMORY;
}

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_cross_entropy_opt *o = opt;
    WEFT_TRY(need_rows("logits", in, n_in, &o->weight));
    return keep_weights(&o->class_weights, in[0].dim[1], arena);
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 2, .out = { WEFT_VECTOR(1), in[0] } };
    return WEFT_OK;
}

static weft_cost cost(const weft_node *node)
{
    return (weft_cost){ .flops = 8 * (double)weft_shape_count(&node->in[0]) };
}

static int64_t reduction(const weft_node *node)
{
    return weft_shape_count(&node->in[0]);
}

static void describe(const weft_node *node, char *buf, size_t size)
{
    const weft_cross_entropy_opt *o = node->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, o->class_weights ? "weight %g of classes" : o->weight == 1 ? "" : "weight %g",
                  o->weight);
}

static weft_status grad(weft_grad *g)
{
    if (weft_grad_wants(g, 0) && !weft_grad_is_one(g, 0))
        return weft_fail(WEFT_UNSUPPORTED, "the gradient of a loss that something else than a sum follows");
    weft_grad_add(g, 0, weft_grad_out(g, 1));
    return WEFT_OK;
}

/* clang-format off */
static const float seven[] = { 1, 2, .5f, 0, 1, 3, .25f };
static const weft_op_case cases[] = {
    { WEFT_CASE("ten", WEFT_TWICE(WEFT_NC(7, 10))), .positive = 2 },
    { WEFT_CASE("one_class", WEFT_TWICE(WEFT_NC(3, 1))), .positive = 2 },
    { WEFT_CASE("one_image", WEFT_TWICE(WEFT_NC(1, 17))), .positive = 2 },
    { WEFT_CASE("thousand", WEFT_TWICE(WEFT_NC(32, 1000))), .positive = 2 },
    { WEFT_CASE("weight", WEFT_TWICE(WEFT_NC(5, 70))), WEFT_OPT(weft_cross_entropy_opt, .weight = .3), .positive = 2 },
    { WEFT_CASE("class_weights", WEFT_TWICE(WEFT_NC(9, 7))), WEFT_OPT(weft_cross_entropy_opt, .class_weights = seven),
      .positive = 2 },
    { WEFT_CASE("scaled", WEFT_TWICE(WEFT_NC(9, 33)), WEFT_VECTOR(WEFT_SCALE_NUMBERS)), .positive = 6 },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_cross_entropy = {
    .name = "cross_entropy",
    .brief = "Softmax and cross-entropy: loss and gradient",
    .paper = "Bridle 1990",
    .n_in = -2,
    .opt_size = sizeof(weft_cross_entropy_opt),
    .types = TYPES,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .reduction = reduction,
    .describe = describe,
    .grad = grad,
    .cases = cases,
};

weft_var weft_cross_entropy(weft_graph *graph, weft_var logits, weft_var target, const weft_cross_entropy_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_CROSS_ENTROPY, opt, (const weft_var[]){ logits, target }, 2);
}

/* ---- bce ---- */

static weft_status resolve_bce(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_bce_opt *o = opt;
    WEFT_TRY(need_rows("logits", in, n_in, &o->weight));
    return keep_weights(&o->class_weights, in[0].dim[1], arena);
}

static void describe_bce(const weft_node *node, char *buf, size_t size)
{
    const weft_bce_opt *o = node->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "%s of classes%s", o->sum_classes ? "sum" : "mean",
                  o->class_weights ? ", weighted" : "");
    if (o->weight != 1)
        weft_text_add(buf, size, &used, " weight %g", o->weight);
}

/* clang-format off */
static const weft_op_case bce_cases[] = {
    { WEFT_CASE("ten", WEFT_TWICE(WEFT_NC(7, 10))), .positive = 2 },
    { WEFT_CASE("one_class", WEFT_TWICE(WEFT_NC(3, 1))), .positive = 2 },
    { WEFT_CASE("thousand", WEFT_TWICE(WEFT_NC(32, 1000))), .positive = 2 },
    { WEFT_CASE("sum_classes", WEFT_TWICE(WEFT_NC(5, 70))), WEFT_OPT(weft_bce_opt, .weight = .3, .sum_classes = true),
      .positive = 2 },
    { WEFT_CASE("class_weights", WEFT_TWICE(WEFT_NC(9, 7))), WEFT_OPT(weft_bce_opt, .class_weights = seven),
      .positive = 2 },
    { WEFT_CASE("scaled", WEFT_TWICE(WEFT_NC(7, 10)), WEFT_VECTOR(WEFT_SCALE_NUMBERS)), .positive = 6 },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_bce = {
    .name = "bce",
    .brief = "A sigmoid for each class and binary cross-entropy: loss and gradient",
    .paper = "Wightman et al. 2021, arXiv:2110.00476",
    .n_in = -2,
    .opt_size = sizeof(weft_bce_opt),
    .types = TYPES,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve_bce,
    .infer = infer,
    .cost = cost,
    .reduction = reduction,
    .describe = describe_bce,
    .grad = grad,
    .cases = bce_cases,
};

weft_var weft_bce(weft_graph *graph, weft_var logits, weft_var target, const weft_bce_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_BCE, opt, (const weft_var[]){ logits, target }, 2);
}

/* ---- rbf_criterion ---- */

static weft_status resolve_rbf(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_rbf_criterion_opt *o = opt;
    (void)arena;
    if (!isfinite(o->j) || o->j < 0)
        return weft_fail(WEFT_INVALID, "j is %g, expected a positive number, or 0 for .1", o->j);
    if (o->j == 0)
        o->j = .1;
    return need_rows("distances", in, n_in, &o->weight);
}

static void describe_rbf(const weft_node *node, char *buf, size_t size)
{
    size_t used = 0;
    weft_text_add(buf, size, &used, "j %g", ((const weft_rbf_criterion_opt *)node->opt)->j);
}

/* clang-format off */
static const weft_op_case rbf_cases[] = {
    { WEFT_CASE("ten", WEFT_TWICE(WEFT_NC(7, 10))), .positive = 2 },
    { WEFT_CASE("one_class", WEFT_TWICE(WEFT_NC(3, 1))), .positive = 2 },
    { WEFT_CASE("j", WEFT_TWICE(WEFT_NC(5, 70))), WEFT_OPT(weft_rbf_criterion_opt, .j = 2), .positive = 2 },
    { WEFT_CASE("scaled", WEFT_TWICE(WEFT_NC(7, 10)), WEFT_VECTOR(WEFT_SCALE_NUMBERS)), .positive = 6 },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_rbf_criterion = {
    .name = "rbf_criterion",
    .brief = "LeNet-5's criterion: loss and gradient of distances",
    .paper = "LeCun 1998, eq. 9",
    .n_in = -2,
    .opt_size = sizeof(weft_rbf_criterion_opt),
    .types = TYPES,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve_rbf,
    .infer = infer,
    .cost = cost,
    .reduction = reduction,
    .describe = describe_rbf,
    .grad = grad,
    .cases = rbf_cases,
};

weft_var weft_rbf_criterion(weft_graph *graph, weft_var distances, weft_var target, const weft_rbf_criterion_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_RBF_CRITERION, opt, (const weft_var[]){ distances, target }, 2);
}
