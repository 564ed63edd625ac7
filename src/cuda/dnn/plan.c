/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans: heuristics (mode A, then the fallback list) propose engine configurations; those whose numerical notes or
 * workspace the request forbids are dropped; the first that finalises is taken. Each step is the same with and without
 * a card. A plan that was built goes to the disk cache as cuDNN's own JSON, compiled kernel included, and comes back
 * from there in milliseconds. */
#include "cuda/dnn/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define API(name) WEFT_CUDNN_##name

enum { MAX_CONFIG = 128, MAX_NOTE = 16 };

/* One configuration that passed the filters. */
typedef struct candidate {
    weft_cudnn_descriptor config;
    weft_dnn_info info;
} candidate;

/* What is gathered while a plan is looked for. */
typedef struct search {
    weft_dnn *dnn;
    const weft_dnn_graph *graph;
    weft_dnn_request request;
    candidate candidate[2 * MAX_CONFIG];
    int offered, allowed, refused; /* refused: did not finalise */
    int last;                      /* cudnnStatus_t of the last refusal */
    char why[256];                 /* its text */
} search;

/* ---- configurations ---- */

static unsigned read_notes(const weft_vendor *vendor, weft_cudnn_descriptor engine, int attribute, int type)
{
    int note[MAX_NOTE] = { 0 };
    int64_t count = 0;
    if (vendor->cudnnBackendGetAttribute(engine, attribute, type, MAX_NOTE, &count, note) != 0)
        return 0;
    unsigned bits = 0;
    for (int i = 0; i < count && i < MAX_NOTE; i++)
        bits |= note[i] >= 0 && note[i] < 32 ? 1U << note[i] : 0;
    return bits;
}

/* What a configuration says of itself before it is built. */
static weft_dnn_info describe(const weft_vendor *vendor, weft_cudnn_descriptor config)
{
    weft_dnn_info info = { .engine = -1 };
    weft_cudnn_descriptor engine = NULL;
    int64_t count = 0, value = 0;
    if (vendor->cudnnBackendGetAttribute(config, API(ATTR_ENGINECFG_WORKSPACE_SIZE), API(TYPE_INT64), 1, &count,
                                         &value) == 0 &&
        count == 1 && value > 0)
        info.workspace = (size_t)value;
    if (vendor->cudnnBackendCreateDescriptor(API(BACKEND_ENGINE_DESCRIPTOR), &engine) != 0)
        return info;
    if (vendor->cudnnBackendGetAttribute(config, API(ATTR_ENGINECFG_ENGINE), API(TYPE_BACKEND_DESCRIPTOR), 1, &count,
                                         &engine) == 0) {
        if (vendor->cudnnBackendGetAttribute(engine, API(ATTR_ENGINE_GLOBAL_INDEX), API(TYPE_INT64), 1, &count,
                                             &value) == 0)
            info.engine = (int)value;
        info.notes = read_notes(vendor, engine, API(ATTR_ENGINE_NUMERICAL_NOTE), API(TYPE_NUMERICAL_NOTE));
        info.runtime_compiled = read_notes(vendor, engine, API(ATTR_ENGINE_BEHAVIOR_NOTE), API(TYPE_BEHAVIOR_NOTE)) >>
                                    API(BEHAVIOR_NOTE_RUNTIME_COMPILATION) &
                                1;
    }
    vendor->cudnnBackendDestroyDescriptor(engine);
    return info;
}

/* Notes that the request forbids. Sums in reduced precision are never wanted. For fp32, strict also means the products
 * of fp32; half precision's are exact in its tensor cores. */
static unsigned forbidden(const weft_dnn_graph *graph, const weft_dnn_request *request)
{
    unsigned notes = WEFT_DNN_REDUCED_PRECISION;
    if (request->strict)
        notes |= WEFT_DNN_FFT | WEFT_DNN_WINOGRAD | WEFT_DNN_DOWN_CONVERT;
    if (request->strict && graph->tensor[graph->op[0].in[0]].dtype == WEFT_F32)
        notes |= WEFT_DNN_TENSOR_CORE;
    if (!request->nondeterministic)
        notes |= WEFT_DNN_NONDETERMINISTIC;
    return notes;
}

