/* SPDX-License-Identifier: Apache-2.0
 *
 * What decides about an update, on the device: gradient_norm over all gradients, gate (is everything finite, is the
 * norm too large), scaled_gate (the same of a loss that is scaled, and how much the next one is: Micikevicius et al.
 * 2018), accumulate (gradients of several batches added up), clip (by value), ema (parameters averaged over time:
 * Polyak & Juditsky 1992).
 *
 *   norm    = sqrt(sum over all gradients and elements of g^2)
 *   gate:   good = loss and norm are finite, and open is not 0;   count += good
 *           go   = { good / every * min(1, clip / norm), count },   due = good and count is a multiple of every
 *   scaled_gate: as gate with norm / scale[0] and go[0] / scale[0], which norm and go then are.
 *           not finite: scale = { max(scale[0], least) / 2, 0, scale[2] + 1 },
 *           else        scale = { scale[0], scale[1] + 1, scale[2] }, after `interval` of them { 2 scale[0], 0, .. }
 *   accumulate: sum = (go[1] begins a round of every ? 0 : sum) + go[0] * gradient
 *   clip:   y = min(max(x, -limit), limit);  with go: limit / go[0]
 *   ema:    average = d * average + (1 - d) * x,   d = min(decay, (1 + t) / (10 + t)),   t = go[1]
 *
 * Semantics
 *  1. The norm is one over all gradients, not one of each; its squares are summed in double, so that it is finite
 *     whenever the gradients and the norm as a float are.
 *  2. Clipping by norm leaves gradients up to the limit as they are, and others with the limit itself: there is no
 *     epsilon beside the norm as in PyTorch. clip 0: no limit.
 *  3. A gate that is shut says go[0] = 0, and whoever reads that changes nothing; count is that of the updates made.
 *     It is kept as a float, exact up to 2^24.
 *  4. A batch that is not good adds nothing to the sum, and is replaced by the next good one: a round has always
 *     `every` good batches.
 *  5. ema: go[1] up to 1, the first update, gives x as it is, wherever the state started; with no_warm_up d is decay
 *     from the second on.
 *  6. clip: a NaN stays. With a second input, go [2], it is go[0] y that is within the limit: gradients that an update
 *     is going to multiply with go[0].
 *  7. scaled_gate: the scale is a power of two as long as it begins as one, so that scaling costs no bits but those of
 *     numbers too small or too large for their type. It does not double beyond 2^24. A gate that is shut by `open`
 *     alone counts as a good step.
 *  8. scaled_gate: a scale that is below `least` after a step that was not finite says that a smaller one does not
 *     help; it is never less than half of that. With `fixed` scale[0] and scale[1] stay, and scale[2] counts. */
#include "op/gate.h"

#include "op/case.h"
#include "op/update.h"

/* ---- gradient_norm ---- */

static weft_status infer_norm(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt;
    for (int i = 0; i < n_in; i++)
        WEFT_TRY(weft_need_shape("a gradient", &in[i], 0));
    *sig = (weft_sig){ .n_out = 1, .out = { WEFT_VECTOR(1) } };
    return WEFT_OK;
}

static double norm_count(const weft_node *node)
{
    double count = 0;
    for (int i = 0; i < node->n_in; i++)
        count += (double)weft_shape_count(&node->in[i]);
    return count;
}

static weft_cost cost_norm(const weft_node *node)
{
    return (weft_cost){ .flops = 2 * norm_count(node) };
}

static int64_t reduction_norm(const weft_node *node)
{
    return (int64_t)norm_count(node);
}

static void describe_norm(const weft_node *node, char *buf, size_t size)
{
    size_t used = 0;
    weft_text_add(buf, size, &used, "%d gradients", node->n_in);
}

