/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of sgd. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_sgd[] = { &weft_cpu_sgd_ref, NULL };
