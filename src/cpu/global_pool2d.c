/* SPDX-License-Identifier: Apache-2.0
 *
 * Global pools: an image's pixels in order, all channels at once; with few images, blocks of channels are items of
 * their own. The order of a channel's pixels is the same either way. */
#include "cpu/global_pool2d.h"

enum { CHANNELS = 128 }; /* least block */

typedef struct job {
    const weft_call *call;
    const weft_rows *rows;
    int64_t pixels, channels, blocks, step;
    bool mean;
} job;

static void item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_view *x = &j->call->in[0];
    const int64_t image = index / j->blocks, c = index % j->blocks * j->step;
    const int64_t count = j->channels - c < j->step ? j->channels - c : j->step;
    (void)thread;
    const float *from = weft_row(x, image * j->pixels) + c;
    float *to = weft_row(&j->call->out[0], image) + c;
    if (j->mean)
        j->rows->sum_rows(from, x->ld, j->pixels, count, 1.0f / (float)j->pixels, to);
    else
        j->rows->max_rows(from, x->ld, j->pixels, count, to);
}

weft_status weft_global_pool_run(const weft_call *call, bool mean)
{
    const weft_shape *x = &call->node->in[0];
    job j = { .call = call, .rows = weft_rows_of(call->device), .pixels = x->dim[1] * x->dim[2],
              .channels = x->dim[3], .mean = mean };
    const int64_t most = (j.channels + CHANNELS - 1) / CHANNELS;
    const int64_t blocks = weft_bands(call->device, x->dim[0], most, (double)weft_shape_count(x));
    j.step = (most + blocks - 1) / blocks * CHANNELS;
    j.blocks = (j.channels + j.step - 1) / j.step;
    weft_pool_run(call->device->pool, x->dim[0] * j.blocks, item, &j);
    return WEFT_OK;
}
