/* SPDX-License-Identifier: Apache-2.0
 *
 * rmsprop: one pass over parameter, mean square, momentum and gradient. Bound: DRAM, 28 bytes an element. */
#include "cpu/ref/ref.h"
#include "cpu/rows.h"
#include "cpu/update.h"

static weft_status run(const weft_call *call)
{
    const weft_rmsprop_opt *o = call->node->opt;
    const weft_update u = { .scale = weft_go_scale(&call->in[5]), .decay = (float)o->decay,
                            .momentum = (float)o->momentum, .rho = (float)o->rho, .rest_rho = (float)(1 - o->rho),
                            .epsilon = (float)o->epsilon,
                            .lr = (float)(o->lr_scale * (double)weft_scalar(&call->in[4])) };
    if (weft_go_scale(&call->in[5]) == 0)
        return weft_update_keep(call, 3);
    return weft_update_run(call, weft_updates_of(call->device)->rmsprop, &u, 4, 3);
}

static const weft_kernel rows = {
    .name = "cpu.rmsprop.rows", .refuse = weft_rows_refuse, .run = run, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cpu_rmsprop[] = { &rows, &weft_cpu_rmsprop_ref, NULL };
