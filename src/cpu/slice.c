/* SPDX-License-Identifier: Apache-2.0
 *
 * slice: a copy, only where the planner could not let it be its part of the input. */
#include "cpu/copy.h"
#include "cpu/ref/ref.h"
#include "cpu/rows.h"
#include "op/util.h"

static weft_status run(const weft_call *call)
{
    const weft_slice_opt *o = call->node->opt;
    const weft_view from = { weft_row(&call->in[0], 0) + o->first, call->in[0].ld };
    const weft_copy copy = { .from = from, .to = call->out[0], .lines = 1,
                             .pixels = weft_shape_rows(&call->node->out[0]), .channels = o->count };
    weft_copy_run(&copy, call->device);
    return WEFT_OK;
}

static const weft_kernel copy = { .name = "cpu.slice.copy", .refuse = weft_rows_refuse, .run = run };

const weft_kernel *const weft_cpu_slice[] = { &copy, &weft_cpu_slice_ref, NULL };
