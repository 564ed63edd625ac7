/* SPDX-License-Identifier: Apache-2.0
 *
 * The inverted residual unit as one op: Sandler et al. 2018, arXiv:1801.04381, figure 3; with the gate of Tan & Le
 * 2019, arXiv:1905.11946. y = project(excite(depthwise(expand(x)))) (+ residual, activation).
 *
 * Semantics
 * 1. Each stage means what its own op means (conv2d, squeeze_excite), rounding to the storage type between stages.
 * 2. expand and excite may be absent: a separable convolution is depthwise and project alone.
 * 3. Parameters are those of the stages, in order, named after them. */
#include "op/inverted_residual.h"

#include <stdio.h>
#include <string.h>

#include "op/case.h"
#include "op/util.h"

/* One stage of resolved options: its op, options, activation; false when it is absent. */
typedef struct stage {
    weft_op_id op;
    const void *opt;
    weft_act act;
    const char *prefix;
} stage;

static int list_stages(const weft_inverted_residual_opt *o, stage out[WEFT_MAX_STAGE])
{
    int n = 0;
    if (o->expand.out)
        out[n++] = (stage){ WEFT_OP_CONV2D, &o->expand, o->expand_act, "expand" };
    out[n++] = (stage){ WEFT_OP_CONV2D, &o->depthwise, o->depthwise_act, "depthwise" };
    if (o->excite.reduced)
        out[n++] = (stage){ WEFT_OP_SQUEEZE_EXCITE, &o->excite, WEFT_ACT_NONE, "excite" };
    out[n++] = (stage){ WEFT_OP_CONV2D, &o->project, WEFT_ACT_NONE, "project" };
    return n;
}

/* Resolves one stage and moves shape on to its output. */
static weft_status resolve_stage(weft_op_id op, void *opt, weft_shape *shape, weft_arena *arena)
{
    weft_sig sig = { 0 };
    WEFT_TRY(weft_op_get(op)->resolve(opt, shape, 1, arena));
    WEFT_TRY(weft_op_get(op)->infer(opt, shape, 1, &sig));
    *shape = sig.out[0];
    return WEFT_OK;
}

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_inverted_residual_opt *o = opt;
    weft_shape shape = in[0];
    (void)n_in;
    WEFT_TRY(weft_need_shape("x", &in[0], 4));
    if (o->expand.out)
        WEFT_TRY(resolve_stage(WEFT_OP_CONV2D, &o->expand, &shape, arena));
    o->depthwise.groups = shape.dim[3];
    WEFT_TRY(resolve_stage(WEFT_OP_CONV2D, &o->depthwise, &shape, arena));
    if (o->excite.reduced)
        WEFT_TRY(resolve_stage(WEFT_OP_SQUEEZE_EXCITE, &o->excite, &shape, arena));
    WEFT_TRY(resolve_stage(WEFT_OP_CONV2D, &o->project, &shape, arena));
    if ((o->expand.out && !weft_is_pointwise(&o->expand)) || !weft_is_pointwise(&o->project))
        return weft_fail(WEFT_INVALID, "expand and project must be 1x1 convolutions of stride 1 and one group");
    if (o->depthwise.out != o->depthwise.groups)
        return weft_fail(WEFT_INVALID, "depthwise has %lld outputs, expected %lld, one per channel",
                         (long long)o->depthwise.out, (long long)o->depthwise.groups);
    return WEFT_OK;
}

/* "weight" of stage "expand" is "expand/weight". */
static const char *param_name(const char *prefix, const char *name)
{
    static const char *const names[] = { "expand/weight",        "expand/bias",        "depthwise/weight",
                                         "depthwise/bias",       "excite/reduce/weight", "excite/reduce/bias",
                                         "excite/expand/weight", "excite/expand/bias", "project/weight",
                                         "project/bias" };
    const size_t length = strlen(prefix);
    for (int i = 0; i < WEFT_COUNT(names); i++)
        if (strncmp(names[i], prefix, length) == 0 && names[i][length] == '/' &&
            strcmp(names[i] + length + 1, name) == 0)
            return names[i];
    return name;
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    stage stages[WEFT_MAX_STAGE];
    const int count = list_stages(opt, stages);
    weft_shape shape = in[0];
    (void)n_in;
    sig->n_param = 0;
    for (int s = 0; s < count; s++) {
        weft_sig its = { 0 };
        WEFT_TRY(weft_op_get(stages[s].op)->infer(stages[s].opt, &shape, 1, &its));
        for (int i = 0; i < its.n_param; i++) {
            its.param[i].name = param_name(stages[s].prefix, its.param[i].name);
            sig->param[sig->n_param++] = its.param[i];
        }
        shape = its.out[0];
    }
    sig->n_out = 1;
    sig->out[0] = shape;
    return WEFT_OK;
}

