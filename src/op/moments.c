/* SPDX-License-Identifier: Apache-2.0
 *
 * moments: mean and variance of each channel over all images and pixels, what batch normalisation learns from a batch
 * (Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 1). moving_average: a state that follows such a value from run to
 * run, changed in place.
 *
 *   mean[c] = sum of x[..., c] / m, variance[c] = sum of (x[..., c] - mean[c])^2 / m
 *   state   = momentum state + (1 - momentum) x
 *
 * Semantics
 * 1. The variance is the biased one, divided by the count m (rows of x).
 * 2. It is computed from deviations from the mean, in a second pass, so that a large mean costs no digits.
 * 3. momentum is the share of the old state that stays (Keras); PyTorch's is 1 minus this one.
 * 4. moving_average's output is its first input, after the change: nodes built later that read the state, and other
 *    programs over the same store, see the new value.
 * 5. With a third input, go [2] of a gate (gate.c), it changes nothing where go[0] is 0. In a training graph the gate
 *    of the step is that, so the states move at its end, if it is good. */
#include "graph/twin.h"
#include "op/case.h"
#include "op/update.h"

static weft_status resolve_moments(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    (void)opt, (void)n_in, (void)arena;
    return weft_need_shape("x", &in[0], 0);
}

static weft_status infer_moments(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_shape c = { .rank = 1, .dim = { weft_shape_channels(&in[0]) } };
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 2, .out = { c, c } };
    return WEFT_OK;
}

static weft_cost cost_moments(const weft_node *node)
{
    return (weft_cost){ .flops = 4 * (double)weft_shape_count(&node->in[0]) };
}

static double least_moments(const weft_node *node)
{
    return (double)weft_shape_count(&node->in[0]);
}

static int64_t reduction_moments(const weft_node *node)
{
    return weft_shape_rows(&node->in[0]);
}

/* clang-format off */
static const weft_op_case moments_cases[] = {
    { WEFT_CASE("c1_5x7", WEFT_NHWC(1, 5, 7, 1)) },
    { WEFT_CASE("c3_batch3", WEFT_NHWC(3, 3, 5, 3)) },
    { WEFT_CASE("c17", WEFT_NHWC(2, 9, 5, 17)) },
    { WEFT_CASE("c64", WEFT_NHWC(2, 7, 7, 64)) },
    { WEFT_CASE("one_row", WEFT_NHWC(1, 1, 1, 70)) },
    { WEFT_CASE("vectors", WEFT_NC(65, 33)) },
    { WEFT_CASE("rows_over_threads", WEFT_NHWC(2, 29, 31, 24)) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_moments = {
    .name = "moments",
    .brief = "Mean and variance of each channel",
    .paper = "Ioffe & Szegedy 2015, arXiv:1502.03167",
    .n_in = 1,
    .types = WEFT_TYPES_F32_OUT,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve_moments,
    .infer = infer_moments,
    .cost = cost_moments,
    .least = least_moments,
    .reduction = reduction_moments,
    .cases = moments_cases,
};

weft_moments_vars weft_moments(weft_graph *graph, weft_var x)
{
    const weft_var mean = weft_graph_append(graph, WEFT_OP_MOMENTS, NULL, &x, 1);
    return (weft_moments_vars){ mean, weft_graph_out(mean, 1) };
}

/* ---- moving_average ---- */

static weft_status resolve_average(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_moving_average_opt *o = opt;
    char state[96], x[96];
    (void)arena;
    if (n_in > 3)
        return weft_fail(WEFT_INVALID, "found %d inputs, expected state, x and perhaps go", n_in);
    WEFT_TRY(weft_need_shape("state", &in[0], 0));
    if (!weft_shape_equal(&in[0], &in[1]))
        return weft_fail(WEFT_INVALID, "x is %s, expected the state's shape %s", weft_shape_text(&in[1], x, sizeof x),
                         weft_shape_text(&in[0], state, sizeof state));
    if (!(o->momentum >= 0 && o->momentum < 1))
        return weft_fail(WEFT_INVALID, "momentum is %g, expected 0 to less than 1", o->momentum);
    if (o->momentum == 0)
        o->momentum = .99;
    return n_in == 3 ? weft_need_vector("go", &in[2], 2) : WEFT_OK;
}

/* Nobody reads it before it has moved (train/clone.c asks). */
static weft_status train_average(weft_twin *t)
{
    t->out[0] = t->in[0];
    return weft_twin_move(t, NULL, ((const weft_moving_average_opt *)t->node->opt)->momentum, t->in[0], t->in[1]);
}

static weft_status infer_average(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { in[0] } };
    return WEFT_OK;
}

static weft_cost cost_average(const weft_node *node)
{
    return (weft_cost){ .flops = 3 * weft_out_count(node) };
}

static void describe_average(const weft_node *node, char *buf, size_t size)
{
    const weft_moving_average_opt *o = node->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "momentum %g", o->momentum);
}

/* clang-format off */
static const weft_op_case average_cases[] = {
    { WEFT_CASE("default", WEFT_TWICE(WEFT_VECTOR(17))) },
    { WEFT_CASE("torch", WEFT_TWICE(WEFT_VECTOR(64))), WEFT_OPT(weft_moving_average_opt, .momentum = .9) },
    { WEFT_CASE("weights", WEFT_TWICE(WEFT_NHWC(8, 3, 3, 5))), WEFT_OPT(weft_moving_average_opt, .momentum = .995) },
    { WEFT_CASE("gated", WEFT_TWICE(WEFT_VECTOR(33)), WEFT_VECTOR(2)),
      WEFT_OPT(weft_moving_average_opt, .momentum = .9), .positive = 4 },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_moving_average = {
    .name = "moving_average",
    .brief = "A state that follows a value, changed in place",
    .paper = "Ioffe & Szegedy 2015, arXiv:1502.03167",
    .n_in = -2,
    .opt_size = sizeof(weft_moving_average_opt),
    .types = WEFT_TYPES_F32_OUT,
    .error_class = WEFT_ELEMENTWISE,
    .updates = 1,
    .train = train_average,
    .resolve = resolve_average,
    .infer = infer_average,
    .cost = cost_average,
    .describe = describe_average,
    .cases = average_cases,
};

weft_var weft_moving_average(weft_graph *graph, weft_var state, weft_var x, const weft_moving_average_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_MOVING_AVERAGE, opt, (const weft_var[]){ state, x }, 2);
}
