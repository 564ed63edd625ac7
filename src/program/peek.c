/* SPDX-License-Identifier: Apache-2.0
 *
 * What any node computed in the last run, for comparisons: of a model that keeps every value and every node. */
#include <string.h>

#include "program/program.h"

static int32_t find_node(const weft_graph *graph, const char *name)
{
    for (int32_t i = 0; i < graph->n_nodes; i++)
        if (!graph->nodes[i].dead && strcmp(graph->nodes[i].node.name, name) == 0)
            return i;
    return -1;
}

weft_status weft_model_get_node(const weft_model *model, const char *node, void *data, size_t bytes)
{
    if (!model || !node || !data)
        return weft_fail(WEFT_INVALID, "weft_model_get_node: model, node and data must not be NULL");
    if (!model->opt.keep_all || !model->opt.no_fusion || !model->ran)
        return weft_fail(WEFT_INVALID, "weft_model_get_node: the model %s",
                         model->ran ? "was not made with keep_all and no_fusion" : "has not run yet");
    const int32_t index = find_node(model->graph, node);
    if (index < 0)
        return weft_fail(WEFT_NOT_FOUND, "no node '%.200s'", node);
    const int32_t value = model->graph->nodes[index].out[0];
    const weft_shape *shape = &model->graph->values[value].shape;
    const size_t expected = (size_t)weft_shape_count(shape) * sizeof(float);
    char text[96];
    if (model->graph->values[value].dtype != WEFT_F32)
        return weft_fail(WEFT_UNSUPPORTED, "%s: its values are %s on this device, expected f32", node,
                         weft_dtype_name(model->graph->values[value].dtype));
    if (bytes != expected)
        return weft_fail(WEFT_INVALID, "%s: %zu bytes given, %s of f32 needs %zu", node, bytes,
                         weft_shape_text(shape, text, sizeof text), expected);
    return weft_model_read_value(model, value, data);
}
