/* SPDX-License-Identifier: Apache-2.0
 *
 * What optimisers, averages and accumulators share: one pass over what they read and write, cut into items by the
 * parameter's size alone. */
#ifndef WEFT_CPU_UPDATE_H
#define WEFT_CPU_UPDATE_H

#include "backend/kernel.h"
#include "cpu/simd/update.h"

/* The micro-kernels of the device; NULL for WEFT_ISA_REF. */
const weft_updates *weft_updates_of(const weft_device *device);
/* Runs kernel on inputs 0 to n_in - 1 and outputs 0 to n_out - 1, all of the parameter's shape; the numbers are those
 * of u, its pointers are set here. */
weft_status weft_update_run(const weft_call *call, weft_update_kernel kernel, const weft_update *u, int n_in,
                            int n_out);
/* Outputs 0 to n_out - 1 are the inputs of the same number: nothing to do where they are the same memory. */
weft_status weft_update_keep(const weft_call *call, int n_out);

/* What a gate says (op gate): how the gradient is scaled, 0 for an update that is left out; and the update's number,
 * from 1. */
WEFT_INLINE float weft_go_scale(const weft_view *go)
{
    return ((const float *)go->data)[0];
}

WEFT_INLINE double weft_go_number(const weft_view *go)
{
    return (double)((const float *)go->data)[1];
}

WEFT_INLINE float weft_scalar(const weft_view *view)
{
    return *(const float *)view->data;
}

#endif
