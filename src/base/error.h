/* SPDX-License-Identifier: Apache-2.0
 *
 * Failing with a sentence: where, what was found, what was expected. */
#ifndef WEFT_BASE_ERROR_H
#define WEFT_BASE_ERROR_H

#include <stdarg.h>
#include <weft/status.h>

#include "base/compiler.h"

/* As weft_fail of <weft/status.h>. */
weft_status weft_fail_v(weft_status status, const char *format, va_list args) WEFT_PRINTF(2, 0);
/* Puts "prefix: " before the sentence of the failure under way; returns status. */
weft_status weft_fail_in(weft_status status, const char *format, ...) WEFT_PRINTF(2, 3);

#define WEFT_TRY(call)                                                                             \
    do {                                                                                           \
        const weft_status weft_try_ = (call);                                                      \
        if (weft_try_ != WEFT_OK)                                                                  \
            return weft_try_;                                                                      \
    } while (0)

#endif
