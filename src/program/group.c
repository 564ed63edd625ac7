/* SPDX-License-Identifier: Apache-2.0
 *
 * Which steps run as one (weft_kernel_group). First, updates that could run with others go as late as they may, so that
 * those that the forward pass has here and there, the statistics of norms, come to stand together. Then each step is
 * looked at in order, and joins the latest one of its kernel that is late enough: behind all that it depends on, in
 * time. So nodes of one kind find each other across others between them, as the updates of all parameters across their
 * averages. What depends on what is known by values, and for parameters and states, which change in place, by who reads
 * and changes them. */
#include <string.h>

#include "program/program.h"

typedef struct work {
    weft_model *model;
    int32_t *entry;          /* [n_values] 1 + the parameter or state that a value is, or changes in place; 0: none */
    int32_t *made;           /* [n_values] when; 0: before all steps, so that times count from 1 here */
    int32_t *read, *changed; /* [n_params] when last; 0: not yet */
    int *leaders;            /* steps that others may join, in order of time */
    int n_leaders;
} work;

static int32_t later(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static bool changes(const weft_gnode *gnode, int o)
{
    return gnode->node.op->updates >> o & 1;
}

/* Whether a step may run with others at all: not in phases, nor where its output may be its input's memory. */
static bool is_open(const weft_step *step)
{
    for (int b = 0; b < WEFT_MAX_BUFFER; b++)
        if (step->plan.buffer[b].bytes)
            return false;
    return step->kernel->group && !step->plan.in_phases && !step->plan.out_phase && !step->gnode->repeats &&
           step->gnode->node.op->shares == WEFT_SHARES_NONE;
}

static weft_status begin(work *w)
{
    const weft_graph *graph = w->model->graph;
    weft_arena *arena = &w->model->arena;
    w->entry = weft_arena_array(arena, (size_t)graph->n_values, sizeof *w->entry);
    w->made = weft_arena_array(arena, (size_t)graph->n_values, sizeof *w->made);
    w->read = weft_arena_array(arena, (size_t)graph->n_params, sizeof *w->read);
    w->changed = weft_arena_array(arena, (size_t)graph->n_params, sizeof *w->changed);
    w->leaders = weft_arena_array(arena, (size_t)w->model->n_steps, sizeof *w->leaders);
    if (!w->entry || !w->made || !w->read || !w->changed || !w->leaders)
        return WEFT_NO_MEMORY;
    for (int32_t i = 0; i < graph->n_params; i++)
        w->entry[graph->params[i].value] = 1 + i;
    for (int i = 0; i < w->model->n_steps; i++) {
        const weft_gnode *gnode = w->model->steps[i].gnode;
        for (int o = 0; o < gnode->node.n_out; o++)
            w->entry[gnode->out[o]] = changes(gnode, o) ? w->entry[gnode->in[o]] : 0;
    }
    return WEFT_OK;
}

/* ---- updates, later ---- */

/* Whether gnode has the parameter or state among its inputs; changed: among those that it changes. */
static bool has_entry(const work *w, const weft_gnode *gnode, int32_t entry, bool changed)
{
    for (int k = 0; k < gnode->node.n_in && entry; k++)
        if (w->entry[gnode->in[k]] == entry && (!changed || (k < gnode->node.n_out && changes(gnode, k))))
            return true;
    return false;
}

/* Whether `later` must stay behind `update`. */
static bool follows(const work *w, const weft_gnode *update, const weft_gnode *later)
{
    for (int k = 0; k < later->node.n_in; k++) {
        for (int o = 0; o < update->node.n_out; o++)
            if (later->in[k] == update->out[o])
                return true;
        if (has_entry(w, update, w->entry[later->in[k]], true))
            return true;
        if (k < later->node.n_out && changes(later, k) && has_entry(w, update, w->entry[later->in[k]], false))
            return true;
    }
    return false;
}

static void delay_updates(const work *w)
{
    weft_step *steps = w->model->steps;
    for (int i = w->model->n_steps - 2; i >= 0; i--) {
        const weft_step step = steps[i];
        int to = i + 1;
        if (!step.gnode->node.op->updates || !is_open(&step))
            continue;
        while (to < w->model->n_steps && !follows(w, step.gnode, steps[to].gnode))
            to++;
        memmove(&steps[i], &steps[i + 1], (size_t)(to - 1 - i) * sizeof *steps);
        steps[to - 1] = step;
    }
}

/* ---- steps that run as one ---- */

/* The time of the last step that must be over. */
static int32_t must_follow(const work *w, const weft_gnode *gnode)
{
    int32_t time = 0;
    for (int k = 0; k < gnode->node.n_in; k++) {
        const int32_t entry = w->entry[gnode->in[k]];
        time = later(time, w->made[gnode->in[k]]);
        if (entry)
            time = later(time, w->changed[entry - 1]);
    }
    for (int o = 0; o < gnode->node.n_out; o++) {
        const int32_t entry = changes(gnode, o) ? w->entry[gnode->in[o]] : 0;
        if (entry)
            time = later(time, w->read[entry - 1]);
    }
    return time;
}

static void note(work *w, const weft_gnode *gnode, int32_t time)
{
    for (int k = 0; k < gnode->node.n_in; k++) {
        const int32_t entry = w->entry[gnode->in[k]];
        if (entry)
            w->read[entry - 1] = later(w->read[entry - 1], time);
    }
    for (int o = 0; o < gnode->node.n_out; o++) {
        w->made[gnode->out[o]] = time;
        if (changes(gnode, o) && w->entry[gnode->out[o]])
            w->changed[w->entry[gnode->out[o]] - 1] = time;
    }
}

static bool joins(const weft_step *first, const weft_step *next)
{
    const weft_kernel_group *group = first->kernel->group;
    if (next->kernel != first->kernel || first->together >= group->most)
        return false;
    for (int k = 0; k < next->gnode->node.n_in; k++)
        if (group->common >> k & 1 && first->gnode->in[k] != next->gnode->in[k])
            return false;
    return !group->joins || group->joins(&first->plan, &next->plan);
}

/* The latest step that this one may run with; NULL: none. */
static weft_step *find_leader(const work *w, const weft_step *step, int32_t after)
{
    for (int i = w->n_leaders - 1; i >= 0; i--) {
        weft_step *leader = &w->model->steps[w->leaders[i]];
        if (leader->time <= after)
            break;
        if (joins(leader, step))
            return leader;
    }
    return NULL;
}

/* Steps by their times, those of one time as they stood. */
static weft_status sort(weft_model *model)
{
    const size_t n = (size_t)model->n_steps;
    weft_step *sorted = weft_arena_array(&model->arena, n, sizeof *sorted);
    int *next = weft_arena_array(&model->arena, (size_t)model->n_times + 1, sizeof *next);
    if (!sorted || !next)
        return WEFT_NO_MEMORY;
    for (size_t i = 0; i < n; i++)
        next[model->steps[i].time + 1]++;
    for (int32_t t = 0; t < model->n_times; t++)
        next[t + 1] += next[t];
    for (size_t i = 0; i < n; i++)
        sorted[next[model->steps[i].time]++] = model->steps[i];
    model->steps = sorted;
    return WEFT_OK;
}

weft_status weft_model_group(weft_model *model)
{
    work w = { .model = model };
    WEFT_TRY(begin(&w));
    delay_updates(&w);
    model->n_times = 0;
    for (int i = 0; i < model->n_steps; i++) {
        weft_step *step = &model->steps[i];
        const bool open = is_open(step);
        weft_step *leader = open ? find_leader(&w, step, must_follow(&w, step->gnode)) : NULL;
        step->time = leader ? leader->time : ++model->n_times;
        step->together = !leader;
        if (leader)
            leader->together++;
        else if (open)
            w.leaders[w.n_leaders++] = i;
        note(&w, step->gnode, step->time);
    }
    for (int i = 0; i < model->n_steps; i++)
        model->steps[i].time--;
    return model->n_times == model->n_steps ? WEFT_OK : sort(model);
}
