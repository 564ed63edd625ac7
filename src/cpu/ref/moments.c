/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference moments, in two passes, and moving averages. */
#include "cpu/ref/update.h"

static weft_status run_moments(const weft_call *call)
{
    const weft_shape *x = &call->node->in[0];
    const int64_t rows = weft_shape_rows(x);
    real *mean = call->out[0].data, *variance = call->out[1].data;
    for (int64_t c = 0; c < weft_shape_channels(x); c++) {
        double sum = 0, squares = 0;
        for (int64_t r = 0; r < rows; r++)
            sum += (double)ref_row(&call->in[0], r)[c];
        const double centre = sum / (double)rows;
        for (int64_t r = 0; r < rows; r++) {
            const double d = (double)ref_row(&call->in[0], r)[c] - centre;
            squares += d * d;
        }
        mean[c] = (real)centre;
        variance[c] = (real)(squares / (double)rows);
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(moments) = { WEFT_REF_NAMED(moments), .run = run_moments };

static weft_status run_average(const weft_call *call)
{
    const weft_moving_average_opt *o = call->node->opt;
    const weft_shape *shape = &call->node->out[0];
    if (call->node->n_in > 2 && ref_scalar(call, 2, 0) == 0)
        return ref_keep(call, 1);
    for (int64_t r = 0; r < weft_shape_rows(shape); r++) {
        const real *state = ref_row(&call->in[0], r), *x = ref_row(&call->in[1], r);
        real *to = ref_row(&call->out[0], r);
        for (int64_t c = 0; c < weft_shape_channels(shape); c++)
            to[c] = (real)(o->momentum * (double)state[c] + (1 - o->momentum) * (double)x[c]);
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(moving_average) = {
    WEFT_REF_NAMED(moving_average), .run = run_average, .inplace = WEFT_INPLACE_IN0,
};
