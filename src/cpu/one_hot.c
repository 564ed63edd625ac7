/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of one_hot: the reference serves. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_one_hot[] = { &weft_cpu_one_hot_ref, NULL };
