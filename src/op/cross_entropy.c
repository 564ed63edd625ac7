/* SPDX-License-Identifier: Apache-2.0
 *
 * cross_entropy: softmax and the negative log-likelihood of a target in one, with the gradient.
 *
 *   p[n, k]  = softmax of logits[n]
 *   loss     = weight / N * sum over n, k of target[n, k] (-log p[n, k])
 *   dx[n, k] = weight / N * (p[n, k] sum over j of target[n, j] - target[n, k])
 *
 * Semantics
 *  1. A target is any row of numbers: one-hot, smoothed, mixed, multiplied by the weight of its class.
 *  2. The loss is the mean over the batch (torch's "mean" without class weights), times weight (0: 1): 0.3 for an
 *     auxiliary head.
 *  3. -log p is log(sum of exp(x - m)) - (x - m), m the largest logit: finite for all finite logits.
 *  4. dx is the gradient of the loss as it stands here, ready when the forward pass is. */
#include "graph/grad.h"
#include "op/case.h"
#include "op/util.h"

#include <math.h>

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_cross_entropy_opt *o = opt;
    char logits[96], target[96];
    (void)n_in, (void)arena;
    WEFT_TRY(weft_need_shape("logits", &in[0], 2));
    if (!weft_shape_equal(&in[0], &in[1]))
        return weft_fail(WEFT_INVALID, "target is %s, expected the shape of the logits, %s",
                         weft_shape_text(&in[1], target, sizeof target),
                         weft_shape_text(&in[0], logits, sizeof logits));
    if (!isfinite(o->weight))
        return weft_fail(WEFT_INVALID, "weight is %g, expected a finite number", o->weight);
    if (o->weight == 0)
        o->weight = 1;
    return WEFT_OK;
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 2, .out = { { .rank = 1, .dim = { 1 } }, in[0] } };
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
    weft_text_add(buf, size, &used, o->weight == 1 ? "" : "weight %g", o->weight);
}

static weft_status grad(weft_grad *g)
{
    if (weft_grad_wants(g, 0) && !weft_grad_is_one(g, 0))
        return weft_fail(WEFT_UNSUPPORTED, "the gradient of a loss that something else than a sum follows");
    weft_grad_add(g, 0, weft_grad_out(g, 1));
    return WEFT_OK;
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("ten", WEFT_TWICE(WEFT_NC(7, 10))), .positive = 2 },
    { WEFT_CASE("one_class", WEFT_TWICE(WEFT_NC(3, 1))), .positive = 2 },
    { WEFT_CASE("one_image", WEFT_TWICE(WEFT_NC(1, 17))), .positive = 2 },
    { WEFT_CASE("thousand", WEFT_TWICE(WEFT_NC(32, 1000))), .positive = 2 },
    { WEFT_CASE("weight", WEFT_TWICE(WEFT_NC(5, 70))), WEFT_OPT(weft_cross_entropy_opt, .weight = .3), .positive = 2 },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_cross_entropy = {
    .name = "cross_entropy",
    .brief = "Softmax and cross-entropy: loss and gradient",
    .paper = "Bridle 1990",
    .n_in = 2,
    .opt_size = sizeof(weft_cross_entropy_opt),
    .types = WEFT_TYPES_F32_OUT | WEFT_TYPES_WANTS_LOGITS,
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
