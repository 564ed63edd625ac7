/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference one-hot rows. */
#include "cpu/ref/ref.h"

static weft_status run(const weft_call *call)
{
    const weft_one_hot_opt *o = call->node->opt;
    const double rest = o->smoothing / (double)o->classes;
    for (int64_t n = 0; n < call->node->in[0].dim[0]; n++) {
        const int64_t label = ((const int32_t *)call->in[0].data)[n * call->in[0].ld];
        real *y = ref_row(&call->out[0], n);
        for (int64_t k = 0; k < o->classes; k++)
            y[k] = (real)(k == label ? 1 - o->smoothing + rest : rest);
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(one_hot) = { WEFT_REF_NAMED(one_hot), .run = run };
