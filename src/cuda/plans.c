/* SPDX-License-Identifier: Apache-2.0
 *
 * The plans of a device. cuDNN's graphs are each built once, whatever the number of steps that run it. */
#include "cuda/cuda.h"

weft_status weft_cuda_plan_for(const weft_device *device, const weft_dnn_graph *graph, weft_dnn_plan **out)
{
    weft_cuda *cuda = weft_cuda_of(device);
    const uint64_t hash = weft_dnn_graph_hash(graph);
    for (const weft_cuda_plan *p = cuda->plans; p; p = p->next)
        if (p->plan && p->hash == hash) {
            *out = p->plan;
            return WEFT_OK;
        }
    weft_cuda_plan *fresh = weft_calloc(device->allocator, 1, sizeof *fresh);
    if (!fresh)
        return WEFT_NO_MEMORY;
    const weft_dnn_request request = { .strict = device->precision == WEFT_PRECISION_FP32 };
    const weft_status status = weft_dnn_plan_create(cuda->dnn, graph, &request, &fresh->plan);
    if (status != WEFT_OK) {
        weft_free(device->allocator, fresh);
        return status;
    }
    fresh->hash = hash;
    fresh->next = cuda->plans;
    cuda->plans = fresh;
    *out = fresh->plan;
    return WEFT_OK;
}

weft_status weft_cuda_blas_plan(const weft_device *device, const weft_blas_matmul *matmul, weft_blas_plan **out)
{
    weft_cuda *cuda = weft_cuda_of(device);
    weft_cuda_plan *fresh = weft_calloc(device->allocator, 1, sizeof *fresh);
    if (!fresh)
        return WEFT_NO_MEMORY;
    const weft_status status = weft_blas_plan_create(cuda->blas, matmul, &fresh->blas);
    if (status != WEFT_OK) {
        weft_free(device->allocator, fresh);
        return status;
    }
    fresh->next = cuda->plans;
    cuda->plans = fresh;
    *out = fresh->blas;
    return WEFT_OK;
}

void weft_cuda_plans_release(weft_cuda *cuda, const weft_allocator *allocator)
{
    while (cuda->plans) {
        weft_cuda_plan *first = cuda->plans;
        cuda->plans = first->next;
        weft_dnn_plan_destroy(first->plan);
        weft_blas_plan_destroy(first->blas);
        weft_free(allocator, first);
    }
}
