/* SPDX-License-Identifier: Apache-2.0
 *
 * What reference optimisers share: rows of all that they read and write, and what the gate says. */
#ifndef WEFT_CPU_REF_UPDATE_H
#define WEFT_CPU_REF_UPDATE_H

#include "cpu/ref/ref.h"

/* Element c of row r. */
WEFT_INLINE double ref_in(const weft_call *call, int k, int64_t r, int64_t c)
{
    return (double)ref_row(&call->in[k], r)[c];
}

WEFT_INLINE void ref_out(const weft_call *call, int k, int64_t r, int64_t c, double v)
{
    ref_row(&call->out[k], r)[c] = (real)v;
}

WEFT_INLINE double ref_scalar(const weft_call *call, int k, int i)
{
    return (double)((const real *)call->in[k].data)[i];
}

/* Outputs as the inputs of the same number. */
WEFT_INLINE weft_status ref_keep(const weft_call *call, int n_out)
{
    const weft_shape *shape = &call->node->out[0];
    for (int k = 0; k < n_out; k++)
        for (int64_t r = 0; r < weft_shape_rows(shape); r++)
            for (int64_t c = 0; c < weft_shape_channels(shape); c++)
                ref_out(call, k, r, c, ref_in(call, k, r, c));
    return WEFT_OK;
}

#endif
