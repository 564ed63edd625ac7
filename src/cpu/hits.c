/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of hits: the reference serves. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_hits[] = { &weft_cpu_hits_ref, NULL };
