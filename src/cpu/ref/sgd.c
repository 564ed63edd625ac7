/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference SGD. */
#include "cpu/ref/ref.h"

static weft_status run(const weft_call *call)
{
    const weft_sgd_opt *o = call->node->opt;
    const weft_shape *shape = &call->node->out[0];
    const double lr = (double)*(const real *)call->in[3].data;
    for (int64_t r = 0; r < weft_shape_rows(shape); r++) {
        const real *p = ref_row(&call->in[0], r), *v = ref_row(&call->in[1], r), *g = ref_row(&call->in[2], r);
        real *to = ref_row(&call->out[0], r), *moved = ref_row(&call->out[1], r);
        for (int64_t c = 0; c < weft_shape_channels(shape); c++) {
            const double slope = (double)g[c] + o->decay * (double)p[c], speed = o->momentum * (double)v[c] + slope;
            to[c] = (real)((double)p[c] - lr * (o->nesterov ? slope + o->momentum * speed : speed));
            moved[c] = (real)speed;
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(sgd) = { WEFT_REF_NAMED(sgd), .run = run, .inplace = WEFT_INPLACE_IN0 };
