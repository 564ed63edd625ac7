/* SPDX-License-Identifier: Apache-2.0
 *
 * The CPU backend: host memory, and a list of kernels for each op. */
#include <stdio.h>

#include "backend/host.h"

const weft_kernel *const *const weft_cpu_kernels[WEFT_OP_COUNT] = {
#define WEFT_OP(id, name, family, kind, devices) weft_cpu_##name,
#include "op/list.def"
#undef WEFT_OP
};

static weft_status cpu_open(weft_device *device)
{
    device->kernels = weft_cpu_kernels;
    return WEFT_OK;
}

static void cpu_close(weft_device *device)
{
    (void)device;
}

static void cpu_info(weft_device_info *out)
{
    weft_cpu cpu;
    weft_cpu_read(&cpu);
    const int threads = weft_cpu_count();
    out->available = true;
    snprintf(out->description, sizeof out->description, "%s, %d thread%s, %s", cpu.model, threads,
             threads == 1 ? "" : "s", weft_isa_name(cpu.best));
}

const weft_backend weft_backend_cpu = {
    .name = "cpu", .brief = "own SIMD kernels", .open = cpu_open, .close = cpu_close, .info = cpu_info,
    .alloc = weft_host_alloc, .free = weft_host_free, .write = weft_host_copy, .read = weft_host_copy,
};