/* clang-format off */
static const weft_op_case norm_cases[] = {
    { WEFT_CASE("one", WEFT_VECTOR(17)) },
    { WEFT_CASE("single_element", WEFT_VECTOR(1)) },
    { WEFT_CASE("several", WEFT_KRSC(8, 3, 3, 5), WEFT_VECTOR(8), WEFT_NC(33, 70), WEFT_VECTOR(33)) },
    { WEFT_CASE("rows_over_threads", WEFT_KRSC(128, 3, 3, 64), WEFT_NC(300, 257)) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_gradient_norm = {
    .name = "gradient_norm",
    .brief = "The norm of all gradients together",
    .paper = "Pascanu et al. 2012, arXiv:1211.5063",
    .n_in = -1,
    .types = WEFT_TYPES_F32_IN | WEFT_TYPES_F32_OUT | WEFT_TYPES_TAKES_GRADIENT,
    .error_class = WEFT_REDUCTION,
    .resolve = weft_resolve_nothing,
    .infer = infer_norm,
    .cost = cost_norm,
    .least = norm_count,
    .reduction = reduction_norm,
    .describe = describe_norm,
    .cases = norm_cases,
};

weft_var weft_gradient_norm(weft_graph *graph, const weft_var *gradients, int count)
{
    if (!gradients || count < 1)
        return weft_graph_fail(graph, WEFT_INVALID, "gradient_norm: found %d gradients, expected at least 1", count);
    return weft_graph_append(graph, WEFT_OP_GRADIENT_NORM, NULL, gradients, count);
}

/* ---- gate ---- */

static weft_status check_clip(double clip)
{
    if (clip >= 0)
        return WEFT_OK;
    return weft_fail(WEFT_INVALID, "clip is %g, expected a positive number, or 0 for no limit", clip);
}

static weft_status resolve_gate(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    static const char *const what[] = { "count", "loss", "norm", "open" };
    weft_gate_opt *o = opt;
    (void)arena;
    if (n_in > WEFT_COUNT(what))
        return weft_fail(WEFT_INVALID, "found %d inputs, expected count, loss, norm and perhaps open", n_in);
    for (int i = 0; i < n_in; i++)
        WEFT_TRY(weft_need_vector(what[i], &in[i], 1));
    WEFT_TRY(check_clip(o->clip));
    if (o->every == 0)
        o->every = 1;
    return weft_need_range("every", o->every, 1, 1 << 20);
}

static weft_status infer_gate(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 3, .out = { in[0], WEFT_VECTOR(2), WEFT_VECTOR(1) } };
    return WEFT_OK;
}

static weft_cost cost_gate(const weft_node *node)
{
    (void)node;
    return (weft_cost){ .flops = 8 };
}

static void describe_gate(const weft_node *node, char *buf, size_t size)
{
    const weft_gate_opt *o = node->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "every %d", o->every);
    if (o->clip > 0)
        weft_text_add(buf, size, &used, " clip %g", o->clip);
}

