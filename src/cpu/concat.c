/* SPDX-License-Identifier: Apache-2.0
 *
 * concat: each input copied into its slice of channels. Only for what the planner could not let its producers write in
 * place. */
#include "cpu/copy.h"
#include "cpu/ref/ref.h"
#include "cpu/rows.h"

static weft_status run(const weft_call *call)
{
    const weft_node *n = call->node;
    int64_t offset = 0;
    for (int i = 0; i < n->n_in; i++) {
        const int64_t channels = weft_shape_channels(&n->in[i]);
        const weft_copy copy = { .from = call->in[i], .to = { weft_row(&call->out[0], 0) + offset, call->out[0].ld },
                                 .lines = 1, .pixels = weft_shape_rows(&n->in[i]), .channels = channels };
        weft_copy_run(&copy, call->device);
        offset += channels;
    }
    return WEFT_OK;
}

static const weft_kernel copy = { .name = "cpu.concat.copy", .refuse = weft_rows_refuse, .run = run };

const weft_kernel *const weft_cpu_concat[] = { &copy, &weft_cpu_concat_ref, NULL };
