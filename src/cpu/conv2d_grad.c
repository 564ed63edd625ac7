/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of conv2d_dw (those of conv2d_dx: conv2d_dx.c). */
#include "cpu/conv2d.h"
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_conv2d_dw[] = {
    &weft_cpu_conv2d_dw_depthwise, &weft_cpu_conv2d_dw_winograd, &weft_cpu_conv2d_dw_outer,
    &weft_cpu_conv2d_dw_ref, NULL,
};