static bool has_stats(const weft_dnn_graph *graph)
{
    for (int i = 0; i < graph->n_ops; i++)
        if (graph->op[i].kind == WEFT_DNN_STATS)
            return true;
    return false;
}

/* Sums over tiles of a map that are to be the same in every run have to wait somewhere for each other. The engines of
 * statistics that want no workspace have no such place, so they add as tiles come, and none of them says that it is not
 * deterministic (9.19): they are not taken. */
static bool is_allowed(const search *s, const weft_dnn_info *info)
{
    const bool in_order = s->request.nondeterministic || !has_stats(s->graph) || info->workspace > 0;
    return in_order && !(info->notes & forbidden(s->graph, &s->request)) &&
           info->workspace <= s->request.workspace_limit;
}

/* Asks one heuristic; keeps what the request allows, destroys the rest. */
static void propose(search *s, weft_cudnn_descriptor graph, int mode)
{
    const weft_vendor *vendor = s->dnn->vendor;
    weft_cudnn_descriptor heuristic = NULL, config[MAX_CONFIG];
    int64_t count = 0;
    if (vendor->cudnnBackendCreateDescriptor(API(BACKEND_ENGINEHEUR_DESCRIPTOR), &heuristic) != 0)
        return;
    int failed = vendor->cudnnBackendSetAttribute(heuristic, API(ATTR_ENGINEHEUR_OPERATION_GRAPH),
                                                  API(TYPE_BACKEND_DESCRIPTOR), 1, &graph);
    if (!failed)
        failed = vendor->cudnnBackendSetAttribute(heuristic, API(ATTR_ENGINEHEUR_MODE), API(TYPE_HEUR_MODE), 1, &mode);
    if (!failed)
        failed = vendor->cudnnBackendSetAttribute(heuristic, API(ATTR_ENGINEHEUR_DEVICEPROP),
                                                  API(TYPE_BACKEND_DESCRIPTOR), 1, &s->dnn->properties);
    if (!failed)
        failed = vendor->cudnnBackendFinalize(heuristic);
    int made = 0;
    while (!failed && made < MAX_CONFIG &&
           vendor->cudnnBackendCreateDescriptor(API(BACKEND_ENGINECFG_DESCRIPTOR), &config[made]) == 0)
        made++;
    if (!failed)
        failed = vendor->cudnnBackendGetAttribute(heuristic, API(ATTR_ENGINEHEUR_RESULTS), API(TYPE_BACKEND_DESCRIPTOR),
                                                  made, &count, config);
    if (failed)
        s->last = failed;
    for (int i = 0; i < made; i++) {
        const bool got = !failed && i < count;
        const weft_dnn_info info = got ? describe(vendor, config[i]) : (weft_dnn_info){ .engine = -1 };
        s->offered += got;
        if (got && is_allowed(s, &info))
            s->candidate[s->allowed++] = (candidate){ config[i], info };
        else
            vendor->cudnnBackendDestroyDescriptor(config[i]);
    }
    vendor->cudnnBackendDestroyDescriptor(heuristic);
}

/* ---- plans ---- */

/* A plan descriptor for the device, not finalised; NULL on failure, with the status. */
static weft_cudnn_descriptor new_plan(const weft_dnn *dnn, int *failed)
{
    weft_cudnn_descriptor plan = NULL;
    *failed = dnn->vendor->cudnnBackendCreateDescriptor(API(BACKEND_EXECUTION_PLAN_DESCRIPTOR), &plan);
    if (*failed)
        return NULL;
    *failed = dnn->vendor->cudnnBackendSetAttribute(plan, API(ATTR_EXECUTION_PLAN_DEVICEPROP),
                                                    API(TYPE_BACKEND_DESCRIPTOR), 1, &dnn->properties);
    return plan;
}

/* Finalises plan; false with the status, plan destroyed, when it fails or asks for more workspace than the limit. */
static bool finish_plan(const weft_dnn *dnn, weft_cudnn_descriptor plan, size_t limit, size_t *workspace, int *failed)
{
    int64_t count = 0, value = -1;
    if (plan && !*failed)
        *failed = dnn->vendor->cudnnBackendFinalize(plan);
    if (plan && !*failed)
        *failed = dnn->vendor->cudnnBackendGetAttribute(plan, API(ATTR_EXECUTION_PLAN_WORKSPACE_SIZE), API(TYPE_INT64),
                                                        1, &count, &value);
    if (plan && !*failed && value >= 0 && (size_t)value <= limit) {
        *workspace = (size_t)value;
        return true;
    }
    if (plan)
        dnn->vendor->cudnnBackendDestroyDescriptor(plan);
    return false;
}

