/* SPDX-License-Identifier: Apache-2.0
 *
 * global_max_pool2d by its definition. */
#include "cpu/ref/ref.h"

static weft_status run(const weft_call *call)
{
    const weft_shape *x = &call->node->in[0];
    const int64_t pixels = x->dim[1] * x->dim[2];
    for (int64_t n = 0; n < x->dim[0]; n++) {
        for (int64_t c = 0; c < x->dim[3]; c++) {
            real most = -INFINITY;
            for (int64_t i = 0; i < pixels; i++) {
                const real v = ref_row(&call->in[0], n * pixels + i)[c];
                if (v > most)
                    most = v;
            }
            ref_row(&call->out[0], n)[c] = most;
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(global_max_pool2d) = { WEFT_REF_NAMED(global_max_pool2d), .run = run };
