/* SPDX-License-Identifier: Apache-2.0
 *
 * Building graphs: arrays that grow, the sticky error, values, and appending a node (options copied and resolved,
 * shapes and parameters inferred, names made unique). */
#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

/* Grows the array (of size-byte elements) whose pointer lies at `at` to hold one more than count. */
static weft_status grow(const weft_graph *graph, void *at, int32_t count, int32_t *cap, size_t size)
{
    if (count < *cap)
        return WEFT_OK;
    const int32_t bigger = *cap ? *cap * 2 : 64;
    void *old, *fresh = weft_calloc(&graph->ctx->allocator, (size_t)bigger, size);
    if (!fresh)
        return WEFT_NO_MEMORY;
    memcpy(&old, at, sizeof old);
    if (old)
        memcpy(fresh, old, (size_t)count * size);
    weft_free(&graph->ctx->allocator, old);
    memcpy(at, &fresh, sizeof fresh);
    *cap = bigger;
    return WEFT_OK;
}

#define GROW(graph, what)                                                                                              \
    grow(graph, &(graph)->what, (graph)->n_##what, &(graph)->cap_##what, sizeof *(graph)->what)

weft_status weft_graph_create(weft_ctx *ctx, weft_graph **out)
{
    if (!ctx || !out)
        return weft_fail(WEFT_INVALID, "weft_graph_create: ctx and out must not be NULL");
    weft_graph *graph = weft_calloc(&ctx->allocator, 1, sizeof *graph);
    if (!graph)
        return WEFT_NO_MEMORY;
    graph->ctx = ctx;
    weft_arena_init(&graph->arena, &ctx->allocator);
    const weft_status status = GROW(graph, values);
    if (status != WEFT_OK) {
        weft_graph_destroy(graph);
        return status;
    }
    graph->n_values = 1; /* the null var */
    *out = graph;
    return WEFT_OK;
}

void weft_graph_destroy(weft_graph *graph)
{
    if (!graph)
        return;
    const weft_allocator *allocator = &graph->ctx->allocator;
    weft_arena_release(&graph->arena);
    weft_free(allocator, graph->values);
    weft_free(allocator, graph->nodes);
    weft_free(allocator, graph->params);
    weft_free(allocator, graph->inputs);
    weft_free(allocator, graph->outputs);
    weft_free(allocator, graph);
}

/* ---- the sticky error ---- */

/* Keeps the first failure, whose sentence is weft_error()'s. */
static weft_var keep_error(weft_graph *graph, weft_status status)
{
    if (graph->status == WEFT_OK) {
        graph->status = status;
        snprintf(graph->error, sizeof graph->error, "%s", weft_error());
    }
    return (weft_var){ 0 };
}

weft_status weft_graph_status(const weft_graph *graph)
{
    if (!graph)
        return weft_fail(WEFT_INVALID, "weft_graph_status: graph is NULL");
    return graph->status == WEFT_OK ? WEFT_OK : weft_fail(graph->status, "%s", graph->error);
}

weft_var weft_graph_fail(weft_graph *graph, weft_status status, const char *format, ...)
{
    if (!graph || graph->status != WEFT_OK)
        return (weft_var){ 0 };
    va_list args;
    va_start(args, format);
    weft_fail_v(status, format, args);
    va_end(args);
    if (graph->scope_length)
        weft_fail_in(status, "%s", graph->scope);
    return keep_error(graph, status);
}

/* ---- inputs, parameters, outputs ---- */

/* A new value, every one of which comes through here; its name is kept. */
static weft_status add_value(weft_graph *graph, const weft_value *value, int32_t *id)
{
    char text[128];
    if (weft_shape_count(&value->shape) > WEFT_MAX_ELEMENTS)
        return weft_fail(WEFT_NO_MEMORY, "%s of shape %s does not fit in memory, expected at most %lld elements",
                         value->name ? value->name : "an output", weft_shape_text(&value->shape, text, sizeof text),
                         (long long)WEFT_MAX_ELEMENTS);
    WEFT_TRY(GROW(graph, values));
    graph->values[graph->n_values] = *value;
    if (value->name) {
        graph->values[graph->n_values].name = weft_arena_text(&graph->arena, "%s", value->name);
        if (!graph->values[graph->n_values].name)
            return WEFT_NO_MEMORY;
    }
    *id = graph->n_values++;
    return WEFT_OK;
}

static weft_status add_input(weft_graph *graph, const weft_value *value, int32_t *id)
{
    WEFT_TRY(GROW(graph, inputs));
    WEFT_TRY(add_value(graph, value, id));
    graph->inputs[graph->n_inputs++] = *id;
    return WEFT_OK;
}

weft_var weft_input_of(weft_graph *graph, const char *name, weft_dtype dtype, const weft_shape *shape)
{
    if (!graph || graph->status != WEFT_OK)
        return (weft_var){ 0 };
    if (!name || !shape || weft_shape_count(shape) <= 0)
        return weft_graph_fail(graph, WEFT_INVALID, "input '%s': a name and a shape of positive dimensions are needed",
                               name ? name : "");
    if (dtype != WEFT_F32 && dtype != WEFT_I32)
        return weft_graph_fail(graph, WEFT_INVALID, "input '%s' is of type %s, expected f32 or i32", name,
                               weft_dtype_name(dtype));
    const weft_value value = { .name = name, .shape = *shape, .dtype = dtype, .kind = WEFT_INPUT,
                               .maker = -1 - graph->n_inputs };
    int32_t id = 0;
    const weft_status status = add_input(graph, &value, &id);
    return status == WEFT_OK ? (weft_var){ id } : keep_error(graph, status);
}

weft_var weft_input(weft_graph *graph, const char *name, const weft_shape *shape)
{
    return weft_input_of(graph, name, WEFT_F32, shape);
}

/* The value of a parameter or state, and its entry among what the store keeps. */
static weft_status add_param(weft_graph *graph, const char *path, const weft_param_spec *spec, bool is_free,
                             int32_t *id)
{
    const weft_value value = { .name = path, .shape = spec->shape, .kind = spec->statistic ? WEFT_STATE : WEFT_PARAM,
                               .maker = WEFT_NOBODY, .param = graph->n_params };
    WEFT_TRY(GROW(graph, params));
    WEFT_TRY(add_value(graph, &value, id));
    graph->params[graph->n_params++] = (weft_param){ graph->values[*id].name, *spec, *id, is_free };
    return WEFT_OK;
}

/* A parameter of the graph itself, named scope/name. */
static weft_var free_param(weft_graph *graph, const char *name, const weft_shape *shape, weft_init init, bool state)
{
    if (!graph || graph->status != WEFT_OK)
        return (weft_var){ 0 };
    if (!name || !shape || weft_shape_count(shape) <= 0)
        return weft_graph_fail(graph, WEFT_INVALID, "%s '%s': a name and a shape of positive dimensions are needed",
                               state ? "state" : "parameter", name ? name : "");
    if (init != WEFT_INIT_ZERO && init != WEFT_INIT_ONE && init != WEFT_INIT_DEFAULT)
        return weft_graph_fail(graph, WEFT_INVALID, "%s '%s': starts at zero or one; set other values in the store",
                               state ? "state" : "parameter", name);
    const weft_param_spec spec = { .name = "", .shape = *shape, .statistic = state,
                                   .init = init == WEFT_INIT_DEFAULT ? WEFT_INIT_ZERO : init };
    const char *path = weft_arena_text(&graph->arena, "%s%s%s", graph->scope, graph->scope_length ? "/" : "", name);
    for (int32_t i = 0; path && i < graph->n_params; i++)
        if (strcmp(graph->params[i].name, path) == 0)
            return weft_graph_fail(graph, WEFT_INVALID, "'%s': the graph has a parameter of this name already", path);
    int32_t id = 0;
    const weft_status status = path ? add_param(graph, path, &spec, true, &id) : WEFT_NO_MEMORY;
    return status == WEFT_OK ? (weft_var){ id } : keep_error(graph, status);
}

weft_var weft_parameter(weft_graph *graph, const char *name, const weft_shape *shape, weft_init init)
{
    return free_param(graph, name, shape, init, false);
}

weft_var weft_state(weft_graph *graph, const char *name, const weft_shape *shape, weft_init init)
{
    return free_param(graph, name, shape, init, true);
}

void weft_output(weft_graph *graph, weft_var x, const char *name)
{
    if (!graph || graph->status != WEFT_OK)
        return;
    if (x.id <= 0 || x.id >= graph->n_values) {
        weft_graph_fail(graph, WEFT_INVALID, "output '%s': not a value of this graph", name ? name : "");
        return;
    }
    char *kept = weft_arena_text(&graph->arena, "%s", name ? name : "output");
    const weft_status status = kept ? GROW(graph, outputs) : WEFT_NO_MEMORY;
    if (status != WEFT_OK) {
        keep_error(graph, status);
        return;
    }
    graph->outputs[graph->n_outputs++] = (weft_port){ kept, x.id };
}

weft_shape weft_var_shape(const weft_graph *graph, weft_var x)
{
    static const weft_shape none = { 0 };
    return graph && x.id > 0 && x.id < graph->n_values ? graph->values[x.id].shape : none;
}

static int64_t dimension(const weft_graph *graph, weft_var x, int index)
{
    const weft_shape shape = weft_var_shape(graph, x);
    return shape.rank == 4 ? shape.dim[index] : shape.rank > 0;
}

int64_t weft_channels(const weft_graph *graph, weft_var x)
{
    const weft_shape shape = weft_var_shape(graph, x);
    return weft_shape_channels(&shape);
}

int64_t weft_height(const weft_graph *graph, weft_var x)
{
    return dimension(graph, x, 1);
}

int64_t weft_width(const weft_graph *graph, weft_var x)
{
    return dimension(graph, x, 2);
}

/* ---- nodes ---- */

void weft_gnode_add_param(const weft_graph *graph, weft_gnode *gnode, int32_t value)
{
    weft_node *node = &gnode->node;
    if (node->epi.residual)
        weft_gnode_rewire(graph, gnode, node->n_in, gnode->in[node->n_in - 1]);
    weft_gnode_rewire(graph, gnode, node->n_in - node->epi.residual, value);
    node->n_in++;
    node->n_param++;
}

/* Allocates what a node points to, for n_in inputs that were handed in and those of sig. */
static weft_status allot(weft_graph *graph, weft_gnode *gnode, const weft_sig *sig)
{
    weft_arena *arena = &graph->arena;
    weft_node *node = &gnode->node;
    const size_t room = (size_t)(node->n_in + sig->n_param + WEFT_SPARE_INPUTS);
    weft_shape *in = weft_arena_array(arena, room, sizeof *in);
    weft_shape *out = weft_arena_array(arena, (size_t)sig->n_out, sizeof *out);
    gnode->in = weft_arena_array(arena, room, sizeof *gnode->in);
    gnode->out = weft_arena_array(arena, (size_t)sig->n_out, sizeof *gnode->out);
    gnode->maker = weft_arena_array(arena, (size_t)node->n_in, sizeof *gnode->maker);
    if (!in || !out || !gnode->maker || !gnode->in || !gnode->out)
        return WEFT_NO_MEMORY;
    memcpy(out, sig->out, (size_t)sig->n_out * sizeof *out);
    node->in = in;
    node->out = out;
    node->n_out = sig->n_out;
    return WEFT_OK;
}

/* The node's inputs, its own parameters and its outputs, which enter the graph's arrays. */
static weft_status wire(weft_graph *graph, weft_gnode *gnode, const int32_t *in, const weft_sig *sig)
{
    for (int i = 0; i < gnode->node.n_in; i++) {
        weft_gnode_rewire(graph, gnode, i, in[i]);
        gnode->maker[i] = graph->values[in[i]].maker;
    }
    for (int i = 0; i < sig->n_param; i++) {
        int32_t value = 0;
        const char *path = weft_arena_text(&graph->arena, "%s/%s", gnode->node.name, sig->param[i].name);
        if (!path)
            return WEFT_NO_MEMORY;
        WEFT_TRY(add_param(graph, path, &sig->param[i], false, &value));
        weft_gnode_add_param(graph, gnode, value);
    }
    for (int i = 0; i < sig->n_out; i++) {
        const weft_value value = { .shape = sig->out[i], .maker = graph->n_nodes };
        WEFT_TRY(add_value(graph, &value, &gnode->out[i]));
    }
    return WEFT_OK;
}

/* What an op changes in place is kept by the store, and keeps its shape. */
static weft_status check_updates(const weft_graph *graph, const weft_op *op, const int32_t *in, const weft_sig *sig)
{
    char is[96], was[96];
    for (int o = 0; o < sig->n_out; o++) {
        if (!(op->updates >> o & 1))
            continue;
        const weft_value *value = &graph->values[in[o]];
        if (value->kind != WEFT_PARAM && value->kind != WEFT_STATE)
            return weft_fail(WEFT_INVALID, "input %d is changed in place, expected a state or a parameter", o);
        if (!weft_shape_equal(&value->shape, &sig->out[o]))
            return weft_fail(WEFT_INVALID, "input %d is %s and becomes %s, expected the same shape", o,
                             weft_shape_text(&value->shape, was, sizeof was),
                             weft_shape_text(&sig->out[o], is, sizeof is));
    }
    return WEFT_OK;
}

/* Whether inputs are of the type that the op reads. */
static weft_status check_types(const weft_graph *graph, const weft_op *op, const int32_t *in, int n_in)
{
    for (int i = 0; i < n_in; i++) {
        const weft_dtype is = graph->values[in[i]].kind == WEFT_INPUT ? graph->values[in[i]].dtype : WEFT_F32;
        const weft_dtype wanted = i == 0 && op->types & WEFT_TYPES_INDEX_IN0 ? WEFT_I32 : WEFT_F32;
        if (is != wanted)
            return weft_fail(WEFT_INVALID, "input %d is of type %s, expected %s", i, weft_dtype_name(is),
                             weft_dtype_name(wanted));
    }
    return WEFT_OK;
}

/* resolve and infer */
static weft_status infer(weft_graph *graph, const weft_op *op, const weft_shape *shapes, const int32_t *in, int n_in,
                         void *opt, weft_sig *sig)
{
    WEFT_TRY(check_types(graph, op, in, n_in));
    if (op->resolve)
        WEFT_TRY(op->resolve(opt, shapes, n_in, &graph->arena));
    WEFT_TRY(op->infer(opt, shapes, n_in, sig));
    return check_updates(graph, op, in, sig);
}

/* infer, whose sentences get the path before them. */
static weft_status infer_node(weft_graph *graph, const weft_node *node, const int32_t *in, void *opt, weft_sig *sig)
{
    weft_shape *shapes = weft_arena_array(&graph->arena, (size_t)node->n_in, sizeof *shapes);
    if (!shapes)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < node->n_in; i++)
        shapes[i] = graph->values[in[i]].shape;
    const weft_status status = infer(graph, node->op, shapes, in, node->n_in, opt, sig);
    return status == WEFT_OK ? WEFT_OK : weft_fail_in(status, "%s", node->name);
}

