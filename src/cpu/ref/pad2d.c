/* SPDX-License-Identifier: Apache-2.0
 *
 * pad2d by its definition. */
#include "cpu/ref/ref.h"
#include "op/util.h"

static weft_status run(const weft_call *call)
{
    const weft_border_opt *o = call->node->opt;
    const weft_shape *x = &call->node->in[0], *y = &call->node->out[0];
    const int64_t h = x->dim[1], w = x->dim[2], oh = y->dim[1], ow = y->dim[2];
    for (int64_t row = 0; row < y->dim[0] * oh * ow; row++) {
        const int64_t n = row / (oh * ow), ih = row / ow % oh - o->pad.top, iw = row % ow - o->pad.left;
        const bool inside = ih >= 0 && ih < h && iw >= 0 && iw < w;
        for (int64_t c = 0; c < y->dim[3]; c++)
            ref_row(&call->out[0], row)[c] = inside ? ref_row(&call->in[0], (n * h + ih) * w + iw)[c] : 0;
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(pad2d) = { WEFT_REF_NAMED(pad2d), .run = run };
