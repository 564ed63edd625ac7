/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of reshape. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_reshape[] = {&weft_cpu_reshape_ref, NULL};
