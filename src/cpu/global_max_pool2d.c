/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of global_max_pool2d. */
#include "cpu/global_pool2d.h"
#include "cpu/ref/ref.h"

static weft_status run(const weft_call *call)
{
    return weft_global_pool_run(call, false);
}

static const weft_kernel rows = { .name = "cpu.global_max_pool2d.rows", .refuse = weft_rows_refuse, .run = run };

const weft_kernel *const weft_cpu_global_max_pool2d[] = { &rows, &weft_cpu_global_max_pool2d_ref, NULL };
