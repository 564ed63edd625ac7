/* SPDX-License-Identifier: Apache-2.0
 *
 * What batch_norm shares with kernels that compute it as they read it. */
#ifndef WEFT_CPU_BATCH_NORM_H
#define WEFT_CPU_BATCH_NORM_H

#include "backend/kernel.h"

/* scale, then shift, [channels] each, from the parameters of a batch_norm call. */
void weft_batch_norm_scales(const weft_call *call, double *scales);

#endif
