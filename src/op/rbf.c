/* SPDX-License-Identifier: Apache-2.0
 *
 * The output layer of LeNet-5: Euclidean radial basis functions, LeCun 1998, section II-B, eq. 7.
 *
 * Semantics
 * 1. y[n, k] = sum over c of (x[n, c] - centre[k, c])^2: the smallest output is the answer, not the largest.
 * 2. centre [out, C] is a parameter that is not trained. In the paper the centres are 7x12 bitmaps of the characters in
 *    -1 and +1: `centres` gives them.
 * 3. Without `centres` each is -1 or +1 by a fixed hash of (k, c), the same on every machine and for every seed:
 *    codes of the kind the paper names as alternative, drawn at random.
 * 4. Backwards dx[n, c] = 2 (sum over k of dy[n, k] (x[n, c] - centre[k, c])) (rbf_dx); centres stay. */
#include "graph/grad.h"
#include "op/case.h"
#include "op/util.h"

/* -1 or +1. Three rounds of multiply and shift spread k and c over the top bit. */
static float random_sign(int64_t k, int64_t c)
{
    uint64_t h = (uint64_t)k * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)c + 1;
    for (int i = 0; i < 3; i++) {
        h *= UINT64_C(0xbf58476d1ce4e5b9);
        h ^= h >> 29;
    }
    return h >> 63 ? 1.f : -1.f;
}

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_rbf_opt *o = opt;
    (void)n_in;
    WEFT_TRY(weft_need_shape("x", &in[0], 2));
    WEFT_TRY(weft_need_range("out", o->out, 1, WEFT_MAX_DIM - 1));
    const int64_t channels = in[0].dim[1];
    const weft_shape shape = weft_shape_nc(o->out, channels);
    WEFT_TRY(weft_need_shape("centre", &shape, 2));
    float *centres = weft_arena_array(arena, (size_t)weft_shape_count(&shape), sizeof *centres);
    if (!centres)
        return WEFT_NO_MEMORY;
    for (int64_t k = 0; k < o->out; k++)
        for (int64_t c = 0; c < channels; c++)
            centres[k * channels + c] = o->centres ? o->centres[k * channels + c] : random_sign(k, c);
    o->centres = centres;
    return WEFT_OK;
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_rbf_opt *o = opt;
    (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .n_param = 1, .out = { weft_shape_nc(in[0].dim[0], o->out) } };
    sig->param[0] = (weft_param_spec){ .name = "centre",
                                       .shape = weft_shape_nc(o->out, in[0].dim[1]),
                                       .init = WEFT_INIT_ZERO, /* values takes its place */
                                       .fan_in = in[0].dim[1],
                                       .fan_out = o->out,
                                       .statistic = true,
                                       .values = o->centres };
    return weft_need_output(&sig->out[0]);
}

/* Not a dense layer, so no multiply-adds in papers' sense: subtract, square, add. */
static weft_cost cost(const weft_node *node)
{
    return (weft_cost){ .flops = 3 * weft_out_count(node) * (double)node->in[0].dim[1] };
}

static int64_t reduction(const weft_node *node)
{
    return node->in[0].dim[1];
}

static void describe(const weft_node *node, char *buf, size_t size)
{
    const weft_rbf_opt *o = node->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "%lld centres", (long long)o->out);
}

static const float given[] = { 1, -1, .5f, 1, 1, -1, -1, -1, 1, -2, 0, 1, .25f, 1, -1 };
/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("lenet", WEFT_NC(3, 84)), WEFT_OPT(weft_rbf_opt, .out = 10) },
    { WEFT_CASE("c3_given", WEFT_NC(2, 3)), WEFT_OPT(weft_rbf_opt, .out = 5, .centres = given) },
    { WEFT_CASE("c1_out1", WEFT_NC(1, 1)), WEFT_OPT(weft_rbf_opt, .out = 1) },
    { WEFT_CASE("c17_out33", WEFT_NC(1, 17)), WEFT_OPT(weft_rbf_opt, .out = 33) },
    { WEFT_CASE("c70_out8", WEFT_NC(2, 70)), WEFT_OPT(weft_rbf_opt, .out = 8) },
    { .name = NULL },
};
/* clang-format on */

static weft_status grad(weft_grad *g)
{
    const char *dx = "dx";
    const weft_var in[3] = { weft_grad_dy(g, 0), weft_grad_in(g, 0), weft_grad_param(g, 0) };
    if (weft_grad_wants(g, 0))
        weft_grad_add(g, 0, weft_graph_append(g->graph, WEFT_OP_RBF_DX, &dx, in, 3));
    return WEFT_OK;
}

const weft_op weft_op_rbf = {
    .name = "rbf",
    .brief = "Euclidean radial basis functions, LeNet-5's output",
    .paper = "LeCun et al. 1998, section II-B",
    .n_in = 1,
    .opt_size = sizeof(weft_rbf_opt),
    .types = WEFT_TYPES_F32_OUT,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .least = weft_least_product,
    .reduction = reduction,
    .describe = describe,
    .grad = grad,
    .cases = cases,
};

weft_var weft_rbf(weft_graph *graph, weft_var x, const weft_rbf_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_RBF, opt, &x, 1);
}

/* ---- rbf_dx: dy, x, centre ---- */

static weft_status resolve_dx(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    char dy[96], x[96], centre[96];
    (void)opt, (void)n_in, (void)arena;
    WEFT_TRY(weft_need_shape("dy", &in[0], 2));
    WEFT_TRY(weft_need_shape("x", &in[1], 2));
    WEFT_TRY(weft_need_shape("centre", &in[2], 2));
    if (in[0].dim[0] != in[1].dim[0] || in[0].dim[1] != in[2].dim[0] || in[1].dim[1] != in[2].dim[1])
        return weft_fail(WEFT_INVALID, "dy %s, x %s and centre %s do not go together",
                         weft_shape_text(&in[0], dy, sizeof dy), weft_shape_text(&in[1], x, sizeof x),
                         weft_shape_text(&in[2], centre, sizeof centre));
    return WEFT_OK;
}

static weft_status infer_dx(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { in[1] } };
    return WEFT_OK;
}

static weft_cost cost_dx(const weft_node *node)
{
    return (weft_cost){ .flops = 3 * weft_out_count(node) * (double)node->in[0].dim[1] };
}

static int64_t reduction_dx(const weft_node *node)
{
    return node->in[0].dim[1];
}

/* clang-format off */
static const weft_op_case cases_dx[] = {
    { WEFT_CASE("lenet", WEFT_NC(3, 10), WEFT_NC(3, 84), WEFT_NC(10, 84)) },
    { WEFT_CASE("one", WEFT_NC(1, 1), WEFT_NC(1, 1), WEFT_NC(1, 1)) },
    { WEFT_CASE("odd", WEFT_NC(5, 7), WEFT_NC(5, 33), WEFT_NC(7, 33)) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_rbf_dx = {
    .name = "rbf_dx",
    .brief = "Gradient of radial basis functions' input",
    .paper = "",
    .n_in = 3,
    .opt_size = sizeof(const char *),
    .error_class = WEFT_REDUCTION,
    .resolve = resolve_dx,
    .infer = infer_dx,
    .cost = cost_dx,
    .reduction = reduction_dx,
    .cases = cases_dx,
};
