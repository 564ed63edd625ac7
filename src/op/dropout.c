/* SPDX-License-Identifier: Apache-2.0
 *
 * Dropout: Srivastava 2014; drop path (stochastic depth): Huang 2016, arXiv:1603.09382. At inference both are the
 * identity, which the graph passes remove; a node that is left copies. In a training graph dropout_train stands for
 * both; its gradient is itself, of dy.
 *
 * Semantics
 * 1. At inference y = x, bit for bit.
 * 2. In training an element is dropped with probability rate and what is kept is divided by 1 - rate ("inverted"), so
 *    that inference needs no factor. drop_path draws once per image, for all of its elements.
 * 3. rate is the share that is dropped, 0 <= rate < 1; 0 drops nothing.
 * 4. The draws are a function of (seed, path, step, element), or of the image instead of the element: Philox, key seed,
 *    counter (step, block, stream of the path). The same on every device, for any number of threads, and in a run that
 *    was interrupted; elements are counted in the order of [N, H, W, C]. Element i has word i / 16 mod 4 of block
 *    16 (i / 64) + i mod 16, and is dropped if that is below rate 2^32.
 *    Images are counted from the first of the whole batch, of which a rank has a part: `first` of them lie before it.
 * 5. What is dropped is 0, also where x is no finite number. */
#include "op/dropout.h"

#include "base/rng.h"
#include "graph/grad.h"
#include "graph/twin.h"
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

/* ---- training ---- */

static weft_status train(weft_twin *t)
{
    const weft_dropout_opt *o = t->node->opt;
    const weft_dropout_train_opt opt = { .rate = o->rate, .per_image = o->per_image, .seed = t->seed,
                                         .first = t->first, .stream = weft_rng_stream(t->node->name) };
    t->out[0] = t->in[0];
    if (o->rate == 0)
        return WEFT_OK;
    return weft_twin_add(t, WEFT_OP_DROPOUT_TRAIN, &opt, (const weft_var[]){ t->step, t->in[0] }, 2, &t->out[0]);
}

static weft_status grad(weft_grad *g)
{
    weft_grad_pass(g, 0, 0);
    return WEFT_OK;
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
    .train = train,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .describe = describe,
    .grad = grad,
    .cases = cases,
};

/* ---- dropout_train ---- */

static weft_status resolve_train(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_dropout_train_opt *o = opt;
    char text[96];
    (void)n_in, (void)arena;
    if (weft_shape_count(&in[0]) != 1)
        return weft_fail(WEFT_INVALID, "step is %s, expected [1]", weft_shape_text(&in[0], text, sizeof text));
    WEFT_TRY(weft_need_shape("x", &in[1], 0));
    if (!(o->rate >= 0 && o->rate < 1))
        return weft_fail(WEFT_INVALID, "rate is %g, expected 0 or more and less than 1", o->rate);
    if (o->first < 0)
        return weft_fail(WEFT_INVALID, "first is %lld, expected 0 or more", (long long)o->first);
    return WEFT_OK;
}

static weft_status infer_train(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { in[1] } };
    return WEFT_OK;
}

static weft_cost cost_train(const weft_node *node)
{
    return (weft_cost){ .flops = weft_out_count(node) + weft_epilogue_flops(node) };
}

static double least_train(const weft_node *node)
{
    return 2 * weft_out_count(node);
}

static void describe_train(const weft_node *node, char *buf, size_t size)
{
    const weft_dropout_train_opt *o = node->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "rate %g%s", o->rate, o->per_image ? " per image" : "");
}

static weft_status grad_train(weft_grad *g)
{
    weft_dropout_train_opt opt = *(const weft_dropout_train_opt *)g->node.opt;
    opt.name = "dx";
    if (weft_grad_wants(g, 1))
        weft_grad_add(g, 1, weft_graph_append(g->graph, WEFT_OP_DROPOUT_TRAIN, &opt,
                                              (const weft_var[]){ weft_grad_in(g, 0), weft_grad_dy(g, 0) }, 2));
    return WEFT_OK;
}

/* clang-format off */
#define STEP { .rank = 1, .dim = { 1 } }
#define DROP(...) WEFT_OPT(weft_dropout_train_opt, .seed = 7, .stream = 11, __VA_ARGS__), .classes = 1000
static const weft_op_case cases_train[] = {
    { WEFT_CASE("half_vectors", STEP, WEFT_NC(3, 70)), DROP(.rate = .5) },
    { WEFT_CASE("map_c17", STEP, WEFT_NHWC(2, 3, 5, 17)), DROP(.rate = .2) },
    { WEFT_CASE("map_c64", STEP, WEFT_NHWC(2, 3, 5, 64)), DROP(.rate = .9) },
    { WEFT_CASE("path_c8", STEP, WEFT_NHWC(5, 3, 5, 8)), DROP(.rate = .4, .per_image = true) },
    { WEFT_CASE("path_vectors", STEP, WEFT_NC(70, 3)), DROP(.rate = .4, .per_image = true) },
    { WEFT_CASE("rate0_c1", STEP, WEFT_NHWC(1, 5, 7, 1)), DROP(.rate = 0) },
    { WEFT_CASE("rows_over_threads", STEP, WEFT_NHWC(2, 49, 51, 24)), DROP(.rate = .5) },
    { WEFT_CASE("path_residual", STEP, WEFT_NHWC(5, 3, 5, 24)), DROP(.rate = .4, .per_image = true),
      .epi = { .residual = true } },
    { WEFT_CASE("residual_c17", STEP, WEFT_NHWC(2, 3, 5, 17)), DROP(.rate = .2), .epi = { .residual = true } },
    { .name = NULL },
};
#undef STEP
#undef DROP
/* clang-format on */

const weft_op weft_op_dropout_train = {
    .name = "dropout_train",
    .brief = "Dropout and drop path of a step of training",
    .paper = "Srivastava et al. 2014; Huang et al. 2016, arXiv:1603.09382",
    .n_in = 2,
    .opt_size = sizeof(weft_dropout_train_opt),
    .takes = WEFT_TAKES_RESIDUAL,
    .types = WEFT_TYPES_INDEX_IN0,
    .error_class = WEFT_ELEMENTWISE,
    .resolve = resolve_train,
    .infer = infer_train,
    .cost = cost_train,
    .least = least_train,
    .describe = describe_train,
    .grad = grad_train,
    .cases = cases_train,
};

/* ---- builders ---- */

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
