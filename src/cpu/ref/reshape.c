/* SPDX-License-Identifier: Apache-2.0
 *
 * reshape by its definition: element i goes to element i. The rows of the two views are cut differently. */
#include "cpu/ref/ref.h"

static weft_status run(const weft_call *call)
{
    const weft_node *n = call->node;
    const int64_t from = weft_shape_channels(&n->in[0]), to = weft_shape_channels(&n->out[0]);
    const int64_t count = weft_shape_count(&n->out[0]);
    for (int64_t i = 0; i < count; i++)
        ref_row(&call->out[0], i / to)[i % to] = ref_row(&call->in[0], i / from)[i % from];
    return WEFT_OK;
}

const weft_kernel WEFT_REF(reshape) = { WEFT_REF_NAMED(reshape), .run = run };
