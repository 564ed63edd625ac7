/* SPDX-License-Identifier: Apache-2.0
 *
 * From a rewritten graph to flat lists: a kernel for each node, its memory demands, its place in time, the layout of
 * the arena. What derives and packs parameters comes first in time: each step's derivations, then its pack, so that
 * derived parameters live for a moment only. */
#include <string.h>

#include "program/program.h"

/* ---- time ---- */

/* What follows a change of the store, in order; `done` marks the nodes that are listed. */
typedef struct timeline {
    weft_model *model;
    bool *done;
} timeline;

static void next_prior(weft_model *model, int32_t step, bool packs)
{
    model->priors[model->n_priors++] = (weft_prior){ .step = step, .packs = packs };
}

/* Of bits that are not 0. */
static int lowest_bit(unsigned bits)
{
    int bit = 0;
    while (!(bits >> bit & 1))
        bit++;
    return bit;
}

/* An earlier step whose packed parameters begin with all that this one wants; -1: none. */
static int find_packed(const weft_model *model, int index)
{
    const weft_step *step = &model->steps[index];
    const unsigned wanted = weft_step_packs(step);
    if (!step->plan.pack_form || !wanted || (wanted & (wanted - 1)))
        return -1;
    const int32_t value = step->gnode->in[lowest_bit(wanted)];
    for (int i = 0; i < index; i++) {
        const weft_step *other = &model->steps[i];
        if (other->plan.pack_form == step->plan.pack_form && other->plan.packed >= step->plan.packed &&
            other->packs_of == other->index && other->gnode->in[lowest_bit(weft_step_packs(other))] == value)
            return i;
    }
    return -1;
}

/* Lists the pack of step i, unless another has packed what it wants. */
static void list_pack(weft_model *model, int i)
{
    weft_step *step = &model->steps[i];
    weft_demand *demand = &model->demand[step->index];
    const int other = step->plan.packed && step->kernel->pack ? find_packed(model, i) : -1;
    step->packs_of = step->index;
    demand->packs = -1;
    if (step->gnode->repeats) { /* what was packed is read again */
        step->packs_of = step->gnode->repeats - 1;
        demand->packs = model->demand[step->packs_of].packs;
    } else if (other >= 0) {
        step->packs_of = model->steps[other].index;
        demand->packs = model->demand[step->packs_of].packs;
    } else if (step->kernel->pack && step->plan.packed) {
        demand->packs = model->n_priors;
        next_prior(model, i, true);
        model->priors[demand->packs].once = weft_step_packs(step) == 0;
    }
}

static int32_t derivation_of(const weft_model *model, int32_t node)
{
    for (int32_t i = 0; i < model->n_derivations; i++)
        if (model->derivations[i].index == node)
            return i;
    return -1;
}

/* Lists the derivations that a node's inputs come from, deepest first. */
static void list_derivations(timeline *t, const weft_gnode *gnode)
{
    const weft_graph *graph = t->model->graph;
    for (int k = 0; k < gnode->node.n_in; k++) {
        const int32_t maker = graph->values[gnode->in[k]].maker;
        if (maker < 0 || !graph->nodes[maker].derives || t->done[maker])
            continue;
        t->done[maker] = true;
        list_derivations(t, &graph->nodes[maker]); /* depth: batch norm, then composed, then joined */
        t->model->demand[maker].at = t->model->n_priors;
        next_prior(t->model, derivation_of(t->model, maker), false);
    }
}

/* Gives every derivation, pack and step its place; returns where the steps begin. */
static weft_status set_time(weft_model *model, int32_t *start)
{
    timeline t = { model, weft_arena_array(&model->arena, (size_t)model->graph->n_nodes, sizeof *t.done) };
    if (!t.done)
        return WEFT_NO_MEMORY;
    model->n_priors = 0;
    for (int i = 0; i < model->n_steps; i++) {
        list_derivations(&t, model->steps[i].gnode);
        list_pack(model, i);
    }
    for (int i = 0; i < model->n_derivations; i++) {
        const weft_step *step = &model->derivations[i];
        model->graph->nodes[step->index].dead = !t.done[step->index]; /* those whose readers a pass removed */
        model->demand[step->index].buffer = step->plan.buffer;
    }
    *start = model->n_priors;
    for (int i = 0; i < model->n_steps; i++) {
        const weft_step *step = &model->steps[i];
        weft_demand *demand = &model->demand[step->index];
        demand->at = *start + step->time;
        demand->together = step->together != 1;
        demand->buffer = step->plan.buffer;
    }
    return WEFT_OK;
}

/* ---- kernels ---- */

