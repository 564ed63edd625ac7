/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of add. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_add[] = {&weft_cpu_add_ref, NULL};
