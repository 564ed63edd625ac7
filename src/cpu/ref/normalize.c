/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference input normalisation: Keras's Rescaling, then its Normalization. */
#include "op/normalize.h"

#include "cpu/ref/ref.h"

static weft_status run(const weft_call *call)
{
    const weft_node *n = call->node;
    const weft_normalize_opt *o = n->opt;
    const int64_t rows = weft_shape_rows(&n->out[0]), channels = weft_shape_channels(&n->out[0]);
    double mean[4], divisor[4];

    for (int64_t c = 0; c < channels; c++) {
        const double variance = o->stats ? (double)((const real *)weft_call_param(call, 1))[c] : o->variance[c];
        mean[c] = o->stats ? (double)((const real *)weft_call_param(call, 0))[c] : o->mean[c];
        divisor[c] = fmax(sqrt(variance), WEFT_NORMALIZE_FLOOR);
    }
    for (int64_t r = 0; r < rows; r++) {
        const real *x = ref_row(&call->in[0], r);
        real *y = ref_row(&call->out[0], r);
        for (int64_t c = 0; c < channels; c++)
            y[c] = (real)(((double)x[c] * o->scale + o->offset - mean[c]) / divisor[c]);
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(normalize) = { WEFT_REF_NAMED(normalize), .run = run, .inplace = WEFT_INPLACE_IN0 };

static weft_status run_dx(const weft_call *call)
{
    const weft_normalize_opt *o = call->node->opt;
    const int64_t rows = weft_shape_rows(&call->node->out[0]), channels = weft_shape_channels(&call->node->out[0]);
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t c = 0; c < channels; c++) {
            const double variance = o->stats ? (double)((const real *)call->in[1].data)[c] : o->variance[c];
            const double divisor = fmax(sqrt(variance), WEFT_NORMALIZE_FLOOR);
            ref_row(&call->out[0], r)[c] = (real)((double)ref_row(&call->in[0], r)[c] * o->scale / divisor);
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(normalize_dx) = {
    WEFT_REF_NAMED(normalize_dx), .run = run_dx, .inplace = WEFT_INPLACE_IN0,
};
