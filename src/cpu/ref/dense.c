/* SPDX-License-Identifier: Apache-2.0
 *
 * dense by its definition, one output after the other. Sums in double. */
#include "cpu/ref/ref.h"

static weft_status run(const weft_call *call)
{
    const weft_dense_opt *o = call->node->opt;
    const int64_t batch = call->node->in[0].dim[0], channels = call->node->in[0].dim[1];
    for (int64_t n = 0; n < batch; n++) {
        const real *x = ref_row(&call->in[0], n);
        real *y = ref_row(&call->out[0], n);
        for (int64_t k = 0; k < o->out; k++) {
            const real *wt = (const real *)weft_call_param(call, 0) + k * channels;
            double sum = 0;
            for (int64_t c = 0; c < channels; c++)
                sum += (double)x[c] * (double)wt[c];
            if (!o->no_bias)
                sum += (double)((const real *)weft_call_param(call, 1))[k];
            y[k] = (real)ref_finish(call, sum, n, k);
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(dense) = { WEFT_REF_NAMED(dense), .run = run };

static weft_status run_dx(const weft_call *call)
{
    const weft_shape *dx = &call->node->out[0];
    for (int64_t n = 0; n < dx->dim[0]; n++) {
        const real *dy = ref_row(&call->in[0], n);
        for (int64_t c = 0; c < dx->dim[1]; c++) {
            double sum = 0;
            for (int64_t k = 0; k < call->node->in[0].dim[1]; k++)
                sum += (double)dy[k] * (double)ref_row(&call->in[1], k)[c];
            ref_row(&call->out[0], n)[c] = (real)ref_finish(call, sum, n, c);
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(dense_dx) = { WEFT_REF_NAMED(dense_dx), .run = run_dx };

static weft_status run_dw(const weft_call *call)
{
    const weft_shape *dw = &call->node->out[0];
    for (int64_t k = 0; k < dw->dim[0]; k++) {
        for (int64_t c = 0; c < dw->dim[1]; c++) {
            double sum = 0;
            for (int64_t n = 0; n < call->node->in[0].dim[0]; n++)
                sum += (double)ref_row(&call->in[0], n)[c] * (double)ref_row(&call->in[1], n)[k];
            ref_row(&call->out[0], k)[c] = (real)sum;
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(dense_dw) = { WEFT_REF_NAMED(dense_dw), .run = run_dw };
