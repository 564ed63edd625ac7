/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of the ops that compute parameters: run once, when these change. The reference serves. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_fold_norm[] = { &weft_cpu_fold_norm_ref, NULL };
const weft_kernel *const weft_cpu_scale_weights[] = { &weft_cpu_scale_weights_ref, NULL };
const weft_kernel *const weft_cpu_compose_weights[] = { &weft_cpu_compose_weights_ref, NULL };
const weft_kernel *const weft_cpu_join_weights[] = { &weft_cpu_join_weights_ref, NULL };
