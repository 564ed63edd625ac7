/* SPDX-License-Identifier: Apache-2.0
 *
 * slice: some neighbouring channels of a tensor, the gradient of one input of a concat.
 *
 *   y[..., c] = x[..., first + c] for c < count
 *
 * Semantics
 *  1. Channels only; all other dimensions stay.
 *  2. The memory plan lets the output be its part of x, so that nothing is copied: rows of y are as far apart as x's.
 *     Where it cannot (x is a network's input or a parameter, y its output) the node copies. */
#include "op/case.h"
#include "op/util.h"

static weft_status check(const weft_slice_opt *o, const weft_shape *x)
{
    WEFT_TRY(weft_need_shape("x", x, 0));
    const int64_t channels = weft_shape_channels(x);
    WEFT_TRY(weft_need_range("first", o->first, 0, channels - 1));
    return weft_need_range("count", o->count, 1, channels - o->first);
}

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    (void)n_in, (void)arena;
    return check(opt, &in[0]);
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_slice_opt *o = opt;
    (void)n_in;
    WEFT_TRY(check(o, &in[0]));
    *sig = (weft_sig){ .n_out = 1, .out = { in[0] } };
    sig->out[0].dim[in[0].rank - 1] = o->count;
    return WEFT_OK;
}

static weft_cost cost(const weft_node *n)
{
    (void)n;
    return (weft_cost){ 0, 0 };
}

static void describe(const weft_node *n, char *buf, size_t size)
{
    const weft_slice_opt *o = n->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "%lld to %lld", (long long)o->first, (long long)(o->first + o->count - 1));
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("first", WEFT_NHWC(1, 7, 7, 96)), WEFT_OPT(weft_slice_opt, .first = 0, .count = 32) },
    { WEFT_CASE("middle_odd", WEFT_NHWC(2, 5, 6, 37)), WEFT_OPT(weft_slice_opt, .first = 3, .count = 17) },
    { WEFT_CASE("last_channel", WEFT_NHWC(1, 4, 9, 42)), WEFT_OPT(weft_slice_opt, .first = 41, .count = 1) },
    { WEFT_CASE("all", WEFT_NHWC(3, 3, 2, 20)), WEFT_OPT(weft_slice_opt, .first = 0, .count = 20) },
    { WEFT_CASE("vectors", WEFT_NC(5, 76)), WEFT_OPT(weft_slice_opt, .first = 11, .count = 65) },
    { WEFT_CASE("rows_over_threads", WEFT_NHWC(2, 29, 31, 40)), WEFT_OPT(weft_slice_opt, .first = 8, .count = 24) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_slice = {
    .name = "slice",
    .brief = "Some channels of a tensor",
    .paper = "",
    .n_in = 1,
    .opt_size = sizeof(weft_slice_opt),
    .shares = WEFT_SHARES_PART,
    .error_class = WEFT_EXACT,
    .special = true,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .describe = describe,
    .cases = cases,
};
