/* SPDX-License-Identifier: Apache-2.0
 *
 * The input layers of EfficientNet: Keras's Rescaling followed by Normalization, in one.
 *
 * Semantics
 * 1. y = (x * scale + offset - mean[c]) / max(sqrt(variance[c]), 1e-7): scale and offset come first; the least divisor
 *    is Keras's, 1e-7, and no epsilon is added under the root.
 * 2. scale 0 means 1, and so does a variance of 0 in the options (a variance of 0 in the statistics is 0).
 * 3. With stats, mean [C], variance [C] and count [1] are parameters, not trainable: mean and variance start from the
 *    options, count (images seen by Keras's adapt, which nothing reads) from 0.
 * 4. At most 4 channels: images.
 * 5. Backwards dx = dy scale / max(sqrt(variance[c]), 1e-7) (normalize_dx, which reads the variance if it is a
 *    parameter). Only who asks for the gradient of the image itself needs it. */
#include "op/normalize.h"

#include <math.h>

#include "graph/grad.h"
#include "op/case.h"
#include "op/util.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_normalize_node *node = opt;
    weft_normalize_opt *o = &node->user;
    (void)n_in, (void)arena;
    WEFT_TRY(weft_need_shape("x", &in[0], 0));
    const int64_t channels = weft_shape_channels(&in[0]);
    if (channels > 4)
        return weft_fail(WEFT_INVALID, "x has %lld channels, expected 1 to 4", (long long)channels);
    if (!isfinite(o->scale) || !isfinite(o->offset))
        return weft_fail(WEFT_INVALID, "scale is %g and offset %g, expected finite numbers", o->scale, o->offset);
    if (o->scale == 0)
        o->scale = 1;
    for (int c = 0; c < 4; c++) {
        if (!isfinite(o->mean[c]))
            return weft_fail(WEFT_INVALID, "mean[%d] is %g, expected a finite number", c, o->mean[c]);
        if (!(o->variance[c] >= 0) || !isfinite(o->variance[c]))
            return weft_fail(WEFT_INVALID, "variance[%d] is %g, expected a finite number, 0 or more", c,
                             o->variance[c]);
        if (o->variance[c] == 0)
            o->variance[c] = 1;
        node->mean[c] = (float)o->mean[c];
        node->variance[c] = (float)o->variance[c];
    }
    return WEFT_OK;
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_normalize_node *node = opt;
    const weft_shape c = { .rank = 1, .dim = { weft_shape_channels(&in[0]) } }, one = { .rank = 1, .dim = { 1 } };
    (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { in[0] } };
    if (node->user.stats) {
        sig->n_param = 3;
        sig->param[0] = (weft_param_spec){
            .name = "mean", .shape = c, .init = WEFT_INIT_ZERO, .statistic = true, .values = node->mean
        };
        sig->param[1] = (weft_param_spec){
            .name = "variance", .shape = c, .init = WEFT_INIT_ONE, .statistic = true, .values = node->variance
        };
        sig->param[2] = (weft_param_spec){ .name = "count", .shape = one, .init = WEFT_INIT_ZERO, .statistic = true };
    }
    return WEFT_OK;
}

/* Applied as one multiply-add per element. */
static weft_cost cost(const weft_node *node)
{
    return (weft_cost){ .flops = 2 * weft_out_count(node) };
}

static void describe(const weft_node *node, char *buf, size_t size)
{
    const weft_normalize_opt *o = node->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "scale %g%s", o->scale, o->stats ? " statistics" : "");
    if (o->offset != 0)
        weft_text_add(buf, size, &used, " offset %g", o->offset);
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("plain", WEFT_NHWC(1, 5, 7, 3)), WEFT_OPT(weft_normalize_node, .mean = { 0 }) },
    { WEFT_CASE("torch", WEFT_NHWC(2, 9, 7, 3)),
      WEFT_OPT(weft_normalize_node,
               .user = { .scale = 1 / 255., .mean = { .485, .456, .406 },
                         .variance = { .229 * .229, .224 * .224, .225 * .225 } }) },
    { WEFT_CASE("tf_range", WEFT_NHWC(1, 5, 5, 3)),
      WEFT_OPT(weft_normalize_node, .user = { .scale = 1 / 127.5, .offset = -1 }) },
    { WEFT_CASE("statistics", WEFT_NHWC(3, 5, 7, 3)),
      WEFT_OPT(weft_normalize_node,
               .user = { .scale = 1 / 255., .mean = { .485, .456, .406 }, .variance = { .229, .224, .225 },
                         .stats = true }) },
    { WEFT_CASE("statistics_offset_c4", WEFT_NHWC(1, 3, 5, 4)),
      WEFT_OPT(weft_normalize_node,
               .user = { .scale = 2, .offset = .5, .mean = { .5, .25, 1, -2 }, .variance = { 4, .25, 9, 2 },
                         .stats = true }) },
    { WEFT_CASE("divisor_floor_c1", WEFT_NHWC(1, 5, 7, 1)),
      WEFT_OPT(weft_normalize_node, .user = { .mean = { .5 }, .variance = { 1e-20 } }) },
    { WEFT_CASE("divisor_floor_statistics_c1", WEFT_NHWC(1, 5, 7, 1)),
      WEFT_OPT(weft_normalize_node, .user = { .mean = { .5 }, .variance = { 1e-20 }, .stats = true }) },
    { WEFT_CASE("c2", WEFT_NHWC(1, 3, 3, 2)), WEFT_OPT(weft_normalize_node, .user = { .mean = { 1, 2 } }) },
    { WEFT_CASE("vectors_c3", WEFT_NC(3, 3)),
      WEFT_OPT(weft_normalize_node, .user = { .mean = { 1, 2, 3 }, .variance = { 2, 3, 4 } }) },
    { WEFT_CASE("rows_over_threads", WEFT_NHWC(2, 61, 67, 3)),
      WEFT_OPT(weft_normalize_node, .user = { .scale = 1 / 255., .mean = { .5, .4, .3 }, .stats = true }) },
    { .name = NULL },
};
/* clang-format on */

