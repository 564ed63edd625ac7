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

static weft_status run_dx(const weft_call *call)
{
    const int64_t images = call->node->in[1].dim[0], channels = call->node->in[1].dim[1];
    for (int64_t n = 0; n < images; n++) {
        for (int64_t c = 0; c < channels; c++) {
            double sum = 0;
            for (int64_t k = 0; k < call->node->in[0].dim[1]; k++)
                sum += (double)ref_row(&call->in[0], n)[k] *
                       ((double)ref_row(&call->in[1], n)[c] - (double)ref_row(&call->in[2], k)[c]);
            ref_row(&call->out[0], n)[c] = (real)(2 * sum);
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(rbf_dx) = { WEFT_REF_NAMED(rbf_dx), .run = run_dx };
