/* SPDX-License-Identifier: Apache-2.0
 *
 * The cases of weft/check.h as networks of one op, for those who only plan them. */
#ifndef WEFT_CHECK_RUN_H
#define WEFT_CHECK_RUN_H

#include <weft/context.h>

/* Plans a case for ctx's device, and nothing more. Fails as weft_check_run does. */
weft_status weft_check_plan(weft_ctx *ctx, int index);

#endif
