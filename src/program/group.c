/* SPDX-License-Identifier: Apache-2.0
 *
 * Which steps run as one (weft_kernel_group): each is looked at in the order of the graph, and joins the latest step of
 * its kernel that is late enough: behind all that it depends on, in time. So nodes of one kind find each other across
 * others between them, as the updates of all parameters across their averages. What depends on what is known by values,
 * and for parameters and states, which change in place, by who read and changed them before. */
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
    return WEFT_OK;
}

static bool changes(const weft_gnode *gnode, int o)
{
    return gnode->node.op->updates >> o & 1;
}

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
        w->entry[gnode->out[o]] = changes(gnode, o) ? w->entry[gnode->in[o]] : 0;
        if (w->entry[gnode->out[o]])
            w->changed[w->entry[gnode->out[o]] - 1] = time;
    }
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
