/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of normalize. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_normalize[] = {&weft_cpu_normalize_ref, NULL};
