/* SPDX-License-Identifier: Apache-2.0
 *
 * In training, a convolution and the batch norm behind it become one conv_norm node, so that a device can sum what it
 * convolves while it has it, instead of reading it again for the norm's statistics. It is done only where the device
 * has a kernel for the node that is more than the reference, and where that form of a program is wanted. */
#include "op/conv_norm.h"
#include "pass/pass.h"

/* Whether a live node other than the norm reads a value before it. */
static bool is_read_before(const weft_graph *graph, int32_t value, int32_t norm)
{
    for (int32_t i = 0; i < norm; i++)
        for (int k = 0; k < graph->nodes[i].node.n_in && !graph->nodes[i].dead; k++)
            if (graph->nodes[i].in[k] == value)
                return true;
    return false;
}

/* Both as a node: x, the parameters of the convolution and of the norm, the residual; what the norm gives, the map. */
static weft_status unite(weft_graph *graph, const weft_gnode *conv, const weft_gnode *norm, weft_gnode *out)
{
    weft_arena *const arena = &graph->arena;
    const weft_conv_norm_opt options = { .conv = *(const weft_conv2d_opt *)conv->node.opt,
                                         .norm = *(const weft_batch_norm_opt *)norm->node.opt };
    *out = (weft_gnode){ .node = { .id = WEFT_OP_CONV_NORM, .op = &weft_op_conv_norm, .name = conv->node.name,
                                   .opt = weft_arena_copy(arena, &options, sizeof options), .epi = norm->node.epi,
                                   .n_out = norm->node.n_out + 1,
                                   .n_param = conv->node.n_param + norm->node.n_param } };
    weft_shape *shapes = weft_arena_array(arena, (size_t)out->node.n_out, sizeof *shapes);
    out->out = weft_arena_array(arena, (size_t)out->node.n_out, sizeof *out->out);
    if (!out->node.opt || !out->out || !shapes)
        return WEFT_NO_MEMORY;
    out->node.out = shapes;
    for (int o = 0; o < out->node.n_out; o++) {
        out->out[o] = o == WEFT_CONV_NORM_MAP ? conv->out[0] : norm->out[o];
        shapes[o] = graph->values[out->out[o]].shape;
    }
    WEFT_TRY(weft_pass_begin_inputs(graph, out, conv->node.n_in + norm->node.n_in - 1));
    for (int i = 0; i < conv->node.n_in; i++)
        weft_pass_add_input(graph, out, conv->in[i]);
    for (int i = 1; i < norm->node.n_in; i++)
        weft_pass_add_input(graph, out, norm->in[i]);
    return WEFT_OK;
}

/* It stands where the norm stood, whose residual may come after the convolution. */
static weft_status fuse(weft_graph *graph, int32_t index)
{
    const weft_gnode *norm = &graph->nodes[index];
    const int32_t maker = graph->values[norm->in[0]].maker;
    weft_gnode *conv = maker >= 0 ? &graph->nodes[maker] : NULL, whole;
    if (!conv || conv->dead || conv->node.id != WEFT_OP_CONV2D || conv->node.pool || conv->node.epi.residual ||
        conv->node.epi.act != WEFT_ACT_NONE || is_read_before(graph, norm->in[0], index))
        return WEFT_OK;
    WEFT_TRY(unite(graph, conv, norm, &whole));
    if (!weft_pass_has_kernel(graph, &whole))
        return WEFT_OK;
    conv->dead = true;
    graph->nodes[index] = whole;
    for (int o = 0; o < whole.node.n_out; o++)
        graph->values[whole.out[o]].maker = index;
    return WEFT_OK;
}

weft_status weft_pass_fuse_stats(weft_graph *graph)
{
    for (int32_t i = 0; i < graph->n_nodes && graph->forms & WEFT_FORM_SUMS; i++)
        if (!graph->nodes[i].dead && graph->nodes[i].node.id == WEFT_OP_BATCH_NORM_TRAIN)
            WEFT_TRY(fuse(graph, i));
    return WEFT_OK;
}
