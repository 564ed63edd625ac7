/* SPDX-License-Identifier: Apache-2.0
 *
 * crop2d: the lines that stay, copied image by image. */
#include "cpu/copy.h"
#include "cpu/ref/ref.h"
#include "cpu/rows.h"
#include "op/util.h"

static weft_status run(const weft_call *call)
{
    const weft_border_opt *o = call->node->opt;
    const int64_t *x = call->node->in[0].dim, *y = call->node->out[0].dim;
    for (int64_t n = 0; n < x[0]; n++) {
        const weft_copy copy = {
            .from = weft_view_from(&call->in[0], (n * x[1] + o->pad.top) * x[2] + o->pad.left),
            .to = weft_view_from(&call->out[0], n * y[1] * y[2]),
            .lines = y[1], .pixels = y[2], .channels = x[3], .from_step = x[2], .to_step = y[2],
        };
        weft_copy_run(&copy, call->device);
    }
    return WEFT_OK;
}

static const weft_kernel copy = { .name = "cpu.crop2d.copy", .refuse = weft_rows_refuse, .run = run };

const weft_kernel *const weft_cpu_crop2d[] = { &copy, &weft_cpu_crop2d_ref, NULL };
