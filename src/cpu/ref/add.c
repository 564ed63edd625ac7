/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference addition, y = a + scale * b. */
#include "cpu/ref/ref.h"
#include "op/util.h"

static weft_status run(const weft_call *call)
{
    const weft_node *n = call->node;
    const weft_add_opt *o = n->opt;
    const int64_t rows = weft_shape_rows(&n->out[0]), channels = weft_shape_channels(&n->out[0]);

    for (int64_t r = 0; r < rows; r++) {
        const real *a = ref_row(&call->in[0], r), *b = ref_row(&call->in[1], r);
        real *y = ref_row(&call->out[0], r);
        for (int64_t c = 0; c < channels; c++)
            y[c] = (real)ref_finish(call, (double)a[c] + o->scale * (double)b[c], r, c);
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(add) = {
    WEFT_REF_NAMED(add),
    .run = run,
    .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_IN1,
};

static weft_status run_scale(const weft_call *call)
{
    const double factor = ((const weft_scale_opt *)call->node->opt)->factor;
    for (int64_t r = 0; r < weft_shape_rows(&call->node->out[0]); r++)
        for (int64_t c = 0; c < weft_shape_channels(&call->node->out[0]); c++) {
            const double v = factor * (double)ref_row(&call->in[0], r)[c];
            ref_row(&call->out[0], r)[c] = (real)ref_finish(call, v, r, c);
        }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(scale) = {
    WEFT_REF_NAMED(scale), .run = run_scale, .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_RESIDUAL,
};
