/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of lrn. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_lrn[] = {&weft_cpu_lrn_ref, NULL};
