/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference RMSProp. */
#include "cpu/ref/update.h"

static weft_status run(const weft_call *call)
{
    const weft_rmsprop_opt *o = call->node->opt;
    const weft_shape *shape = &call->node->out[0];
    const double lr = o->lr_scale * ref_scalar(call, 4, 0), scale = ref_scalar(call, 5, 0);
    if (scale == 0)
        return ref_keep(call, 3);
    for (int64_t r = 0; r < weft_shape_rows(shape); r++) {
        for (int64_t c = 0; c < weft_shape_channels(shape); c++) {
            const double p = ref_in(call, 0, r, c), g = scale * ref_in(call, 3, r, c) + o->decay * p;
            const double s = o->rho * ref_in(call, 1, r, c) + (1 - o->rho) * g * g;
            const double v = o->momentum * ref_in(call, 2, r, c) + lr * g / sqrt(s + o->epsilon);
            ref_out(call, 0, r, c, p - v);
            ref_out(call, 1, r, c, s);
            ref_out(call, 2, r, c, v);
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(rmsprop) = { WEFT_REF_NAMED(rmsprop), .run = run, .inplace = WEFT_INPLACE_IN0 };
