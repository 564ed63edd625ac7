/* SPDX-License-Identifier: Apache-2.0
 *
 * The plug-in's entry, and the functions of weft that its code calls: forwarded to the library that opened it, whose
 * sentences and tables are the ones the user sees. */
#include <stdatomic.h>
#include <stdio.h>

#include "backend/plugin.h"
#include "base/compiler.h"
#include "cuda/cuda.h"

static _Atomic(const weft_lent *) lender;

WEFT_API const weft_plugin *weft_plugin_entry(const weft_lent *lent);

const weft_plugin *weft_plugin_entry(const weft_lent *lent)
{
    static const weft_plugin plugin = { WEFT_PLUGIN_VERSION, &weft_backend_cuda };
    if (!lent || lent->version != WEFT_PLUGIN_VERSION || lent->device_size != sizeof(weft_device) ||
        lent->node_size != sizeof(weft_node) || lent->kernel_size != sizeof(weft_kernel) ||
        lent->backend_size != sizeof(weft_backend))
        return NULL;
    atomic_store(&lender, lent);
    return &plugin;
}

weft_status weft_fail_v(weft_status status, const char *format, va_list args)
{
    return atomic_load(&lender)->fail_v(status, format, args);
}

weft_status weft_fail(weft_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    weft_fail_v(status, format, args);
    va_end(args);
    return status;
}

weft_status weft_fail_in(weft_status status, const char *format, ...)
{
    char prefix[512];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    return atomic_load(&lender)->fail_in(status, "%s", prefix);
}

const char *weft_error(void)
{
    return atomic_load(&lender)->error();
}

void weft_stages_split(const weft_node *node, weft_stages *stages)
{
    atomic_load(&lender)->stages_split(node, stages);
}

void weft_conv_norm_split_forward(const weft_node *node, weft_conv_norm *parts)
{
    atomic_load(&lender)->conv_norm_split(node, parts);
}

const char *weft_act_name(weft_act act)
{
    return atomic_load(&lender)->act_name(act);
}

void weft_pool_run(weft_pool *pool, int64_t items, weft_task task, void *arg)
{
    atomic_load(&lender)->pool_run(pool, items, task, arg);
}
