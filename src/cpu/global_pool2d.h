/* SPDX-License-Identifier: Apache-2.0
 *
 * What global_avg_pool2d and global_max_pool2d share on the CPU. */
#ifndef WEFT_CPU_GLOBAL_POOL2D_H
#define WEFT_CPU_GLOBAL_POOL2D_H

#include "cpu/rows.h"

/* Mean (or maximum) of each channel over an image. */
weft_status weft_global_pool_run(const weft_call *call, bool mean);

#endif