void weft_stages_split(const weft_node *node, weft_stages *stages)
{
    stage list[WEFT_MAX_STAGE];
    *stages = (weft_stages){ .expand = -1, .excite = -1 };
    stages->count = list_stages(node->opt, list);
    weft_shape shape = node->in[0];
    int param = 0;
    for (int s = 0; s < stages->count; s++) {
        weft_sig sig = { 0 };
        weft_node *part = &stages->node[s];
        stages->in[s][0] = shape;
        (void)weft_op_get(list[s].op)->infer(list[s].opt, &shape, 1, &sig); /* succeeded when node was made */
        shape = stages->out[s] = sig.out[0];
        *part = (weft_node){ .id = list[s].op, .op = weft_op_get(list[s].op), .name = node->name, .opt = list[s].opt,
                             .epi = { .act = list[s].act }, .n_in = 1 + sig.n_param, .n_out = 1,
                             .n_param = sig.n_param, .in = stages->in[s], .out = &stages->out[s] };
        stages->first_param[s] = param;
        for (int i = 0; i < sig.n_param; i++)
            stages->in[s][1 + i] = *weft_node_param(node, param++);
    }
    const int last = stages->count - 1;
    weft_node *project = &stages->node[last];
    project->epi = node->epi;
    if (node->epi.residual)
        stages->in[last][project->n_in++] = stages->out[last];
    const weft_inverted_residual_opt *o = node->opt;
    stages->depthwise = o->expand.out ? 1 : 0;
    stages->project = last;
    if (o->expand.out)
        stages->expand = 0;
    if (o->excite.reduced)
        stages->excite = stages->depthwise + 1;
}

static weft_cost cost(const weft_node *node)
{
    weft_stages stages;
    weft_cost sum = { 0, 0 };
    weft_stages_split(node, &stages);
    for (int s = 0; s < stages.count; s++) {
        const weft_cost part = stages.node[s].op->cost(&stages.node[s]);
        sum.macs += part.macs;
        sum.flops += part.flops;
    }
    return sum;
}

static int64_t reduction(const weft_node *node)
{
    weft_stages stages;
    int64_t sum = 0;
    weft_stages_split(node, &stages);
    for (int s = 0; s < stages.count; s++)
        sum += stages.node[s].op->reduction(&stages.node[s]);
    return sum;
}

/* "expand 144, 3x3/2 dw, excite 6, project 24" */
static void describe(const weft_node *node, char *buf, size_t size)
{
    const weft_inverted_residual_opt *o = node->opt;
    weft_stages stages;
    char depthwise[48] = "";
    size_t used = 0;
    buf[0] = '\0';
    weft_stages_split(node, &stages);
    const weft_node *dw = &stages.node[stages.depthwise];
    dw->op->describe(dw, depthwise, sizeof depthwise);
    if (o->expand.out)
        weft_text_add(buf, size, &used, "expand %lld, ", (long long)o->expand.out);
    weft_text_add(buf, size, &used, "%s", depthwise);
    if (o->excite.reduced)
        weft_text_add(buf, size, &used, ", excite %lld", (long long)o->excite.reduced);
    weft_text_add(buf, size, &used, ", project %lld", (long long)o->project.out);
}

