/* SPDX-License-Identifier: Apache-2.0
 *
 * [expand 1x1] - depthwise - [squeeze-excite] - project 1x1 becomes one inverted_residual node, so that a device can
 * keep the widened tensors in its caches. It is done only where the device has a kernel for the node that is more than
 * the reference. */
#include <string.h>

#include "pass/pass.h"
#include "op/inverted_residual.h"

/* The nodes of a unit that ends in `project`; NULL: no such stage. */
typedef struct unit {
    weft_gnode *expand, *depthwise, *excite, *project;
} unit;

static bool find_unit(weft_graph *graph, const int32_t *readers, int32_t index, unit *u)
{
    *u = (unit){ .project = &graph->nodes[index] };
    if (u->project->dead || !weft_pass_is_pointwise(u->project))
        return false;
    weft_gnode *before = weft_pass_sole_maker(graph, readers, u->project->in[0]);
    if (before && before->node.id == WEFT_OP_SQUEEZE_EXCITE) {
        u->excite = before;
        before = weft_pass_sole_maker(graph, readers, before->in[0]);
    }
    if (!weft_pass_is_depthwise(before))
        return false;
    u->depthwise = before;
    before = weft_pass_sole_maker(graph, readers, before->in[0]);
    if (weft_pass_is_pointwise(before) && !before->node.epi.residual)
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

/* The unit as a node: input of the first stage, parameters of all in order, epilogue of the last. */
static weft_status unite(weft_graph *graph, const unit *u, weft_gnode *out)
{
    weft_gnode *const stages[] = { u->expand, u->depthwise, u->excite, u->project };
    const weft_gnode *first = u->expand ? u->expand : u->depthwise;
    const weft_inverted_residual_opt options = options_of(u);
    *out = *u->project;
    weft_node *node = &out->node;
    node->opt = weft_arena_copy(&graph->arena, &options, sizeof options);
    if (!node->opt)
        return WEFT_NO_MEMORY;
    WEFT_TRY(weft_pass_begin_inputs(graph, out, 1 + WEFT_MAX_PARAM));
    weft_pass_add_input(graph, out, first->in[0]);
    node->n_param = 0;
    for (int s = 0; s < WEFT_COUNT(stages); s++)
        for (int i = 0; stages[s] && i < stages[s]->node.n_param; i++, node->n_param++)
            weft_pass_add_input(graph, out, weft_gnode_param(stages[s], i));
    if (node->epi.residual)
        weft_pass_add_input(graph, out, u->project->in[u->project->node.n_in - 1]);
    node->id = WEFT_OP_INVERTED_RESIDUAL;
    node->op = weft_op_get(node->id);
    node->name = first->node.name;
    return WEFT_OK;
}

/* Tuning found the layers faster on this machine. */
static bool stays_apart(const weft_graph *graph, const weft_gnode *whole)
{
    const char *const choice = graph->choices ? weft_choices_find(graph->choices, weft_node_kind(&whole->node)) : NULL;
    return choice && strcmp(choice, WEFT_CHOICE_APART) == 0;
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
        if (!weft_pass_has_kernel(graph, &whole) || stays_apart(graph, &whole))
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
