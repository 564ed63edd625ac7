/* SPDX-License-Identifier: Apache-2.0
 *
 * The plans of a device. cuDNN's graphs are each built once, whatever the number of steps that run it. A plan that was
 * built has not run yet: what cuDNN then refuses is replaced by its next engine, until none is left. */
#include "cuda/cuda.h"

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

static weft_status none_runs(const char *name)
{
    return weft_fail(WEFT_UNSUPPORTED, "%s: no engine of cuDNN runs it", name);
}

weft_status weft_cuda_plan_for(const weft_device *device, const weft_dnn_graph *graph, weft_cuda_plan **out)
{
    const weft_cuda *cuda = weft_cuda_of(device);
    const uint64_t hash = weft_dnn_graph_hash(graph);
    for (weft_cuda_plan *p = cuda->plans; p; p = p->next) {
        if (p->hash != hash)
            continue;
        if (!p->dnn)
            return none_runs(graph->name);
        *out = p;
        return WEFT_OK;
    }
    WEFT_TRY(weft_cuda_enter(device));
    weft_cuda_plan *fresh = new_plan(device, hash);
    if (!fresh)
        return WEFT_NO_MEMORY;
    const weft_dnn_request request = { .strict = device->precision == WEFT_PRECISION_FP32 };
    const weft_status status = weft_dnn_plan_create(cuda->dnn, graph, &request, &fresh->dnn);
    if (status == WEFT_OK)
        fresh->workspace = weft_dnn_plan_info(fresh->dnn)->workspace;
    return keep(device, fresh, status, out);
}

weft_status weft_cuda_blas_plan(const weft_device *device, const weft_blas_matmul *matmul, weft_cuda_plan **out)
{
    WEFT_TRY(weft_cuda_enter(device));
    weft_cuda_plan *fresh = new_plan(device, 0);
    if (!fresh)
        return WEFT_NO_MEMORY;
    const weft_status status = weft_blas_plan_create(weft_cuda_of(device)->blas, matmul, &fresh->blas);
    if (status == WEFT_OK)
        fresh->workspace = weft_blas_plan_workspace(fresh->blas);
    return keep(device, fresh, status, out);
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
    return none_runs("plan");
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
        weft_free(allocator, first);
    }
}
