/* SPDX-License-Identifier: Apache-2.0
 *
 * The plans of a device. cuDNN's graphs are each built once, whatever the number of steps that run it: those of a model
 * side by side, since many are compiled for seconds. A plan that was built has not run yet: what cuDNN then refuses is
 * replaced by its next engine, until none is left. */
#include "cuda/cuda.h"

#include <stdio.h>
#include <string.h>

static weft_cuda_plan *new_plan(const weft_device *device, uint64_t hash)
{
    weft_cuda_plan *plan = weft_calloc(device->allocator, 1, sizeof *plan);
    if (plan)
        plan->hash = hash;
    return plan;
}

/* Into the device's list if it could be built. */
static weft_status keep(const weft_device *device, weft_cuda_plan *plan, weft_status status, weft_cuda_plan **out)
{
    weft_cuda *cuda = weft_cuda_of(device);
    if (status != WEFT_OK) {
        weft_free(device->allocator, plan);
        return status;
    }
    plan->next = cuda->plans;
    cuda->plans = plan;
    *out = plan;
    return WEFT_OK;
}

static weft_status none_runs(const weft_cuda_plan *plan, const char *name)
{
    return plan->refusal ? weft_fail(WEFT_UNSUPPORTED, "%s", plan->refusal)
                         : weft_fail(WEFT_UNSUPPORTED, "%s: no engine of cuDNN runs it", name);
}

static weft_cuda_plan *find(const weft_cuda *cuda, uint64_t hash)
{
    weft_cuda_plan *p = cuda->plans;
    while (p && p->hash != hash)
        p = p->next;
    return p;
}

static weft_dnn_request request_of(const weft_device *device)
{
    return (weft_dnn_request){ .strict = device->precision == WEFT_PRECISION_FP32,
                               .untuned = device->tuning == WEFT_TUNING_NONE ||
                                          weft_cuda_of(device)->untuned };
}

/* The plan's own: what cuDNN says, UNSUPPORTED included, is kept in it. */
static weft_status build(const weft_device *device, const weft_dnn_graph *graph, weft_cuda_plan *plan)
{
    const weft_dnn_request request = request_of(device);
    WEFT_TRY(weft_dnn_plan_create(weft_cuda_of(device)->dnn, graph, &request, &plan->dnn));
    plan->workspace = weft_dnn_plan_info(plan->dnn)->workspace;
    return WEFT_OK;
}

weft_status weft_cuda_plan_for(const weft_device *device, const weft_dnn_graph *graph, weft_cuda_plan **out)
{
    const uint64_t hash = weft_dnn_graph_hash(graph);
    weft_cuda_plan *known = find(weft_cuda_of(device), hash);
    if (known && !known->dnn)
        return none_runs(known, graph->name);
    if (known) {
        *out = known;
        return WEFT_OK;
    }
    WEFT_TRY(weft_cuda_enter(device));
    weft_cuda_plan *fresh = new_plan(device, hash);
    if (!fresh)
        return WEFT_NO_MEMORY;
    return keep(device, fresh, build(device, graph, fresh), out);
}

/* ---- many at once ---- */

weft_status weft_cuda_plan_want(const weft_device *device, const weft_dnn_graph *graph)
{
    weft_cuda *cuda = weft_cuda_of(device);
    const uint64_t hash = weft_dnn_graph_hash(graph);
    WEFT_TRY(weft_dnn_graph_check(graph));
    if (find(cuda, hash))
        return WEFT_OK;
    weft_cuda_plan *fresh = new_plan(device, hash);
    if (!fresh)
        return WEFT_NO_MEMORY;
    fresh->graph = weft_alloc(device->allocator, sizeof *graph);
    if (!fresh->graph) {
        weft_free(device->allocator, fresh);
        return WEFT_NO_MEMORY;
    }
    *fresh->graph = *graph;
    fresh->next = cuda->plans;
    cuda->plans = fresh;
    return WEFT_OK;
}

typedef struct batch {
    const weft_device *device;
    weft_cuda_plan **list;
    weft_status *status;
    char (*said)[512];
} batch;

static weft_status build_described(const weft_device *device, weft_cuda_plan *plan)
{
    WEFT_TRY(weft_cuda_enter(device));
    return build(device, plan->graph, plan);
}

static void build_one(void *arg, int64_t item, int thread)
{
    const batch *b = arg;
    (void)thread;
    b->status[item] = build_described(b->device, b->list[item]);
    if (b->status[item] != WEFT_OK) /* each thread has its own weft_error */
        snprintf(b->said[item], sizeof b->said[item], "%s", weft_error());
}

/* ---- tuning ---- */

/* One of the plans that tuning will time, so that it lies on disk by then: all are built side by side. */
static void build_candidate(void *arg, int64_t item, int thread)
{
    const batch *b = arg;
    const weft_device *device = b->device;
    weft_dnn_request request = request_of(device);
    weft_dnn_plan *plan;
    (void)thread;
    request.skip = (int)(item % WEFT_DNN_CANDIDATES);
    request.untuned = true;
    if (weft_cuda_enter(device) == WEFT_OK &&
        weft_dnn_plan_create(weft_cuda_of(device)->dnn, b->list[item / WEFT_DNN_CANDIDATES]->graph, &request, &plan) ==
            WEFT_OK)
        weft_dnn_plan_destroy(plan);
}

