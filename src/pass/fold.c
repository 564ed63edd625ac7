/* SPDX-License-Identifier: Apache-2.0
 *
 * Folding: batch norm behind a convolution or dense layer becomes weights and bias that a fold_norm node derives, and
 * the factor of a scaled addition moves into the layer before it. The network's parameters stay; the layer reads the
 * derived ones (ADR 0005). */
#include "op/derive.h"
#include "pass/pass.h"

static bool has_bias(const weft_gnode *gnode)
{
    return gnode->node.n_param > 1;
}

/* weight [out, ...] and bias [out], and nothing behind the sum: what folding understands. */
static bool is_affine(const weft_gnode *gnode)
{
    return gnode && (gnode->node.id == WEFT_OP_CONV2D || gnode->node.id == WEFT_OP_DENSE) &&
           !gnode->node.epi.residual && gnode->node.epi.act == WEFT_ACT_NONE;
}

static weft_status fold_batch_norm(weft_graph *graph, int32_t linear_index, const weft_gnode *bn)
{
    weft_gnode *linear = &graph->nodes[linear_index];
    const weft_batch_norm_opt *o = bn->node.opt;
    const weft_fold_norm_opt opt = { .epsilon = o->epsilon, .bias = has_bias(linear), .gamma = !o->no_gamma };
    int32_t in[WEFT_CASE_IN], n_in = 0, out;
    for (int i = 0; i < linear->node.n_param; i++)
        in[n_in++] = weft_gnode_param(linear, i);
    for (int i = 0; i < bn->node.n_param; i++)
        in[n_in++] = weft_gnode_param(bn, i);
    WEFT_TRY(weft_graph_add_derived(graph, WEFT_OP_FOLD_NORM, bn->node.name, &opt, in, n_in, &out));
    linear = &graph->nodes[linear_index]; /* the array may have moved */
    weft_pass_set_weights(graph, linear, out, out + 1);
    return WEFT_OK;
}

static weft_status fold_scale(weft_graph *graph, int32_t linear_index, double scale)
{
    const weft_scale_weights_opt opt = { .scale = scale };
    for (int i = 0; i < graph->nodes[linear_index].node.n_param; i++) {
        const weft_gnode *linear = &graph->nodes[linear_index];
        const int32_t in = weft_gnode_param(linear, i);
        int32_t out;
        WEFT_TRY(weft_graph_add_derived(graph, WEFT_OP_SCALE_WEIGHTS, linear->node.name, &opt, &in, 1, &out));
        weft_gnode *moved = &graph->nodes[linear_index];
        weft_gnode_rewire(graph, moved, weft_node_first_param(&moved->node) + i, out);
    }
    return WEFT_OK;
}

/* Batch norm `index` into the layer before it. */
static weft_status fold_norm_into(weft_graph *graph, const int32_t *readers, int32_t index)
{
    const weft_gnode bn = graph->nodes[index]; /* a copy: the array may move */
    const weft_gnode *linear = weft_pass_sole_maker(graph, readers, bn.in[0]);
    if (!is_affine(linear))
        return WEFT_OK;
    const int32_t at = (int32_t)(linear - graph->nodes);
    WEFT_TRY(fold_batch_norm(graph, at, &bn));
    weft_pass_take_over(graph, index, at);
    return WEFT_OK;
}

static weft_status fold_scale_into(weft_graph *graph, const int32_t *readers, int32_t index)
{
    const weft_add_opt *add = graph->nodes[index].node.opt;
    const weft_gnode *linear = weft_pass_sole_maker(graph, readers, graph->nodes[index].in[1]);
    if (add->scale == 1 || !is_affine(linear))
        return WEFT_OK;
    WEFT_TRY(fold_scale(graph, (int32_t)(linear - graph->nodes), add->scale));
    ((weft_add_opt *)weft_gnode_opt(&graph->nodes[index]))->scale = 1;
    return WEFT_OK;
}

weft_status weft_pass_fold(weft_graph *graph)
{
    const int32_t *readers = weft_pass_readers(graph);
    const int32_t built = graph->n_nodes; /* what this pass adds is behind them */
    if (!readers)
        return WEFT_NO_MEMORY;
    for (int32_t i = 0; i < built; i++) {
        if (graph->nodes[i].dead)
            continue;
        if (graph->nodes[i].node.id == WEFT_OP_BATCH_NORM)
            WEFT_TRY(fold_norm_into(graph, readers, i));
        else if (graph->nodes[i].node.id == WEFT_OP_ADD)
            WEFT_TRY(fold_scale_into(graph, readers, i));
    }
    return WEFT_OK;
}
