/* SPDX-License-Identifier: Apache-2.0
 *
 * The type of every value on the device. Activations have the device's; fp32 stay probabilities and logits (what a
 * dense layer hands to softmax or out of the network), and inputs that are normalised inside, so that nothing is lost
 * before the mean is subtracted. On the CPU all is fp32. What convolutions read of images is padded with zero
 * channels. */
#include "pass/pass.h"

/* Whether all readers are of op `id`; true if there is none. */
static bool read_only_by(const weft_graph *graph, int32_t value, weft_op_id id)
{
    for (int32_t i = 0; i < graph->n_nodes; i++) {
        const weft_gnode *gnode = &graph->nodes[i];
        for (int k = 0; k < gnode->node.n_in && !gnode->dead; k++)
            if (gnode->in[k] == value && gnode->node.id != id)
                return false;
    }
    return true;
}

static bool keeps_f32(const weft_graph *graph, int32_t value)
{
    const int32_t maker = graph->values[value].maker;
    if (maker < 0)
        return read_only_by(graph, value, WEFT_OP_NORMALIZE);
    const weft_op_id op = graph->nodes[maker].node.id;
    return op == WEFT_OP_SOFTMAX || op == WEFT_OP_RBF ||
           (op == WEFT_OP_DENSE && read_only_by(graph, value, WEFT_OP_SOFTMAX));
}

void weft_pass_types(weft_graph *graph)
{
    const weft_dtype dtype = graph->ctx->device.dtype;
    if (!graph->ctx->device.backend->host_alloc)
        return;
    for (int32_t v = 1; v < graph->n_values; v++) {
        const int32_t maker = graph->values[v].maker;
        if (maker < 0 || (!graph->nodes[maker].dead && graph->nodes[maker].out[0] == v))
            graph->values[v].dtype = keeps_f32(graph, v) ? WEFT_F32 : dtype;
        graph->values[v].padded = maker < 0 ? !read_only_by(graph, v, WEFT_OP_NORMALIZE)
                                            : graph->nodes[maker].node.id == WEFT_OP_NORMALIZE;
    }
    for (int32_t i = 0; i < graph->n_nodes; i++) {
        weft_gnode *gnode = &graph->nodes[i];
        gnode->node.in_dtype = graph->values[gnode->in[0]].dtype;
        gnode->node.out_dtype = graph->values[gnode->out[0]].dtype;
    }
}
