/* SPDX-License-Identifier: Apache-2.0
 *
 * Building graphs: arrays that grow, scopes, the sticky error, and appending a node (options copied and resolved,
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

/* ---- scopes ---- */

void weft_scope_push(weft_graph *graph, const char *format, ...)
{
    if (!graph || graph->status != WEFT_OK)
        return;
    char name[128];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    const size_t room = sizeof graph->scope - graph->scope_length;
    const int n = snprintf(graph->scope + graph->scope_length, room, "%s%s", graph->scope_length ? "/" : "", name);
    if (n < 0 || (size_t)n >= room) {
        graph->scope[graph->scope_length] = '\0';
        weft_graph_fail(graph, WEFT_INVALID, "scopes are nested too deeply: the path may have %zu characters",
                        sizeof graph->scope - 1);
        return;
    }
    graph->scope_length += (size_t)n;
}

void weft_scope_pop(weft_graph *graph)
{
    if (!graph || graph->status != WEFT_OK)
        return;
    if (graph->scope_length == 0) {
        weft_graph_fail(graph, WEFT_INVALID, "weft_scope_pop without a weft_scope_push");
        return;
    }
    const char *slash = strrchr(graph->scope, '/');
    graph->scope_length = slash ? (size_t)(slash - graph->scope) : 0;
    graph->scope[graph->scope_length] = '\0';
}

/* ---- inputs and outputs ---- */

weft_var weft_input(weft_graph *graph, const char *name, const weft_shape *shape)
{
    if (!graph || graph->status != WEFT_OK)
        return (weft_var){ 0 };
    if (!name || !shape || weft_shape_count(shape) <= 0)
        return weft_graph_fail(graph, WEFT_INVALID, "input '%s': a name and a shape of positive dimensions are needed",
                               name ? name : "");
    char *kept = weft_arena_text(&graph->arena, "%s", name);
    weft_status status = kept ? GROW(graph, values) : WEFT_NO_MEMORY;
    if (status == WEFT_OK)
        status = GROW(graph, inputs);
    if (status != WEFT_OK)
        return keep_error(graph, status);
    graph->values[graph->n_values] = (weft_value){ .name = kept, .shape = *shape, .maker = -1 - graph->n_inputs };
    graph->inputs[graph->n_inputs++] = graph->n_values;
    return (weft_var){ graph->n_values++ };
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

weft_status weft_graph_add_param(weft_graph *graph, const weft_param *param, int32_t *index)
{
    WEFT_TRY(GROW(graph, params));
    graph->params[graph->n_params] = *param;
    *index = graph->n_params++;
    return WEFT_OK;
}

/* Allocates what a node points to; room for a residual and for the bias that folding adds. */
static weft_status allot(weft_graph *graph, weft_gnode *gnode, const weft_sig *sig)
{
    weft_arena *arena = &graph->arena;
    weft_node *node = &gnode->node;
    weft_shape *out = weft_arena_array(arena, (size_t)sig->n_out, sizeof *out);
    weft_shape *param = weft_arena_array(arena, WEFT_MAX_PARAM, sizeof *param);
    gnode->in = weft_arena_array(arena, (size_t)node->n_in + 1, sizeof *gnode->in);
    gnode->out = weft_arena_array(arena, (size_t)sig->n_out, sizeof *gnode->out);
    gnode->param = weft_arena_array(arena, WEFT_MAX_PARAM, sizeof *gnode->param);
    gnode->maker = weft_arena_array(arena, (size_t)node->n_in, sizeof *gnode->maker);
    if (!out || !param || !gnode->maker || !gnode->in || !gnode->out || !gnode->param)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < sig->n_param; i++)
        param[i] = sig->param[i].shape;
    node->out = memcpy(out, sig->out, (size_t)sig->n_out * sizeof *out);
    node->param = param;
    node->n_out = sig->n_out;
    node->n_param = sig->n_param;
    return WEFT_OK;
}

