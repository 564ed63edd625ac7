/* SPDX-License-Identifier: Apache-2.0
 *
 * Recomputation: a training step within a given memory. The plain plan says which values share memory and what each
 * node needs; keep.c chooses what is computed once more; the graph is rewritten so, and planned again, as only that
 * knows the bytes. Where an op has a shorter way (weft_op.again), that is taken: a batch norm is repeated from the
 * statistics that it gave (Pleiss et al. 2017, arXiv:1707.06990). */
#include <string.h>

#include "program/keep.h"
#include "program/program.h"

enum { TRIES = 10 };

typedef struct work {
    weft_model *model;
    weft_arena arena; /* for the search */
    weft_keep keep;
    weft_gnode *plain; /* the nodes as they were; the graph's are rewritten */
    int32_t *map;      /* [n_values] from what was dropped to what is computed once more */
    int32_t *moved;    /* [n_nodes] where nodes are now */
} work;

double weft_model_flops(const weft_graph *graph)
{
    double flops = 0;
    for (int32_t i = 0; i < graph->n_nodes; i++)
        if (!graph->nodes[i].dead)
            flops += graph->nodes[i].node.op->cost(&graph->nodes[i].node).flops;
    return flops;
}

/* ---- plans on trial ---- */

/* Scratch and buffers of a node, as if all buffers were there at once. */
static size_t scratch_of(const weft_model *model, int32_t i)
{
    const weft_demand *demand = &model->demand[i];
    size_t bytes = model->layout.elided[i] ? 0 : demand->scratch;
    for (int b = 0; b < WEFT_MAX_BUFFER && demand->buffer && !model->layout.elided[i]; b++)
        bytes += demand->buffer[b].bytes;
    return bytes;
}

static bool is_output(const weft_graph *graph, int32_t value)
{
    for (int32_t i = 0; i < graph->n_outputs; i++)
        if (graph->outputs[i].value == value)
            return true;
    return false;
}

/* What the search needs of the plain plan. */
static weft_status read_plan(work *w)
{
    const weft_model *model = w->model;
    const weft_graph *graph = model->graph;
    weft_keep *k = &w->keep;
    const size_t groups = (size_t)model->layout.n_storages;
    int32_t *group = weft_arena_array(&w->arena, (size_t)graph->n_values, sizeof *group);
    size_t *scratch = weft_arena_array(&w->arena, (size_t)graph->n_nodes, sizeof *scratch);
    bool *lasting = weft_arena_array(&w->arena, groups, sizeof *lasting);
    k->groups = weft_arena_array(&w->arena, groups, sizeof *k->groups);
    if (!group || !scratch || !lasting || !k->groups)
        return WEFT_NO_MEMORY;
    for (int32_t v = 0; v < graph->n_values; v++) {
        const int32_t storage = model->layout.place[v].storage;
        group[v] = storage >= 0 ? storage : -1;
        if (storage >= 0 && (graph->values[v].kind == WEFT_INPUT || is_output(graph, v)))
            lasting[storage] = true;
    }
    for (size_t g = 0; g < groups; g++)
        k->groups[g].bytes = (double)model->layout.storages[g].bytes;
    for (int32_t i = 0; i < graph->n_nodes; i++)
        scratch[i] = graph->nodes[i].dead ? 0 : scratch_of(model, i);
    k->group = group;
    k->scratch = scratch;
    k->lasting = lasting;
    k->n_groups = (int32_t)groups;
    return WEFT_OK;
}

/* Bytes that the graph as it is now needs, from a plan that is thrown away; `plain`: which is read before. */
static weft_status try_plan(work *w, bool plain, size_t *bytes)
{
    weft_model *model = w->model;
    const weft_arena kept = model->arena;
    weft_arena_init(&model->arena, &model->ctx->allocator);
    weft_status status = weft_model_plan(model);
    *bytes = model->layout.bytes + model->packed_bytes + model->param_bytes;
    if (status == WEFT_OK && plain)
        status = read_plan(w);
    weft_arena_release(&model->arena);
    model->arena = kept;
    model->steps = model->derivations = NULL;
    model->n_steps = model->n_derivations = model->n_priors = 0;
    model->layout = (weft_memory_layout){ 0 };
    return status;
}

