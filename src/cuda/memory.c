/* SPDX-License-Identifier: Apache-2.0
 *
 * Device memory, pinned host memory and copies. A target that is only planned for has none: what is asked for is one
 * byte of host memory that nobody reads. */
#include <string.h>

#include "cuda/cuda.h"
#include "cuda/kernel/norm.h"

/* ---- host memory for threads ---- */

static void *shared_alloc(void *user, size_t size, size_t align)
{
    weft_cuda *cuda = user;
    pthread_mutex_lock(&cuda->lock);
    void *ptr = cuda->inner->alloc(cuda->inner->user, size, align);
    pthread_mutex_unlock(&cuda->lock);
    return ptr;
}

static void shared_free(void *user, void *ptr)
{
    weft_cuda *cuda = user;
    pthread_mutex_lock(&cuda->lock);
    cuda->inner->free(cuda->inner->user, ptr);
    pthread_mutex_unlock(&cuda->lock);
}

void weft_cuda_share(weft_cuda *cuda, const weft_allocator *allocator)
{
    pthread_mutex_init(&cuda->lock, NULL);
    cuda->inner = allocator;
    cuda->shared = (weft_allocator){ shared_alloc, shared_free, cuda };
}

/* ---- the card ---- */

weft_status weft_cuda_enter(const weft_device *device)
{
    const weft_vendor *v = &weft_cuda_of(device)->vendor;
    if (device->dry)
        return WEFT_OK;
    WEFT_TRY_CUDA(v, "device", cudaSetDevice, (device->index));
    const int error = weft_launch_on(device->index, weft_cuda_of(device)->overlaps);
    return error == WEFT_CUDA_SUCCESS ? WEFT_OK : weft_vendor_cuda_failed(v, error, "cudaSetDevice", "kernels");
}

size_t weft_cuda_available(const weft_device *device)
{
    const weft_vendor *v = &weft_cuda_of(device)->vendor;
    size_t available = 0, total = 0;
    if (!device->dry && weft_cuda_enter(device) == WEFT_OK &&
        v->cudaMemGetInfo(&available, &total) != WEFT_CUDA_SUCCESS)
        (void)v->cudaGetLastError();
    return available;
}

/* How much was wanted, and how much there is. */
static weft_status no_memory(const weft_device *device, size_t bytes)
{
    (void)weft_cuda_of(device)->vendor.cudaGetLastError();
    return weft_fail(WEFT_NO_MEMORY, "%.1f MiB of device memory are needed, %.1f MiB are free",
                     (double)bytes / 1048576, (double)weft_cuda_available(device) / 1048576);
}

weft_status weft_cuda_alloc(const weft_device *device, size_t bytes, void **out)
{
    const weft_vendor *v = &weft_cuda_of(device)->vendor;
    void *ptr = NULL;
    if (device->dry) {
        ptr = weft_alloc(device->allocator, 1);
        if (!ptr)
            return WEFT_NO_MEMORY;
    } else {
        WEFT_TRY(weft_cuda_enter(device));
        const int error = v->cudaMalloc(&ptr, bytes ? bytes : 1);
        if (error == WEFT_CUDA_OUT_OF_MEMORY)
            return no_memory(device, bytes);
        if (error != WEFT_CUDA_SUCCESS)
            return weft_vendor_cuda_failed(v, error, "cudaMalloc", "device memory");
    }
    *out = ptr;
    return WEFT_OK;
}

void weft_cuda_free(const weft_device *device, void *ptr)
{
    if (device->dry) {
        weft_free(device->allocator, ptr);
    } else if (ptr) {
        (void)weft_cuda_enter(device);
        weft_cuda_settle(weft_cuda_of(device)); /* the runtime would wait for ever */
        (void)weft_cuda_of(device)->vendor.cudaFree(ptr);
    }
}

weft_status weft_cuda_turns(const weft_plan *plan, unsigned **out)
{
    static const unsigned zeros[WEFT_TURNS];
    weft_cuda *cuda = weft_cuda_of(plan->device);
    *out = cuda->turns;
    if (cuda->turns || !plan->build || plan->collect || plan->device->dry)
        return WEFT_OK;
    void *turns;
    WEFT_TRY(weft_cuda_alloc(plan->device, sizeof zeros, &turns));
    const weft_status status = weft_cuda_write(plan->device, turns, zeros, sizeof zeros);
    if (status != WEFT_OK)
        weft_cuda_free(plan->device, turns);
    else
        *out = cuda->turns = turns;
    return status;
}

void weft_cuda_turns_release(weft_cuda *cuda)
{
    if (cuda->turns)
        (void)cuda->vendor.cudaFree(cuda->turns);
}

