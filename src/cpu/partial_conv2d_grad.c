/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of partial_expand and partial_collect: weights of LeNet-5's alone, the references serve. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_partial_expand[] = { &weft_cpu_partial_expand_ref, NULL };
const weft_kernel *const weft_cpu_partial_collect[] = { &weft_cpu_partial_collect_ref, NULL };
