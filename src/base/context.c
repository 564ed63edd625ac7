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

void weft_ctx_cancel(weft_ctx *ctx, bool cancelled)
{
    if (ctx) /* a handler of signals may come before there is one */
        weft_flag_set(&ctx->cancelled, cancelled);
}

bool weft_ctx_is_cancelled(const weft_ctx *ctx)
{
    return ctx && weft_flag_is_up(&ctx->cancelled);
}

weft_status weft_ctx_go(const weft_ctx *ctx, const char *what)
{
    return weft_ctx_is_cancelled(ctx) ? weft_fail(WEFT_CANCELLED, "%s: cancelled, by weft_ctx_cancel", what) : WEFT_OK;
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