/* clang-format off */
#define SCALAR WEFT_VECTOR(1)
static const weft_op_case gate_cases[] = {
    { WEFT_CASE("open", SCALAR, SCALAR, SCALAR), .positive = 7 },
    { WEFT_CASE("clip", SCALAR, SCALAR, SCALAR), WEFT_OPT(weft_gate_opt, .clip = .25), .positive = 7 },
    { WEFT_CASE("every", SCALAR, SCALAR, SCALAR, SCALAR), WEFT_OPT(weft_gate_opt, .every = 4), .positive = 15 },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_gate = {
    .name = "gate",
    .brief = "Whether an update is made, and how its gradient is scaled",
    .paper = "Pascanu et al. 2012, arXiv:1211.5063",
    .n_in = -3,
    .opt_size = sizeof(weft_gate_opt),
    .types = WEFT_TYPES_F32_IN | WEFT_TYPES_F32_OUT,
    .error_class = WEFT_ELEMENTWISE,
    .updates = 1,
    .resolve = resolve_gate,
    .infer = infer_gate,
    .cost = cost_gate,
    .describe = describe_gate,
    .cases = gate_cases,
};

weft_gate_vars weft_gate(weft_graph *graph, weft_var count, weft_var loss, weft_var norm, weft_var open,
                         const weft_gate_opt *opt)
{
    const weft_var in[] = { count, loss, norm, open };
    const weft_var first = weft_graph_append(graph, WEFT_OP_GATE, opt, in, open.id ? 4 : 3);
    return (weft_gate_vars){ first, weft_graph_out(first, 1), weft_graph_out(first, 2) };
}

/* ---- scaled_gate ---- */

static weft_status resolve_scaled(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    static const char *const what[] = { "count", "scale", "loss", "norm", "open" };
    static const int64_t counts[] = { 1, WEFT_SCALE_NUMBERS, 1, 1, 1 };
    weft_scaled_gate_opt *o = opt;
    (void)arena;
    if (n_in > WEFT_COUNT(what))
        return weft_fail(WEFT_INVALID, "found %d inputs, expected count, scale, loss, norm and perhaps open", n_in);
    for (int i = 0; i < n_in; i++)
        WEFT_TRY(weft_need_vector(what[i], &in[i], counts[i]));
    WEFT_TRY(weft_need_positive("least", &o->least, WEFT_SCALE_LEAST));
    WEFT_TRY(check_clip(o->clip));
    if (o->interval == 0)
        o->interval = 2000;
    WEFT_TRY(weft_need_range("interval", o->interval, 1, 1 << 20));
    if (o->every == 0)
        o->every = 1;
    return weft_need_range("every", o->every, 1, 1 << 20);
}

static weft_status infer_scaled(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 5, .out = { in[0], in[1], WEFT_VECTOR(2), WEFT_VECTOR(1), WEFT_VECTOR(1) } };
    return WEFT_OK;
}

static weft_cost cost_scaled(const weft_node *node)
{
    (void)node;
    return (weft_cost){ .flops = 14 };
}

static void describe_scaled(const weft_node *node, char *buf, size_t size)
{
    const weft_scaled_gate_opt *o = node->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "every %d", o->every);
    if (o->clip > 0)
        weft_text_add(buf, size, &used, " clip %g", o->clip);
    if (o->fixed)
        weft_text_add(buf, size, &used, " fixed");
    else
        weft_text_add(buf, size, &used, " doubles after %d", o->interval);
}

/* clang-format off */
#define SCALE WEFT_VECTOR(WEFT_SCALE_NUMBERS)
static const weft_op_case scaled_cases[] = {
    { WEFT_CASE("open", SCALAR, SCALE, SCALAR, SCALAR), .positive = 15 },
    { WEFT_CASE("doubles", SCALAR, SCALE, SCALAR, SCALAR), WEFT_OPT(weft_scaled_gate_opt, .interval = 1),
      .positive = 15 },
    { WEFT_CASE("fixed_clip", SCALAR, SCALE, SCALAR, SCALAR), WEFT_OPT(weft_scaled_gate_opt, .fixed = true, .clip = .1),
      .positive = 15 },
    { WEFT_CASE("every", SCALAR, SCALE, SCALAR, SCALAR, SCALAR), WEFT_OPT(weft_scaled_gate_opt, .every = 4),
      .positive = 31 },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_scaled_gate = {
    .name = "scaled_gate",
    .brief = "The gate of a loss that is scaled, and the scale of the next",
    .paper = "Micikevicius et al. 2018, arXiv:1710.03740",
    .n_in = -4,
    .opt_size = sizeof(weft_scaled_gate_opt),
    .types = WEFT_TYPES_F32_IN | WEFT_TYPES_F32_OUT,
    .error_class = WEFT_ELEMENTWISE,
    .updates = 3,
    .resolve = resolve_scaled,
    .infer = infer_scaled,
    .cost = cost_scaled,
    .describe = describe_scaled,
    .cases = scaled_cases,
};

weft_scaled_gate_vars weft_scaled_gate(weft_graph *graph, weft_var count, weft_var scale, weft_var loss, weft_var norm,
                                       weft_var open, const weft_scaled_gate_opt *opt)
{
    const weft_var in[] = { count, scale, loss, norm, open };
    const weft_var first = weft_graph_append(graph, WEFT_OP_SCALED_GATE, opt, in, open.id ? 5 : 4);
    return (weft_scaled_gate_vars){ first, weft_graph_out(first, 1), weft_graph_out(first, 2),
                                    weft_graph_out(first, 3), weft_graph_out(first, 4) };
}

/* ---- accumulate ---- */

static weft_status need_same(const char *what, const char *other, const weft_shape *in)
{
    char is[96], want[96];
    WEFT_TRY(weft_need_shape(what, &in[0], 0));
    if (!weft_shape_equal(&in[0], &in[1]))
        return weft_fail(WEFT_INVALID, "%s is %s, expected the shape of the %s, %s", other,
                         weft_shape_text(&in[1], is, sizeof is), what, weft_shape_text(&in[0], want, sizeof want));
    return weft_need_vector("go", &in[2], 2);
}

static weft_status resolve_accumulate(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_accumulate_opt *o = opt;
    (void)n_in, (void)arena;
    WEFT_TRY(need_same("sum", "gradient", in));
    if (o->every == 0)
        o->every = 1;
    return weft_need_range("every", o->every, 1, 1 << 20);
}

static weft_status infer_same(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { in[0] } };
    return WEFT_OK;
}

