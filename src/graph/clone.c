/* SPDX-License-Identifier: Apache-2.0
 *
 * A copy of a graph as it was built, for passes to rewrite, with another batch if wanted: every call of the builder
 * once more, in order. */
#include "graph/graph.h"

static weft_status copy_input(const weft_value *value, int64_t batch, weft_graph *to, int32_t *id)
{
    weft_shape shape = value->shape;
    if (batch && shape.rank > 1) /* a scalar has no batch */
        shape.dim[0] = batch;
    *id = weft_input_of(to, value->name, value->dtype, &shape).id;
    return *id ? WEFT_OK : weft_graph_status(to);
}

static weft_status copy_param(const weft_param *param, weft_graph *to, int32_t *id)
{
    *id = (param->spec.statistic ? weft_state : weft_parameter)(to, param->name, &param->spec.shape, param->spec.init)
              .id;
    return *id ? WEFT_OK : weft_graph_status(to);
}

/* The node, with its own parameters and outputs; map: old value ids to new ones. */
static weft_status copy_node(const weft_gnode *gnode, weft_graph *to, int32_t *map, int32_t *in)
{
    const weft_node *node = &gnode->node;
    const int n_in = node->n_in - node->n_param;
    const char *path = weft_arena_text(&to->arena, "%s", node->name);
    if (!path)
        return WEFT_NO_MEMORY;
    for (int k = 0; k < n_in; k++)
        in[k] = map[gnode->in[k]];
    int32_t first = 0;
    WEFT_TRY(weft_graph_add_node(to, node->id, path, node->opt, in, n_in, &first));
    for (int k = 0; k < node->n_out; k++)
        map[gnode->out[k]] = first + k;
    return WEFT_OK;
}

static weft_status clone_into(const weft_graph *from, int64_t batch, weft_graph *to)
{
    int32_t *map = weft_arena_array(&to->arena, (size_t)from->n_values, sizeof *map);
    int32_t *in = weft_arena_array(&to->arena, (size_t)from->n_values, sizeof *in);
    if (!map || !in)
        return WEFT_NO_MEMORY;
    for (int32_t v = 1; v < from->n_values; v++) { /* in the order in which they were made */
        const weft_value *value = &from->values[v];
        if (value->kind == WEFT_INPUT)
            WEFT_TRY(copy_input(value, batch, to, &map[v]));
        else if (value->kind != WEFT_COMPUTED && from->params[value->param].free)
            WEFT_TRY(copy_param(&from->params[value->param], to, &map[v]));
        else if (value->kind == WEFT_COMPUTED && from->nodes[value->maker].out[0] == v)
            WEFT_TRY(copy_node(&from->nodes[value->maker], to, map, in));
    }
    for (int32_t i = 0; i < from->n_outputs; i++)
        weft_output(to, (weft_var){ map[from->outputs[i].value] }, from->outputs[i].name);
    return weft_graph_status(to);
}

weft_status weft_graph_clone(weft_ctx *ctx, const weft_graph *graph, int64_t batch, weft_graph **out)
{
    weft_graph *copy;
    WEFT_TRY(weft_graph_create(ctx, &copy));
    const weft_status status = clone_into(graph, batch, copy);
    if (status != WEFT_OK) {
        weft_graph_destroy(copy);
        return status;
    }
    *out = copy;
    return WEFT_OK;
}
