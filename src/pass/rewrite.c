/* SPDX-License-Identifier: Apache-2.0
 *
 * Rewrites that pay where a launch and a pass over memory cost more than arithmetic (weft_graph.forms). All
 * are exact but for rounding; the first two derive new parameters from the old ones (op/derive.c):
 *
 *   compose  y = B (A x + a) + b              one 1x1 convolution of weights B A and bias B a + b
 *   join     y = act(B h + b + P x + p)       one over [h, x], which are slices of one tensor, of weights [B, P]
 *   pool     y = max over windows of act(A x + a)   in one pass, if the device can
 *
 * The first takes the narrow tensor between two linear layers out of memory (MobileNetV2's first projection and the
 * expansion after it), the second the projected shortcut of a residual unit (ResNet's first of each stride-1 stage),
 * the third the largest maps of VGG. */
#include "op/derive.h"
#include "pass/pass.h"

#include "base/error.h"

/* ---- parameters ---- */

/* Node `heir` gets the weights, over other channels, and the bias that `op` derives from those of `first`, which is
 * nearer to the input (or the other summand), and its own. */
static weft_status derive(weft_graph *graph, int32_t heir, int32_t first, weft_op_id op)
{
    const weft_gnode *a = &graph->nodes[first], *b = &graph->nodes[heir];
    const weft_merge_weights_opt opt = { .first_bias = a->node.n_param > 1, .second_bias = b->node.n_param > 1 };
    int32_t in[4] = { weft_gnode_param(a, 0), weft_gnode_param(b, 0) }, n_in = 2, out;
    if (opt.first_bias)
        in[n_in++] = weft_gnode_param(a, 1);
    if (opt.second_bias)
        in[n_in++] = weft_gnode_param(b, 1);
    WEFT_TRY(weft_graph_add_derived(graph, op, b->node.name, &opt, in, n_in, &out));
    weft_pass_set_weights(graph, &graph->nodes[heir], out, out + 1);
    return WEFT_OK;
}

/* ---- patterns ---- */

/* A pointwise convolution and nothing more. */
static bool is_lone_pointwise(const weft_gnode *gnode)
{
    return weft_pass_is_pointwise(gnode) && gnode->node.epi.act == WEFT_ACT_NONE && !gnode->node.epi.residual;
}

/* Multiply-adds that a GPU does in the time in which it moves one element, at half of its peaks: T4 200, A100 150,
 * H100 300 in fp16. */
enum { BALANCE = 64 };

/* The products must not grow by more than the saved traffic is worth. */
static bool composing_pays(const weft_gnode *first, const weft_gnode *second)
{
    const int64_t in = first->node.in[0].dim[3], middle = first->node.out[0].dim[3], out = second->node.out[0].dim[3];
    return in * out - in * middle - middle * out <= BALANCE * 2 * middle;
}

/* Whether a unit begins with the node whose widened output is never stored. */
static bool begins_unit(const weft_graph *graph, const weft_gnode *second)
{
    for (int32_t i = 0; i < graph->n_nodes && graph->forms & WEFT_FORM_EXPAND; i++) {
        const weft_gnode *reader = &graph->nodes[i];
        if (!reader->dead && weft_pass_is_depthwise(reader) && reader->in[0] == second->out[0])
            return true;
    }
    return false;
}

static weft_status compose(weft_graph *graph, const int32_t *readers, int32_t index)
{
    const weft_gnode *second = &graph->nodes[index];
    if (!weft_pass_is_pointwise(second))
        return WEFT_OK;
    const weft_gnode *first = weft_pass_sole_maker(graph, readers, second->in[0]);
    if (!is_lone_pointwise(first) || !composing_pays(first, second) || begins_unit(graph, second))
        return WEFT_OK;
    const int32_t gone = (int32_t)(first - graph->nodes), x = first->in[0];
    WEFT_TRY(derive(graph, index, gone, WEFT_OP_COMPOSE_WEIGHTS));
    weft_gnode_rewire(graph, &graph->nodes[index], 0, x); /* the array may have moved */
    graph->nodes[gone].dead = true;
    return WEFT_OK;
}

/* Whether a value can be a slice of a new tensor: made by a step, and nobody else's slice. */
static bool can_be_slice(const weft_graph *graph, int32_t value)
{
    const int32_t maker = graph->values[value].maker;
    if (maker < 0 || graph->nodes[maker].node.op->shares == WEFT_SHARES_WHOLE)
        return false;
    for (int32_t i = 0; i < graph->n_outputs; i++)
        if (graph->outputs[i].value == value)
            return false;
    for (int32_t i = 0; i < graph->n_nodes; i++) {
        const weft_gnode *gnode = &graph->nodes[i];
        const bool aliases = gnode->node.op->shares != WEFT_SHARES_NONE;
        for (int k = 0; k < gnode->node.n_in && !gnode->dead && aliases; k++)
            if (gnode->in[k] == value)
                return false;
    }
    return true;
}

/* A dead node's place behind the makers of both values and before `before`; -1: none. */
static int32_t free_place(const weft_graph *graph, int32_t a, int32_t b, int32_t before)
{
    const int32_t made_a = graph->values[a].maker, made_b = graph->values[b].maker;
    for (int32_t i = (made_a > made_b ? made_a : made_b) + 1; i < before; i++)
        if (graph->nodes[i].dead)
            return i;
    return -1;
}

