/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of two norms whose results were added become one batch_norm_pair_dx node, where the device has a kernel
 * for it that is more than the reference: batch_norm_join_dx gives the gradient behind the addition, which then only
 * the other norm's batch_norm_dx reads. */
#include "op/batch_norm_pair.h"
#include "pass/pass.h"

/* Whether what a node reads, but for its first input, is there before node `index`. */
static bool is_ready(const weft_graph *graph, const weft_gnode *gnode, int32_t index)
{
    for (int i = 1; i < gnode->node.n_in; i++)
        if (graph->values[gnode->in[i]].maker >= index)
            return false;
    return true;
}

/* The node at `index` if it is the gradient of a norm, of what `join` has left of the gradient, and may go there. */
static bool is_other(const weft_graph *graph, int32_t join, int32_t index)
{
    const weft_gnode *gnode = &graph->nodes[index];
    const weft_batch_norm_dx_opt *o = gnode->node.opt;
    return !gnode->dead && gnode->node.id == WEFT_OP_BATCH_NORM_DX && gnode->in[0] == graph->nodes[join].out[3] &&
           !o->frozen && o->act == WEFT_ACT_NONE && !gnode->node.epi.residual && is_ready(graph, gnode, join);
}

static weft_status unite(weft_graph *graph, const weft_gnode *join, const weft_gnode *other, weft_gnode *out)
{
    const weft_batch_norm_dx_opt *first = join->node.opt, *second = other->node.opt;
    const weft_batch_norm_pair_opt options = { .no_gamma = { first->no_gamma, second->no_gamma }, .act = first->act };
    const int32_t results[] = { join->out[0], join->out[1], join->out[2], other->out[0], other->out[1], other->out[2] };
    weft_arena *const arena = &graph->arena;
    *out = (weft_gnode){ .node = { .id = WEFT_OP_BATCH_NORM_PAIR_DX, .op = &weft_op_batch_norm_pair_dx,
                                   .name = join->node.name, .opt = weft_arena_copy(arena, &options, sizeof options),
                                   .n_out = WEFT_COUNT(results) } };
    weft_shape *shapes = weft_arena_array(arena, WEFT_COUNT(results), sizeof *shapes);
    out->out = weft_arena_array(arena, WEFT_COUNT(results), sizeof *out->out);
    if (!out->node.opt || !out->out || !shapes)
        return WEFT_NO_MEMORY;
    out->node.out = shapes;
    for (int o = 0; o < out->node.n_out; o++) {
        out->out[o] = results[o];
        shapes[o] = graph->values[results[o]].shape;
    }
    WEFT_TRY(weft_pass_begin_inputs(graph, out, weft_batch_norm_pair_x(&options, 2)));
    weft_pass_add_input(graph, out, join->in[0]);
    weft_pass_add_input(graph, out, join->in[weft_batch_norm_dx_beta(first)]); /* z */
    for (int i = 1; i < weft_batch_norm_dx_beta(first); i++)
        weft_pass_add_input(graph, out, join->in[i]);
    for (int i = 1; i < weft_batch_norm_dx_beta(second); i++)
        weft_pass_add_input(graph, out, other->in[i]);
    return WEFT_OK;
}

/* The pair stands where the first of them stood. */
static weft_status fuse(weft_graph *graph, int32_t join)
{
    int32_t other = join + 1;
    weft_gnode whole;
    while (other < graph->n_nodes && !is_other(graph, join, other))
        other++;
    if (other == graph->n_nodes)
        return WEFT_OK;
    WEFT_TRY(unite(graph, &graph->nodes[join], &graph->nodes[other], &whole));
    if (!weft_pass_has_kernel(graph, &whole))
        return WEFT_OK;
    graph->nodes[other].dead = true;
    graph->nodes[join] = whole;
    for (int o = 0; o < whole.node.n_out; o++)
        graph->values[whole.out[o]].maker = join;
    return WEFT_OK;
}

weft_status weft_pass_fuse_pairs(weft_graph *graph)
{
    const int32_t *readers = weft_pass_readers(graph);
    if (!readers)
        return WEFT_NO_MEMORY;
    for (int32_t i = 0; i < graph->n_nodes; i++) {
        const weft_gnode *gnode = &graph->nodes[i];
        if (!gnode->dead && gnode->node.id == WEFT_OP_BATCH_NORM_JOIN_DX && !gnode->node.epi.residual &&
            readers[gnode->out[3]] == 1)
            WEFT_TRY(fuse(graph, i));
    }
    return WEFT_OK;
}
