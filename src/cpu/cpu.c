/* SPDX-License-Identifier: Apache-2.0
 *
 * The CPU backend: host memory, and a list of kernels for each op. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/choices.h"
#include "backend/host.h"

const weft_kernel *const *const weft_cpu_kernels[WEFT_OP_COUNT] = {
#define WEFT_OP(id, name, family, kind, devices) weft_cpu_##name,
#include "op/list.def"
#undef WEFT_OP
};

static void cpu_close(weft_device *device)
{
    if (!device->state)
        return;
    weft_choices_release(device->state);
    weft_free(device->allocator, device->state);
    device->state = NULL;
    device->choices = NULL;
}

/* What tuning found, unless it is not wanted. */
static weft_status cpu_open(weft_device *device)
{
    const char *const no = getenv("WEFT_CPU_NO");
    bool ignored;
    device->kernels = weft_cpu_kernels;
    if (no && *no && strcmp(no, "tuned") != 0)
        return weft_fail(WEFT_INVALID, "WEFT_CPU_NO: '%s' is not one of tuned", no);
    if (device->tuning == WEFT_TUNING_NONE || (no && *no))
        return WEFT_OK;
    weft_choices *const choices = weft_calloc(device->allocator, 1, sizeof *choices);
    if (!choices)
        return WEFT_NO_MEMORY;
    weft_choices_init(choices, device->allocator);
    device->state = choices;
    const weft_status status = weft_choices_load(device, choices, &ignored);
    device->choices = choices;
    device->choices_ignored = ignored;
    if (status)
        cpu_close(device);
    return status;
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
    .alloc = weft_host_alloc, .reserve = weft_host_reserve, .clear = weft_host_clear, .touch = weft_host_touch,
    .free = weft_host_free, .write = weft_host_copy, .read = weft_host_copy,
    .has_choices = true,
};
