/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference levels of bytes. */
#include "op/levels.h"

#include "cpu/ref/ref.h"

static weft_status run(const weft_call *call)
{
    const weft_levels_opt *o = call->node->opt;
    const int64_t pixels = o->h * o->w;
    for (int64_t n = 0; n < call->node->in[0].dim[0]; n++) {
        const uint8_t *byte = (const uint8_t *)((const int32_t *)call->in[0].data + n * call->in[0].ld);
        for (int64_t p = 0; p < pixels; p++) {
            real *y = ref_row(&call->out[0], n * pixels + p);
            for (int64_t c = 0; c < o->c; c++)
                y[c] = (real)o->table[c * WEFT_LEVELS + byte[p * o->c + c]];
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(levels) = { WEFT_REF_NAMED(levels), .run = run };
