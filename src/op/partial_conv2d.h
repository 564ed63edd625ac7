/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of partial_expand and partial_collect. */
#ifndef WEFT_OP_PARTIAL_CONV2D_H
#define WEFT_OP_PARTIAL_CONV2D_H

#include <weft/ops.h>

typedef struct weft_partial_grad_opt {
    const char *name;
    int64_t out, channels;
    const uint8_t *table; /* [out][channels], copied */
} weft_partial_grad_opt;

#endif
