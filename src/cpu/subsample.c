/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of subsample. LeNet-5's only: the reference serves. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_subsample[] = {&weft_cpu_subsample_ref, NULL};
const weft_kernel *const weft_cpu_subsample_dx[] = { &weft_cpu_subsample_dx_ref, NULL };
const weft_kernel *const weft_cpu_subsample_dg[] = { &weft_cpu_subsample_dg_ref, NULL };
