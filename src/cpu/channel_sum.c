/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of channel_sum. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_channel_sum[] = { &weft_cpu_channel_sum_ref, NULL };
