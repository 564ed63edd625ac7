/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference softmax: the largest element, the sum of exponentials, the quotients. */
#include "cpu/ref/ref.h"

static weft_status run(const weft_call *call)
{
    const weft_node *n = call->node;
    const int64_t rows = weft_shape_rows(&n->out[0]), channels = weft_shape_channels(&n->out[0]);

    for (int64_t r = 0; r < rows; r++) {
        const real *x = ref_row(&call->in[0], r);
        real *y = ref_row(&call->out[0], r);
        double largest = (double)x[0], sum = 0;
        for (int64_t c = 1; c < channels; c++)
            if ((double)x[c] > largest)
                largest = (double)x[c];
        for (int64_t c = 0; c < channels; c++)
            sum += exp((double)x[c] - largest);
        for (int64_t c = 0; c < channels; c++)
            y[c] = (real)(exp((double)x[c] - largest) / sum);
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(softmax) = { WEFT_REF_NAMED(softmax), .run = run, .inplace = WEFT_INPLACE_IN0 };

static weft_status run_dx(const weft_call *call)
{
    const int64_t rows = weft_shape_rows(&call->node->out[0]), channels = weft_shape_channels(&call->node->out[0]);
    for (int64_t r = 0; r < rows; r++) {
        const real *dy = ref_row(&call->in[0], r), *y = ref_row(&call->in[1], r);
        real *dx = ref_row(&call->out[0], r);
        double sum = 0;
        for (int64_t c = 0; c < channels; c++)
            sum += (double)dy[c] * (double)y[c];
        for (int64_t c = 0; c < channels; c++)
            dx[c] = (real)((double)y[c] * ((double)dy[c] - sum));
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(softmax_dx) = {
    WEFT_REF_NAMED(softmax_dx), .run = run_dx, .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_IN1,
};
