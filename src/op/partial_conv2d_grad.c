/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of partial_conv2d are those of a convolution that sees all maps, between two changes of the weights'
 * layout.
 *
 *   partial_expand    full[k, r, s, c] = weight[i(k, c), r, s], 0 where k does not see c
 *   partial_collect   weight[i(k, c), r, s] = full[k, r, s, c]
 *
 * Semantics
 *  1. i(k, c) as in partial_conv2d. Each of the two undoes, and is the gradient of, the other.
 *  2. Products with zeros cost a third more than table C3 of LeNet-5 asks for, and run in the kernels of conv2d_dx and
 *     conv2d_dw. */
#include "op/case.h"
#include "op/partial_conv2d.h"
#include "op/util.h"

static weft_status resolve_table(weft_partial_grad_opt *o, weft_arena *arena)
{
    WEFT_TRY(weft_need_range("out", o->out, 1, WEFT_MAX_DIM - 1));
    WEFT_TRY(weft_need_range("channels", o->channels, 1, WEFT_MAX_DIM - 1));
    if (o->table == NULL || o->out > INT32_MAX / o->channels)
        return weft_fail(WEFT_INVALID, "table is NULL, or too large: expected %lld x %lld marks", (long long)o->out,
                         (long long)o->channels);
    o->table = weft_arena_copy(arena, o->table, (size_t)(o->out * o->channels));
    return o->table != NULL ? WEFT_OK : WEFT_NO_MEMORY;
}

static int64_t marks_of(const weft_partial_grad_opt *o)
{
    int64_t marks = 0;
    for (int64_t i = 0; i < o->out * o->channels; i++)
        marks += o->table[i] != 0;
    return marks;
}

static weft_status resolve_expand(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_partial_grad_opt *o = opt;
    char text[96];
    (void)n_in;
    WEFT_TRY(weft_need_shape("weight", &in[0], 4));
    WEFT_TRY(resolve_table(o, arena));
    if (in[0].dim[0] != marks_of(o) || in[0].dim[3] != 1)
        return weft_fail(WEFT_INVALID, "weight is %s, expected [%lld, R, S, 1]",
                         weft_shape_text(&in[0], text, sizeof text), (long long)marks_of(o));
    return WEFT_OK;
}

static weft_status resolve_collect(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_partial_grad_opt *o = opt;
    char text[96];
    (void)n_in;
    WEFT_TRY(weft_need_shape("weight", &in[0], 4));
    WEFT_TRY(resolve_table(o, arena));
    if (in[0].dim[0] != o->out || in[0].dim[3] != o->channels || marks_of(o) == 0)
        return weft_fail(WEFT_INVALID, "weight is %s, expected [%lld, R, S, %lld], and a mark in the table",
                         weft_shape_text(&in[0], text, sizeof text), (long long)o->out, (long long)o->channels);
    return WEFT_OK;
}

static weft_status infer_expand(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_partial_grad_opt *o = opt;
    (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { weft_shape_nhwc(o->out, in[0].dim[1], in[0].dim[2], o->channels) } };
    return weft_need_output(&sig->out[0]);
}

static weft_status infer_collect(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_partial_grad_opt *o = opt;
    (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { weft_shape_nhwc(marks_of(o), in[0].dim[1], in[0].dim[2], 1) } };
    return WEFT_OK;
}

static weft_cost cost(const weft_node *n)
{
    (void)n;
    return (weft_cost){ 0, 0 };
}

static void describe(const weft_node *n, char *buf, size_t size)
{
    const weft_partial_grad_opt *o = n->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "%lld of %lld maps", (long long)marks_of(o), (long long)(o->out * o->channels));
}

/* clang-format off */
static const uint8_t one_each[] = { 1, 0, 0, 1 };
static const uint8_t all[] = { 1, 1, 1, 1, 1, 1 };
static const uint8_t ragged[] = { 0, 1, 0,  1, 1, 1,  0, 0, 1,  1, 0, 1,  1, 0, 0 };
#define TABLE(o, c, t) WEFT_OPT(weft_partial_grad_opt, .out = o, .channels = c, .table = t)
static const weft_op_case cases_expand[] = {
    { WEFT_CASE("5x5_ragged", WEFT_KRSC(8, 5, 5, 1)), TABLE(5, 3, ragged) },
    { WEFT_CASE("3x3_all", WEFT_KRSC(6, 3, 3, 1)), TABLE(2, 3, all) },
    { WEFT_CASE("1x1_one_each", WEFT_KRSC(2, 1, 1, 1)), TABLE(2, 2, one_each) },
    { .name = NULL },
};
static const weft_op_case cases_collect[] = {
    { WEFT_CASE("5x5_ragged", WEFT_KRSC(5, 5, 5, 3)), TABLE(5, 3, ragged) },
    { WEFT_CASE("3x3_all", WEFT_KRSC(2, 3, 3, 3)), TABLE(2, 3, all) },
    { WEFT_CASE("1x1_one_each", WEFT_KRSC(2, 1, 1, 2)), TABLE(2, 2, one_each) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_partial_expand = {
    .name = "partial_expand",
    .brief = "Weights of connected maps among zeros",
    .paper = "",
    .n_in = 1,
    .opt_size = sizeof(weft_partial_grad_opt),
    .error_class = WEFT_EXACT,
    .special = true,
    .resolve = resolve_expand,
    .infer = infer_expand,
    .cost = cost,
    .describe = describe,
    .cases = cases_expand,
};

const weft_op weft_op_partial_collect = {
    .name = "partial_collect",
    .brief = "Weights of connected maps from among all",
    .paper = "",
    .n_in = 1,
    .opt_size = sizeof(weft_partial_grad_opt),
    .types = WEFT_TYPES_F32_OUT,
    .error_class = WEFT_EXACT,
    .special = true,
    .resolve = resolve_collect,
    .infer = infer_collect,
    .cost = cost,
    .describe = describe,
    .cases = cases_collect,
};
