/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of channel_scale. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_channel_scale[] = {&weft_cpu_channel_scale_ref, NULL};
