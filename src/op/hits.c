/* SPDX-License-Identifier: Apache-2.0
 *
 * hits: how many images of a batch have their label first, and among the first five.
 *
 *   y[0] = count of n with rank[n] < 1, y[1] = count of n with rank[n] < 5,
 *   rank[n] = count of k with x[n, k] > x[n, label[n]] (<, with least), or equal to it and k < label[n]
 *
 * Semantics
 *  1. Ties go to the lower class, as in a stable sort.
 *  2. A label outside the classes, or a score that is no number, hits nothing. */
#include "op/case.h"
#include "op/util.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    char text[96];
    (void)opt, (void)n_in, (void)arena;
    WEFT_TRY(weft_need_shape("labels", &in[0], 2));
    WEFT_TRY(weft_need_shape("x", &in[1], 2));
    if (in[0].dim[1] != 1 || in[0].dim[0] != in[1].dim[0])
        return weft_fail(WEFT_INVALID, "labels are %s, expected [%lld, 1]", weft_shape_text(&in[0], text, sizeof text),
                         (long long)in[1].dim[0]);
    return WEFT_OK;
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)in, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { { .rank = 1, .dim = { 2 } } } };
    return WEFT_OK;
}

static void describe(const weft_node *node, char *buf, size_t size)
{
    size_t used = 0;
    weft_text_add(buf, size, &used, "%s", ((const weft_hits_opt *)node->opt)->least ? "least" : "");
}

static weft_cost cost(const weft_node *node)
{
    return (weft_cost){ .flops = (double)weft_shape_count(&node->in[1]) };
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("ten", WEFT_NC(32, 1), WEFT_NC(32, 10)), .classes = 10 },
    { WEFT_CASE("one_class", WEFT_NC(3, 1), WEFT_NC(3, 1)), .classes = 1 },
    { WEFT_CASE("hundred", WEFT_NC(65, 1), WEFT_NC(65, 100)), .classes = 100 },
    { WEFT_CASE("least", WEFT_NC(32, 1), WEFT_NC(32, 10)), WEFT_OPT(weft_hits_opt, .least = true), .classes = 10 },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_hits = {
    .name = "hits",
    .brief = "Images whose label is first, and among the first five",
    .paper = "",
    .n_in = 2,
    .opt_size = sizeof(weft_hits_opt),
    .types = WEFT_TYPES_INDEX_IN0 | WEFT_TYPES_F32_OUT | WEFT_TYPES_WANTS_LOGITS, /* as the loss */
    .error_class = WEFT_EXACT,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .describe = describe,
    .cases = cases,
};

weft_var weft_hits(weft_graph *graph, weft_var labels, weft_var x, const weft_hits_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_HITS, opt, (const weft_var[]){ labels, x }, 2);
}
