/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of softmax. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_softmax[] = {&weft_cpu_softmax_ref, NULL};
