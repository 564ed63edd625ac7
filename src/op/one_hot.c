/* SPDX-License-Identifier: Apache-2.0
 *
 * one_hot: labels as rows of probabilities, smoothed if wanted (Szegedy et al. 2016, arXiv:1512.00567, section 7).
 *
 *   y[n, k] = (1 - smoothing) [label[n] = k] + smoothing / classes
 *
 * Semantics
 * 1. Labels are integers of 32 bits; a label outside 0 to classes - 1 gives a row of the smoothing alone.
 * 2. Smoothing is shared by all classes, the right one included. */
#include "op/case.h"
#include "op/util.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_one_hot_opt *o = opt;
    char text[96];
    (void)n_in, (void)arena;
    WEFT_TRY(weft_need_shape("labels", &in[0], 2));
    if (in[0].dim[1] != 1)
        return weft_fail(WEFT_INVALID, "labels are %s, expected [N, 1]", weft_shape_text(&in[0], text, sizeof text));
    WEFT_TRY(weft_need_range("classes", o->classes, 1, WEFT_MAX_DIM));
    if (!(o->smoothing >= 0 && o->smoothing <= 1))
        return weft_fail(WEFT_INVALID, "smoothing is %g, expected 0 to 1", o->smoothing);
    return WEFT_OK;
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_one_hot_opt *o = opt;
    (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { weft_shape_nc(in[0].dim[0], o->classes) } };
    return weft_need_output(&sig->out[0]);
}

static weft_cost cost(const weft_node *node)
{
    return (weft_cost){ .flops = weft_out_count(node) };
}

static void describe(const weft_node *node, char *buf, size_t size)
{
    const weft_one_hot_opt *o = node->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "%lld", (long long)o->classes);
    if (o->smoothing > 0)
        weft_text_add(buf, size, &used, " smoothing %g", o->smoothing);
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("ten", WEFT_NC(7, 1)), WEFT_OPT(weft_one_hot_opt, .classes = 10, .smoothing = 0), .classes = 10 },
    { WEFT_CASE("one_class", WEFT_NC(3, 1)), WEFT_OPT(weft_one_hot_opt, .classes = 1, .smoothing = 0), .classes = 1 },
    { WEFT_CASE("thousand_smoothed", WEFT_NC(5, 1)), WEFT_OPT(weft_one_hot_opt, .classes = 1000, .smoothing = .1),
      .classes = 1000 },
    { WEFT_CASE("rows_over_threads", WEFT_NC(300, 1)), WEFT_OPT(weft_one_hot_opt, .classes = 33, .smoothing = .2),
      .classes = 33 },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_one_hot = {
    .name = "one_hot",
    .brief = "Labels as rows of probabilities",
    .paper = "Szegedy et al. 2016, arXiv:1512.00567",
    .n_in = 1,
    .opt_size = sizeof(weft_one_hot_opt),
    .types = WEFT_TYPES_INDEX_IN0 | WEFT_TYPES_F32_OUT,
    .error_class = WEFT_ELEMENTWISE,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .describe = describe,
    .cases = cases,
};

weft_var weft_one_hot(weft_graph *graph, weft_var labels, const weft_one_hot_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_ONE_HOT, opt, &labels, 1);
}