static bool build_one(search *s, const candidate *c, weft_dnn_plan *out)
{
    const weft_vendor *vendor = s->dnn->vendor;
    int failed;
    weft_cudnn_descriptor plan = new_plan(s->dnn, &failed);
    if (plan && !failed)
        failed = vendor->cudnnBackendSetAttribute(plan, API(ATTR_EXECUTION_PLAN_ENGINE_CONFIG),
                                                  API(TYPE_BACKEND_DESCRIPTOR), 1, &c->config);
    out->info = c->info;
    if (finish_plan(s->dnn, plan, s->request.workspace_limit, &out->info.workspace, &failed)) {
        out->plan = plan;
        return true;
    }
    s->refused++;
    if (failed) {
        s->last = failed;
        vendor->cudnnGetLastErrorString(s->why, sizeof s->why);
        s->why[strcspn(s->why, "\n")] = '\0';
    }
    return false;
}

/* In 16 bits other engines come last, whatever the heuristics say: of a convolution between slices they put one first
 * that takes twenty times as long (9.19, batch 256, on an H200). The engines of statistics do not note their cores. */
static bool prefers_cores(const weft_dnn_graph *graph)
{
    return graph->tensor[graph->op[0].in[0]].dtype != WEFT_F32 && !has_stats(graph);
}

/* The candidates from `first` on that are on tensor cores, or that are not, in order, precompiled ones before the
 * others if that is wanted: takes the first that builds, after skipping as many as asked. */
static bool build_first(search *s, int first, bool cores, weft_dnn_plan *out)
{
    const int passes = s->request.precompiled_first ? 2 : 1;
    for (int pass = 0; pass < passes; pass++)
        for (int i = first; i < s->allowed; i++) {
            const weft_dnn_info *info = &s->candidate[i].info;
            if (passes == 2 && info->runtime_compiled != (pass == 1))
                continue;
            if (prefers_cores(s->graph) && ((info->notes & WEFT_DNN_TENSOR_CORE) != 0) != cores)
                continue;
            if (!build_one(s, &s->candidate[i], out))
                continue;
            if (s->request.skip-- == 0)
                return true;
            s->dnn->vendor->cudnnBackendDestroyDescriptor(out->plan);
            out->plan = NULL;
        }
    return false;
}

static weft_status no_engine(const search *s)
{
    char libraries[512];
    const weft_dnn_request *r = &s->request;
    const weft_vendor *vendor = s->dnn->vendor;
    return weft_fail(WEFT_UNSUPPORTED,
                     "%s: no cuDNN engine computes it: %d offered, %d allowed (%s, %s, workspace up to %zu MiB), "
                     "%d refused%s%s%s%s; libraries: %s",
                     s->graph->name, s->offered, s->allowed, r->strict ? "strict" : "any precision",
                     r->nondeterministic ? "any order of sums" : "deterministic", r->workspace_limit >> 20, s->refused,
                     s->last ? "; the last with " : "", s->last ? vendor->cudnnGetErrorString(s->last) : "",
                     s->why[0] ? ": " : "", s->why, weft_vendor_parts_text(libraries, sizeof libraries));
}

static weft_status build_plan(search *s, weft_dnn_plan *out)
{
    const weft_vendor *vendor = s->dnn->vendor;
    weft_cudnn_descriptor graph;
    WEFT_TRY(weft_dnn_lower(&out->set, s->graph, &graph));
    static const int modes[] = { API(HEUR_MODE_A), API(HEUR_MODE_FALLBACK) };
    bool found = false;
    for (int i = 0; i < WEFT_COUNT(modes) && !found; i++) {
        const int before = s->allowed;
        propose(s, graph, modes[i]);
        found = build_first(s, before, true, out);
    }
    if (!found && prefers_cores(s->graph))
        found = build_first(s, 0, false, out);
    for (int i = 0; i < s->allowed; i++)
        vendor->cudnnBackendDestroyDescriptor(s->candidate[i].config);
    out->info.offered = s->offered;
    out->info.allowed = s->allowed;
    return found ? WEFT_OK : no_engine(s);
}