/* ---- the graph, rewritten ---- */

static weft_status make_room(const work *w)
{
    weft_graph *graph = w->model->graph;
    const weft_allocator *allocator = &graph->ctx->allocator;
    const int32_t nodes = 2 * w->keep.n_nodes, values = w->keep.n_values + w->keep.n_nodes;
    weft_gnode *more_nodes = weft_calloc(allocator, (size_t)nodes, sizeof *more_nodes);
    weft_value *more_values = weft_calloc(allocator, (size_t)values, sizeof *more_values);
    if (!more_nodes || !more_values) {
        weft_free(allocator, more_nodes);
        weft_free(allocator, more_values);
        return WEFT_NO_MEMORY;
    }
    memcpy(more_nodes, graph->nodes, (size_t)graph->n_nodes * sizeof *more_nodes);
    memcpy(more_values, graph->values, (size_t)graph->n_values * sizeof *more_values);
    weft_free(allocator, graph->nodes);
    weft_free(allocator, graph->values);
    graph->nodes = more_nodes;
    graph->values = more_values;
    graph->cap_nodes = nodes;
    graph->cap_values = values;
    return WEFT_OK;
}

/* The node's inputs, those that are computed once more from there. */
static weft_status rewire(work *w, weft_gnode *gnode)
{
    const size_t room = (size_t)gnode->node.n_in + WEFT_SPARE_INPUTS;
    int32_t *in = weft_arena_array(&w->model->graph->arena, room, sizeof *in);
    if (!in)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < gnode->node.n_in; i++)
        in[i] = weft_keep_is_again(&w->keep, gnode->in[i]) ? w->map[gnode->in[i]] : gnode->in[i];
    gnode->in = in;
    return WEFT_OK;
}

/* The node, by the op that computes its first output once more. */
static weft_status use_other_op(weft_graph *graph, const weft_gnode *first, weft_gnode *again)
{
    weft_again other = { 0 };
    WEFT_TRY(first->node.op->again(&first->node, &graph->arena, &other));
    const size_t n = (size_t)other.n_in + first->node.epi.residual;
    weft_shape *shapes = weft_arena_array(&graph->arena, n + WEFT_SPARE_INPUTS, sizeof *shapes);
    weft_dtype *types = weft_arena_array(&graph->arena, n, sizeof *types);
    again->in = weft_arena_array(&graph->arena, n + WEFT_SPARE_INPUTS, sizeof *again->in);
    if (!shapes || !types || !again->in)
        return WEFT_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        const bool residual = i == (size_t)other.n_in;
        const int from = residual ? first->node.n_in - 1 : other.in[i];
        const int32_t value = from < 0 ? first->out[~from] : first->in[from];
        again->in[i] = value;
        shapes[i] = graph->values[value].shape;
        types[i] = graph->values[value].dtype;
    }
    again->node.id = other.op;
    again->node.op = weft_op_get(other.op);
    again->node.opt = other.opt;
    again->node.in = shapes;
    again->node.in_dtype = types;
    again->node.n_in = (int)n;
    again->node.n_param = 0;
    again->node.n_out = 1;
    again->repeats = 0;
    return WEFT_OK;
}

/* Node i of the plain graph once more, appended. */
static weft_status append_again(work *w, int32_t i)
{
    weft_graph *graph = w->model->graph;
    const weft_gnode *first = &w->plain[i];
    weft_gnode again = *first;
    again.repeats = 1 + w->moved[i];
    again.node.name = weft_arena_text(&graph->arena, "%s/again", first->node.name);
    again.out = weft_arena_array(&graph->arena, 1, sizeof *again.out);
    if (!again.node.name || !again.out)
        return WEFT_NO_MEMORY;
    if (first->node.op->again)
        WEFT_TRY(use_other_op(graph, first, &again));
    WEFT_TRY(rewire(w, &again));
    again.out[0] = graph->n_values;
    w->map[first->out[0]] = graph->n_values;
    graph->values[graph->n_values] = graph->values[first->out[0]];
    graph->values[graph->n_values++].maker = graph->n_nodes;
    graph->nodes[graph->n_nodes++] = again;
    w->model->recomputed.steps++;
    w->model->recomputed.extra += again.node.op->cost(&again.node).flops;
    return WEFT_OK;
}

