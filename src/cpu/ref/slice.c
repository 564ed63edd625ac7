/* SPDX-License-Identifier: Apache-2.0
 *
 * slice by its definition. */
#include "cpu/ref/ref.h"
#include "op/util.h"

static weft_status run(const weft_call *call)
{
    const weft_slice_opt *o = call->node->opt;
    for (int64_t row = 0; row < weft_shape_rows(&call->node->out[0]); row++)
        for (int64_t c = 0; c < o->count; c++)
            ref_row(&call->out[0], row)[c] = ref_row(&call->in[0], row)[o->first + c];
    return WEFT_OK;
}

const weft_kernel WEFT_REF(slice) = { WEFT_REF_NAMED(slice), .run = run };
