/* SPDX-License-Identifier: Apache-2.0
 *
 * conv_norm on the CPU: nobody makes it for one, since what a convolution gives is summed by the norm from the caches
 * as it is. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_conv_norm[] = { &weft_cpu_conv_norm_ref, NULL };
