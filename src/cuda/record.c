/* SPDX-License-Identifier: Apache-2.0
 *
 * A run as one CUDA graph. The first run of a model goes launch by launch, so that kernels are loaded and anything that
 * cannot be captured shows; the second is captured, and from then on one call launches all of it. Addresses never
 * change: they are the arena's. A run that cannot be captured goes on launch by launch. */
#include "cuda/cuda.h"

typedef enum stage { FIRST, CAPTURING, RECORDED, PLAIN } stage;

typedef struct record {
    stage stage;
    int runs;
    weft_cuda_graph graph;
    weft_cuda_graph_exec exec;
} record;

static record *record_of(const weft_device *device, void **slot)
{
    if (!*slot)
        *slot = weft_calloc(device->allocator, 1, sizeof(record));
    return *slot;
}

weft_status weft_cuda_begin(const weft_device *device, void **slot, bool *replayed)
{
    const weft_cuda *cuda = weft_cuda_of(device);
    const weft_vendor *v = &cuda->vendor;
    record *r = record_of(device, slot);
    if (!r)
        return WEFT_NO_MEMORY;
    *replayed = r->stage == RECORDED;
    if (*replayed) {
        WEFT_TRY_CUDA(v, "run", cudaGraphLaunch, (r->exec, cuda->stream));
    } else if (r->stage == FIRST && r->runs++ > 0) {
        if (v->cudaStreamBeginCapture(cuda->stream, WEFT_CUDA_CAPTURE_THREAD_LOCAL) == WEFT_CUDA_SUCCESS) {
            r->stage = CAPTURING;
        } else {
            (void)v->cudaGetLastError();
            r->stage = PLAIN;
        }
    }
    return WEFT_OK;
}

/* Ends the capture and launches what was recorded. */
static weft_status finish(const weft_cuda *cuda, record *r, weft_status status)
{
    const weft_vendor *v = &cuda->vendor;
    r->stage = PLAIN;
    const int error = v->cudaStreamEndCapture(cuda->stream, &r->graph);
    if (status != WEFT_OK) {
        (void)v->cudaGetLastError();
        return status;
    }
    if (error != WEFT_CUDA_SUCCESS)
        return weft_vendor_cuda_failed(v, error, "cudaStreamEndCapture", "run");
    WEFT_TRY_CUDA(v, "run", cudaGraphInstantiate, (&r->exec, r->graph, 0));
    WEFT_TRY_CUDA(v, "run", cudaGraphLaunch, (r->exec, cuda->stream));
    r->stage = RECORDED;
    return WEFT_OK;
}

weft_status weft_cuda_end(const weft_device *device, void **slot, weft_status status)
{
    record *r = *slot;
    if (r->stage == CAPTURING)
        status = finish(weft_cuda_of(device), r, status);
    return status == WEFT_OK ? weft_cuda_wait(device) : status;
}

void weft_cuda_forget(const weft_device *device, void *slot)
{
    const weft_vendor *v = &weft_cuda_of(device)->vendor;
    record *r = slot;
    if (r->exec)
        (void)v->cudaGraphExecDestroy(r->exec);
    if (r->graph)
        (void)v->cudaGraphDestroy(r->graph);
    weft_free(device->allocator, r);
}