/* Pinned memory has its size before it, so that it can be used again: what results are read through, above all. */
enum { PREFIX = 64, MOST_SPARE = 16 << 20 };

static void *take_spare(weft_cuda *cuda, size_t bytes)
{
    for (int i = 0; i < WEFT_CUDA_SPARES; i++) {
        weft_cuda_spare *spare = &cuda->spare[i];
        if (!spare->memory || spare->bytes < bytes || spare->bytes / 2 > bytes)
            continue;
        void *memory = spare->memory;
        *spare = (weft_cuda_spare){ .memory = NULL };
        return memory;
    }
    return NULL;
}

weft_status weft_cuda_host_alloc(const weft_device *device, size_t bytes, void **out)
{
    weft_cuda *cuda = weft_cuda_of(device);
    if (device->dry) {
        void *ptr = weft_alloc(device->allocator, bytes);
        if (!ptr)
            return WEFT_NO_MEMORY;
        *out = ptr;
        return WEFT_OK;
    }
    WEFT_TRY(weft_cuda_enter(device));
    char *memory = take_spare(cuda, bytes);
    if (!memory) {
        void *fresh;
        WEFT_TRY_CUDA(&cuda->vendor, "pinned host memory", cudaHostAlloc,
                      (&fresh, bytes + PREFIX, WEFT_CUDA_HOST_DEFAULT));
        memory = fresh;
        memcpy(memory, &bytes, sizeof bytes);
    }
    *out = memory + PREFIX;
    return WEFT_OK;
}

void weft_cuda_host_free(const weft_device *device, void *ptr)
{
    weft_cuda *cuda = weft_cuda_of(device);
    if (device->dry) {
        weft_free(device->allocator, ptr);
        return;
    }
    if (!ptr)
        return;
    weft_cuda_spare fresh = { .memory = (char *)ptr - PREFIX };
    memcpy(&fresh.bytes, fresh.memory, sizeof fresh.bytes);
    for (int i = 0; i < WEFT_CUDA_SPARES && fresh.bytes <= MOST_SPARE; i++)
        if (!cuda->spare[i].memory) {
            cuda->spare[i] = fresh;
            return;
        }
    (void)weft_cuda_enter(device);
    weft_cuda_settle(cuda);
    (void)cuda->vendor.cudaFreeHost(fresh.memory);
}

void weft_cuda_host_release(weft_cuda *cuda)
{
    for (int i = 0; i < WEFT_CUDA_SPARES; i++)
        if (cuda->spare[i].memory)
            (void)cuda->vendor.cudaFreeHost(cuda->spare[i].memory);
}

weft_status weft_cuda_wait(const weft_device *device)
{
    const weft_cuda *cuda = weft_cuda_of(device);
    WEFT_TRY(weft_cuda_enter(device));
    if (cuda->team)
        return weft_cuda_await(cuda, cuda->stream, NULL);
    if (!device->dry)
        WEFT_TRY_CUDA(&cuda->vendor, "waiting for the device", cudaStreamSynchronize, (cuda->stream));
    return WEFT_OK;
}

weft_status weft_cuda_send(const weft_device *device, void *to, const void *from, size_t bytes)
{
    const weft_cuda *cuda = weft_cuda_of(device);
    WEFT_TRY(weft_cuda_enter(device));
    if (!device->dry)
        WEFT_TRY_CUDA(&cuda->vendor, "copy to the device", cudaMemcpyAsync,
                      (to, from, bytes, WEFT_CUDA_HOST_TO_DEVICE, cuda->stream));
    return WEFT_OK;
}

weft_status weft_cuda_write(const weft_device *device, void *to, const void *from, size_t bytes)
{
    WEFT_TRY(weft_cuda_send(device, to, from, bytes));
    return weft_cuda_wait(device);
}

weft_status weft_cuda_fetch(const weft_device *device, void *to, const void *from, size_t bytes)
{
    const weft_cuda *cuda = weft_cuda_of(device);
    WEFT_TRY(weft_cuda_enter(device));
    WEFT_TRY_CUDA(&cuda->vendor, "copy from the device", cudaMemcpyAsync,
                  (to, from, bytes, WEFT_CUDA_DEVICE_TO_HOST, cuda->stream));
    return WEFT_OK;
}

weft_status weft_cuda_read(const weft_device *device, void *to, const void *from, size_t bytes)
{
    if (device->dry) {
        memset(to, 0, bytes);
        return WEFT_OK;
    }
    WEFT_TRY(weft_cuda_fetch(device, to, from, bytes));
    return weft_cuda_wait(device);
}
