/* SPDX-License-Identifier: Apache-2.0
 *
 * The pass over a parameter. Not written around the caches: every line has been read just before (measured: no gain).
 */
#include "cpu/update.h"

#include <string.h>

#include "cpu/machine.h"
#include "cpu/rows.h"

typedef struct job {
    const weft_call *call;
    weft_update_kernel kernel; /* NULL: copy */
    const weft_update *u;
    weft_split split;
    int n_in, n_out;
    bool dense;
} job;

const weft_updates *weft_updates_of(const weft_device *device)
{
    return weft_simd_of(device->isa)->updates;
}

/* count elements from the beginning of row r. */
static void update_rows(const job *j, int64_t row, int64_t count)
{
    weft_update u = *j->u;
    for (int k = 0; k < j->n_in; k++)
        u.in[k] = weft_row(&j->call->in[k], row);
    for (int k = 0; k < j->n_out; k++)
        u.out[k] = weft_row(&j->call->out[k], row);
    j->kernel(&u, count);
}

static void copy_rows(const job *j, int64_t row, int64_t count)
{
    for (int k = 0; k < j->n_out; k++)
        if (j->call->in[k].data != j->call->out[k].data)
            memcpy(weft_row(&j->call->out[k], row), weft_row(&j->call->in[k], row), (size_t)count * sizeof(float));
}

static void item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    int64_t first, count = weft_split_item(&j->split, index, &first);
    const int64_t rows = j->dense ? 1 : count, per = (j->dense ? count : 1) * j->split.channels;
    (void)thread;
    for (int64_t r = first; r < first + rows; r++) {
        if (j->kernel)
            update_rows(j, r, per);
        else
            copy_rows(j, r, per);
    }
}

static weft_status pass(const weft_call *call, weft_update_kernel kernel, const weft_update *u, int n_in, int n_out)
{
    job j = { call, kernel, u, weft_split_rows(&call->node->out[0]), n_in, n_out, true };
    for (int k = 0; k < n_in; k++)
        j.dense = j.dense && weft_view_dense(&call->in[k], j.split.channels);
    for (int k = 0; k < n_out; k++)
        j.dense = j.dense && weft_view_dense(&call->out[k], j.split.channels);
    weft_pool_run(call->device->pool, j.split.items, item, &j);
    return WEFT_OK;
}

weft_status weft_update_run(const weft_call *call, weft_update_kernel kernel, const weft_update *u, int n_in, int n_out)
{
    return pass(call, kernel, u, n_in, n_out);
}

weft_status weft_update_keep(const weft_call *call, int n_out)
{
    bool same = true;
    for (int k = 0; k < n_out; k++)
        same = same && call->in[k].data == call->out[k].data;
    return same ? WEFT_OK : pass(call, NULL, NULL, n_out, n_out);
}
