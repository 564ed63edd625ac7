/* SPDX-License-Identifier: Apache-2.0
 *
 * Contexts: allocator, threads, ISA, device. */
#include <stdlib.h>
#include <string.h>

#include "backend/devices.h"
#include "base/context.h"

enum { MAX_THREADS = 1024 };

/* One block: the context and its device. */
typedef struct opened {
    weft_ctx ctx;
    weft_device device;
} opened;

/* The ISA to use: what was asked for, or WEFT_ISA, but never above what the CPU has. */
static weft_status choose_isa(const char *asked, weft_device *device)
{
    const char *name = asked ? asked : getenv("WEFT_ISA");
    device->isa = device->cpu.best;
    if (!name || !*name)
        return WEFT_OK;
    const weft_isa isa = weft_isa_parse(name);
    if (isa == WEFT_ISA_COUNT)
        return weft_fail(WEFT_INVALID, "unknown ISA '%s': expected ref, portable, neon, avx2 or avx512", name);
    if (isa > device->cpu.best || !weft_isa_is_native(isa))
        return weft_fail(WEFT_NO_DEVICE, "this CPU (%s) has no %s: its best is %s", device->cpu.model, name,
                         weft_isa_name(device->cpu.best));
    device->isa = isa;
    return WEFT_OK;
}

static weft_status open_device(weft_ctx *ctx, const weft_ctx_opt *opt)
{
    weft_device *device = ctx->device;
    if (opt->precision < WEFT_PRECISION_DEFAULT || opt->precision >= WEFT_PRECISION_COUNT)
        return weft_fail(WEFT_INVALID, "unknown precision %d", (int)opt->precision);
    if (opt->tuning < WEFT_TUNING_KEPT || opt->tuning >= WEFT_TUNING_COUNT)
        return weft_fail(WEFT_INVALID, "unknown tuning %d", (int)opt->tuning);
    device->allocator = &ctx->allocator;
    device->math = opt->math;
    weft_cpu_read(&device->cpu);
    WEFT_TRY(choose_isa(opt->isa, device));
    if (opt->threads < 0 || opt->threads > MAX_THREADS)
        return weft_fail(WEFT_INVALID, "%d threads: expected 1 to %d, or 0 for all CPUs", opt->threads, MAX_THREADS);
    const weft_backend *backend;
    WEFT_TRY(weft_find_backend(opt->device, &backend, &device->index));
    device->precision = opt->precision;
    device->training = opt->training;
    device->target = opt->target;
    device->builds = opt->target && opt->plans;
    device->tuning = opt->tuning;
    device->forms = backend->forms;
    device->dry = backend->dry;
    if (opt->target && !backend->host_alloc)
        return weft_fail(WEFT_INVALID, "target '%s' is given with device %s: only device cuda plans for a target",
                         opt->target, backend->name);
    const int cpus = weft_cpu_count();
    device->threads = opt->threads ? opt->threads : cpus < MAX_THREADS ? cpus : MAX_THREADS;
    WEFT_TRY(weft_pool_create(&ctx->allocator, device->threads, &device->pool));
    const weft_status status = backend->open(device);
    if (status != WEFT_OK)
        return weft_fail_in(status, "device %s", opt->device ? opt->device : backend->name);
    if (!backend->host_alloc || device->precision == WEFT_PRECISION_DEFAULT)
        device->precision = WEFT_PRECISION_FP32; /* host memory holds floats */
    device->backend = backend;
    return WEFT_OK;
}

const char *weft_precision_name(weft_precision precision)
{
    static const char *const names[WEFT_PRECISION_COUNT] = { "default", "fp32", "tf32", "fp16", "bf16" };
    return precision < WEFT_PRECISION_COUNT ? names[precision] : "";
}

weft_precision weft_ctx_precision(const weft_ctx *ctx)
{
    return ctx->device->precision;
}

weft_status weft_ctx_create(const weft_ctx_opt *opt, weft_ctx **out)
{
    static const weft_ctx_opt defaults = { 0 };
    if (!out)
        return weft_fail(WEFT_INVALID, "weft_ctx_create: out must not be NULL");
    if (!opt)
        opt = &defaults;
    if (!opt->allocator.alloc != !opt->allocator.free)
        return weft_fail(WEFT_INVALID, "weft_ctx_create: an allocator needs both alloc and free");
    const weft_allocator allocator = opt->allocator.alloc ? opt->allocator : weft_malloc_allocator;
    opened *both = weft_calloc(&allocator, 1, sizeof *both);
    if (!both)
        return WEFT_NO_MEMORY;
    weft_ctx *ctx = &both->ctx;
    ctx->device = &both->device;
    ctx->allocator = allocator;
    ctx->log = opt->log;
    ctx->log_user = opt->log_user;
    const weft_status status = open_device(ctx, opt);
    if (status != WEFT_OK) {
        weft_ctx_destroy(ctx);
        return status;
    }
    weft_log(ctx, WEFT_LOG_INFO, "device %s: %s, %d threads, %s", ctx->device->backend->name,
             ctx->device->cpu.model, ctx->device->threads, weft_isa_name(ctx->device->isa));
    if (ctx->device->choices_ignored)
        weft_log(ctx, WEFT_LOG_WARN, "what weft tune kept for this CPU is damaged or another's: it is ignored");
    *out = ctx;
    return WEFT_OK;
}

void weft_ctx_destroy(weft_ctx *ctx)
{
    if (!ctx)
        return;
    if (ctx->device->backend)
        ctx->device->backend->close(ctx->device);
    weft_pool_destroy(ctx->device->pool);
    const weft_allocator allocator = ctx->allocator; /* ctx goes with it */
    weft_free(&allocator, ctx); /* the first member of what was allocated */
}

const char *weft_ctx_device(const weft_ctx *ctx)
{
    return ctx->device->backend->name;
}

const char *weft_ctx_isa(const weft_ctx *ctx)
{
    return weft_isa_name(ctx->device->isa);
}

int weft_ctx_threads(const weft_ctx *ctx)
{
    return ctx->device->threads;
}
