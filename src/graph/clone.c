/* SPDX-License-Identifier: Apache-2.0
 *
 * A copy of a graph as it was built, for passes to rewrite, with another batch if wanted: every call of the builder
 * once more, in order. In a copy for training some nodes have twins. */
#include "graph/twin.h"

#include <string.h>

typedef struct copy {
    const weft_graph *from;
    weft_graph *to;
    int64_t batch;
    weft_input_maker input;
    const weft_twin_opt *training; /* NULL: every node as it is */
    weft_var step, *outputs;       /* NULL: they are outputs of the copy */
    weft_moves moves;
    int32_t *map; /* old value ids to new ones */
    weft_var *in, *out;
} copy;

static weft_status copy_input(const copy *c, const weft_value *value, int32_t *id)
{
    weft_shape shape = value->shape;
    if (c->batch && shape.rank > 1) /* a scalar has no batch */
        shape.dim[0] = c->batch;
    if (c->input.make && value->dtype == WEFT_F32)
        return c->input.make(c->input.user, c->to, value->name, &shape, id);
    *id = weft_input_of(c->to, value->name, value->dtype, &shape).id;
    return *id ? WEFT_OK : weft_graph_status(c->to);
}

static weft_status copy_param(const weft_param *param, weft_graph *to, int32_t *id)
{
    *id = (param->spec.statistic ? weft_state : weft_parameter)(to, param->name, &param->spec.shape, param->spec.init)
              .id;
    return *id ? WEFT_OK : weft_graph_status(to);
}

/* ---- nodes ---- */

static weft_status add(weft_graph *to, weft_op_id op, const char *path, const void *opt, const weft_var *in, int n_in,
                       weft_var *out)
{
    int32_t *ids = weft_arena_array(&to->arena, (size_t)n_in, sizeof *ids);
    if (!ids || !path)
        return WEFT_NO_MEMORY;
    for (int k = 0; k < n_in; k++)
        ids[k] = in[k].id;
    return weft_graph_add_node(to, op, path, opt, ids, n_in, &out->id);
}

weft_status weft_twin_add(weft_twin *twin, weft_op_id op, const void *opt, const weft_var *in, int n_in, weft_var *out)
{
    return add(twin->graph, op, weft_arena_text(&twin->graph->arena, "%s", twin->node->name), opt, in, n_in, out);
}

weft_status weft_twin_move(weft_twin *twin, const char *name, double momentum, weft_var state, weft_var x)
{
    const char *path = weft_arena_text(&twin->graph->arena, name ? "%s/%s" : "%s", twin->node->name, name);
    if (!path)
        return WEFT_NO_MEMORY;
    twin->moves->move[twin->moves->count++] = (weft_move){ path, momentum, state, x };
    return WEFT_OK;
}

weft_status weft_graph_move(weft_graph *graph, weft_moves *moves, weft_var go)
{
    for (int i = 0; i < moves->count; i++) {
        weft_move *move = &moves->move[i];
        const weft_moving_average_opt opt = { .momentum = move->momentum };
        const weft_var in[] = { move->state, move->x, go };
        WEFT_TRY(add(graph, WEFT_OP_MOVING_AVERAGE, move->path, &opt, in, go.id ? 3 : 2, &move->state));
    }
    return WEFT_OK;
}

weft_status weft_twin_state(weft_twin *twin, const char *name, const weft_shape *shape, weft_init init, weft_var *out)
{
    const char *path = weft_arena_text(&twin->graph->arena, "%s/%s", twin->node->name, name);
    if (!path)
        return WEFT_NO_MEMORY;
    *out = weft_state(twin->graph, path, shape, init);
    return weft_graph_status(twin->graph);
}

static bool has_twin(const copy *c, const weft_gnode *gnode)
{
    const weft_twin_opt *t = c->training;
    return t && gnode->node.op->train && !(t->kept && t->kept[gnode - c->from->nodes]);
}

