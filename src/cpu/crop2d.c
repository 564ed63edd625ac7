/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of crop2d. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_crop2d[] = {&weft_cpu_crop2d_ref, NULL};
