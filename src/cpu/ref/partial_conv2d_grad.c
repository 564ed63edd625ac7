/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights of connected maps among zeros, and back: walked in the table's order, which is that of the weights. */
#include "op/partial_conv2d.h"

#include "cpu/ref/ref.h"

static weft_status run_expand(const weft_call *call)
{
    const weft_partial_grad_opt *o = call->node->opt;
    const int64_t taps = call->node->in[0].dim[1] * call->node->in[0].dim[2];
    int64_t mark = 0;
    for (int64_t k = 0; k < o->out; k++) {
        for (int64_t c = 0; c < o->channels; c++) {
            const bool seen = o->table[k * o->channels + c] != 0;
            for (int64_t t = 0; t < taps; t++)
                ref_row(&call->out[0], k * taps + t)[c] = seen ? ref_row(&call->in[0], mark * taps + t)[0] : 0;
            mark += seen;
        }
    }
    return WEFT_OK;
}

static weft_status run_collect(const weft_call *call)
{
    const weft_partial_grad_opt *o = call->node->opt;
    const int64_t taps = call->node->in[0].dim[1] * call->node->in[0].dim[2];
    int64_t mark = 0;
    for (int64_t k = 0; k < o->out; k++)
        for (int64_t c = 0; c < o->channels; c++)
            if (o->table[k * o->channels + c]) {
                for (int64_t t = 0; t < taps; t++)
                    ref_row(&call->out[0], mark * taps + t)[0] = ref_row(&call->in[0], k * taps + t)[c];
                mark++;
            }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(partial_expand) = { WEFT_REF_NAMED(partial_expand), .run = run_expand };
const weft_kernel WEFT_REF(partial_collect) = { WEFT_REF_NAMED(partial_collect), .run = run_collect };
