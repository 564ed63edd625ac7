/* SPDX-License-Identifier: Apache-2.0
 *
 * The fused minimum: what the graph's ops must move when activations, additions and norms ride along (weft_op.least).
 */
#include "pass/pass.h"

weft_status weft_pass_measure(weft_graph *graph)
{
    double elements = 0;
    for (int32_t i = 0; i < graph->n_nodes; i++) {
        const weft_node *node = &graph->nodes[i].node;
        if (graph->nodes[i].dead || !node->op->least)
            continue;
        elements += node->op->least(node);
        if (node->epi.residual)
            elements += (double)weft_shape_count(&node->in[node->n_in - 1]);
    }
    graph->least_bytes = elements * (double)weft_dtype_size(graph->ctx->device->dtype);
    return WEFT_OK;
}
