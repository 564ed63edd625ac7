/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference channel scale: each pixel of an image times that image's factors. */
#include "cpu/ref/ref.h"

static weft_status run(const weft_call *call)
{
    const weft_node *n = call->node;
    const int64_t rows = weft_shape_rows(&n->out[0]), channels = weft_shape_channels(&n->out[0]);
    const int64_t pixels = n->in[0].dim[1] * n->in[0].dim[2];

    for (int64_t r = 0; r < rows; r++) {
        const real *x = ref_row(&call->in[0], r), *s = ref_row(&call->in[1], r / pixels);
        real *y = ref_row(&call->out[0], r);
        for (int64_t c = 0; c < channels; c++)
            y[c] = (real)((double)x[c] * (double)s[c]);
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(channel_scale) = {
    WEFT_REF_NAMED(channel_scale),
    .run = run,
    .inplace = WEFT_INPLACE_IN0,
};
