/* SPDX-License-Identifier: Apache-2.0
 *
 * Tuning on a CPU: every kernel that may compute a step of the network is timed in the network, on the tensors and in
 * the caches that the step before left, and the fastest of each kind of node is kept. So is whether the layers of a
 * unit are faster apart, as two or three nodes. Models are made one after the other, twice in turn: a neighbour's
 * moment then hits all. In the end whole runs decide whether anything is kept. */
#include <math.h>
#include <string.h>

#include "backend/choices.h"
#include "base/clock.h"
#include "program/program.h"

enum { CANDIDATES = 4, SWEEPS = 2, WARM_UP = 2, RUNS = 5 };
static const double run_seconds = .2; /* of the runs of one model, at least */

/* Another than the first choice must be faster by this, and whole runs by that. */
static const double margin = .97, whole_margin = .995;

/* Nodes of one kind, and the kernels that may compute them: [0] is the first choice. */
typedef struct kind {
    uint64_t key;
    const weft_kernel *candidate[CANDIDATES];
    int n;
    double seconds[CANDIDATES]; /* of one step */
} kind;

typedef struct tuner {
    weft_ctx *ctx;
    const weft_graph *graph;
    const weft_model_opt *opt;
    weft_arena arena;
    kind *kinds;
    int n;
    weft_model *planned[2]; /* units, layers: in their first choices; the second NULL: there are no units */
    double *least;          /* [steps of the longer] */
} tuner;

static weft_status make(const tuner *t, bool layers, bool run, const weft_choices *choices, weft_model **out)
{
    weft_model_opt own = *t->opt;
    own.store = NULL;
    own.plan_only = !run;
    own.no_units = own.no_units || layers;
    return weft_model_make(t->ctx, t->graph, &own,
                           &(weft_trial){ .forms = t->ctx->device->forms, .choices = choices }, out);
}

/* ---- what there is to try ---- */

static kind *find_kind(const tuner *t, const weft_step *step)
{
    const uint64_t key = weft_node_kind(&step->gnode->node);
    for (int i = 0; i < t->n; i++)
        if (t->kinds[i].key == key)
            return &t->kinds[i];
    return NULL;
}

static void list_kinds(tuner *t, const weft_model *model)
{
    const weft_device *device = t->ctx->device;
    for (int s = 0; s < model->n_steps; s++) {
        const weft_step *step = &model->steps[s];
        const weft_node *node = &step->gnode->node;
        if (find_kind(t, step))
            continue;
        kind *k = &t->kinds[t->n++];
        *k = (kind){ .key = weft_node_kind(node), .candidate = { step->kernel }, .n = 1 };
        for (int c = 0; c < CANDIDATES; c++)
            k->seconds[c] = (double)INFINITY;
        const weft_kernel *const *list = device->kernels[node->id];
        for (; *list && k->n < CANDIDATES; list++)
            if (*list != step->kernel && weft_may_stand_for(*list, step->kernel, node, device))
                k->candidate[k->n++] = *list;
    }
}

static weft_status plan(tuner *t)
{
    WEFT_TRY(make(t, false, false, NULL, &t->planned[0]));
    WEFT_TRY(make(t, true, false, NULL, &t->planned[1]));
    const size_t steps = (size_t)t->planned[0]->n_steps + (size_t)t->planned[1]->n_steps;
    t->kinds = weft_arena_array(&t->arena, steps, sizeof *t->kinds);
    t->least = weft_arena_array(&t->arena, 2 * steps, sizeof *t->least);
    if (!t->kinds || !t->least)
        return WEFT_NO_MEMORY;
    if (t->planned[1]->n_steps == t->planned[0]->n_steps) {
        weft_model_destroy(t->planned[1]);
        t->planned[1] = NULL;
    }
    for (int p = 0; p < 2 && t->planned[p]; p++)
        list_kinds(t, t->planned[p]);
    return WEFT_OK;
}

