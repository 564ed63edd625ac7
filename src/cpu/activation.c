/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of activation. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_activation[] = {&weft_cpu_activation_ref, NULL};
