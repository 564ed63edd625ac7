/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference hits: for each image, who is before its label. */
#include "cpu/ref/ref.h"

/* -1: nothing is hit. */
static int64_t rank(const real *x, int64_t classes, int64_t label, bool least)
{
    if (label < 0 || label >= classes || x[label] != x[label])
        return -1;
    int64_t before = 0;
    for (int64_t k = 0; k < classes; k++)
        before += (least ? x[k] < x[label] : x[k] > x[label]) || (x[k] == x[label] && k < label);
    return before;
}

static weft_status run(const weft_call *call)
{
    const weft_shape *x = &call->node->in[1];
    const bool least = ((const weft_hits_opt *)call->node->opt)->least;
    real *y = call->out[0].data;
    y[0] = y[1] = 0;
    for (int64_t n = 0; n < x->dim[0]; n++) {
        const int32_t label = ((const int32_t *)call->in[0].data)[n * call->in[0].ld];
        const int64_t before = rank(ref_row(&call->in[1], n), x->dim[1], label, least);
        y[0] += (real)(before == 0);
        y[1] += (real)(before >= 0 && before < 5);
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(hits) = { WEFT_REF_NAMED(hits), .run = run };
