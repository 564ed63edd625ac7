/* SPDX-License-Identifier: Apache-2.0
 *
 * batch_norm_pair_dx on the CPU: nobody makes it for one, whose norms are part of the gradients of convolutions. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_batch_norm_pair_dx[] = { &weft_cpu_batch_norm_pair_dx_ref, NULL };