/* clang-format off */
static const weft_op_case cases[] = {
    { WEFT_CASE("mobilenet_v2", WEFT_NHWC(2, 14, 14, 24)),
      WEFT_OPT(weft_inverted_residual_opt, .expand = { .out = 144, .bias = true }, .expand_act = WEFT_ACT_RELU6,
               .depthwise = { .kernel = 3, .bias = true }, .depthwise_act = WEFT_ACT_RELU6,
               .project = { .out = 24, .bias = true }), .epi = { .residual = true } },
    { WEFT_CASE("stride2_same_even", WEFT_NHWC(3, 14, 12, 16)),
      WEFT_OPT(weft_inverted_residual_opt, .expand = { .out = 96, .bias = true }, .expand_act = WEFT_ACT_RELU6,
               .depthwise = { .kernel = 3, .stride = 2, .bias = true }, .depthwise_act = WEFT_ACT_RELU6,
               .project = { .out = 24, .bias = true }) },
    { WEFT_CASE("stride2_same_odd", WEFT_NHWC(2, 15, 13, 10)),
      WEFT_OPT(weft_inverted_residual_opt, .expand = { .out = 60, .bias = true }, .expand_act = WEFT_ACT_SWISH,
               .depthwise = { .kernel = 5, .stride = 2, .bias = true }, .depthwise_act = WEFT_ACT_SWISH,
               .project = { .out = 17, .bias = true }) },
    { WEFT_CASE("efficientnet", WEFT_NHWC(3, 14, 14, 40)),
      WEFT_OPT(weft_inverted_residual_opt, .expand = { .out = 240, .bias = true }, .expand_act = WEFT_ACT_SWISH,
               .depthwise = { .kernel = 5, .bias = true }, .depthwise_act = WEFT_ACT_SWISH,
               .excite = { .reduced = 10, .act = WEFT_ACT_SWISH }, .project = { .out = 40, .bias = true }),
      .epi = { .residual = true } },
    { WEFT_CASE("efficientnet_first", WEFT_NHWC(4, 16, 16, 32)),
      WEFT_OPT(weft_inverted_residual_opt, .depthwise = { .kernel = 3, .bias = true }, .depthwise_act = WEFT_ACT_SWISH,
               .excite = { .reduced = 8, .act = WEFT_ACT_SWISH }, .project = { .out = 16, .bias = true }) },
    { WEFT_CASE("separable_no_bias", WEFT_NHWC(2, 12, 12, 33)),
      WEFT_OPT(weft_inverted_residual_opt, .depthwise = { .kernel = 3 }, .project = { .out = 20, .bias = true }),
      .epi = { .act = WEFT_ACT_RELU } },
    { WEFT_CASE("separable_explicit_pads", WEFT_NHWC(2, 9, 11, 16)),
      WEFT_OPT(weft_inverted_residual_opt,
               .depthwise = { .kernel = 7, .stride = 2, .bias = true, .padding = WEFT_EXPLICIT, .pad = { 1, 3, 0, 2 } },
               .project = { .out = 16, .bias = true }) },
    { WEFT_CASE("separable_valid", WEFT_NHWC(2, 9, 11, 16)),
      WEFT_OPT(weft_inverted_residual_opt, .expand = { .out = 32, .bias = true },
               .depthwise = { .kernel = 3, .padding = WEFT_VALID }, .project = { .out = 8, .bias = true }) },
    { WEFT_CASE("dilated", WEFT_NHWC(2, 11, 11, 16)),
      WEFT_OPT(weft_inverted_residual_opt, .expand = { .out = 32, .bias = true },
               .depthwise = { .kernel = 3, .dilation = 2, .bias = true }, .project = { .out = 8, .bias = true }) },
    { WEFT_CASE("stride_2x1", WEFT_NHWC(2, 15, 18, 16)),
      WEFT_OPT(weft_inverted_residual_opt, .expand = { .out = 35, .bias = true }, .expand_act = WEFT_ACT_RELU6,
               .depthwise = { .kernel = 3, .stride_h = 2, .bias = true }, .depthwise_act = WEFT_ACT_RELU6,
               .project = { .out = 24, .bias = true }), .epi = { .act = WEFT_ACT_RELU } },
    { WEFT_CASE("separable_stride_3x1", WEFT_NHWC(2, 17, 16, 32)),
      WEFT_OPT(weft_inverted_residual_opt, .depthwise = { .kernel = 3, .stride_h = 3, .bias = true },
               .depthwise_act = WEFT_ACT_SWISH, .project = { .out = 8, .bias = true }) },
    { WEFT_CASE("5x3_stride_1x2_pads_gated", WEFT_NHWC(4, 9, 15, 10)),
      WEFT_OPT(weft_inverted_residual_opt, .expand = { .out = 32 }, .expand_act = WEFT_ACT_SWISH,
               .depthwise = { .kernel_h = 5, .kernel_w = 3, .stride_w = 2, .padding = WEFT_EXPLICIT,
                              .pad = { 3, 0, 0, 2 } }, .excite = { .reduced = 4, .act = WEFT_ACT_SWISH },
               .project = { .out = 12, .bias = true }) },
    { WEFT_CASE("3x5_stride_2x3_dilated", WEFT_NHWC(2, 14, 19, 16)),
      WEFT_OPT(weft_inverted_residual_opt, .expand = { .out = 24, .bias = true },
               .depthwise = { .kernel_h = 3, .kernel_w = 5, .stride_h = 2, .stride_w = 3, .dilation = 2 },
               .project = { .out = 8, .bias = true }) },
    { WEFT_CASE("many_bands", WEFT_NHWC(2, 60, 40, 16)),
      WEFT_OPT(weft_inverted_residual_opt, .expand = { .out = 96, .bias = true }, .expand_act = WEFT_ACT_RELU6,
               .depthwise = { .kernel = 3, .bias = true }, .depthwise_act = WEFT_ACT_RELU6,
               .project = { .out = 16, .bias = true }), .epi = { .residual = true } },
    { WEFT_CASE("one_pixel", WEFT_NHWC(5, 1, 1, 8)),
      WEFT_OPT(weft_inverted_residual_opt, .expand = { .out = 16, .bias = true },
               .depthwise = { .kernel = 3, .bias = true }, .excite = { .reduced = 2, .no_bias = true },
               .project = { .out = 8, .bias = true }) },
    { WEFT_CASE("layer_14_excited", WEFT_NHWC(8, 14, 14, 112)),
      WEFT_OPT(weft_inverted_residual_opt, .expand = { .out = 448, .bias = true }, .expand_act = WEFT_ACT_SWISH,
               .depthwise = { .kernel = 5, .bias = true }, .depthwise_act = WEFT_ACT_SWISH,
               .excite = { .reduced = 28, .act = WEFT_ACT_SWISH }, .project = { .out = 112, .bias = true }),
      .epi = { .residual = true }, .large = true },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_inverted_residual = {
    .name = "inverted_residual",
    .brief = "Expand, depthwise, excite, project as one node; made by fusion",
    .paper = "Sandler et al. 2018, arXiv:1801.04381",
    .n_in = 1,
    .opt_size = sizeof(weft_inverted_residual_opt),
    .takes = WEFT_TAKES_ACT | WEFT_TAKES_RESIDUAL,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .reduction = reduction,
    .depth = 5,
    .describe = describe,
    .cases = cases,
};