static weft_status grad(weft_grad *g)
{
    weft_normalize_node opt = *(const weft_normalize_node *)g->node.opt;
    const weft_var in[2] = { weft_grad_dy(g, 0), weft_grad_param(g, 1) };
    opt.user.name = "dx";
    if (weft_grad_wants(g, 0))
        weft_grad_add(g, 0, weft_graph_append(g->graph, WEFT_OP_NORMALIZE_DX, &opt, in, opt.user.stats ? 2 : 1));
    return WEFT_OK;
}

const weft_op weft_op_normalize = {
    .name = "normalize",
    .brief = "Input rescaling and normalisation",
    .paper = "Tan & Le 2019, arXiv:1905.11946",
    .n_in = 1,
    .opt_size = sizeof(weft_normalize_node),
    .types = WEFT_TYPES_F32_IN | WEFT_TYPES_PADS,
    .error_class = WEFT_ELEMENTWISE,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .describe = describe,
    .grad = grad,
    .cases = cases,
};

/* ---- normalize_dx: dy, and the variance if there are statistics ---- */

static weft_status resolve_dx(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_normalize_opt *o = opt;
    char text[96];
    WEFT_TRY(resolve(opt, in, n_in, arena));
    if (n_in != (o->stats ? 2 : 1))
        return weft_fail(WEFT_INVALID, "found %d inputs, expected dy%s", n_in, o->stats ? " and the variance" : "");
    if (o->stats && (in[1].rank != 1 || in[1].dim[0] != weft_shape_channels(&in[0])))
        return weft_fail(WEFT_INVALID, "variance is %s, expected [%lld]", weft_shape_text(&in[1], text, sizeof text),
                         (long long)weft_shape_channels(&in[0]));
    return WEFT_OK;
}

static weft_status infer_dx(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { in[0] } };
    return WEFT_OK;
}

static weft_cost cost_dx(const weft_node *node)
{
    return (weft_cost){ .flops = weft_out_count(node) };
}

/* clang-format off */
static const weft_op_case cases_dx[] = {
    { WEFT_CASE("torch", WEFT_NHWC(2, 9, 7, 3)),
      WEFT_OPT(weft_normalize_node,
               .user = { .scale = 1 / 255., .variance = { .229 * .229, .224 * .224, .225 * .225 } }) },
    { WEFT_CASE("statistics_c4", WEFT_NHWC(1, 3, 5, 4), WEFT_VECTOR(4)),
      WEFT_OPT(weft_normalize_node, .user = { .scale = 2, .stats = true }), .positive = 2 },
    { WEFT_CASE("divisor_floor_c1", WEFT_NHWC(1, 5, 7, 1)),
      WEFT_OPT(weft_normalize_node, .user = { .variance = { 1e-20 } }) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_normalize_dx = {
    .name = "normalize_dx",
    .brief = "Gradient of input normalisation",
    .paper = "",
    .n_in = -1,
    .opt_size = sizeof(weft_normalize_node),
    .types = WEFT_TYPES_F32_IN | WEFT_TYPES_F32_OUT,
    .error_class = WEFT_ELEMENTWISE,
    .resolve = resolve_dx,
    .infer = infer_dx,
    .cost = cost_dx,
    .describe = describe,
    .cases = cases_dx,
};

weft_var weft_normalize(weft_graph *graph, weft_var x, const weft_normalize_opt *opt)
{
    weft_normalize_node full = { .mean = { 0 } };
    if (opt)
        full.user = *opt;
    return weft_graph_append(graph, WEFT_OP_NORMALIZE, &full, &x, 1);
}
