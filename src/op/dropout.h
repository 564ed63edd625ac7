/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of the dropout op: weft_dropout and weft_drop_path take no struct. */
#ifndef WEFT_OP_DROPOUT_H
#define WEFT_OP_DROPOUT_H

#include <weft/ops.h>

typedef struct weft_dropout_opt {
    const char *name;
    double rate;    /* share that is dropped, 0 <= rate < 1 */
    bool per_image; /* drop_path: one draw per image instead of one per element */
} weft_dropout_opt;

#endif
