/* SPDX-License-Identifier: Apache-2.0
 *
 * What max_pool2d and avg_pool2d share: how an image is cut into bands of output lines. */
#ifndef WEFT_CPU_POOL2D_H
#define WEFT_CPU_POOL2D_H

#include "cpu/rows.h"

/* Runs kernel over all images of the call. */
weft_status weft_pool2d_run(const weft_call *call, void (*kernel)(const weft_pooling *p));

#endif