/* Bytes, up to 16, that the address of a value is a multiple of: fewer for a slice at odd channels. */
static int alignment(const weft_model *model, const weft_place *place, int32_t value)
{
    const int64_t size = (int64_t)weft_dtype_size(model->graph->values[value].dtype);
    int align = 16;
    while (place->storage != WEFT_IN_STORE && place->offset * size % align)
        align /= 2;
    return align;
}

/* Which inputs are parameters that no node of the run has made. */
static unsigned find_stored(const weft_model *model, const weft_gnode *gnode)
{
    unsigned stored = 0;
    for (int i = 0; i < gnode->node.n_in && i < 32; i++) {
        const weft_value_kind kind = model->graph->values[gnode->in[i]].kind;
        if (kind == WEFT_PARAM || kind == WEFT_STATE)
            stored |= 1u << i;
    }
    return stored;
}

/* The pixel pitches of a node's inputs and outputs, which concatenations and padding decide, whatever kernels ask. */
static weft_status find_pitches(const weft_model *model, const weft_memory_layout *draft, const weft_gnode *gnode,
                                weft_plan *plan)
{
    const int n_in = gnode->node.n_in, n = n_in + gnode->node.n_out;
    int64_t *ld = weft_arena_array(plan->arena, (size_t)n, sizeof *ld);
    int *align = weft_arena_array(plan->arena, (size_t)n, sizeof *align);
    bool *in_place = weft_arena_array(plan->arena, (size_t)n, sizeof *in_place);
    if (!ld || !align || !in_place)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < n; i++) {
        const int32_t value = i < n_in ? gnode->in[i] : gnode->out[i - n_in];
        const weft_place *place = &draft->place[value], *out = &draft->place[gnode->out[0]];
        ld[i] = place->ld;
        align[i] = alignment(model, place, value);
        in_place[i] = gnode->node.op->shares == WEFT_SHARES_SLICES && place->storage == out->storage;
    }
    plan->in_ld = ld;
    plan->out_ld = ld + n_in;
    plan->in_align = align;
    plan->out_align = align + n_in;
    plan->in_place = in_place;
    if (model->graph->values[gnode->in[0]].padded)
        plan->in_channels = ld[0];
    return WEFT_OK;
}

static bool builds(const weft_model *model)
{
    const weft_device *device = model->ctx->device;
    return device->builds || (!model->opt.plan_only && !device->dry);
}

/* A node that fails here fails again when it is prepared, and says so. */
static weft_status collect_builds(const weft_model *model, const weft_memory_layout *draft, weft_arena *scratch)
{
    const weft_device *device = model->ctx->device;
    for (int32_t i = 0; i < model->graph->n_nodes; i++) {
        const weft_gnode *gnode = &model->graph->nodes[i];
        if (gnode->dead || draft->elided[i])
            continue;
        const weft_kernel *kernel = weft_select(&gnode->node, device);
        weft_plan plan = { .node = &gnode->node, .device = device, .arena = scratch, .forms = model->graph->forms,
                           .stored = find_stored(model, gnode), .collect = true };
        WEFT_TRY(find_pitches(model, draft, gnode, &plan));
        if (kernel->prepare)
            (void)kernel->prepare(&gnode->node, &plan);
    }
    return WEFT_OK;
}

/* What the nodes will have built is first collected, then built by all threads at once, each thing once. */
static weft_status build_ahead(const weft_model *model, const weft_memory_layout *draft)
{
    const weft_device *device = model->ctx->device;
    if (!device->backend->build || !builds(model))
        return WEFT_OK;
    weft_arena scratch;
    weft_arena_init(&scratch, &model->ctx->allocator);
    const weft_status status = collect_builds(model, draft, &scratch);
    weft_arena_release(&scratch);
    WEFT_TRY(status);
    return device->backend->build(device);
}

static weft_status prepare(weft_step *step)
{
    if (!step->kernel->prepare)
        return WEFT_OK;
    const weft_status status = step->kernel->prepare(&step->gnode->node, &step->plan);
    return status == WEFT_OK ? WEFT_OK
                             : weft_fail_in(status, "%s: %s", step->gnode->node.name, step->kernel->name);
}

