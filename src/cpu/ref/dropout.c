/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference dropout at inference: a copy. */
#include "cpu/ref/ref.h"

static weft_status run(const weft_call *call)
{
    const weft_node *n = call->node;
    const int64_t rows = weft_shape_rows(&n->out[0]), channels = weft_shape_channels(&n->out[0]);

    for (int64_t r = 0; r < rows; r++) {
        const real *x = ref_row(&call->in[0], r);
        real *y = ref_row(&call->out[0], r);
        for (int64_t c = 0; c < channels; c++)
            y[c] = x[c];
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(dropout) = { WEFT_REF_NAMED(dropout), .run = run, .inplace = WEFT_INPLACE_IN0 };