/* The node's parameters and outputs enter the graph's arrays. */
static weft_status wire(weft_graph *graph, weft_gnode *gnode, const weft_sig *sig)
{
    for (int i = 0; i < sig->n_param; i++) {
        weft_param param = { .spec = sig->param[i], .source = { -1, -1, -1, -1, -1 } };
        param.name = weft_arena_text(&graph->arena, "%s/%s", gnode->node.name, sig->param[i].name);
        if (!param.name)
            return WEFT_NO_MEMORY;
        WEFT_TRY(weft_graph_add_param(graph, &param, &gnode->param[i]));
    }
    for (int i = 0; i < sig->n_out; i++) {
        WEFT_TRY(GROW(graph, values));
        graph->values[graph->n_values] = (weft_value){ .shape = sig->out[i], .maker = graph->n_nodes };
        gnode->out[i] = graph->n_values++;
    }
    return WEFT_OK;
}

/* resolve and infer, then the node; sentences get the path before them. */
weft_status weft_graph_add_node(weft_graph *graph, weft_op_id op, const char *path, const void *opt, const int32_t *in,
                                int n_in, int32_t *first_out)
{
    const weft_op *contract = weft_op_get(op);
    weft_gnode gnode = { .node = { .id = op, .op = contract, .name = path, .n_in = n_in } };
    weft_sig sig = { 0 };
    weft_shape *shapes = weft_arena_array(&graph->arena, (size_t)n_in + 1, sizeof *shapes);
    void *own = weft_arena_alloc(&graph->arena, contract->opt_size);
    if (!shapes || !own)
        return WEFT_NO_MEMORY;
    if (opt)
        memcpy(own, opt, contract->opt_size);
    if (contract->opt_size)
        memset(own, 0, sizeof(const char *)); /* the name is in path */
    for (int i = 0; i < n_in; i++)
        shapes[i] = graph->values[in[i]].shape;
    weft_status status = contract->resolve ? contract->resolve(own, shapes, n_in, &graph->arena) : WEFT_OK;
    if (status == WEFT_OK)
        status = contract->infer(own, shapes, n_in, &sig);
    if (status != WEFT_OK)
        return weft_fail_in(status, "%s", path);
    gnode.node.opt = own;
    gnode.node.in = shapes;
    WEFT_TRY(allot(graph, &gnode, &sig));
    for (int i = 0; i < n_in; i++) {
        gnode.in[i] = in[i];
        gnode.maker[i] = graph->values[in[i]].maker;
    }
    WEFT_TRY(GROW(graph, nodes));
    WEFT_TRY(wire(graph, &gnode, &sig));
    graph->nodes[graph->n_nodes++] = gnode;
    *first_out = gnode.out[0];
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

/* ---- copying ---- */

static weft_status clone_into(const weft_graph *from, int64_t batch, weft_graph *to)
{
    for (int32_t i = 0; i < from->n_inputs; i++) {
        const weft_value *value = &from->values[from->inputs[i]];
        weft_shape shape = value->shape;
        if (batch)
            shape.dim[0] = batch;
        if (weft_input(to, value->name, &shape).id == 0)
            return weft_graph_status(to);
    }
    /* Value ids differ where inputs and nodes were interleaved: map old to new. */
    int32_t *map = weft_arena_array(&to->arena, (size_t)from->n_values, sizeof *map);
    int32_t *in = weft_arena_array(&to->arena, (size_t)from->n_values, sizeof *in);
    if (!map || !in)
        return WEFT_NO_MEMORY;
    for (int32_t i = 0; i < from->n_inputs; i++)
        map[from->inputs[i]] = to->inputs[i];
    for (int32_t i = 0; i < from->n_nodes; i++) {
        const weft_gnode *gnode = &from->nodes[i];
        const char *path = weft_arena_text(&to->arena, "%s", gnode->node.name);
        if (!path)
            return WEFT_NO_MEMORY;
        for (int k = 0; k < gnode->node.n_in; k++)
            in[k] = map[gnode->in[k]];
        int32_t first = 0;
        WEFT_TRY(weft_graph_add_node(to, gnode->node.id, path, gnode->node.opt, in, gnode->node.n_in, &first));
        for (int k = 0; k < gnode->node.n_out; k++)
            map[gnode->out[k]] = first + k;
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
