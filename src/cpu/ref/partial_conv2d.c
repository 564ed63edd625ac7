/* SPDX-License-Identifier: Apache-2.0
 *
 * partial_conv2d by its definition: the marked connections are walked in the table's order, which is the order of the
 * weights. Sums in double. */
#include "cpu/ref/ref.h"

static weft_status run(const weft_call *call)
{
    const weft_partial_conv2d_opt *o = call->node->opt;
    const weft_shape *x = &call->node->in[0], *y = &call->node->out[0];
    const int64_t h = x->dim[1], w = x->dim[2], channels = x->dim[3], oh = y->dim[1], ow = y->dim[2];
    for (int64_t row = 0; row < y->dim[0] * oh * ow; row++) {
        const int64_t top = (row / (oh * ow) * h + row / ow % oh) * w + row % ow; /* row of x at the window's corner */
        const real *wt = weft_call_param(call, 0);
        for (int64_t k = 0; k < o->out; k++) {
            double sum = o->bias ? (double)((const real *)weft_call_param(call, 1))[k] : 0;
            for (int64_t c = 0; c < channels; c++) {
                if (!o->table[k * channels + c])
                    continue;
                for (int i = 0; i < o->kernel * o->kernel; i++, wt++)
                    sum += (double)ref_row(&call->in[0], top + i / o->kernel * w + i % o->kernel)[c] * (double)*wt;
            }
            ref_row(&call->out[0], row)[k] = (real)ref_finish(call, sum, row, k);
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(partial_conv2d) = { WEFT_REF_NAMED(partial_conv2d), .run = run };
