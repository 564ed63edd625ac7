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

static weft_status run_ds(const weft_call *call)
{
    const int64_t *x = call->node->in[0].dim, pixels = x[1] * x[2];
    for (int64_t n = 0; n < x[0]; n++)
        for (int64_t c = 0; c < x[3]; c++) {
            double sum = 0;
            for (int64_t i = n * pixels; i < (n + 1) * pixels; i++)
                sum += (double)ref_row(&call->in[0], i)[c] * (double)ref_row(&call->in[1], i)[c];
            ref_row(&call->out[0], n)[c] = (real)sum;
        }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(channel_scale_ds) = { WEFT_REF_NAMED(channel_scale_ds), .run = run_ds };
