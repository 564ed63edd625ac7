/* SPDX-License-Identifier: Apache-2.0
 *
 * What a context lends, and its log. */
#include "base/context.h"

#include <stdarg.h>
#include <stdio.h>

const weft_allocator *weft_ctx_allocator(const weft_ctx *ctx)
{
    return &ctx->allocator;
}

void weft_log(const weft_ctx *ctx, weft_log_level level, const char *format, ...)
{
    char message[512];
    va_list args;
    if (!ctx->log)
        return;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    ctx->log(ctx->log_user, level, message);
}
