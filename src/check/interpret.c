/* SPDX-License-Identifier: Apache-2.0
 *
 * The interpreter: every value has memory of its own, every node a call that is resolved once. */
#include "check/interpret.h"

/* One thread, plain loops. */
static const weft_device oracle_device = { .allocator = &weft_malloc_allocator, .threads = 1, .isa = WEFT_ISA_REF };

static weft_view view_of(const weft_interpreter *it, int32_t value)
{
    return (weft_view){ it->value[value], weft_shape_channels(&it->graph->values[value].shape) };
}

static weft_status make_value(weft_interpreter *it, int32_t value)
{
    const weft_value *v = &it->graph->values[value];
    const size_t size = v->dtype == WEFT_I32 ? sizeof(int32_t) : sizeof(double);
    it->value[value] = weft_arena_array(&it->arena, (size_t)weft_shape_count(&v->shape), size);
    return it->value[value] ? WEFT_OK : WEFT_NO_MEMORY;
}

static weft_status make_call(weft_interpreter *it, int32_t index)
{
    const weft_gnode *gnode = &it->graph->nodes[index];
    const weft_node *node = &gnode->node;
    const weft_kernel *oracle = weft_oracle_kernels[node->id];
    weft_view *in = weft_arena_array(&it->arena, (size_t)node->n_in, sizeof *in);
    weft_view *out = weft_arena_array(&it->arena, (size_t)node->n_out, sizeof *out);
    if (!in || !out)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < node->n_in; i++)
        in[i] = view_of(it, gnode->in[i]);
    for (int o = 0; o < node->n_out; o++) {
        if (node->op->updates >> o & 1)
            it->value[gnode->out[o]] = it->value[gnode->in[o]];
        else
            WEFT_TRY(make_value(it, gnode->out[o]));
        out[o] = view_of(it, gnode->out[o]);
    }
    weft_plan plan = { .node = node, .device = &oracle_device, .arena = &it->arena };
    if (oracle->prepare)
        WEFT_TRY(oracle->prepare(node, &plan));
    void *scratch = weft_arena_alloc(&it->arena, plan.scratch + plan.thread_scratch);
    if (!scratch)
        return WEFT_NO_MEMORY;
    it->call[index] = (weft_call){ .node = node, .device = &oracle_device, .state = plan.state, .in = in, .out = out,
                                   .scratch = scratch, .thread_scratch = (char *)scratch + plan.scratch };
    return WEFT_OK;
}

weft_status weft_interpreter_make(weft_interpreter *it, const weft_graph *graph)
{
    *it = (weft_interpreter){ .graph = graph };
    weft_arena_init(&it->arena, &weft_malloc_allocator);
    it->value = weft_arena_array(&it->arena, (size_t)graph->n_values, sizeof *it->value);
    it->call = weft_arena_array(&it->arena, (size_t)graph->n_nodes, sizeof *it->call);
    if (!it->value || !it->call)
        return WEFT_NO_MEMORY;
    for (int32_t v = 1; v < graph->n_values; v++)
        if (graph->values[v].maker < 0)
            WEFT_TRY(make_value(it, v));
    for (int32_t i = 0; i < graph->n_nodes; i++)
        if (!graph->nodes[i].dead)
            WEFT_TRY(make_call(it, i));
    return WEFT_OK;
}

weft_status weft_interpreter_run(const weft_interpreter *it, int32_t first, int32_t end)
{
    for (int32_t i = first; i < end; i++)
        if (!it->graph->nodes[i].dead)
            WEFT_TRY(weft_oracle_kernels[it->graph->nodes[i].node.id]->run(&it->call[i]));
    return WEFT_OK;
}

void weft_interpreter_release(weft_interpreter *it)
{
    weft_arena_release(&it->arena);
}
