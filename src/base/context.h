/* SPDX-License-Identifier: Apache-2.0
 *
 * What all objects of a context share: its allocator and its log; the device is a matter of the backends
 * (backend/device.h). */
#ifndef WEFT_BASE_CONTEXT_H
#define WEFT_BASE_CONTEXT_H

#include <weft/context.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/flag.h"

struct weft_ctx {
    weft_allocator allocator;
    weft_log_fn log;
    void *log_user;
    struct weft_device *device; /* opened with the context */
    weft_flag cancelled;        /* the only field that other threads touch */
};

/* CANCELLED where weft_ctx_cancel said so; what: the call that does not begin, or does not end. */
weft_status weft_ctx_go(const weft_ctx *ctx, const char *what);
/* One message to the context's callback, if it has one. */
void weft_log(const weft_ctx *ctx, weft_log_level level, const char *format, ...) WEFT_PRINTF(3, 4);

#endif