/* The node, or its twin, with own parameters and outputs. */
static weft_status copy_node(copy *c, const weft_gnode *gnode)
{
    const weft_node *node = &gnode->node;
    const int n_in = node->n_in - node->n_param;
    for (int k = 0; k < n_in; k++)
        c->in[k].id = c->map[gnode->in[k]];
    if (has_twin(c, gnode)) {
        weft_twin twin = { c->to, node, c->in, c->out, c->step, c->training->seed,
                           c->training->first, c->training->norm_momentum, &c->moves };
        WEFT_TRY(node->op->train(&twin));
        WEFT_TRY(weft_graph_status(c->to));
    } else {
        WEFT_TRY(add(c->to, node->id, weft_arena_text(&c->to->arena, "%s", node->name), node->opt, c->in, n_in,
                     &c->out[0]));
        for (int k = 1; k < node->n_out; k++)
            c->out[k] = weft_graph_out(c->out[0], k);
    }
    for (int k = 0; k < node->n_out; k++)
        c->map[gnode->out[k]] = c->out[k].id;
    const weft_value *first = &c->to->values[c->out[0].id];
    for (int k = 0; k < node->n_param && first->maker >= 0; k++) /* other nodes may read them: gradients do */
        c->map[weft_gnode_param(gnode, k)] = weft_gnode_param(&c->to->nodes[first->maker], k);
    return WEFT_OK;
}

static weft_status copy_values(copy *c)
{
    const weft_graph *from = c->from;
    for (int32_t v = 1; v < from->n_values; v++) { /* in the order in which they were made */
        const weft_value *value = &from->values[v];
        if (value->kind == WEFT_INPUT)
            WEFT_TRY(copy_input(c, value, &c->map[v]));
        else if (value->kind != WEFT_COMPUTED && from->params[value->param].free)
            WEFT_TRY(copy_param(&from->params[value->param], c->to, &c->map[v]));
        else if (value->kind == WEFT_COMPUTED && from->nodes[value->maker].out[0] == v)
            WEFT_TRY(copy_node(c, &from->nodes[value->maker]));
    }
    for (int32_t i = 0; i < from->n_outputs; i++) {
        const weft_var output = { c->map[from->outputs[i].value] };
        if (c->outputs)
            c->outputs[i] = output;
        else
            weft_output(c->to, output, from->outputs[i].name);
    }
    return weft_graph_status(c->to);
}

static weft_status copy_all(copy *c)
{
    const size_t values = (size_t)c->from->n_values;
    c->map = weft_arena_array(&c->to->arena, values, sizeof *c->map);
    c->in = weft_arena_array(&c->to->arena, values, sizeof *c->in);
    c->out = weft_arena_array(&c->to->arena, values, sizeof *c->out);
    c->moves.move = weft_arena_array(&c->to->arena, 2 * (size_t)c->from->n_nodes + 1, sizeof *c->moves.move);
    if (!c->map || !c->in || !c->out || !c->moves.move)
        return WEFT_NO_MEMORY;
    WEFT_TRY(copy_values(c));
    return WEFT_OK;
}

static weft_status clone(weft_ctx *ctx, copy *c, weft_graph **out)
{
    WEFT_TRY(weft_graph_create(ctx, &c->to));
    if (c->training)
        c->step = weft_input_of(c->to, WEFT_STEP_INPUT, WEFT_I32, &(weft_shape){ .rank = 1, .dim = { 1 } });
    const weft_status status = copy_all(c);
    if (status != WEFT_OK) {
        weft_graph_destroy(c->to);
        return status;
    }
    *out = c->to;
    return WEFT_OK;
}

weft_status weft_graph_clone(weft_ctx *ctx, const weft_graph *graph, int64_t batch, weft_graph **out)
{
    copy c = { .from = graph, .batch = batch };
    WEFT_TRY(clone(ctx, &c, out));
    (*out)->parts = graph->parts;
    return WEFT_OK;
}

weft_status weft_graph_clone_inputs(weft_ctx *ctx, const weft_graph *graph, const weft_input_maker *input,
                                    weft_graph **out)
{
    copy c = { .from = graph, .input = *input };
    return clone(ctx, &c, out);
}

weft_status weft_graph_clone_training(weft_ctx *ctx, const weft_graph *graph, const weft_twin_opt *opt,
                                      weft_var *outputs, weft_moves *moves, weft_graph **out)
{
    copy c = { .from = graph, .batch = opt->batch, .input = opt->input, .training = opt, .outputs = outputs };
    WEFT_TRY(clone(ctx, &c, out));
    *moves = c.moves;
    return WEFT_OK;
}
