/* SPDX-License-Identifier: Apache-2.0
 *
 * What the passes share: reader counts and rewiring. */
#include "pass/pass.h"

#include "op/util.h"

int32_t *weft_pass_readers(weft_graph *graph)
{
    int32_t *readers = weft_arena_array(&graph->arena, (size_t)graph->n_values, sizeof *readers);
    if (!readers)
        return NULL;
    for (int32_t i = 0; i < graph->n_nodes; i++) {
        const weft_gnode *gnode = &graph->nodes[i];
        for (int k = 0; k < gnode->node.n_in && !gnode->dead; k++)
            readers[gnode->in[k]]++;
    }
    for (int32_t i = 0; i < graph->n_outputs; i++)
        readers[graph->outputs[i].value] += 2; /* never anybody's sole reader */
    return readers;
}

weft_gnode *weft_pass_sole_maker(weft_graph *graph, const int32_t *readers, int32_t value)
{
    const int32_t maker = graph->values[value].maker;
    return maker >= 0 && readers[value] == 1 && !graph->nodes[maker].dead ? &graph->nodes[maker] : NULL;
}

bool weft_pass_has_kernel(const weft_graph *graph, const weft_gnode *gnode)
{
    const weft_device *device = graph->ctx->device;
    const weft_kernel *kernel = weft_select(&gnode->node, device);
    return !kernel->reference && !(kernel->refuse && kernel->refuse(&gnode->node, device));
}

weft_status weft_pass_begin_inputs(weft_graph *graph, weft_gnode *gnode, int count)
{
    const size_t room = (size_t)(count + WEFT_SPARE_INPUTS);
    gnode->in = weft_arena_array(&graph->arena, room, sizeof *gnode->in);
    gnode->maker = weft_arena_array(&graph->arena, room, sizeof *gnode->maker);
    gnode->node.in = weft_arena_array(&graph->arena, room, sizeof *gnode->node.in);
    gnode->node.n_in = 0;
    return gnode->in && gnode->maker && gnode->node.in ? WEFT_OK : WEFT_NO_MEMORY;
}

void weft_pass_add_input(const weft_graph *graph, weft_gnode *gnode, int32_t value)
{
    gnode->maker[gnode->node.n_in] = graph->values[value].maker;
    weft_gnode_rewire(graph, gnode, gnode->node.n_in++, value);
}

bool weft_pass_is_pointwise(const weft_gnode *gnode)
{
    return gnode && !gnode->dead && gnode->node.id == WEFT_OP_CONV2D && weft_is_pointwise(gnode->node.opt);
}

bool weft_pass_is_depthwise(const weft_gnode *gnode)
{
    if (!gnode || gnode->dead || gnode->node.id != WEFT_OP_CONV2D || gnode->node.epi.residual)
        return false;
    const weft_conv2d_opt *o = gnode->node.opt;
    return o->groups > 1 && o->groups == o->out && o->groups == gnode->node.in[0].dim[3];
}

void weft_pass_set_weights(const weft_graph *graph, weft_gnode *layer, int32_t weight, int32_t bias)
{
    const int first = weft_node_first_param(&layer->node);
    weft_gnode_rewire(graph, layer, first, weight);
    if (layer->node.n_param > 1) {
        weft_gnode_rewire(graph, layer, first + 1, bias);
        return;
    }
    weft_gnode_add_param(graph, layer, bias);
    if (layer->node.id == WEFT_OP_CONV2D)
        ((weft_conv2d_opt *)weft_gnode_opt(layer))->bias = true;
    else
        ((weft_dense_opt *)weft_gnode_opt(layer))->no_bias = false;
}

void weft_pass_take_over(weft_graph *graph, int32_t node, int32_t by)
{
    weft_gnode *heir = &graph->nodes[by], *gone = &graph->nodes[node];
    heir->out[0] = gone->out[0];
    graph->values[gone->out[0]].maker = by;
    gone->dead = true;
}
