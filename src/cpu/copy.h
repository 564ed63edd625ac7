/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows copied from one view to another: what dropout, reshape, concat, pad2d and crop2d do when the planner could not
 * make them free. */
#ifndef WEFT_CPU_COPY_H
#define WEFT_CPU_COPY_H

#include "backend/kernel.h"

/* Copies rows of `channels` floats: line l of `lines` lines of `pixels` rows goes from row l * from_step of `from` to
 * row l * to_step of `to`. On the calling thread's pool. */
typedef struct weft_copy {
    weft_view from, to;
    int64_t lines, pixels, channels, from_step, to_step;
} weft_copy;
void weft_copy_run(const weft_copy *copy, const weft_device *device);

/* The first line alone, on the calling thread. */
void weft_copy_line(const weft_copy *copy);

/* run of an op that changes neither rows nor channels. */
weft_status weft_copy_same(const weft_call *call);

#endif
