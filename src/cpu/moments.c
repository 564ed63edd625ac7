/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of moments and moving_average: the reference serves until training needs them fast. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_moments[] = { &weft_cpu_moments_ref, NULL };
const weft_kernel *const weft_cpu_moving_average[] = { &weft_cpu_moving_average_ref, NULL };