/* Kernel, plan and demands of every live node; steps are not yet placed. */
static weft_status choose_kernels(weft_model *model, const weft_memory_layout *draft)
{
    const weft_device *device = model->ctx->device;
    for (int32_t i = 0; i < model->graph->n_nodes; i++) {
        const weft_gnode *gnode = &model->graph->nodes[i];
        if (gnode->dead)
            continue;
        weft_step *step = gnode->derives ? &model->derivations[model->n_derivations++]
                                         : &model->steps[model->n_steps++];
        weft_demand *demand = &model->demand[i];
        *step = (weft_step){ .gnode = gnode, .index = i,
                             .kernel = weft_choose(&gnode->node, device, model->graph->choices) };
        step->plan = (weft_plan){ .node = &gnode->node, .device = device, .arena = &model->arena,
                                  .forms = model->graph->forms, .stored = find_stored(model, gnode),
                                  .build = builds(model) };
        if (draft)
            WEFT_TRY(find_pitches(model, draft, gnode, &step->plan));
        if (!(draft && draft->elided[i]))
            WEFT_TRY(prepare(step));
        step->plan.scratch = weft_round_up(step->plan.scratch, WEFT_CACHE_LINE);
        step->plan.thread_scratch = weft_round_up(step->plan.thread_scratch, WEFT_CACHE_LINE);
        if (!weft_mul_size(step->plan.thread_scratch, (size_t)device->threads, &demand->scratch) ||
            !weft_add_size(demand->scratch, step->plan.scratch, &demand->scratch))
            return weft_fail(WEFT_NO_MEMORY, "%s: its scratch memory does not fit in memory", gnode->node.name);
        demand->pack_scratch = gnode->repeats ? 0 : step->plan.pack_scratch;
        demand->inplace = step->kernel->inplace;
        demand->in_phases = step->plan.in_phases;
        demand->out_phase = step->plan.out_phase;
    }
    return WEFT_OK;
}

/* Where the parameters of a step lie packed, perhaps by another. */
static weft_status place_packed(weft_model *model, int kept)
{
    weft_step *step = &model->steps[kept];
    step->packed_at = model->packed_bytes;
    for (int i = 0; i < kept && step->packs_of != step->index; i++) {
        if (model->steps[i].index != step->packs_of)
            continue;
        step->packed_at = model->steps[i].packed_at;
        return WEFT_OK;
    }
    if (!weft_add_size(model->packed_bytes, weft_round_up(step->plan.packed, WEFT_CACHE_LINE), &model->packed_bytes))
        return weft_fail(WEFT_NO_MEMORY, "the packed parameters do not fit in memory");
    return WEFT_OK;
}

/* Drops the steps whose output is where their inputs are, and places the others' parameters. Priors name steps: they
 * have none that is dropped. */
static weft_status compact(weft_model *model)
{
    int kept = 0;
    for (int i = 0; i < model->n_steps; i++) {
        if (model->layout.elided[model->steps[i].index])
            continue;
        model->steps[kept] = model->steps[i];
        WEFT_TRY(place_packed(model, kept));
        for (int p = 0; p < model->n_priors; p++)
            if (model->priors[p].packs && model->priors[p].step == i)
                model->priors[p].step = kept;
        kept++;
    }
    model->n_steps = kept;
    return WEFT_OK;
}

static weft_status allot_lists(weft_model *model)
{
    const size_t nodes = (size_t)model->graph->n_nodes;
    model->demand = weft_arena_array(&model->arena, nodes, sizeof *model->demand);
    model->steps = weft_arena_array(&model->arena, nodes, sizeof *model->steps);
    model->derivations = weft_arena_array(&model->arena, nodes, sizeof *model->derivations);
    model->priors = weft_arena_array(&model->arena, nodes, sizeof *model->priors);
    return model->demand && model->steps && model->derivations && model->priors ? WEFT_OK : WEFT_NO_MEMORY;
}

weft_status weft_model_plan(weft_model *model)
{
    const bool apart = weft_model_is_apart(model);
    weft_memory_layout draft;
    model->n_steps = model->n_derivations = model->n_priors = 0; /* it may have been planned before */
    model->packed_bytes = 0;
    WEFT_TRY(allot_lists(model));
    weft_memory_layout_opt opt = {
        .flags = (model->opt.no_fusion ? WEFT_MEMORY_LAYOUT_NO_ALIAS : 0u) |
                 (model->opt.keep_all ? WEFT_MEMORY_LAYOUT_KEEP_ALL : 0u) |
                 (apart && !model->opt.resident ? WEFT_MEMORY_LAYOUT_STAGED : 0u),
        .input_channels = model->ctx->device->backend->input_channels,
        .end = model->graph->n_nodes,
    };
    for (int32_t i = 0; i < model->graph->n_nodes; i++)
        model->demand[i] = (weft_demand){ .at = i, .packs = -1 };
    if (apart) { /* its kernels plan for the pitches that they will see */
        WEFT_TRY(weft_memory_layout_plan(model->graph, model->demand, &opt, &model->arena, &draft));
        WEFT_TRY(build_ahead(model, &draft));
    }
    WEFT_TRY(choose_kernels(model, apart ? &draft : NULL));
    WEFT_TRY(weft_model_group(model));
    WEFT_TRY(set_time(model, &opt.start));
    opt.end = opt.start + model->n_times;
    WEFT_TRY(weft_memory_layout_plan(model->graph, model->demand, &opt, &model->arena, &model->layout));
    return compact(model);
}
