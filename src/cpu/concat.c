/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of concat. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_concat[] = {&weft_cpu_concat_ref, NULL};
