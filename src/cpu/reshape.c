/* SPDX-License-Identifier: Apache-2.0
 *
 * reshape: the same floats in the same order. Dense views are one run; otherwise runs as long as both rows allow. */
#include <string.h>

#include "cpu/copy.h"
#include "cpu/ref/ref.h"
#include "cpu/rows.h"

static int64_t gcd(int64_t a, int64_t b)
{
    while (b != 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

typedef struct job {
    const weft_call *call;
    int64_t count, unit, per;
} job;

static void item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_view *x = &j->call->in[0], *y = &j->call->out[0];
    const int64_t cx = weft_shape_channels(&j->call->node->in[0]), cy = weft_shape_channels(&j->call->node->out[0]);
    const int64_t end = (index + 1) * j->per < j->count ? (index + 1) * j->per : j->count;
    (void)thread;
    for (int64_t i = index * j->per; i < end; i += j->unit)
        memcpy(weft_row(y, i / cy) + i % cy, weft_row(x, i / cx) + i % cx, sizeof(float) * (size_t)j->unit);
}

static weft_status run(const weft_call *call)
{
    const weft_shape *x = &call->node->in[0], *y = &call->node->out[0];
    const int64_t cx = weft_shape_channels(x), cy = weft_shape_channels(y), count = weft_shape_count(x);
    if (weft_view_dense(&call->in[0], cx) && weft_view_dense(&call->out[0], cy)) {
        const weft_copy copy = { .from = { call->in[0].data, 1 }, .to = { call->out[0].data, 1 }, .lines = 1,
                                 .pixels = count, .channels = 1 };
        weft_copy_run(&copy, call->device);
        return WEFT_OK;
    }
    job j = { .call = call, .count = count, .unit = gcd(cx, cy) };
    const int64_t units = count / j.unit, parts = weft_bands(call->device, 1, units, (double)count);
    j.per = (units + parts - 1) / parts * j.unit;
    weft_pool_run(call->device->pool, (count + j.per - 1) / j.per, item, &j);
    return WEFT_OK;
}

static const weft_kernel copy = { .name = "cpu.reshape.copy", .refuse = weft_rows_refuse, .run = run };

const weft_kernel *const weft_cpu_reshape[] = { &copy, &weft_cpu_reshape_ref, NULL };
