/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of batch_norm. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_batch_norm[] = {&weft_cpu_batch_norm_ref, NULL};
