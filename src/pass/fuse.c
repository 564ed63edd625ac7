/* SPDX-License-Identifier: Apache-2.0
 *
 * Epilogues: y = act(op(x) + residual). A pattern is a row of a table: the op that is absorbed, and how. It is legal
 * when the tensor between has one reader and the op before it takes that part of an epilogue. */
#include "pass/pass.h"
#include "op/activation.h"

static bool can_take(const weft_gnode *gnode, unsigned what)
{
    return gnode && (gnode->node.op->takes & what) && gnode->node.epi.act == WEFT_ACT_NONE &&
           !(what == WEFT_TAKES_RESIDUAL && gnode->node.epi.residual);
}

/* activation(f(x)): f gets the activation. */
static weft_status fuse_activation(weft_graph *graph, const int32_t *readers, int32_t index)
{
    const weft_gnode *gnode = &graph->nodes[index];
    weft_gnode *before = weft_pass_sole_maker(graph, readers, gnode->in[0]);
    if (!can_take(before, WEFT_TAKES_ACT))
        return WEFT_OK;
    before->node.epi.act = ((const weft_activation_opt *)gnode->node.opt)->act;
    weft_pass_take_over(graph, index, (int32_t)(before - graph->nodes));
    return WEFT_OK;
}

/* Which input of an add may be computed where the add stands, the other one being its residual: the later made. A node
 * of several outputs stays where it is, before those that read the others: r must exist there. */
static int absorbed_input(weft_graph *graph, const int32_t *readers, const weft_gnode *add)
{
    int best = -1;
    for (int i = 0; i < 2; i++) {
        const weft_gnode *maker = weft_pass_sole_maker(graph, readers, add->in[i]);
        const int32_t made = graph->values[add->in[i]].maker;
        if (can_take(maker, WEFT_TAKES_RESIDUAL) &&
            (maker->node.n_out == 1 || graph->values[add->in[1 - i]].maker < made) &&
            (best < 0 || made > graph->values[add->in[best]].maker))
            best = i;
    }
    return best;
}

/* add(f(x), r): f moves to the add's place, where r exists, and reads r as its residual. */
static weft_status fuse_add(weft_graph *graph, const int32_t *readers, int32_t index)
{
    weft_gnode *add = &graph->nodes[index];
    if (((const weft_add_opt *)add->node.opt)->scale != 1 || add->in[0] == add->in[1])
        return WEFT_OK;
    const int taken = absorbed_input(graph, readers, add);
    if (taken < 0)
        return WEFT_OK;
    const int32_t maker = graph->values[add->in[taken]].maker, residual = add->in[1 - taken], out = add->out[0];
    if (graph->nodes[maker].node.n_out > 1) {
        weft_gnode *stays = &graph->nodes[maker];
        weft_gnode_rewire(graph, stays, stays->node.n_in++, residual);
        stays->node.epi.residual = true;
        weft_pass_take_over(graph, index, maker);
        return WEFT_OK;
    }
    weft_gnode moved = graph->nodes[maker];
    graph->nodes[maker].dead = true;
    weft_gnode_rewire(graph, &moved, moved.node.n_in++, residual);
    moved.node.epi.residual = true;
    moved.out[0] = out;
    graph->nodes[index] = moved;
    graph->values[out].maker = index;
    return WEFT_OK;
}

static const struct {
    weft_op_id op;
    weft_status (*fuse)(weft_graph *graph, const int32_t *readers, int32_t index);
} patterns[] = {
    { WEFT_OP_ADD, fuse_add }, /* first, so that the activation behind an add finds the convolution */
    { WEFT_OP_ACTIVATION, fuse_activation },
};

weft_status weft_pass_fuse(weft_graph *graph)
{
    const int32_t *readers = weft_pass_readers(graph);
    if (!readers)
        return WEFT_NO_MEMORY;
    for (int p = 0; p < WEFT_COUNT(patterns); p++)
        for (int32_t i = 0; i < graph->n_nodes; i++)
            if (!graph->nodes[i].dead && graph->nodes[i].node.id == patterns[p].op)
                WEFT_TRY(patterns[p].fuse(graph, readers, i));
    return WEFT_OK;
}
