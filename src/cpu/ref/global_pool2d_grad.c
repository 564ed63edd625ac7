/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of pools over whole images by their definition. */
#include "cpu/ref/ref.h"

static weft_status run_avg(const weft_call *call)
{
    const weft_shape *x = &call->node->out[0];
    const int64_t pixels = x->dim[1] * x->dim[2];
    for (int64_t row = 0; row < x->dim[0] * pixels; row++)
        for (int64_t c = 0; c < x->dim[3]; c++) {
            const double mean = (double)ref_row(&call->in[0], row / pixels)[c] / (double)pixels;
            ref_row(&call->out[0], row)[c] = (real)ref_finish(call, mean, row, c);
        }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(global_avg_pool2d_dx) = { WEFT_REF_NAMED(global_avg_pool2d_dx), .run = run_avg };

static weft_status run_max(const weft_call *call)
{
    const weft_shape *x = &call->node->in[1];
    const int64_t pixels = x->dim[1] * x->dim[2];
    for (int64_t n = 0; n < x->dim[0]; n++) {
        for (int64_t c = 0; c < x->dim[3]; c++) {
            int64_t best = 0;
            for (int64_t i = 1; i < pixels; i++)
                if (ref_row(&call->in[1], n * pixels + i)[c] > ref_row(&call->in[1], n * pixels + best)[c])
                    best = i;
            for (int64_t i = 0; i < pixels; i++)
                ref_row(&call->out[0], n * pixels + i)[c] = i == best ? ref_row(&call->in[0], n)[c] : 0;
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(global_max_pool2d_dx) = { WEFT_REF_NAMED(global_max_pool2d_dx), .run = run_max };
