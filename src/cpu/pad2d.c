/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of pad2d. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_pad2d[] = {&weft_cpu_pad2d_ref, NULL};
