/* SPDX-License-Identifier: Apache-2.0
 *
 * sgd: one pass over parameter, momentum and gradient. Bound: DRAM, 20 bytes an element. */
#include "cpu/ref/ref.h"
#include "cpu/rows.h"
#include "cpu/update.h"

static weft_status run(const weft_call *call)
{
    const weft_sgd_opt *o = call->node->opt;
    const weft_update u = { .scale = weft_go_scale(&call->in[4]), .decay = (float)o->decay,
                            .momentum = (float)o->momentum, .flag = o->nesterov,
                            .lr = (float)(o->lr_scale * (double)weft_scalar(&call->in[3])) };
    if (weft_go_scale(&call->in[4]) == 0)
        return weft_update_keep(call, 2);
    return weft_update_run(call, weft_updates_of(call->device)->sgd, &u, 3, 2);
}

static const weft_kernel rows = {
    .name = "cpu.sgd.rows", .refuse = weft_rows_refuse, .run = run, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cpu_sgd[] = { &rows, &weft_cpu_sgd_ref, NULL };