static weft_status tune(const batch *b, int count)
{
    const weft_device *device = b->device;
    const weft_cuda *cuda = weft_cuda_of(device);
    const weft_dnn_request request = request_of(device);
    weft_pool_run(device->pool, (int64_t)count * WEFT_DNN_CANDIDATES, build_candidate, weft_mutable(b));
    WEFT_TRY(weft_cuda_enter(device));
    for (int i = 0; i < count; i++) {
        weft_dnn_tuned tuned;
        const weft_status status =
            weft_dnn_plan_tune(cuda->dnn, b->list[i]->graph, &request, cuda->stream, &tuned);
        if (status != WEFT_OK && status != WEFT_UNSUPPORTED)
            return status;
    }
    return WEFT_OK;
}

/* ---- all that was noted ---- */

/* A graph that cuDNN refuses stays, with its refusal; one that failed in another way goes, to fail again by itself. */
static void settle(const weft_device *device, weft_cuda_plan *plan, weft_status status, const char *said)
{
    weft_cuda *cuda = weft_cuda_of(device);
    weft_free(device->allocator, plan->graph);
    plan->graph = NULL;
    if (status == WEFT_UNSUPPORTED)
        plan->refusal = weft_alloc(device->allocator, strlen(said) + 1);
    if (plan->refusal)
        memcpy(plan->refusal, said, strlen(said) + 1);
    if (status == WEFT_OK || plan->refusal)
        return;
    weft_cuda_plan **at = &cuda->plans;
    while (*at != plan)
        at = &(*at)->next;
    *at = plan->next;
    weft_free(device->allocator, plan);
}

weft_status weft_cuda_build(const weft_device *device)
{
    weft_cuda *cuda = weft_cuda_of(device);
    weft_arena arena;
    int count = 0;
    for (const weft_cuda_plan *p = cuda->plans; p; p = p->next)
        count += p->graph != NULL;
    if (count == 0)
        return WEFT_OK;
    weft_arena_init(&arena, device->allocator);
    batch b = { device, weft_arena_array(&arena, (size_t)count, sizeof *b.list),
                weft_arena_array(&arena, (size_t)count, sizeof *b.status),
                weft_arena_array(&arena, (size_t)count, sizeof *b.said) };
    weft_status status = b.list && b.status && b.said ? WEFT_OK : WEFT_NO_MEMORY;
    int at = 0;
    for (weft_cuda_plan *p = cuda->plans; p && status == WEFT_OK; p = p->next)
        if (p->graph)
            b.list[at++] = p;
    if (status == WEFT_OK && device->tuning == WEFT_TUNING_NOW && !device->dry)
        status = tune(&b, at);
    if (at > 0)
        weft_pool_run(device->pool, at, build_one, &b);
    for (int i = 0; i < at; i++)
        settle(device, b.list[i], b.status[i], b.said[i]);
    weft_arena_release(&arena);
    return status;
}

/* ---- cuBLASLt's ---- */

static weft_status build_blas(const weft_device *device, const weft_blas_matmul *matmul, weft_cuda_plan *plan)
{
    WEFT_TRY(weft_blas_plan_create(weft_cuda_of(device)->blas, matmul, &plan->blas));
    plan->workspace = weft_blas_plan_workspace(plan->blas);
    return WEFT_OK;
}

weft_status weft_cuda_blas_plan(const weft_device *device, const weft_blas_matmul *matmul, weft_cuda_plan **out)
{
    WEFT_TRY(weft_cuda_enter(device));
    weft_cuda_plan *fresh = new_plan(device, 0);
    if (!fresh)
        return WEFT_NO_MEMORY;
    return keep(device, fresh, build_blas(device, matmul, fresh), out);
}

/* ---- running ---- */

bool weft_cuda_may_replace(const weft_cuda *cuda)
{
    return !cuda->capturing && weft_cuda_still_works(cuda);
}

/* Puts the next engine in the place of one that does not run. The old one stays until the device closes: a recorded
 * run of another model may hold its kernels. */
static weft_status replace(const weft_device *device, weft_cuda_plan *plan)
{
    weft_cuda *cuda = weft_cuda_of(device);
    weft_cuda_plan *retired = new_plan(device, 0);
    if (!retired)
        return WEFT_NO_MEMORY;
    retired->dnn = plan->dnn;
    retired->next = cuda->plans;
    cuda->plans = retired;
    plan->dnn = NULL;
    return weft_dnn_plan_next(retired->dnn, plan->workspace, &plan->dnn);
}

weft_status weft_cuda_plan_run(const weft_device *device, weft_cuda_plan *plan, const weft_dnn_binding *binding,
                               int count, void *workspace)
{
    const weft_cuda *cuda = weft_cuda_of(device);
    while (plan->dnn) {
        const weft_status status = weft_dnn_plan_run(plan->dnn, cuda->stream, binding, count, workspace);
        if (status != WEFT_UNSUPPORTED)
            return status;
        if (!weft_cuda_may_replace(cuda))
            return weft_fail(WEFT_INTERNAL, "%s", weft_error());
        WEFT_TRY(replace(device, plan));
    }
    return none_runs(plan, "plan");
}

weft_status weft_cuda_plan_spare(const weft_device *device, weft_cuda_plan *plan, size_t bytes, void **out)
{
    if (!plan->spare)
        WEFT_TRY(weft_cuda_alloc(device, bytes, &plan->spare));
    *out = plan->spare;
    return WEFT_OK;
}

void weft_cuda_plans_release(weft_cuda *cuda, const weft_allocator *allocator)
{
    while (cuda->plans) {
        weft_cuda_plan *first = cuda->plans;
        cuda->plans = first->next;
        weft_dnn_plan_destroy(first->dnn);
        weft_blas_plan_destroy(first->blas);
        if (first->spare)
            (void)cuda->vendor.cudaFree(first->spare);
        weft_free(allocator, first->graph);
        weft_free(allocator, first->refusal);
        weft_free(allocator, first);
    }
}
