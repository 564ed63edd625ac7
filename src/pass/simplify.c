/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes that are nothing at inference disappear, and explicit zero padding moves into the node behind it. */
#include "pass/pass.h"
#include "op/util.h"

/* Every reader of `from` reads `to` instead. */
static void redirect(weft_graph *graph, int32_t from, int32_t to)
{
    for (int32_t i = 0; i < graph->n_nodes; i++)
        for (int k = 0; k < graph->nodes[i].node.n_in; k++)
            if (graph->nodes[i].in[k] == from)
                graph->nodes[i].in[k] = to;
    for (int32_t i = 0; i < graph->n_outputs; i++)
        if (graph->outputs[i].value == from)
            graph->outputs[i].value = to;
}

static void add_pad(weft_pad *pad, const weft_pad *more)
{
    pad->top += more->top;
    pad->bottom += more->bottom;
    pad->left += more->left;
    pad->right += more->right;
}

static bool is_zero(const weft_pad *pad)
{
    return !pad->top && !pad->bottom && !pad->left && !pad->right;
}

/* Padding with zeros, then convolving or taking maxima, is one node with a wider border. */
static bool takes_padding(const weft_gnode *gnode)
{
    if (gnode->node.id == WEFT_OP_CONV2D)
        return true;
    if (gnode->node.id != WEFT_OP_MAX_POOL2D)
        return false;
    const weft_pool2d_opt *pool = gnode->node.opt;
    return (pool->zero_border || is_zero(&pool->pad)) && !pool->ceil;
}

static void merge_padding(weft_graph *graph, weft_gnode *reader, const weft_gnode *pad)
{
    const weft_pad *more = &((const weft_border_opt *)pad->node.opt)->pad;
    if (reader->node.id == WEFT_OP_CONV2D) {
        weft_conv2d_opt *conv = weft_gnode_opt(reader);
        add_pad(&conv->pad, more);
    } else {
        weft_pool2d_opt *pool = weft_gnode_opt(reader);
        add_pad(&pool->pad, more);
        pool->zero_border = true;
    }
    weft_gnode_rewire(graph, reader, 0, pad->in[0]);
}

static void simplify_pad(weft_graph *graph, const int32_t *readers, int32_t index)
{
    const int32_t value = graph->nodes[index].out[0];
    int32_t able = 0;
    for (int32_t i = index + 1; i < graph->n_nodes; i++)
        able += !graph->nodes[i].dead && graph->nodes[i].in[0] == value && takes_padding(&graph->nodes[i]);
    if (able != readers[value])
        return;
    for (int32_t i = index + 1; i < graph->n_nodes; i++)
        if (!graph->nodes[i].dead && graph->nodes[i].in[0] == value)
            merge_padding(graph, &graph->nodes[i], &graph->nodes[index]);
    graph->nodes[index].dead = true;
}

weft_status weft_pass_simplify(weft_graph *graph)
{
    const int32_t *readers = weft_pass_readers(graph);
    if (!readers)
        return WEFT_NO_MEMORY;
    for (int32_t i = 0; i < graph->n_nodes; i++) {
        weft_gnode *gnode = &graph->nodes[i];
        if (gnode->node.id == WEFT_OP_PAD2D) {
            simplify_pad(graph, readers, i);
        } else if (gnode->node.id == WEFT_OP_DROPOUT) {
            redirect(graph, gnode->out[0], gnode->in[0]);
            gnode->dead = true;
        }
    }
    return WEFT_OK;
}
