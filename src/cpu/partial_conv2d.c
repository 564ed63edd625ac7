/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of partial_conv2d. LeNet-5's only, a few thousand multiply-adds an image: the reference serves. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_partial_conv2d[] = {&weft_cpu_partial_conv2d_ref, NULL};
