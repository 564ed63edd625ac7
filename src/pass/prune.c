/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes that nobody reads, from the last to the first: the network's softmax beside a loss that has its own, gradients
 * that an op computes together with wanted ones. */
#include "pass/pass.h"

static bool is_needed(const weft_gnode *gnode, const int32_t *readers)
{
    bool read = gnode->node.op->updates != 0;
    for (int o = 0; o < gnode->node.n_out; o++)
        read = read || readers[gnode->out[o]] > 0;
    return read;
}

weft_status weft_pass_prune(weft_graph *graph)
{
    int32_t *readers = weft_pass_readers(graph);
    if (!readers)
        return WEFT_NO_MEMORY;
    for (int32_t i = graph->n_nodes - 1; i >= 0; i--) {
        weft_gnode *gnode = &graph->nodes[i];
        if (gnode->dead || is_needed(gnode, readers))
            continue;
        gnode->dead = true;
        for (int k = 0; k < gnode->node.n_in; k++)
            readers[gnode->in[k]]--;
    }
    return WEFT_OK;
}
