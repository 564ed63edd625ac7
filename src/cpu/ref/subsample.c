/* SPDX-License-Identifier: Apache-2.0
 *
 * subsample by its definition. Sums in double. */
#include "cpu/ref/ref.h"
#include "op/util.h"

static weft_status run(const weft_call *call)
{
    const weft_subsample_opt *o = call->node->opt;
    const weft_shape *x = &call->node->in[0], *y = &call->node->out[0];
    const int64_t h = x->dim[1], w = x->dim[2], oh = y->dim[1], ow = y->dim[2], k = o->kernel;
    const real *gain = weft_call_param(call, 0), *bias = weft_call_param(call, 1);
    for (int64_t row = 0; row < y->dim[0] * oh * ow; row++) {
        const int64_t top = (row / (oh * ow) * h + row / ow % oh * k) * w + row % ow * k; /* corner of the window */
        for (int64_t c = 0; c < y->dim[3]; c++) {
            double sum = 0;
            for (int64_t i = 0; i < k * k; i++)
                sum += (double)ref_row(&call->in[0], top + i / k * w + i % k)[c];
            const double v = (double)gain[c] * sum + (double)bias[c];
            ref_row(&call->out[0], row)[c] = (real)ref_finish(call, v, row, c);
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(subsample) = { WEFT_REF_NAMED(subsample), .run = run };

static weft_status run_dx(const weft_call *call)
{
    const int64_t k = ((const weft_subsample_dx_opt *)call->node->opt)->kernel;
    const weft_shape *x = &call->node->out[0], *y = &call->node->in[0];
    const int64_t h = x->dim[1], w = x->dim[2], oh = y->dim[1], ow = y->dim[2];
    const real *gain = call->in[1].data;
    for (int64_t row = 0; row < x->dim[0] * h * w; row++) {
        const int64_t i = row / w % h / k, j = row % w / k;
        const bool seen = i < oh && j < ow;
        const real *dy = ref_row(&call->in[0], seen ? (row / (h * w) * oh + i) * ow + j : 0);
        for (int64_t c = 0; c < x->dim[3]; c++)
            ref_row(&call->out[0], row)[c] = seen ? (real)((double)gain[c] * (double)dy[c]) : 0;
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(subsample_dx) = { WEFT_REF_NAMED(subsample_dx), .run = run_dx };

static weft_status run_dg(const weft_call *call)
{
    const int64_t k = ((const weft_subsample_opt *)call->node->opt)->kernel;
    const weft_shape *x = &call->node->in[0], *y = &call->node->in[1];
    const int64_t h = x->dim[1], w = x->dim[2], oh = y->dim[1], ow = y->dim[2];
    for (int64_t c = 0; c < x->dim[3]; c++) {
        double sum = 0;
        for (int64_t row = 0; row < x->dim[0] * h * w; row++) {
            const int64_t i = row / w % h / k, j = row % w / k;
            if (i < oh && j < ow)
                sum += (double)ref_row(&call->in[0], row)[c] *
                       (double)ref_row(&call->in[1], (row / (h * w) * oh + i) * ow + j)[c];
        }
        ((real *)call->out[0].data)[c] = (real)sum;
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(subsample_dg) = { WEFT_REF_NAMED(subsample_dg), .run = run_dg };
