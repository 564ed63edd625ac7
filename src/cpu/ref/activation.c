/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference activations: weft_act_eval on each element. */
#include "op/activation.h"

#include "cpu/ref/ref.h"

static weft_status run(const weft_call *call)
{
    const weft_node *n = call->node;
    const weft_activation_opt *o = n->opt;
    const int64_t rows = weft_shape_rows(&n->out[0]), channels = weft_shape_channels(&n->out[0]);

    for (int64_t r = 0; r < rows; r++) {
        const real *x = ref_row(&call->in[0], r);
        real *y = ref_row(&call->out[0], r);
        for (int64_t c = 0; c < channels; c++)
            y[c] = (real)weft_act_eval(o->act, (double)x[c]);
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(activation) = { WEFT_REF_NAMED(activation), .run = run, .inplace = WEFT_INPLACE_IN0 };
