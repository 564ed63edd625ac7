/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of dropout. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_dropout[] = {&weft_cpu_dropout_ref, NULL};
