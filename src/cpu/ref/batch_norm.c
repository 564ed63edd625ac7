/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference batch norm at inference: Ioffe & Szegedy 2015, algorithm 2, read from left to right. */
#include "cpu/ref/ref.h"

static weft_status run(const weft_call *call)
{
    const weft_node *n = call->node;
    const weft_batch_norm_opt *o = n->opt;
    const int64_t rows = weft_shape_rows(&n->out[0]), channels = weft_shape_channels(&n->out[0]);
    const int first = o->no_gamma ? 0 : 1;
    const real *gamma = o->no_gamma ? NULL : weft_call_param(call, 0);
    const real *beta = weft_call_param(call, first), *mean = weft_call_param(call, first + 1);
    const real *variance = weft_call_param(call, first + 2);

    for (int64_t r = 0; r < rows; r++) {
        const real *x = ref_row(&call->in[0], r);
        real *y = ref_row(&call->out[0], r);
        for (int64_t c = 0; c < channels; c++) {
            double v = ((double)x[c] - (double)mean[c]) / sqrt((double)variance[c] + o->epsilon);
            if (gamma)
                v *= (double)gamma[c];
            y[c] = (real)ref_finish(call, v + (double)beta[c], r, c);
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(batch_norm) = { WEFT_REF_NAMED(batch_norm), .run = run, .inplace = WEFT_INPLACE_IN0 };
