/* SPDX-License-Identifier: Apache-2.0
 *
 * Epilogues: y = act(op(x) + residual). A pattern is a row of a table: the op that is absorbed, and how. It is legal
 * when the tensor between has one reader and the op before it takes that part of an epilogue. Backwards the slope of an
 * activation goes into the gradient of the batch norm before it, which computes what the slope is of once more: neither
 * the activation's argument nor its result is read. That of an activation behind an addition, which others read as
 * well, becomes one node with the first gradient of a norm that reads it, where the device has a kernel for both. */
#include "pass/pass.h"
#include "op/activation.h"
#include "op/batch_norm.h"

static bool can_take(const weft_gnode *gnode, unsigned what)
{
    return gnode && (gnode->node.op->takes & what) && gnode->node.epi.act == WEFT_ACT_NONE &&
           !(what == WEFT_TAKES_RESIDUAL && gnode->node.epi.residual);
}

/* The node whose output 0 value is, if nobody else reads that; else NULL. */
static weft_gnode *maker_of_result(weft_graph *graph, const int32_t *readers, int32_t value)
{
    weft_gnode *maker = weft_pass_sole_maker(graph, readers, value);
    return maker && maker->out[0] == value ? maker : NULL;
}

/* activation(f(x)): f gets the activation. */
static weft_status fuse_activation(weft_graph *graph, int32_t *readers, int32_t index)
{
    const weft_gnode *gnode = &graph->nodes[index];
    weft_gnode *before = maker_of_result(graph, readers, gnode->in[0]);
    if (!can_take(before, WEFT_TAKES_ACT))
        return WEFT_OK;
    before->node.epi.act = ((const weft_activation_opt *)gnode->node.opt)->act;
    weft_pass_take_over(graph, index, (int32_t)(before - graph->nodes));
    return WEFT_OK;
}

/* Which input of an add may be computed where the add stands, the other one being its residual: the later made. A node
 * of several outputs stays where it is, before those that read the others: r must exist there. */
static int absorbed_input(weft_graph *graph, int32_t *readers, const weft_gnode *add)
{
    int best = -1;
    for (int i = 0; i < 2; i++) {
        const weft_gnode *maker = maker_of_result(graph, readers, add->in[i]);
        const int32_t made = graph->values[add->in[i]].maker;
        if (can_take(maker, WEFT_TAKES_RESIDUAL) &&
            (maker->node.n_out == 1 || graph->values[add->in[1 - i]].maker < made) &&
            (best < 0 || made > graph->values[add->in[best]].maker))
            best = i;
    }
    return best;
}

/* add(f(x), r): f moves to the add's place, where r exists, and reads r as its residual; unless the device's kernels
 * for f take none. */
static weft_status fuse_add(weft_graph *graph, int32_t *readers, int32_t index)
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
    weft_gnode_rewire(graph, &moved, moved.node.n_in++, residual);
    moved.node.epi.residual = true;
    if (!weft_pass_has_kernel(graph, &moved) && weft_pass_has_kernel(graph, &graph->nodes[maker]))
        return WEFT_OK;
    graph->nodes[maker].dead = true;
    moved.out[0] = out;
    graph->nodes[index] = moved;
    graph->values[out].maker = index;
    return WEFT_OK;
}

/* ---- gradients ---- */

/* Whether `value` is what the slope of act behind y is computed of. */
static bool is_kept(const weft_graph *graph, int32_t value, weft_act act, int32_t y)
{
    if (!weft_act_keeps_result(act))
        return value == y;
    const int32_t maker = graph->values[value].maker;
    const weft_gnode *gnode = maker >= 0 ? &graph->nodes[maker] : NULL;
    return gnode && gnode->node.id == WEFT_OP_ACTIVATION && gnode->in[0] == y &&
           ((const weft_activation_opt *)gnode->node.opt)->act == act;
}

/* The norm of the batch whose gradient gnode is; NULL: its statistics are parameters. */
static const weft_gnode *norm_of(const weft_graph *graph, const weft_gnode *gnode)
{
    const int32_t maker = graph->values[gnode->in[2]].maker;
    const weft_gnode *norm = maker >= 0 ? &graph->nodes[maker] : NULL;
    return norm && norm->node.id == WEFT_OP_BATCH_NORM_TRAIN && norm->in[0] == gnode->in[1] &&
                   norm->node.epi.act == WEFT_ACT_NONE && !norm->node.epi.residual
               ? norm
               : NULL;
}

/* batch_norm_dx(activation_dx(dz, kept), ...): the norm's gradient takes dz, and its beta. */
static weft_status fuse_slope(weft_graph *graph, int32_t *readers, int32_t index)
{
    weft_gnode *dx = &graph->nodes[index], *slope = weft_pass_sole_maker(graph, readers, dx->in[0]);
    weft_batch_norm_dx_opt *opt = weft_gnode_opt(dx);
    const weft_gnode *norm = norm_of(graph, dx);
    if (!norm || !slope || slope->node.id != WEFT_OP_ACTIVATION_DX || opt->act != WEFT_ACT_NONE)
        return WEFT_OK;
    const weft_act act = ((const weft_activation_opt *)slope->node.opt)->act;
    if (!weft_batch_norm_dx_takes(act) || !is_kept(graph, slope->in[1], act, norm->out[0]))
        return WEFT_OK;
    opt->act = act;
    weft_gnode_rewire(graph, dx, 0, slope->in[0]);
    weft_gnode_rewire(graph, dx, dx->node.n_in++, weft_gnode_param(norm, norm->node.n_param - 1));
    readers[slope->in[1]]--;
    slope->dead = true;
    return WEFT_OK;
}

