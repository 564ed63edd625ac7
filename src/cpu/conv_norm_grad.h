/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels of conv_norm_grad share: its parts as calls of their own. */
#ifndef WEFT_CPU_CONV_NORM_GRAD_H
#define WEFT_CPU_CONV_NORM_GRAD_H

#include "backend/kernel.h"
#include "op/conv_norm_grad.h"

extern const weft_kernel weft_cpu_conv_norm_grad_depthwise, weft_cpu_conv_norm_grad_rows;

/* The parts of a call; scratch and state of dx and dw are to be set. What lies between the parts has no memory of its
 * own, only pixels `ld` floats apart. Points into itself: it must not be copied. */
typedef struct weft_conv_norm_calls {
    const weft_call *whole;
    weft_conv_norm_parts parts;
    weft_view norm_out[3], dx_in[3], dw_in[2];
    weft_call norm, dx, dw, again; /* again: with options that say so */
} weft_conv_norm_calls;

void weft_conv_norm_call(const weft_call *call, int64_t ld, weft_conv_norm_calls *calls);

#endif
