/* SPDX-License-Identifier: Apache-2.0
 *
 * [expand 1x1] - depthwise - [squeeze-excite] - project 1x1 becomes one inverted_residual node, so that a device can
 * keep the widened tensors in its caches. It is done only where the device has a kernel for the node that is more than
 * the reference. */
#include "pass/pass.h"
#include "op/inverted_residual.h"

/* The nodes of a unit that ends in `project`; NULL: no such stage. */
typedef struct unit {
    weft_gnode *expand, *depthwise, *excite, *project;
} unit;

static bool is_pointwise(const weft_gnode *gnode)
{
    if (!gnode || gnode->node.id != WEFT_OP_CONV2D)
        return false;
    const weft_conv2d_opt *o = gnode->node.opt;
    return o->kernel_h == 1 && o->kernel_w == 1 && o->stride_h == 1 && o->stride_w == 1 && o->groups == 1 &&
           !o->pad.top && !o->pad.bottom && !o->pad.left && !o->pad.right;
}

static bool is_depthwise(const weft_gnode *gnode)
{
    if (!gnode || gnode->node.id != WEFT_OP_CONV2D || gnode->node.epi.residual)
        return false;
    const weft_conv2d_opt *o = gnode->node.opt;
    return o->groups > 1 && o->groups == o->out && o->groups == gnode->node.in[0].dim[3];
}

static bool find_unit(weft_graph *graph, const int32_t *readers, int32_t index, unit *u)
{
    *u = (unit){ .project = &graph->nodes[index] };
    if (u->project->dead || !is_pointwise(u->project))
        return false;
    weft_gnode *before = weft_pass_sole_maker(graph, readers, u->project->in[0]);
    if (before && before->node.id == WEFT_OP_SQUEEZE_EXCITE) {
        u->excite = before;
        before = weft_pass_sole_maker(graph, readers, before->in[0]);
    }
    if (!is_depthwise(before))
        return false;
    u->depthwise = before;
    before = weft_pass_sole_maker(graph, readers, before->in[0]);
    if (is_pointwise(before) && !before->node.epi.residual)
        u->expand = before;
    return true;
}

static weft_inverted_residual_opt options_of(const unit *u)
{
    weft_inverted_residual_opt o = { .depthwise_act = u->depthwise->node.epi.act };
    if (u->expand) {
        o.expand = *(const weft_conv2d_opt *)u->expand->node.opt;
        o.expand_act = u->expand->node.epi.act;
    }
    o.depthwise = *(const weft_conv2d_opt *)u->depthwise->node.opt;
    if (u->excite)
        o.excite = *(const weft_squeeze_excite_opt *)u->excite->node.opt;
    o.project = *(const weft_conv2d_opt *)u->project->node.opt;
    return o;
}

/* The unit as a node: parameters of its stages in order, input of the first, epilogue of the last. */
static weft_status unite(weft_graph *graph, const unit *u, weft_gnode *out)
{
    weft_gnode *const stages[] = { u->expand, u->depthwise, u->excite, u->project };
    weft_arena *arena = &graph->arena;
    const weft_gnode *first = u->expand ? u->expand : u->depthwise;
    const weft_inverted_residual_opt options = options_of(u);
    *out = *u->project;
    weft_node *node = &out->node;
    weft_shape *in = weft_arena_copy(arena, u->project->node.in, (size_t)node->n_in * sizeof *in);
    weft_shape *param = weft_arena_array(arena, WEFT_MAX_PARAM, sizeof *param);
    node->opt = weft_arena_copy(arena, &options, sizeof options);
    out->in = weft_arena_copy(arena, u->project->in, (size_t)node->n_in * sizeof *out->in);
    out->param = weft_arena_array(arena, WEFT_MAX_PARAM, sizeof *out->param);
    if (!in || !param || !node->opt || !out->in || !out->param)
        return WEFT_NO_MEMORY;
    in[0] = first->node.in[0];
    out->in[0] = first->in[0];
    node->n_param = 0;
    for (int s = 0; s < WEFT_COUNT(stages); s++)
        for (int i = 0; stages[s] && i < stages[s]->node.n_param; i++) {
            param[node->n_param] = stages[s]->node.param[i];
            out->param[node->n_param++] = stages[s]->param[i];
        }
    node->id = WEFT_OP_INVERTED_RESIDUAL;
    node->op = weft_op_get(node->id);
    node->name = first->node.name;
    node->in = in;
    node->param = param;
    return WEFT_OK;
}

static bool has_kernel(const weft_graph *graph, const weft_gnode *gnode)
{
    return !weft_select(&gnode->node, &graph->ctx->device)->reference;
}

weft_status weft_pass_fuse_units(weft_graph *graph)
{
    const int32_t *readers = weft_pass_readers(graph);
    if (!readers)
        return WEFT_NO_MEMORY;
    for (int32_t i = 0; i < graph->n_nodes; i++) {
        unit u;
        weft_gnode whole;
        if (!find_unit(graph, readers, i, &u))
            continue;
        WEFT_TRY(unite(graph, &u, &whole));
        if (!has_kernel(graph, &whole))
            continue;
        u.depthwise->dead = true;
        if (u.expand)
            u.expand->dead = true;
        if (u.excite)
            u.excite->dead = true;
        *u.project = whole;
    }
    return WEFT_OK;
}
