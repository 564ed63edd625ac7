/* SPDX-License-Identifier: Apache-2.0
 *
 * channel_scale: each pixel times its image's row of factors. Items are bands of an image's pixels. */
#include "cpu/ref/ref.h"
#include "cpu/rows.h"

typedef struct job {
    const weft_call *call;
    const weft_rows *rows;
    int64_t pixels, channels, bands;
    bool stream;
} job;

static void item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_view *x = &j->call->in[0], *s = &j->call->in[1], *y = &j->call->out[0];
    const int64_t image = index / j->bands, band = index % j->bands;
    const int64_t first = j->pixels * band / j->bands, last = j->pixels * (band + 1) / j->bands;
    const int64_t row = image * j->pixels + first;
    (void)thread;
    const weft_affine p = {
        .x = weft_row(x, row), .y = weft_row(y, row), .x_ld = x->ld, .y_ld = y->ld, .scale = weft_row(s, image),
        .rows = last - first, .channels = j->channels, .stream = j->stream,
    };
    j->rows->affine(&p);
}

static weft_status run(const weft_call *call)
{
    const weft_shape *x = &call->node->in[0];
    job j = { .call = call, .rows = weft_rows_of(call->device), .pixels = x->dim[1] * x->dim[2],
              .channels = x->dim[3] };
    j.bands = weft_bands(call->device, x->dim[0], j.pixels, (double)weft_shape_count(x));
    /* Bands of few channels may begin inside a cache line. */
    j.stream = weft_whole_lines(j.channels) && weft_streams(call->device, x, &call->out[0], &call->in[0], false);
    weft_pool_run(call->device->pool, x->dim[0] * j.bands, item, &j);
    return WEFT_OK;
}

static const weft_kernel rows = {
    .name = "cpu.channel_scale.rows", .refuse = weft_rows_refuse, .run = run, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cpu_channel_scale[] = { &rows, &weft_cpu_channel_scale_ref, NULL };

/* ---- channel_scale_ds: sums of products, blocks of an image's channels as items ---- */

enum { CHANNELS = 128 };

static void ds_item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_view *x = &j->call->in[0], *dy = &j->call->in[1];
    const int64_t blocks = (j->channels + CHANNELS - 1) / CHANNELS, image = index / blocks;
    const int64_t c = index % blocks * CHANNELS, row = image * j->pixels;
    (void)thread;
    j->rows->dot_rows(weft_row(x, row) + c, x->ld, weft_row(dy, row) + c, dy->ld, j->pixels,
                      j->channels - c < CHANNELS ? j->channels - c : CHANNELS, 1, NULL,
                      weft_row(&j->call->out[0], image) + c);
}

static weft_status run_ds(const weft_call *call)
{
    const int64_t *x = call->node->in[0].dim;
    job j = { .call = call, .rows = weft_rows_of(call->device), .pixels = x[1] * x[2], .channels = x[3] };
    weft_pool_run(call->device->pool, x[0] * ((x[3] + CHANNELS - 1) / CHANNELS), ds_item, &j);
    return WEFT_OK;
}

static const weft_kernel ds_rows = { .name = "cpu.channel_scale_ds.rows", .refuse = weft_rows_refuse, .run = run_ds };

const weft_kernel *const weft_cpu_channel_scale_ds[] = { &ds_rows, &weft_cpu_channel_scale_ds_ref, NULL };
