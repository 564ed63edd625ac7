/* SPDX-License-Identifier: Apache-2.0
 *
 * The null device: plans as the CPU would, with its kernels, and records; it holds no tensors and runs nothing. The
 * cost reports of devices that are not there stand on it. */
#include <stdio.h>
#include <string.h>

#include "backend/kernel.h"

static weft_status null_open(weft_device *device)
{
    device->kernels = weft_cpu_kernels;
    return WEFT_OK;
}

static void null_close(weft_device *device)
{
    (void)device;
}

static void null_info(weft_device_info *out)
{
    out->available = true;
    snprintf(out->description, sizeof out->description, "plans and records, runs nothing");
}

/* One byte that stands for any number: addresses are formed, never followed. */
static weft_status null_alloc(const weft_device *device, size_t bytes, void **out)
{
    (void)bytes;
    void *ptr = weft_alloc(device->allocator, 1);
    if (!ptr)
        return WEFT_NO_MEMORY;
    *out = ptr;
    return WEFT_OK;
}

static void null_free(const weft_device *device, void *ptr)
{
    weft_free(device->allocator, ptr);
}

static weft_status null_write(const weft_device *device, void *to, const void *from, size_t bytes)
{
    (void)device, (void)to, (void)from, (void)bytes;
    return WEFT_OK;
}

static weft_status null_read(const weft_device *device, void *to, const void *from, size_t bytes)
{
    (void)device, (void)from;
    memset(to, 0, bytes);
    return WEFT_OK;
}

const weft_backend weft_backend_null = {
    .name = "null", .brief = "plans and records, runs nothing", .open = null_open, .close = null_close,
    .info = null_info, .alloc = null_alloc, .free = null_free, .write = null_write, .read = null_read, .dry = true,
};