/* ---- the cache ---- */

/* Everything that a plan depends on. A tuned one is that of no skip. */
static char *make_key(const weft_dnn *dnn, const weft_dnn_graph *graph, const weft_dnn_request *r, bool tuned)
{
    char text[WEFT_DNN_TEXT];
    weft_dnn_graph_text(graph, text, sizeof text);
    const size_t size = strlen(text) + strlen(dnn->device) + 160;
    char *key = weft_alloc(dnn->allocator, size);
    if (key)
        snprintf(key, size, "cudnn %d\n%s\n%s\nstrict %d any-order %d precompiled %d workspace %zu %s %d\n",
                 dnn->vendor->cudnn, dnn->device, text, r->strict, r->nondeterministic, r->precompiled_first,
                 r->workspace_limit, tuned ? "tuned" : "skip", tuned ? 0 : r->skip);
    return key;
}

static bool reload(weft_dnn *dnn, const char *key, size_t limit, weft_dnn_plan *out)
{
    weft_dnn_entry entry;
    if (!dnn->cache || !weft_dnn_cache_load(dnn->cache, key, &entry))
        return false;
    int failed;
    weft_cudnn_descriptor plan = new_plan(dnn, &failed);
    if (plan && !failed)
        failed = dnn->vendor->cudnnBackendSetAttribute(plan, API(ATTR_EXECUTION_PLAN_JSON_REPRESENTATION),
                                                       API(TYPE_CHAR), (int64_t)entry.size, entry.json);
    weft_free(dnn->allocator, entry.json);
    out->info = entry.info;
    if (!finish_plan(dnn, plan, limit, &out->info.workspace, &failed)) {
        weft_dnn_cache_drop(dnn->cache, key);
        return false;
    }
    out->plan = plan;
    out->info.cached = true;
    return true;
}

static void remember(const weft_dnn *dnn, const char *key, const weft_dnn_plan *plan)
{
    const weft_vendor *vendor = dnn->vendor;
    int64_t size = 0;
    if (!dnn->cache ||
        vendor->cudnnBackendGetAttribute(plan->plan, API(ATTR_EXECUTION_PLAN_JSON_REPRESENTATION), API(TYPE_CHAR), 0,
                                         &size, NULL) != 0 ||
        size <= 0)
        return;
    weft_dnn_entry entry = { .json = weft_alloc(dnn->allocator, (size_t)size), .info = plan->info };
    if (entry.json && vendor->cudnnBackendGetAttribute(plan->plan, API(ATTR_EXECUTION_PLAN_JSON_REPRESENTATION),
                                                       API(TYPE_CHAR), size, &size, entry.json) == 0) {
        entry.size = (size_t)size;
        while (entry.size > 0 && entry.json[entry.size - 1] == '\0')
            entry.size--;
        weft_dnn_cache_store(dnn->cache, key, &entry);
    }
    weft_free(dnn->allocator, entry.json);
}

/* ---- the public part ---- */

