/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of levels: the reference serves, for here bytes need not travel, and whoever makes batches makes floats. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_levels[] = { &weft_cpu_levels_ref, NULL };
