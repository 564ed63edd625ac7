/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of the channel_sum op. */
#ifndef WEFT_OP_CHANNEL_SUM_H
#define WEFT_OP_CHANNEL_SUM_H

#include <weft/ops.h>

typedef struct weft_channel_sum_opt {
    const char *name;
} weft_channel_sum_opt;

/* x [..., C] -> [C], the sum over all rows: gradients of biases. */
weft_var weft_channel_sum(weft_graph *graph, weft_var x, const char *name);

#endif