/* Builds the plan that comes after `skipped` others, and keeps it under key. */
static weft_status build_and_remember(weft_dnn_plan *plan, const weft_dnn_request *request, const char *key)
{
    weft_dnn *dnn = plan->dnn;
    search *s = weft_calloc(dnn->allocator, 1, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    s->dnn = dnn;
    s->graph = &plan->graph;
    s->request = *request;
    const weft_status status = build_plan(s, plan);
    weft_free(dnn->allocator, s);
    WEFT_TRY(status);
    remember(dnn, key, plan);
    return WEFT_OK;
}

/* Takes the tuned plan, if there is one; after: drops it instead. */
static weft_status find_tuned(weft_dnn_plan *plan, const weft_dnn_plan *after, size_t limit, bool *found)
{
    weft_dnn *dnn = plan->dnn;
    *found = false;
    if (!dnn->cache || plan->request.untuned || plan->request.skip > 0)
        return WEFT_OK;
    char *key = make_key(dnn, &plan->graph, &plan->request, true);
    if (!key)
        return WEFT_NO_MEMORY;
    if (after)
        weft_dnn_cache_drop(dnn->cache, key);
    else
        *found = reload(dnn, key, limit, plan);
    weft_free(dnn->allocator, key);
    return WEFT_OK;
}

/* For plan->request; after: in the place of a plan that does not run. */
static weft_status find_plan(weft_dnn_plan *plan, const weft_dnn_plan *after, size_t limit)
{
    weft_dnn *dnn = plan->dnn;
    bool tuned;
    WEFT_TRY(find_tuned(plan, after, limit, &tuned));
    if (tuned)
        return WEFT_OK;
    char *key = make_key(dnn, &plan->graph, &plan->request, false);
    if (!key)
        return WEFT_NO_MEMORY;
    if (after && dnn->cache)
        weft_dnn_cache_drop(dnn->cache, key);
    weft_dnn_request request = plan->request;
    request.skip += plan->skipped;
    request.workspace_limit = limit;
    const weft_status status =
        !after && reload(dnn, key, limit, plan) ? WEFT_OK : build_and_remember(plan, &request, key);
    weft_free(dnn->allocator, key);
    return status;
}

static weft_status make_plan(weft_dnn *dnn, const weft_dnn_graph *graph, const weft_dnn_request *request,
                             const weft_dnn_plan *after, size_t limit, weft_dnn_plan **out)
{
    const double start = weft_clock();
    weft_dnn_plan *plan = weft_calloc(dnn->allocator, 1, sizeof *plan);
    if (!plan)
        return WEFT_NO_MEMORY;
    plan->dnn = dnn;
    plan->graph = *graph;
    plan->set.vendor = dnn->vendor;
    plan->request = *request;
    plan->skipped = after ? after->skipped + 1 : 0;
    const weft_status status = find_plan(plan, after, limit);
    if (status != WEFT_OK) {
        weft_dnn_plan_destroy(plan);
        return status;
    }
    plan->info.seconds = weft_clock() - start;
    *out = plan;
    return WEFT_OK;
}

weft_status weft_dnn_plan_create(weft_dnn *dnn, const weft_dnn_graph *graph, const weft_dnn_request *request,
                                 weft_dnn_plan **out)
{
    weft_dnn_request whole = request ? *request : (weft_dnn_request){ .strict = false };
    if (whole.workspace_limit == 0)
        whole.workspace_limit = WEFT_DNN_WORKSPACE_LIMIT;
    WEFT_TRY(weft_dnn_graph_check(graph));
    return make_plan(dnn, graph, &whole, NULL, whole.workspace_limit, out);
}

weft_status weft_dnn_plan_prefer(weft_dnn *dnn, const weft_dnn_graph *graph, const weft_dnn_request *request, int skip)
{
    weft_dnn_request chosen = *request;
    weft_dnn_entry entry;
    weft_status status = WEFT_NO_MEMORY;
    chosen.skip = skip;
    char *from = make_key(dnn, graph, &chosen, false), *to = make_key(dnn, graph, &chosen, true);
    if (from && to && !weft_dnn_cache_load(dnn->cache, from, &entry)) {
        status = weft_fail(WEFT_IO, "%s: its tuned plan cannot be kept on disk", graph->name);
    } else if (from && to) {
        weft_dnn_cache_store(dnn->cache, to, &entry);
        weft_free(dnn->allocator, entry.json);
        status = WEFT_OK;
    }
    weft_free(dnn->allocator, from);
    weft_free(dnn->allocator, to);
    return status;
}

weft_status weft_dnn_plan_next(const weft_dnn_plan *plan, size_t workspace_limit, weft_dnn_plan **out)
{
    return make_plan(plan->dnn, &plan->graph, &plan->request, plan, workspace_limit, out);
}

void weft_dnn_plan_destroy(weft_dnn_plan *plan)
{
    if (!plan)
        return;
    if (plan->plan)
        plan->dnn->vendor->cudnnBackendDestroyDescriptor(plan->plan);
    weft_dnn_set_release(&plan->set);
    weft_free(plan->dnn->allocator, plan);
}

const weft_dnn_info *weft_dnn_plan_info(const weft_dnn_plan *plan)
{
    return &plan->info;
}