static weft_status add_node(weft_graph *graph, weft_gnode *gnode, const void *opt, const int32_t *in)
{
    weft_node *node = &gnode->node;
    weft_sig sig = { 0 };
    void *own = weft_arena_alloc(&graph->arena, node->op->opt_size);
    if (!own)
        return WEFT_NO_MEMORY;
    if (opt)
        memcpy(own, opt, node->op->opt_size);
    if (node->op->opt_size)
        memset(own, 0, sizeof(const char *)); /* the name is in path */
    WEFT_TRY(infer_node(graph, node, in, own, &sig));
    node->opt = own;
    WEFT_TRY(allot(graph, gnode, &sig));
    WEFT_TRY(GROW(graph, nodes));
    const weft_status status = wire(graph, gnode, in, &sig);
    if (status != WEFT_OK)
        return weft_fail_in(status, "%s", node->name);
    graph->nodes[graph->n_nodes++] = *gnode;
    return WEFT_OK;
}

weft_status weft_graph_add_node(weft_graph *graph, weft_op_id op, const char *path, const void *opt, const int32_t *in,
                                int n_in, int32_t *first_out)
{
    weft_gnode gnode = { .node = { .id = op, .op = weft_op_get(op), .name = path, .n_in = n_in } };
    WEFT_TRY(add_node(graph, &gnode, opt, in));
    *first_out = gnode.out[0];
    return WEFT_OK;
}

