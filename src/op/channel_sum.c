/* SPDX-License-Identifier: Apache-2.0
 *
 * channel_sum: y[c] = sum over all rows of x[..., c], the gradient of a bias.
 *
 * Semantics
 *  1. Rows are added in a tree that depends on their number alone. */
#include "op/channel_sum.h"

#include "op/case.h"
#include "op/util.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    (void)opt, (void)n_in, (void)arena;
    return weft_need_shape("x", &in[0], 0);
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { { .rank = 1, .dim = { weft_shape_channels(&in[0]) } } } };
    return WEFT_OK;
}

static weft_cost cost(const weft_node *n)
{
    return (weft_cost){ .flops = (double)weft_shape_count(&n->in[0]) };
}

static double least(const weft_node *n)
{
    return (double)weft_shape_count(&n->in[0]);
}

static int64_t reduction(const weft_node *n)
{
    return weft_shape_rows(&n->in[0]);
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("c1_5x7", WEFT_NHWC(1, 5, 7, 1)) },
    { WEFT_CASE("c17", WEFT_NHWC(2, 9, 5, 17)) },
    { WEFT_CASE("c64", WEFT_NHWC(2, 7, 7, 64)) },
    { WEFT_CASE("one_row", WEFT_NHWC(1, 1, 1, 70)) },
    { WEFT_CASE("vectors", WEFT_NC(65, 33)) },
    { WEFT_CASE("rows_over_threads", WEFT_NHWC(2, 29, 31, 24)) },
    { WEFT_CASE("parts", WEFT_NHWC(3, 30, 31, 9)) },
    { WEFT_CASE("parts_all", WEFT_NHWC(2, 37, 33, 34)) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_channel_sum = {
    .name = "channel_sum",
    .brief = "Sum of each channel",
    .paper = "",
    .n_in = 1,
    .opt_size = sizeof(weft_channel_sum_opt),
    .types = WEFT_TYPES_F32_OUT,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .least = least,
    .reduction = reduction,
    .cases = cases,
};

weft_var weft_channel_sum(weft_graph *graph, weft_var x, const char *name)
{
    const weft_channel_sum_opt opt = { name };
    return weft_graph_append(graph, WEFT_OP_CHANNEL_SUM, &opt, &x, 1);
}
