/* SPDX-License-Identifier: Apache-2.0
 *
 * softmax: row by row; each is read once for the maximum and, from L1, again for the exponentials. */
#include "cpu/ref/ref.h"
#include "cpu/rows.h"

typedef struct job {
    const weft_call *call;
    const weft_rows *rows;
    weft_split split;
} job;

static void item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    int64_t first, count = weft_split_item(&j->split, index, &first);
    (void)thread;
    for (int64_t r = first; r < first + count; r++)
        j->rows->softmax(weft_row(&j->call->in[0], r), j->split.channels, weft_row(&j->call->out[0], r));
}

static weft_status run(const weft_call *call)
{
    job j = { .call = call, .rows = weft_rows_of(call->device), .split = weft_split_rows(&call->node->in[0]) };
    weft_pool_run(call->device->pool, j.split.items, item, &j);
    return WEFT_OK;
}

static const weft_kernel rows = {
    .name = "cpu.softmax.rows", .refuse = weft_rows_refuse, .run = run, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cpu_softmax[] = { &rows, &weft_cpu_softmax_ref, NULL };
const weft_kernel *const weft_cpu_softmax_dx[] = { &weft_cpu_softmax_dx_ref, NULL };
