/* SPDX-License-Identifier: Apache-2.0
 *
 * Marks of time: events that tell when the device has come to them. */
#include "cuda/cuda.h"

weft_status weft_cuda_mark(const weft_device *device, void **mark)
{
    const weft_cuda *const cuda = weft_cuda_of(device);
    weft_cuda_event event = *mark;
    WEFT_TRY(weft_cuda_enter(device));
    if (!event)
        WEFT_TRY_CUDA(&cuda->vendor, "time of a step", cudaEventCreateWithFlags, (&event, 0));
    *mark = event;
    WEFT_TRY_CUDA(&cuda->vendor, "time of a step", cudaEventRecord, (event, cuda->stream));
    return WEFT_OK;
}

weft_status weft_cuda_taken(const weft_device *device, void *from, void *to, double *seconds)
{
    float ms = 0;
    WEFT_TRY(weft_cuda_enter(device));
    WEFT_TRY_CUDA(&weft_cuda_of(device)->vendor, "time of a step", cudaEventElapsedTime, (&ms, from, to));
    *seconds = (double)ms * 1e-3;
    return WEFT_OK;
}

void weft_cuda_unmark(const weft_device *device, void *mark)
{
    (void)weft_cuda_enter(device);
    if (mark)
        (void)weft_cuda_of(device)->vendor.cudaEventDestroy(mark);
}
