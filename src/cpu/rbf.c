/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of rbf. LeNet-5's only: the reference serves. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_rbf[] = {&weft_cpu_rbf_ref, NULL};
const weft_kernel *const weft_cpu_rbf_dx[] = { &weft_cpu_rbf_dx_ref, NULL };