static weft_cost cost_two(const weft_node *node)
{
    return (weft_cost){ .flops = 2 * weft_out_count(node) };
}

static void describe_accumulate(const weft_node *node, char *buf, size_t size)
{
    size_t used = 0;
    weft_text_add(buf, size, &used, "every %d", ((const weft_accumulate_opt *)node->opt)->every);
}

/* clang-format off */
static const weft_op_case accumulate_cases[] = {
    { WEFT_CASE("first", WEFT_TWICE(WEFT_VECTOR(17)), WEFT_VECTOR(2)), .positive = 4 },
    { WEFT_CASE("later", WEFT_TWICE(WEFT_KRSC(8, 3, 3, 5)), WEFT_VECTOR(2)), WEFT_OPT(weft_accumulate_opt, .every = 4),
      .positive = 4 },
    { WEFT_CASE("rows_over_threads", WEFT_TWICE(WEFT_KRSC(128, 3, 3, 64)), WEFT_VECTOR(2)), .positive = 4 },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_accumulate = {
    .name = "accumulate",
    .brief = "Gradients of several batches added up, in place",
    .paper = "",
    .n_in = 3,
    .opt_size = sizeof(weft_accumulate_opt),
    .types = WEFT_TYPES_F32_IN | WEFT_TYPES_F32_OUT | WEFT_TYPES_TAKES_GRADIENT,
    .error_class = WEFT_ELEMENTWISE,
    .updates = 1,
    .resolve = resolve_accumulate,
    .infer = infer_same,
    .cost = cost_two,
    .least = weft_least_update,
    .describe = describe_accumulate,
    .cases = accumulate_cases,
};

weft_var weft_accumulate(weft_graph *graph, weft_var sum, weft_var gradient, weft_var go,
                         const weft_accumulate_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_ACCUMULATE, opt, (const weft_var[]){ sum, gradient, go }, 3);
}

/* ---- clip ---- */

static weft_status resolve_clip(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_clip_opt *o = opt;
    (void)arena;
    if (n_in > 2)
        return weft_fail(WEFT_INVALID, "found %d inputs, expected x and perhaps go", n_in);
    if (!(o->limit > 0))
        return weft_fail(WEFT_INVALID, "limit is %g, expected a positive number", o->limit);
    WEFT_TRY(weft_need_shape("x", &in[0], 0));
    return n_in == 2 ? weft_need_vector("go", &in[1], 2) : WEFT_OK;
}