/* Whether somebody reads what a node gives before the node at `index`. */
static bool is_read_before(const weft_graph *graph, int32_t value, int32_t index)
{
    for (int32_t i = 0; i < index; i++)
        for (int k = 0; k < graph->nodes[i].node.n_in && !graph->nodes[i].dead; k++)
            if (graph->nodes[i].in[k] == value)
                return true;
    return false;
}

/* A batch_norm_dx of the gradient that slope gives, as a node of both. */
static weft_status join_slope(weft_graph *graph, const weft_gnode *dx, const weft_gnode *slope, weft_gnode *out)
{
    weft_arena *const arena = &graph->arena;
    weft_batch_norm_dx_opt opt = *(const weft_batch_norm_dx_opt *)dx->node.opt;
    const int32_t results[] = { dx->out[0], dx->out[1], dx->out[2], slope->out[0] };
    const int own = dx->node.n_in - dx->node.epi.residual;
    opt.act = ((const weft_activation_opt *)slope->node.opt)->act;
    *out = (weft_gnode){ .node = dx->node };
    weft_shape *shapes = weft_arena_array(arena, WEFT_COUNT(results), sizeof *shapes);
    out->out = weft_arena_array(arena, WEFT_COUNT(results), sizeof *out->out);
    out->node.id = WEFT_OP_BATCH_NORM_JOIN_DX;
    out->node.op = &weft_op_batch_norm_join_dx;
    out->node.opt = weft_arena_copy(arena, &opt, sizeof opt);
    out->node.out = shapes;
    out->node.n_out = WEFT_COUNT(results);
    if (!shapes || !out->out || !out->node.opt)
        return WEFT_NO_MEMORY;
    for (int o = 0; o < out->node.n_out; o++) {
        out->out[o] = results[o];
        shapes[o] = graph->values[results[o]].shape;
    }
    WEFT_TRY(weft_pass_begin_inputs(graph, out, dx->node.n_in + 1));
    weft_pass_add_input(graph, out, slope->in[0]);
    for (int i = 1; i < own; i++)
        weft_pass_add_input(graph, out, dx->in[i]);
    weft_pass_add_input(graph, out, slope->in[1]);
    if (dx->node.epi.residual)
        weft_pass_add_input(graph, out, dx->in[own]);
    return WEFT_OK;
}

static weft_status fuse_join(weft_graph *graph, int32_t *readers, int32_t index)
{
    const weft_gnode *dx = &graph->nodes[index];
    const weft_batch_norm_dx_opt *opt = dx->node.opt;
    const int32_t maker = graph->values[dx->in[0]].maker;
    weft_gnode *slope = maker >= 0 ? &graph->nodes[maker] : NULL, whole;
    if (!slope || slope->dead || slope->node.id != WEFT_OP_ACTIVATION_DX || opt->act != WEFT_ACT_NONE || opt->frozen ||
        graph->parts > 1 || !weft_act_keeps_result(((const weft_activation_opt *)slope->node.opt)->act) ||
        is_read_before(graph, slope->out[0], index))
        return WEFT_OK;
    WEFT_TRY(join_slope(graph, dx, slope, &whole));
    if (!weft_pass_has_kernel(graph, &whole))
        return WEFT_OK;
    readers[slope->out[0]]--;
    slope->dead = true;
    graph->nodes[index] = whole;
    graph->values[slope->out[0]].maker = index;
    return WEFT_OK;
}

static const struct {
    weft_op_id op;
    weft_status (*fuse)(weft_graph *graph, int32_t *readers, int32_t index);
} patterns[] = {
    { WEFT_OP_BATCH_NORM_DX, fuse_slope }, /* before the norm has an epilogue */
    { WEFT_OP_ADD, fuse_add }, /* before the next one, so that the activation behind an add finds the convolution */
    { WEFT_OP_ACTIVATION, fuse_activation },
    { WEFT_OP_BATCH_NORM_DX, fuse_join }, /* with its residual */
};

weft_status weft_pass_fuse(weft_graph *graph)
{
    int32_t *readers = weft_pass_readers(graph);
    if (!readers)
        return WEFT_NO_MEMORY;
    for (int p = 0; p < WEFT_COUNT(patterns); p++)
        for (int32_t i = 0; i < graph->n_nodes; i++)
            if (!graph->nodes[i].dead && graph->nodes[i].node.id == patterns[p].op)
                WEFT_TRY(patterns[p].fuse(graph, readers, i));
    return WEFT_OK;
}
