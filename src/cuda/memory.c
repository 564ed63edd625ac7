/* SPDX-License-Identifier: Apache-2.0
 *
 * Device memory, pinned host memory and copies. A target that is only planned for has none: what is asked for is one
 * byte of host memory that nobody reads. */
#include <string.h>

#include "cuda/cuda.h"

size_t weft_cuda_available(const weft_device *device)
{
    const weft_vendor *v = &weft_cuda_of(device)->vendor;
    size_t available = 0, total = 0;
    if (!device->dry && v->cudaMemGetInfo(&available, &total) != WEFT_CUDA_SUCCESS)
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
    if (device->dry)
        weft_free(device->allocator, ptr);
    else if (ptr)
        (void)weft_cuda_of(device)->vendor.cudaFree(ptr);
}

weft_status weft_cuda_host_alloc(const weft_device *device, size_t bytes, void **out)
{
    const weft_vendor *v = &weft_cuda_of(device)->vendor;
    void *ptr = NULL;
    if (device->dry) {
        ptr = weft_alloc(device->allocator, bytes);
        if (!ptr)
            return WEFT_NO_MEMORY;
    } else {
        WEFT_TRY_CUDA(v, "pinned host memory", cudaHostAlloc, (&ptr, bytes ? bytes : 1, WEFT_CUDA_HOST_DEFAULT));
    }
    *out = ptr;
    return WEFT_OK;
}

void weft_cuda_host_free(const weft_device *device, void *ptr)
{
    if (device->dry)
        weft_free(device->allocator, ptr);
    else if (ptr)
        (void)weft_cuda_of(device)->vendor.cudaFreeHost(ptr);
}

weft_status weft_cuda_wait(const weft_device *device)
{
    const weft_cuda *cuda = weft_cuda_of(device);
    if (!device->dry)
        WEFT_TRY_CUDA(&cuda->vendor, "waiting for the device", cudaStreamSynchronize, (cuda->stream));
    return WEFT_OK;
}

weft_status weft_cuda_send(const weft_device *device, void *to, const void *from, size_t bytes)
{
    const weft_cuda *cuda = weft_cuda_of(device);
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

weft_status weft_cuda_read(const weft_device *device, void *to, const void *from, size_t bytes)
{
    const weft_cuda *cuda = weft_cuda_of(device);
    if (device->dry) {
        memset(to, 0, bytes);
        return WEFT_OK;
    }
    WEFT_TRY_CUDA(&cuda->vendor, "copy from the device", cudaMemcpyAsync,
                  (to, from, bytes, WEFT_CUDA_DEVICE_TO_HOST, cuda->stream));
    return weft_cuda_wait(device);
}