/* ---- timing ---- */

/* The least seconds of each step and (returned) of a run. */
static weft_status time_model(const tuner *t, weft_model *model, double *whole)
{
    double *const now = t->least + model->n_steps, total = 0;
    WEFT_TRY(weft_model_seed(model, 1));
    WEFT_TRY(weft_model_feed(model));
    *whole = (double)INFINITY;
    for (int s = 0; s < model->n_steps; s++)
        t->least[s] = (double)INFINITY;
    for (int i = -WARM_UP; i < RUNS || total < run_seconds; i++) {
        const double start = weft_clock();
        WEFT_TRY(weft_model_run_timed(model, now));
        const double seconds = weft_clock() - start;
        if (i < 0)
            continue;
        total += seconds;
        *whole = fmin(*whole, seconds);
        for (int s = 0; s < model->n_steps; s++)
            t->least[s] = fmin(t->least[s], now[s]);
    }
    return WEFT_OK;
}

/* Takes down what the steps of each kind took with its candidate c. */
static void note_steps(tuner *t, const weft_model *model, int c)
{
    for (int i = 0; i < t->n; i++) {
        kind *k = &t->kinds[i];
        double sum = 0;
        int steps = 0;
        for (int s = 0; s < model->n_steps && c < k->n; s++) {
            if (find_kind(t, &model->steps[s]) != k || model->steps[s].kernel != k->candidate[c])
                continue;
            sum += t->least[s];
            steps++;
        }
        if (steps)
            k->seconds[c] = fmin(k->seconds[c], sum / steps);
    }
}

/* Runs the network with candidate c of every kind that has so many; *any: there was one. */
static weft_status try_candidate(tuner *t, bool layers, int c, bool *any)
{
    weft_choices choices;
    weft_model *model = NULL;
    double whole;
    weft_status status = WEFT_OK;
    weft_choices_init(&choices, &t->ctx->allocator);
    *any = c == 0;
    for (int i = 0; !status && c && i < t->n; i++) {
        if (c >= t->kinds[i].n)
            continue;
        *any = true;
        status = weft_choices_set(&choices, t->kinds[i].key, t->kinds[i].candidate[c]->name);
    }
    if (!status && *any)
        status = make(t, layers, true, &choices, &model);
    if (model)
        status = time_model(t, model, &whole);
    if (!status && model)
        note_steps(t, model, c);
    weft_model_destroy(model);
    weft_choices_release(&choices);
    return status;
}

static weft_status try_all(tuner *t)
{
    for (int sweep = 0; sweep < SWEEPS; sweep++)
        for (int p = 0; p < 2 && t->planned[p]; p++) {
            bool any = true;
            for (int c = 0; c < CANDIDATES && any; c++)
                WEFT_TRY(try_candidate(t, p == 1, c, &any));
        }
    return WEFT_OK;
}

/* ---- deciding ---- */

int weft_tune_best(const double *seconds, int n)
{
    int best = 0;
    for (int c = 1; c < n; c++)
        if (seconds[c] < margin * seconds[0] && (!best || seconds[c] < seconds[best]))
            best = c;
    return best;
}

static double best_seconds(const kind *k)
{
    return k->seconds[weft_tune_best(k->seconds, k->n)];
}

/* Seconds of the layers from the inputs of a unit to a value; seen[] of nodes; INFINITY: it is not made of them. */
static double layers_to(const tuner *t, const weft_gnode *unit, int32_t value, bool *seen)
{
    const weft_model *layers = t->planned[1];
    for (int i = 0; i < unit->node.n_in; i++)
        if (unit->in[i] == value)
            return 0;
    const int32_t maker = layers->graph->values[value].maker;
    if (maker < 0)
        return (double)INFINITY;
    if (seen[maker])
        return 0;
    seen[maker] = true;
    const weft_gnode *gnode = &layers->graph->nodes[maker];
    double seconds = (double)INFINITY;
    for (int s = 0; s < layers->n_steps; s++)
        if (layers->steps[s].index == maker)
            seconds = best_seconds(find_kind(t, &layers->steps[s]));
    for (int i = 0; i < gnode->node.n_in; i++)
        seconds += layers_to(t, unit, gnode->in[i], seen);
    return seconds;
}

