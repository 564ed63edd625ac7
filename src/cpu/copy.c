/* SPDX-License-Identifier: Apache-2.0
 *
 * Copying of rows, in items of whole lines; contiguous lines by one memcpy. */
#include "cpu/copy.h"

#include <string.h>

#include "cpu/rows.h"

void weft_copy_line(const weft_copy *copy)
{
    const weft_view *from = &copy->from, *to = &copy->to;
    if (weft_view_dense(from, copy->channels) && weft_view_dense(to, copy->channels)) {
        memcpy(to->data, from->data, sizeof(float) * (size_t)(copy->pixels * copy->channels));
        return;
    }
    for (int64_t i = 0; i < copy->pixels; i++)
        memcpy(weft_row(to, i), weft_row(from, i), sizeof(float) * (size_t)copy->channels);
}

typedef struct job {
    const weft_copy *copy;
    int64_t parts; /* of a line */
} job;

static void item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_copy *p = j->copy;
    const int64_t line = index / j->parts, part = index % j->parts;
    const int64_t first = p->pixels * part / j->parts, last = p->pixels * (part + 1) / j->parts;
    (void)thread;
    const weft_copy copy = { .from = weft_view_from(&p->from, line * p->from_step + first),
                             .to = weft_view_from(&p->to, line * p->to_step + first),
                             .pixels = last - first, .channels = p->channels };
    weft_copy_line(&copy);
}

void weft_copy_run(const weft_copy *copy, const weft_device *device)
{
    job j = { .copy = copy };
    j.parts =
        weft_bands(device, copy->lines, copy->pixels, (double)copy->lines * (double)(copy->pixels * copy->channels));
    weft_pool_run(device->pool, copy->lines * j.parts, item, &j);
}

weft_status weft_copy_same(const weft_call *call)
{
    const weft_shape *x = &call->node->in[0];
    const weft_copy copy = { .from = call->in[0], .to = call->out[0], .lines = 1, .pixels = weft_shape_rows(x),
                             .channels = weft_shape_channels(x) };
    weft_copy_run(&copy, call->device);
    return WEFT_OK;
}