/* The concatenation of two values, in the place of a dead node. */
static weft_status insert_concat(weft_graph *graph, int32_t place, int32_t a, int32_t b, const char *name, int32_t *out)
{
    const int32_t in[2] = { a, b };
    const char *path = weft_arena_text(&graph->arena, "%s/joined", name);
    if (!path)
        return WEFT_NO_MEMORY;
    WEFT_TRY(weft_graph_add_node(graph, WEFT_OP_CONCAT, path, NULL, in, 2, out));
    weft_gnode *last = &graph->nodes[graph->n_nodes - 1];
    graph->nodes[place] = *last;
    graph->values[*out].maker = place;
    graph->n_nodes--;
    return WEFT_OK;
}

static weft_status join(weft_graph *graph, const int32_t *readers, int32_t index)
{
    const weft_gnode *sum = &graph->nodes[index];
    if (!weft_pass_is_pointwise(sum) || !sum->node.epi.residual)
        return WEFT_OK;
    const weft_gnode *other = weft_pass_sole_maker(graph, readers, sum->in[sum->node.n_in - 1]);
    if (!is_lone_pointwise(other) || other->in[0] == sum->in[0])
        return WEFT_OK;
    const int32_t a = other->in[0], b = sum->in[0], first = (int32_t)(other - graph->nodes);
    const int32_t place = free_place(graph, a, b, index);
    int32_t joined;
    if (place < 0 || !can_be_slice(graph, a) || !can_be_slice(graph, b))
        return WEFT_OK;
    WEFT_TRY(insert_concat(graph, place, a, b, sum->node.name, &joined));
    graph->nodes[index].node.n_in--;
    graph->nodes[index].node.epi.residual = false;
    WEFT_TRY(derive(graph, index, first, WEFT_OP_JOIN_WEIGHTS));
    weft_gnode_rewire(graph, &graph->nodes[index], 0, joined);
    graph->nodes[first].dead = true;
    return WEFT_OK;
}

/* What the map costs to write and read again against the products of each of its elements. */
static bool pooling_pays(const weft_gnode *conv)
{
    const weft_conv2d_opt *o = conv->node.opt;
    const int64_t products = o->kernel_h * o->kernel_w * conv->node.in[0].dim[3] / o->groups;
    return products <= 20 * BALANCE;
}

/* One group, and more than one tap: pointwise ones belong to units. */
static bool is_windowed(const weft_gnode *conv)
{
    const weft_conv2d_opt *o = conv->node.opt;
    return o->groups == 1 && o->kernel_h * o->kernel_w > 1;
}

/* Whether windows tile one axis: they neither overlap nor reach over the map's end (as ceil lets the last one). */
static bool tiles(int64_t map, int64_t out, int kernel, int stride)
{
    return kernel == stride && out * stride <= map;
}

/* A convolution and a pool whose windows tile its map: nothing is computed twice. */
static weft_status pool(weft_graph *graph, const int32_t *readers, int32_t index)
{
    const weft_gnode *pooling = &graph->nodes[index];
    if (pooling->dead || pooling->node.id != WEFT_OP_MAX_POOL2D)
        return WEFT_OK;
    const weft_pool2d_opt *p = pooling->node.opt;
    weft_gnode *conv = weft_pass_sole_maker(graph, readers, pooling->in[0]);
    const weft_shape *in = &pooling->node.in[0], *out = &pooling->node.out[0];
    const bool inside = !p->pad.top && !p->pad.bottom && !p->pad.left && !p->pad.right &&
                        tiles(in->dim[1], out->dim[1], p->kernel_h, p->stride_h) &&
                        tiles(in->dim[2], out->dim[2], p->kernel_w, p->stride_w);
    if (!inside || !conv || conv->node.id != WEFT_OP_CONV2D || conv->node.pool || !pooling_pays(conv) ||
        !is_windowed(conv))
        return WEFT_OK;
    weft_shape *map = weft_arena_copy(&graph->arena, conv->node.out, sizeof *map);
    if (!map)
        return WEFT_NO_MEMORY;
    conv->node.pool = p;
    conv->node.map = map;
    weft_gnode_shapes(conv->node.out)[0] = pooling->node.out[0];
    weft_pass_take_over(graph, index, (int32_t)(conv - graph->nodes));
    return WEFT_OK;
}

static const struct {
    unsigned bit;
    weft_status (*rewrite)(weft_graph *graph, const int32_t *readers, int32_t index);
} rewrites[] = {
    { WEFT_FORM_COMPOSE, compose },
    { WEFT_FORM_JOIN, join },
    { WEFT_FORM_POOL, pool },
};

weft_status weft_pass_rewrite(weft_graph *graph)
{
    const unsigned wanted = graph->forms;
    const int32_t *readers = wanted ? weft_pass_readers(graph) : NULL;
    if (wanted && !readers)
        return WEFT_NO_MEMORY;
    for (int p = 0; p < WEFT_COUNT(rewrites); p++)
        for (int32_t i = 0; i < graph->n_nodes && wanted & rewrites[p].bit; i++)
            WEFT_TRY(rewrites[p].rewrite(graph, readers, i));
    return WEFT_OK;
}
