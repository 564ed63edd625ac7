/* SPDX-License-Identifier: Apache-2.0
 *
 * Dropout: Srivastava 2014; drop path (stochastic depth): Huang 2016, arXiv:1603.09382. At inference both are the
 * identity, which the graph passes remove; a node that is left copies.
 *
 * Semantics
 * 1. At inference y = x, bit for bit.
 * 2. In training an element is dropped with probability rate and what is kept is divided by 1 - rate ("inverted"), so
 *    that inference needs no factor. drop_path draws once per image, for all of its elements.
 * 3. rate is the share that is dropped, 0 <= rate < 1; 0 drops nothing. */
#include "op/dropout.h"

#include "op/case.h"
#include "op/util.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_dropout_opt *o = opt;
    (void)n_in, (void)arena;
    WEFT_TRY(weft_need_shape("x", &in[0], 0));
    if (!(o->rate >= 0 && o->rate < 1))
        return weft_fail(WEFT_INVALID, "rate is %g, expected 0 or more and less than 1", o->rate);
    return WEFT_OK;
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { in[0] } };
    return WEFT_OK;
}

static weft_cost cost(const weft_node *node)
{
    (void)node;
    return (weft_cost){ .macs = 0 };
}

static void describe(const weft_node *node, char *buf, size_t size)
{
    const weft_dropout_opt *o = node->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "rate %g%s", o->rate, o->per_image ? " per image" : "");
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("half_vectors", WEFT_NC(3, 70)), WEFT_OPT(weft_dropout_opt, .rate = .5) },
    { WEFT_CASE("map_c17", WEFT_NHWC(2, 3, 5, 17)), WEFT_OPT(weft_dropout_opt, .rate = .2) },
    { WEFT_CASE("path_c8", WEFT_NHWC(3, 3, 5, 8)), WEFT_OPT(weft_dropout_opt, .rate = .2, .per_image = true) },
    { WEFT_CASE("rate0_c1", WEFT_NHWC(1, 5, 7, 1)), WEFT_OPT(weft_dropout_opt, .rate = 0) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_dropout = {
    .name = "dropout",
    .brief = "Dropout and drop path; the identity at inference",
    .paper = "Srivastava et al. 2014; Huang et al. 2016, arXiv:1603.09382",
    .n_in = 1,
    .opt_size = sizeof(weft_dropout_opt),
    .error_class = WEFT_EXACT,
    .special = true,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .describe = describe,
    .cases = cases,
};

weft_var weft_dropout(weft_graph *graph, weft_var x, double rate)
{
    const weft_dropout_opt opt = { .rate = rate };
    return weft_graph_append(graph, WEFT_OP_DROPOUT, &opt, &x, 1);
}

weft_var weft_drop_path(weft_graph *graph, weft_var x, double rate)
{
    const weft_dropout_opt opt = { .name = "drop_path", .rate = rate, .per_image = true };
    return weft_graph_append(graph, WEFT_OP_DROPOUT, &opt, &x, 1);
}
