/* SPDX-License-Identifier: Apache-2.0
 *
 * global_avg_pool2d: an image's pixels in order, all channels at once; with few images, blocks of channels are items
 * of their own. The order of a channel's pixels is the same either way. */
#include "cpu/ref/ref.h"
#include "cpu/rows.h"

enum { CHANNELS = 128 }; /* least block */

typedef struct job {
    const weft_call *call;
    const weft_rows *rows;
    int64_t pixels, channels, blocks, step;
} job;

static void item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_view *x = &j->call->in[0];
    const int64_t image = index / j->blocks, c = index % j->blocks * j->step;
    const int64_t count = j->channels - c < j->step ? j->channels - c : j->step;
    (void)thread;
    j->rows->sum_rows(weft_row(x, image * j->pixels) + c, x->ld, j->pixels, count, 1.0f / (float)j->pixels,
                      weft_row(&j->call->out[0], image) + c);
}

static weft_status run(const weft_call *call)
{
    const weft_shape *x = &call->node->in[0];
    job j = { .call = call, .rows = weft_rows_of(call->device), .pixels = x->dim[1] * x->dim[2],
              .channels = x->dim[3] };
    const int64_t most = (j.channels + CHANNELS - 1) / CHANNELS;
    const int64_t blocks = weft_bands(call->device, x->dim[0], most, (double)weft_shape_count(x));
    j.step = (most + blocks - 1) / blocks * CHANNELS;
    j.blocks = (j.channels + j.step - 1) / j.step;
    weft_pool_run(call->device->pool, x->dim[0] * j.blocks, item, &j);
    return WEFT_OK;
}

static const weft_kernel rows = { .name = "cpu.global_avg_pool2d.rows", .refuse = weft_rows_refuse, .run = run };

const weft_kernel *const weft_cpu_global_avg_pool2d[] = { &rows, &weft_cpu_global_avg_pool2d_ref, NULL };
