/* SPDX-License-Identifier: Apache-2.0
 *
 * A run as one CUDA graph. The first run of a model goes launch by launch, so that kernels are loaded and anything that
 * cannot be captured shows; the second is captured, and from then on one call launches all of it. Addresses never
 * change: they are the arena's. A capture that fails has run nothing: it is dropped, the steps are run plainly in the
 * same call, and so are all later ones. One that was cancelled says nothing of the next, which is captured anew. */
#include "cuda/cuda.h"

#include <stdio.h>

typedef enum stage { FIRST, CAPTURING, RECORDED, PLAIN } stage;

typedef struct record {
    stage stage;
    int runs;
    weft_cuda_graph graph;
    weft_cuda_graph_exec exec;
    char failed[256]; /* why the runs are not recorded */
    bool told;
} record;

static record *record_of(const weft_device *device, void **slot)
{
    if (!*slot)
        *slot = weft_calloc(device->allocator, 1, sizeof(record));
    return *slot;
}

/* No more captures. The sentence is weft_error's. */
static void give_up(const weft_cuda *cuda, record *r)
{
    (void)cuda->vendor.cudaGetLastError();
    snprintf(r->failed, sizeof r->failed, "%s", weft_error());
    r->stage = PLAIN;
}

static void begin_capture(weft_cuda *cuda, record *r)
{
    const int error = cuda->vendor.cudaStreamBeginCapture(cuda->stream, WEFT_CUDA_CAPTURE_THREAD_LOCAL);
    if (error != WEFT_CUDA_SUCCESS) {
        (void)weft_vendor_cuda_failed(&cuda->vendor, error, "cudaStreamBeginCapture", "run");
        give_up(cuda, r);
        return;
    }
    r->stage = CAPTURING;
    cuda->capturing = true;
}

weft_status weft_cuda_begin(const weft_device *device, void **slot, bool *replayed)
{
    weft_cuda *cuda = weft_cuda_of(device);
    record *r = record_of(device, slot);
    if (!r)
        return WEFT_NO_MEMORY;
    WEFT_TRY(weft_cuda_enter(device));
    *replayed = r->stage == RECORDED;
    if (*replayed)
        WEFT_TRY_CUDA(&cuda->vendor, "run", cudaGraphLaunch, (r->exec, cuda->stream));
    else if (r->stage == FIRST && r->runs++ > 0)
        begin_capture(cuda, r);
    return WEFT_OK;
}

/* Ends the capture and launches what was recorded. */
static weft_status end_capture(weft_cuda *cuda, record *r, weft_status status)
{
    const weft_vendor *v = &cuda->vendor;
    const int error = v->cudaStreamEndCapture(cuda->stream, &r->graph);
    cuda->capturing = false;
    WEFT_TRY(status);
    if (error != WEFT_CUDA_SUCCESS)
        return weft_vendor_cuda_failed(v, error, "cudaStreamEndCapture", "run");
    WEFT_TRY_CUDA(v, "run", cudaGraphInstantiate, (&r->exec, r->graph, 0));
    WEFT_TRY_CUDA(v, "run", cudaGraphLaunch, (r->exec, cuda->stream));
    r->stage = RECORDED;
    return WEFT_OK;
}

/* A run that was cancelled is as if it had not been: the next one is plain, or captured, in its place. */
static void forget_run(weft_cuda *cuda, record *r)
{
    r->runs--;
    if (r->stage != CAPTURING)
        return;
    if (cuda->vendor.cudaStreamEndCapture(cuda->stream, &r->graph) == WEFT_CUDA_SUCCESS && r->graph)
        (void)cuda->vendor.cudaGraphDestroy(r->graph);
    r->graph = NULL;
    r->stage = FIRST;
    cuda->capturing = false;
}

weft_status weft_cuda_end(const weft_device *device, void **slot, weft_status status, weft_recording *out)
{
    weft_cuda *cuda = weft_cuda_of(device);
    record *r = *slot;
    *out = (weft_recording){ .again = false };
    if (status == WEFT_CANCELLED) {
        forget_run(cuda, r);
    } else if (r->stage == CAPTURING) {
        status = end_capture(cuda, r, status);
        if (status != WEFT_OK && weft_cuda_still_works(cuda)) {
            give_up(cuda, r);
            out->again = true;
            status = WEFT_OK;
        }
    }
    if (r->failed[0] && !r->told) {
        out->failed = r->failed;
        r->told = true;
    }
    return status;
}

void weft_cuda_forget(const weft_device *device, void *slot)
{
    const weft_vendor *v = &weft_cuda_of(device)->vendor;
    record *r = slot;
    (void)weft_cuda_enter(device);
    if (r->exec)
        (void)v->cudaGraphExecDestroy(r->exec);
    if (r->graph)
        (void)v->cudaGraphDestroy(r->graph);
    weft_free(device->allocator, r);
}
