/* SPDX-License-Identifier: Apache-2.0
 *
 * concat: tensors side by side along the channels. Szegedy et al. 2014, arXiv:1409.4842.
 *
 *   y[..., c] = x0[..., c] for c < C0, x1[..., c - C0] for the next C1, and so on
 *
 * Semantics
 *  1. Channels only, in the order of the inputs. All other dimensions are equal, and so are the ranks (2 or more).
 *  2. One input is allowed: a copy. The same input may come twice.
 *  3. Backwards each input gets its channels of dy: a slice, which is no copy. */
#include "graph/grad.h"
#include "op/case.h"
#include "op/util.h"

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt;
    const int last = in[0].rank - 1;
    weft_shape out = in[0];
    if (last < 1)
        return weft_fail(WEFT_INVALID, "input 0 has rank %d, expected 2 or more", in[0].rank);
    for (int i = 0; i < n_in; i++) {
        char first[128], other[128];
        WEFT_TRY(weft_need_shape("an input", &in[i], 0));
        weft_shape as_first = in[i];
        if (in[i].rank == in[0].rank)
            as_first.dim[last] = in[0].dim[last];
        if (!weft_shape_equal(&as_first, &in[0]))
            return weft_fail(WEFT_INVALID, "input %d is %s, expected all but the channels as in input 0, %s", i,
                             weft_shape_text(&in[i], other, sizeof other),
                             weft_shape_text(&in[0], first, sizeof first));
        if (i > 0)
            out.dim[last] += in[i].dim[last];
        WEFT_TRY(weft_need_output(&out));
    }
    sig->n_out = 1;
    sig->out[0] = out;
    sig->n_param = 0;
    return WEFT_OK;
}

static weft_cost cost(const weft_node *n)
{
    (void)n;
    return (weft_cost){ 0, 0 };
}

static void describe(const weft_node *n, char *buf, size_t size)
{
    size_t used = 0;
    weft_text_add(buf, size, &used, n->n_in == 1 ? "%d input" : "%d inputs", n->n_in);
}

static weft_status grad(weft_grad *g)
{
    const weft_var dy = weft_grad_dy(g, 0);
    int64_t first = 0;
    for (int i = 0; i < g->node.n_in; i++) {
        const int64_t count = weft_shape_channels(&g->node.in[i]);
        const weft_slice_opt opt = { "dx", first, count };
        if (weft_grad_wants(g, i))
            weft_grad_add(g, i, weft_graph_append(g->graph, WEFT_OP_SLICE, &opt, &dy, 1));
        first += count;
    }
    return WEFT_OK;
}

weft_var weft_concat(weft_graph *graph, const weft_var *xs, int count)
{
    if (xs == NULL || count < 1)
        return weft_graph_fail(graph, WEFT_INVALID, "concat: found %d inputs, expected at least 1", count);
    return weft_graph_append(graph, WEFT_OP_CONCAT, NULL, xs, count);
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("two", WEFT_NHWC(1, 7, 7, 32), WEFT_NHWC(1, 7, 7, 64)) },
    { WEFT_CASE("two_odd", WEFT_NHWC(2, 5, 6, 3), WEFT_NHWC(2, 5, 6, 17)) },
    { WEFT_CASE("three", WEFT_NHWC(1, 4, 9, 33), WEFT_NHWC(1, 4, 9, 1), WEFT_NHWC(1, 4, 9, 8)) },
    { WEFT_CASE("four_inception", WEFT_NHWC(2, 8, 8, 64), WEFT_NHWC(2, 8, 8, 128), WEFT_NHWC(2, 8, 8, 32),
                WEFT_NHWC(2, 8, 8, 32)) },
    { WEFT_CASE("one", WEFT_NHWC(3, 3, 2, 20)) },
    { WEFT_CASE("vectors", WEFT_NC(5, 10), WEFT_NC(5, 1), WEFT_NC(5, 65)) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_concat = {
    .name = "concat",
    .brief = "Side by side along the channels",
    .paper = "Szegedy et al. 2014, arXiv:1409.4842",
    .n_in = -1,
    .shares = WEFT_SHARES_SLICES,
    .error_class = WEFT_EXACT,
    .special = true,
    .resolve = weft_resolve_nothing,
    .infer = infer,
    .cost = cost,
    .describe = describe,
    .grad = grad,
    .cases = cases,
};
