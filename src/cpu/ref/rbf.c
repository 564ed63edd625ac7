/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference radial basis functions: LeCun 1998, eq. 7. */
#include "cpu/ref/ref.h"

static weft_status run(const weft_call *call)
{
    const weft_node *n = call->node;
    const int64_t images = n->in[0].dim[0], channels = n->in[0].dim[1], centres = n->out[0].dim[1];
    const real *centre = weft_call_param(call, 0);

    for (int64_t i = 0; i < images; i++) {
        const real *x = ref_row(&call->in[0], i);
        real *y = ref_row(&call->out[0], i);
        for (int64_t k = 0; k < centres; k++) {
            double sum = 0;
            for (int64_t c = 0; c < channels; c++) {
                const double d = (double)x[c] - (double)centre[k * channels + c];
                sum += d * d;
            }
            y[k] = (real)sum;
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(rbf) = { WEFT_REF_NAMED(rbf), .run = run };
