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

static weft_status run_dx(const weft_call *call)
{
    const weft_activation_opt *o = call->node->opt;
    const weft_shape *shape = &call->node->out[0];
    for (int64_t r = 0; r < weft_shape_rows(shape); r++) {
        const real *dy = ref_row(&call->in[0], r), *v = ref_row(&call->in[1], r);
        real *dx = ref_row(&call->out[0], r);
        for (int64_t c = 0; c < weft_shape_channels(shape); c++)
            dx[c] = (real)((double)dy[c] * weft_act_slope(o->act, (double)v[c]));
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(activation_dx) = {
    WEFT_REF_NAMED(activation_dx), .run = run_dx, .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_IN1,
};
