/* SPDX-License-Identifier: Apache-2.0
 *
 * concat by its definition: each input copied to its channels of the output. */
#include "cpu/ref/ref.h"

static weft_status run(const weft_call *call)
{
    const weft_node *n = call->node;
    const int64_t rows = weft_shape_rows(&n->out[0]);
    int64_t first = 0;
    for (int i = 0; i < n->n_in; i++) {
        const int64_t channels = weft_shape_channels(&n->in[i]);
        for (int64_t row = 0; row < rows; row++)
            for (int64_t c = 0; c < channels; c++)
                ref_row(&call->out[0], row)[first + c] = ref_row(&call->in[i], row)[c];
        first += channels;
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(concat) = { WEFT_REF_NAMED(concat), .run = run };
