/* SPDX-License-Identifier: Apache-2.0
 *
 * Batch norm in training and its gradients. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_batch_norm_train[] = { &weft_cpu_batch_norm_train_ref, NULL };
const weft_kernel *const weft_cpu_batch_norm_dx[] = { &weft_cpu_batch_norm_dx_ref, NULL };
const weft_kernel *const weft_cpu_batch_norm_frozen_dx[] = { &weft_cpu_batch_norm_frozen_dx_ref, NULL };