static void describe_clip(const weft_node *node, char *buf, size_t size)
{
    size_t used = 0;
    weft_text_add(buf, size, &used, "%g", ((const weft_clip_opt *)node->opt)->limit);
}

/* clang-format off */
static const weft_op_case clip_cases[] = {
    { WEFT_CASE("half", WEFT_NC(3, 17)), WEFT_OPT(weft_clip_opt, .limit = .5) },
    { WEFT_CASE("filters", WEFT_KRSC(8, 3, 3, 5)), WEFT_OPT(weft_clip_opt, .limit = 1) },
    { WEFT_CASE("rows_over_threads", WEFT_KRSC(128, 3, 3, 64)), WEFT_OPT(weft_clip_opt, .limit = 1) },
    { WEFT_CASE("scaled", WEFT_NC(33, 70), WEFT_VECTOR(2)), WEFT_OPT(weft_clip_opt, .limit = .25), .positive = 2 },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_clip = {
    .name = "clip",
    .brief = "Numbers held within a limit",
    .paper = "",
    .n_in = -1,
    .opt_size = sizeof(weft_clip_opt),
    .types = WEFT_TYPES_F32_IN | WEFT_TYPES_F32_OUT | WEFT_TYPES_TAKES_GRADIENT,
    .error_class = WEFT_ELEMENTWISE,
    .resolve = resolve_clip,
    .infer = infer_same,
    .cost = cost_two,
    .describe = describe_clip,
    .cases = clip_cases,
};

weft_var weft_clip(weft_graph *graph, weft_var x, const weft_clip_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_CLIP, opt, &x, 1);
}

/* ---- ema ---- */

static weft_status resolve_ema(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_ema_opt *o = opt;
    (void)n_in, (void)arena;
    WEFT_TRY(need_same("average", "x", in));
    WEFT_TRY(weft_need_positive("decay", &o->decay, .9999));
    return weft_need_share("decay", o->decay);
}

static void describe_ema(const weft_node *node, char *buf, size_t size)
{
    const weft_ema_opt *o = node->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "decay %g%s", o->decay, o->no_warm_up ? "" : " warm-up");
}

/* clang-format off */
static const weft_op_case ema_cases[] = {
    { WEFT_CASE("warm_up", WEFT_TWICE(WEFT_VECTOR(17)), WEFT_VECTOR(2)), .positive = 4 },
    { WEFT_CASE("no_warm_up", WEFT_TWICE(WEFT_KRSC(8, 3, 3, 5)), WEFT_VECTOR(2)),
      WEFT_OPT(weft_ema_opt, .decay = .995, .no_warm_up = true), .positive = 4 },
    { WEFT_CASE("low", WEFT_TWICE(WEFT_NC(33, 70)), WEFT_VECTOR(2)), WEFT_OPT(weft_ema_opt, .decay = .1),
      .positive = 4 },
    { WEFT_CASE("rows_over_threads", WEFT_TWICE(WEFT_KRSC(128, 3, 3, 64)), WEFT_VECTOR(2)), .positive = 4 },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_ema = {
    .name = "ema",
    .brief = "Parameters averaged over time, in place",
    .paper = "Polyak & Juditsky 1992",
    .n_in = 3,
    .opt_size = sizeof(weft_ema_opt),
    .types = WEFT_TYPES_F32_IN | WEFT_TYPES_F32_OUT,
    .error_class = WEFT_ELEMENTWISE,
    .updates = 1,
    .resolve = resolve_ema,
    .infer = infer_same,
    .cost = cost_two,
    .least = weft_least_update,
    .describe = describe_ema,
    .cases = ema_cases,
};

weft_var weft_ema(weft_graph *graph, weft_var average, weft_var x, weft_var go, const weft_ema_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_EMA, opt, (const weft_var[]){ average, x, go }, 3);
}
