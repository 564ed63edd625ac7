/* SPDX-License-Identifier: Apache-2.0
 *
 * Status texts and the thread-local error sentence. */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

static _Thread_local char sentence[1024];

const char *weft_status_text(weft_status status)
{
    static const char *const texts[] = {
#define TEXT(name, text) text,
        WEFT_STATUS_LIST(TEXT)
#undef TEXT
    };
    return status >= 0 && status < WEFT_STATUS_COUNT ? texts[status] : "unknown status";
}

const char *weft_error(void)
{
    return sentence;
}

weft_status weft_fail_v(weft_status status, const char *format, va_list args)
{
    char text[sizeof sentence]; /* an argument may point into sentence itself */
    vsnprintf(text, sizeof text, format, args);
    memcpy(sentence, text, sizeof sentence);
    return status;
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
    char prefix[256], rest[sizeof sentence];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    memcpy(rest, sentence, sizeof rest);
    return weft_fail(status, "%s: %s", prefix, rest);
}
