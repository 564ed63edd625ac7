/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of global_avg_pool2d. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_global_avg_pool2d[] = {&weft_cpu_global_avg_pool2d_ref, NULL};
