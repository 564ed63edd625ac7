/* SPDX-License-Identifier: Apache-2.0
 *
 * Tuning on a CPU: every kernel that may compute a step of the network is timed in the network, on the tensors and in
 * the caches that the step before left, and the fastest of each kind of node is kept. So is whether the layers of a
 * unit are faster apart, as two or three nodes. Two models at a time run by turns, so that a neighbour's moment hits
 * both. In the end whole runs decide whether anything is kept. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/choices.h"
#include "base/clock.h"
#include "program/program.h"

enum { CANDIDATES = 4, WARM_UP = 2, LEAST_RUNS = 8, MOST_RUNS = 64 };
static const double pair_seconds = .3; /* of the runs of two models, at least, but for MOST_RUNS */

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
} tuner;

/* One of the two models that run by turns. */
typedef struct trial {
    bool layers;
    int candidate; /* of all kinds that have so many */
    weft_choices choices;
    weft_model *model;
    double *now, *least;     /* [steps] seconds: of this run, the least of all */
    double whole[MOST_RUNS]; /* of each run */
} trial;

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
    if (!t->kinds)
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

/* Gives a trial its choices, but for the first ones; *any: there were some to give. */
static weft_status choose_candidate(const tuner *t, trial *one, bool *any)
{
    weft_choices_init(&one->choices, &t->ctx->allocator);
    *any = one->candidate == 0;
    for (int i = 0; one->candidate && i < t->n; i++) {
        const kind *k = &t->kinds[i];
        if (one->candidate >= k->n)
            continue;
        *any = true;
        WEFT_TRY(weft_choices_set(&one->choices, k->key, k->candidate[one->candidate]->name));
    }
    return WEFT_OK;
}

static weft_status prepare(tuner *t, trial *one, const weft_choices *choices)
{
    WEFT_TRY(make(t, one->layers, true, choices, &one->model));
    const size_t steps = (size_t)one->model->n_steps;
    one->now = weft_arena_array(&t->arena, steps, sizeof *one->now);
    one->least = weft_arena_array(&t->arena, steps, sizeof *one->least);
    if (!one->now || !one->least)
        return WEFT_NO_MEMORY;
    for (size_t s = 0; s < steps; s++)
        one->least[s] = (double)INFINITY;
    WEFT_TRY(weft_model_seed(one->model, 1));
    WEFT_TRY(weft_model_feed(one->model));
    for (int i = 0; i < WARM_UP; i++)
        WEFT_TRY(weft_model_run(one->model));
    return WEFT_OK;
}

static weft_status run_once(trial *one, int run)
{
    const double start = weft_clock();
    WEFT_TRY(weft_model_run_timed(one->model, one->now));
    one->whole[run] = weft_clock() - start;
    for (int s = 0; s < one->model->n_steps; s++)
        one->least[s] = fmin(one->least[s], one->now[s]);
    return WEFT_OK;
}

/* *runs: of each. */
static weft_status run_by_turns(trial pair[2], int *runs)
{
    double total = 0;
    int n = 0;
    for (; n < LEAST_RUNS || (total < pair_seconds && n < MOST_RUNS); n++)
        for (int turn = 0; turn < 2; turn++) {
            trial *one = &pair[(n + turn) % 2];
            WEFT_TRY(run_once(one, n));
            total += one->whole[n];
        }
    *runs = n;
    return WEFT_OK;
}

/* Takes down what the steps of each kind took with the trial's candidate. */
static void note_steps(tuner *t, const trial *one)
{
    const weft_model *model = one->model;
    const int c = one->candidate;
    for (int i = 0; i < t->n; i++) {
        kind *k = &t->kinds[i];
        double sum = 0;
        int steps = 0;
        for (int s = 0; s < model->n_steps && c < k->n; s++) {
            if (find_kind(t, &model->steps[s]) != k || model->steps[s].kernel != k->candidate[c])
                continue;
            sum += one->least[s];
            steps++;
        }
        if (steps)
            k->seconds[c] = fmin(k->seconds[c], sum / steps);
    }
}

/* *any: the second had something to try. */
static weft_status try_pair(tuner *t, trial pair[2], bool *any)
{
    bool first;
    int runs;
    weft_status status = choose_candidate(t, &pair[0], &first);
    if (!status)
        status = choose_candidate(t, &pair[1], any);
    for (int i = 0; !status && *any && i < 2; i++)
        status = prepare(t, &pair[i], &pair[i].choices);
    if (!status && *any)
        status = run_by_turns(pair, &runs);
    for (int i = 0; i < 2; i++) {
        if (!status && *any)
            note_steps(t, &pair[i]);
        weft_model_destroy(pair[i].model);
        weft_choices_release(&pair[i].choices);
    }
    return status;
}

static weft_status try_all(tuner *t)
{
    bool any = true;
    if (t->planned[1])
        WEFT_TRY(try_pair(t, (trial[2]){ { .layers = false }, { .layers = true } }, &any));
    for (int p = 0; p < 2 && t->planned[p]; p++) {
        any = true;
        for (int c = 1; c < CANDIDATES && any; c++)
            WEFT_TRY(try_pair(t, (trial[2]){ { .layers = p == 1 }, { .layers = p == 1, .candidate = c } }, &any));
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

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Whether whole runs are faster with the choices: the least of them, and the median. */
static weft_status is_faster(tuner *t, const weft_choices *choices, bool *faster)
{
    trial pair[2] = { { .layers = false }, { .layers = false } };
    int runs = 0;
    weft_status status = prepare(t, &pair[0], NULL);
    if (!status)
        status = prepare(t, &pair[1], choices);
    if (!status)
        status = run_by_turns(pair, &runs);
    for (int i = 0; i < 2; i++) {
        qsort(pair[i].whole, (size_t)runs, sizeof *pair[i].whole, ascending);
        weft_model_destroy(pair[i].model);
    }
    *faster = !status && pair[1].whole[0] < whole_margin * pair[0].whole[0] &&
              pair[1].whole[runs / 2] < whole_margin * pair[0].whole[runs / 2];
    return status;
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