/* The graph's nodes in the order that was chosen. */
static weft_status rewrite(work *w)
{
    weft_graph *graph = w->model->graph;
    const weft_keep *k = &w->keep;
    graph->n_values = k->n_values;
    graph->n_nodes = 0;
    w->model->recomputed.steps = 0;
    w->model->recomputed.extra = 0;
    for (int32_t at = 0; at < k->n_order; at++) {
        const int32_t i = k->order[at];
        if (i < 0) {
            WEFT_TRY(append_again(w, ~i));
            continue;
        }
        w->moved[i] = graph->n_nodes;
        weft_gnode *gnode = &graph->nodes[graph->n_nodes++];
        *gnode = w->plain[i];
        if (!gnode->dead && i >= k->border)
            WEFT_TRY(rewire(w, gnode));
        for (int o = 0; o < gnode->node.n_out; o++)
            if (k->values[gnode->out[o]].maker == i) /* else it is dead, and another node's */
                graph->values[gnode->out[o]].maker = w->moved[i];
    }
    return WEFT_OK;
}

/* ---- the search ---- */

static weft_status begin(work *w)
{
    weft_graph *graph = w->model->graph;
    weft_keep *k = &w->keep;
    k->n_nodes = graph->n_nodes;
    k->n_values = graph->n_values;
    w->plain = weft_arena_copy(&w->arena, graph->nodes, (size_t)graph->n_nodes * sizeof *graph->nodes);
    w->map = weft_arena_array(&w->arena, (size_t)graph->n_values, sizeof *w->map);
    w->moved = weft_arena_array(&w->arena, (size_t)graph->n_nodes, sizeof *w->moved);
    weft_value *values = weft_arena_copy(&w->arena, graph->values, (size_t)graph->n_values * sizeof *values);
    if (!w->plain || !w->map || !w->moved || !values)
        return WEFT_NO_MEMORY;
    k->nodes = w->plain;
    k->values = values;
    while (k->border < k->n_nodes &&
           (w->plain[k->border].dead || weft_op_kinds[w->plain[k->border].node.id] != WEFT_BACKWARD))
        k->border++;
    WEFT_TRY(make_room(w));
    return weft_keep_begin(k, &w->arena);
}

static weft_status too_small(const weft_model *model, size_t least)
{
    const double mib = 1048576;
    return weft_fail(WEFT_NO_MEMORY, "a step needs %.1f MiB with all recomputed that helps, and %.1f MiB as it is: "
                     "%.1f MiB are allowed", (double)least / mib, (double)model->recomputed.plain / mib,
                     (double)model->opt.memory / mib);
}

/* What is dropped follows from a peak that leaves gaps and rounding out; the plan says by how much that was wrong. */
static weft_status search(work *w)
{
    weft_model *model = w->model;
    size_t bytes = 0, least;
    WEFT_TRY(try_plan(w, true, &bytes));
    model->recomputed = (weft_recomputed){ .plain = bytes, .flops = weft_model_flops(model->graph) };
    least = bytes;
    if (bytes <= model->opt.memory)
        return WEFT_OK;
    WEFT_TRY(begin(w));
    double beside = (double)bytes - w->keep.peak;
    bool reached = true;
    for (int i = 0; i < TRIES && reached; i++) {
        const double target = (double)model->opt.memory - beside;
        WEFT_TRY(weft_keep_choose(&w->keep, target, &w->arena));
        reached = w->keep.peak <= target;
        WEFT_TRY(rewrite(w));
        WEFT_TRY(try_plan(w, false, &bytes));
        if (bytes <= model->opt.memory)
            return WEFT_OK;
        least = bytes < least ? bytes : least;
        beside += (double)(bytes - model->opt.memory);
    }
    return too_small(model, least);
}

weft_status weft_model_recompute(weft_model *model)
{
    work w = { .model = model };
    weft_arena_init(&w.arena, &model->ctx->allocator);
    const weft_status status = search(&w);
    weft_arena_release(&w.arena);
    return status;
}