weft_status weft_graph_add_derived(weft_graph *graph, weft_op_id op, const char *path, const void *opt,
                                   const int32_t *in, int n_in, int32_t *first_out)
{
    WEFT_TRY(weft_graph_add_node(graph, op, path, opt, in, n_in, first_out));
    graph->nodes[graph->n_nodes - 1].derives = true;
    return WEFT_OK;
}

/* scope/name, with _2, _3, ... where the scope has that name already. */
static char *unique_path(weft_graph *graph, const char *name)
{
    const char *slash = graph->scope_length ? "/" : "";
    char *path = weft_arena_text(&graph->arena, "%s%s%s", graph->scope, slash, name);
    for (int copy = 2; path; copy++) {
        bool taken = false;
        for (int32_t i = graph->n_nodes - 1; i >= 0 && !taken; i--)
            taken = strcmp(graph->nodes[i].node.name, path) == 0;
        if (!taken)
            break;
        path = weft_arena_text(&graph->arena, "%s%s%s_%d", graph->scope, slash, name, copy);
    }
    return path;
}

static weft_status check_inputs(const weft_graph *graph, const weft_op *op, const weft_var *in, int n_in)
{
    const int least = op->n_in < 0 ? -op->n_in : op->n_in;
    if (n_in < least || (op->n_in >= 0 && n_in > op->n_in))
        return weft_fail(WEFT_INVALID, "%s: %d inputs given, %s%d expected", op->name, n_in,
                         op->n_in < 0 ? "at least " : "", least);
    for (int i = 0; i < n_in; i++)
        if (in[i].id <= 0 || in[i].id >= graph->n_values)
            return weft_fail(WEFT_INVALID, "%s: input %d is not a value of this graph", op->name, i);
    return WEFT_OK;
}

weft_var weft_graph_append(weft_graph *graph, weft_op_id id, const void *opt, const weft_var *in, int n_in)
{
    if (!graph || graph->status != WEFT_OK)
        return (weft_var){ 0 };
    const weft_op *op = weft_op_get(id);
    const char *name = opt && op->opt_size ? *(const char *const *)opt : NULL;
    weft_status status = check_inputs(graph, op, in, n_in);
    if (status != WEFT_OK) {
        if (graph->scope_length)
            weft_fail_in(status, "%s", graph->scope);
        return keep_error(graph, status);
    }
    int32_t *ids = weft_arena_array(&graph->arena, (size_t)n_in, sizeof *ids);
    const char *path = unique_path(graph, name ? name : op->name);
    if (!ids || !path)
        return keep_error(graph, WEFT_NO_MEMORY);
    for (int i = 0; i < n_in; i++)
        ids[i] = in[i].id;
    int32_t out = 0;
    status = weft_graph_add_node(graph, id, path, opt, ids, n_in, &out);
    return status == WEFT_OK ? (weft_var){ out } : keep_error(graph, status);
}
