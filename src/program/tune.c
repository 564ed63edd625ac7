/* SPDX-License-Identifier: Apache-2.0
 *
 * Making a model, and tuning it before where the context is to: one form after the other is turned around and what is
 * faster is kept, whole runs being timed, since what a form is worth depends on the steps beside it. */
#include <math.h>

#include "base/clock.h"
#include "program/program.h"

enum { WARM_UP = 5, RUNS = 20 }; /* the first runs load, record and wake the card up */

/* A form further down the list must be faster by this to be taken for faster. */
static const double margin = .98;

/* The least of some runs. */
static weft_status time_runs(weft_model *model, double *seconds)
{
    WEFT_TRY(weft_model_seed(model, 1));
    WEFT_TRY(weft_model_feed(model));
    *seconds = INFINITY;
    for (int i = 0; i < WARM_UP + RUNS; i++) {
        const double start = weft_clock();
        WEFT_TRY(weft_model_run(model));
        if (i >= WARM_UP)
            *seconds = fmin(*seconds, weft_clock() - start);
    }
    return WEFT_OK;
}

/* One way to make the model. */
typedef struct trial {
    unsigned forms;
    weft_run_cost cost;
    double seconds;
    uint64_t number;
} trial;

static weft_status make_trial(weft_ctx *ctx, const weft_graph *graph, const weft_model_opt *opt, bool run, trial *t)
{
    weft_model_opt own = *opt;
    weft_model *model = NULL;
    own.store = NULL;
    own.plan_only = !run;
    own.resident = true;
    WEFT_TRY(weft_model_make(ctx, graph, &own, &(weft_trial){ .forms = t->forms }, &model));
    t->number = model->number;
    const weft_status status = run ? time_runs(model, &t->seconds) : weft_model_cost(model, &t->cost);
    weft_model_destroy(model);
    return status;
}

/* Whether two ways come to the same steps. */
static bool is_same(const weft_run_cost *a, const weft_run_cost *b)
{
    return a->launches == b->launches && a->plans == b->plans && a->weights == b->weights && a->read == b->read &&
           a->written == b->written && a->core == b->core && a->tensor_core == b->tensor_core;
}

/* Whether turning a form around is faster; what cannot be made or run is not, for whatever reason. */
static bool is_faster(weft_ctx *ctx, const weft_graph *graph, const weft_model_opt *opt, const trial *best,
                      trial *other)
{
    return make_trial(ctx, graph, opt, false, other) == WEFT_OK && !is_same(&best->cost, &other->cost) &&
           make_trial(ctx, graph, opt, true, other) == WEFT_OK && other->seconds < margin * best->seconds;
}

/* Where the context is to tune: keeps the fastest forms for the model that is then made, and for later ones. */
static weft_status tune(weft_ctx *ctx, const weft_graph *graph, const weft_model_opt *opt)
{
    const weft_device *device = ctx->device;
    trial best = { .forms = device->forms };
    if (device->tuning != WEFT_TUNING_NOW || device->dry || opt->plan_only || opt->training ||
        !device->backend->keep_forms)
        return WEFT_OK;
    WEFT_TRY(make_trial(ctx, graph, opt, false, &best));
    WEFT_TRY(make_trial(ctx, graph, opt, true, &best));
    for (int i = 0; i < WEFT_FORMS; i++) {
        trial other = { .forms = best.forms ^ 1U << i };
        if (!(device->fixed >> i & 1) && is_faster(ctx, graph, opt, &best, &other))
            best = other;
    }
    return device->backend->keep_forms(device, best.number, best.forms);
}

weft_status weft_model_create(weft_ctx *ctx, const weft_graph *graph, const weft_model_opt *opt, weft_model **out)
{
    static const weft_model_opt defaults = { 0 };
    if (!ctx || !graph || !out)
        return weft_fail(WEFT_INVALID, "weft_model_create: ctx, graph and out must not be NULL");
    WEFT_TRY(weft_graph_status(graph));
    if (opt && opt->batch < 0)
        return weft_fail(WEFT_INVALID, "weft_model_create: batch is %lld, expected 1 or more, or 0 for the graph's",
                         (long long)opt->batch);
    if (!opt)
        opt = &defaults;
    const weft_device *device = ctx->device;
    if (device->backend->has_choices && device->tuning == WEFT_TUNING_NOW && !opt->plan_only && !opt->training)
        WEFT_TRY(weft_model_tune_kernels(ctx, graph, opt));
    WEFT_TRY(tune(ctx, graph, opt));
    return weft_model_make(ctx, graph, opt, NULL, out);
}