/* Units whose layers are faster one by one. */
static weft_status choose_units(tuner *t, weft_choices *choices)
{
    const weft_model *units = t->planned[0];
    if (!t->planned[1])
        return WEFT_OK;
    bool *const seen = weft_arena_array(&t->arena, (size_t)t->planned[1]->graph->n_nodes, sizeof *seen);
    if (!seen)
        return WEFT_NO_MEMORY;
    for (int s = 0; s < units->n_steps; s++) {
        const weft_step *step = &units->steps[s];
        if (step->gnode->node.id != WEFT_OP_INVERTED_RESIDUAL)
            continue;
        const kind *k = find_kind(t, step);
        memset(seen, 0, (size_t)t->planned[1]->graph->n_nodes * sizeof *seen);
        if (layers_to(t, step->gnode, step->gnode->out[0], seen) < margin * best_seconds(k))
            WEFT_TRY(weft_choices_set(choices, k->key, WEFT_CHOICE_APART));
    }
    return WEFT_OK;
}

static weft_status choose(tuner *t, weft_choices *choices)
{
    for (int i = 0; i < t->n; i++) {
        const kind *k = &t->kinds[i];
        const int best = weft_tune_best(k->seconds, k->n);
        WEFT_TRY(weft_choices_set(choices, k->key, best ? k->candidate[best]->name : NULL));
    }
    return choose_units(t, choices);
}

/* Whether whole runs are faster with the choices. */
static weft_status is_faster(const tuner *t, const weft_choices *choices, bool *faster)
{
    double least[2] = { (double)INFINITY, (double)INFINITY };
    for (int turn = 0; turn < 2 * SWEEPS; turn++) {
        weft_model *model = NULL;
        double whole = (double)INFINITY;
        WEFT_TRY(make(t, false, true, turn % 2 ? choices : NULL, &model));
        const weft_status status = time_model(t, model, &whole);
        weft_model_destroy(model);
        WEFT_TRY(status);
        least[turn % 2] = fmin(least[turn % 2], whole);
    }
    *faster = least[1] < whole_margin * least[0];
    return WEFT_OK;
}

/* Keeps the choices for the kinds of this network beside those that were kept for others. */
static weft_status keep(const tuner *t, const weft_choices *found)
{
    weft_choices *const all = t->ctx->device->choices;
    for (int i = 0; i < t->n; i++)
        WEFT_TRY(weft_choices_set(all, t->kinds[i].key, weft_choices_find(found, t->kinds[i].key)));
    return weft_choices_keep(t->ctx->device, all);
}

weft_status weft_model_tune_kernels(weft_ctx *ctx, const weft_graph *graph, const weft_model_opt *opt)
{
    tuner t = { .ctx = ctx, .graph = graph, .opt = opt };
    weft_choices found;
    bool faster = false;
    if (!ctx->device->choices) /* not wanted */
        return WEFT_OK;
    weft_arena_init(&t.arena, &ctx->allocator);
    weft_choices_init(&found, &ctx->allocator);
    weft_status status = plan(&t);
    if (!status)
        status = try_all(&t);
    if (!status)
        status = choose(&t, &found);
    if (!status && found.count)
        status = is_faster(&t, &found, &faster);
    if (!status && !faster)
        weft_choices_release(&found);
    if (!status)
        status = keep(&t, &found);
    weft_model_destroy(t.planned[0]);
    weft_model_destroy(t.planned[1]);
    weft_choices_release(&found);
    weft_arena_release(&t.arena);
    return status;
}
