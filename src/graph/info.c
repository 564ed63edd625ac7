/* SPDX-License-Identifier: Apache-2.0
 *
 * What is in a graph: counts, nodes, parameters, ports. */
#include <stdio.h>

#include "graph/graph.h"

void weft_gnode_counts(const weft_graph *graph, const weft_gnode *gnode, int64_t *trainable, int64_t *statistics,
                       int64_t *macs)
{
    *trainable = *statistics = 0;
    for (int i = 0; i < gnode->node.n_param; i++) {
        const weft_value *value = &graph->values[weft_gnode_param(gnode, i)];
        *(value->kind == WEFT_STATE ? statistics : trainable) += weft_shape_count(&value->shape);
    }
    const double all = gnode->node.op->cost(&gnode->node).macs;
    *macs = (int64_t)(all / (double)gnode->node.out[0].dim[0] + 0.5); /* of one image */
}

weft_status weft_graph_counts(const weft_graph *graph, weft_counts *out)
{
    WEFT_TRY(weft_graph_status(graph));
    weft_counts sum = { 0 };
    for (int32_t i = 0; i < graph->n_nodes; i++) {
        int64_t trainable, statistics, macs;
        weft_gnode_counts(graph, &graph->nodes[i], &trainable, &statistics, &macs);
        sum.trainable += trainable;
        sum.statistics += statistics;
        sum.macs += macs;
        sum.nodes++;
        sum.convolutions += graph->nodes[i].node.id == WEFT_OP_CONV2D;
    }
    *out = sum;
    return WEFT_OK;
}

int weft_graph_node_count(const weft_graph *graph)
{
    return graph ? graph->n_nodes : 0;
}

weft_status weft_graph_node(const weft_graph *graph, int index, weft_node_info *out)
{
    if (index < 0 || index >= weft_graph_node_count(graph))
        return weft_fail(WEFT_INVALID, "node %d: the graph has nodes 0 to %d", index, weft_graph_node_count(graph) - 1);
    const weft_gnode *gnode = &graph->nodes[index];
    weft_node_info info = { .name = gnode->node.name, .op = gnode->node.op->name, .out = gnode->node.out[0],
                            .inputs = gnode->node.n_in - gnode->node.n_param, .input_of = gnode->maker };
    weft_gnode_counts(graph, gnode, &info.trainable, &info.statistics, &info.macs);
    if (gnode->node.op->describe)
        gnode->node.op->describe(&gnode->node, info.detail, sizeof info.detail);
    *out = info;
    return WEFT_OK;
}

int weft_graph_param_count(const weft_graph *graph)
{
    return graph ? graph->n_params : 0;
}

weft_status weft_graph_param(const weft_graph *graph, int index, weft_param_info *out)
{
    if (index < 0 || index >= weft_graph_param_count(graph))
        return weft_fail(WEFT_INVALID, "parameter %d: the graph has parameters 0 to %d", index,
                         weft_graph_param_count(graph) - 1);
    const weft_param *param = &graph->params[index];
    *out = (weft_param_info){ param->name, param->spec.shape, !param->spec.statistic };
    return WEFT_OK;
}

int weft_graph_input_count(const weft_graph *graph)
{
    return graph ? graph->n_inputs : 0;
}

weft_status weft_graph_input(const weft_graph *graph, int index, weft_port_info *out)
{
    if (index < 0 || index >= weft_graph_input_count(graph))
        return weft_fail(WEFT_INVALID, "input %d: there are %d", index, weft_graph_input_count(graph));
    const weft_value *value = &graph->values[graph->inputs[index]];
    *out = (weft_port_info){ value->name, value->shape, value->dtype };
    return WEFT_OK;
}

int weft_graph_output_count(const weft_graph *graph)
{
    return graph ? graph->n_outputs : 0;
}

weft_status weft_graph_output(const weft_graph *graph, int index, weft_port_info *out)
{
    if (index < 0 || index >= weft_graph_output_count(graph))
        return weft_fail(WEFT_INVALID, "output %d: there are %d", index, weft_graph_output_count(graph));
    const weft_port *port = &graph->outputs[index];
    *out = (weft_port_info){ port->name, graph->values[port->value].shape, WEFT_F32 };
    return WEFT_OK;
}
