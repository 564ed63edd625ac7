/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of conv2d_dx and conv2d_dw. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_conv2d_dx[] = { &weft_cpu_conv2d_dx_ref, NULL };
const weft_kernel *const weft_cpu_conv2d_dw[] = { &weft_cpu_conv2d_dw_ref, NULL };
