/* SPDX-License-Identifier: Apache-2.0
 *
 * max_pool2d: bands of output lines through the pooling micro-kernel; the list. */
#include "cpu/pool2d.h"

#include "cpu/ref/ref.h"

static weft_status run(const weft_call *call)
{
    return weft_pool2d_run(call, weft_rows_of(call->device)->max_pool);
}

static const weft_kernel rows = { .name = "cpu.max_pool2d.rows", .refuse = weft_rows_refuse, .run = run };

const weft_kernel *const weft_cpu_max_pool2d[] = { &rows, &weft_cpu_max_pool2d_ref, NULL };
