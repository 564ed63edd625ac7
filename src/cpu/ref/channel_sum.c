/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference sums of channels. */
#include "cpu/ref/ref.h"

static weft_status run(const weft_call *call)
{
    const weft_shape *x = &call->node->in[0];
    for (int64_t c = 0; c < weft_shape_channels(x); c++) {
        double sum = 0;
        for (int64_t r = 0; r < weft_shape_rows(x); r++)
            sum += (double)ref_row(&call->in[0], r)[c];
        ((real *)call->out[0].data)[c] = (real)sum;
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(channel_sum) = { WEFT_REF_NAMED(channel_sum), .run = run };
