/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of pools over whole images: rows that are all alike, in bands of pixels; maxima found again, in blocks of
 * channels. */
#include "cpu/ref/ref.h"
#include "cpu/rows.h"

enum { CHANNELS = 64 }; /* of a block: whole lines of cache */

/* ---- means ---- */

typedef struct job {
    const weft_call *call;
    const weft_rows *rows;
    const weft_view *residual;
    int64_t pixels, channels, bands, blocks;
} job;

static weft_status prepare_avg(const weft_node *node, weft_plan *plan)
{
    plan->scratch = sizeof(float) * (size_t)weft_shape_count(&node->in[0]);
    return WEFT_OK;
}

static void avg_item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const int64_t image = index / j->bands, band = index % j->bands;
    const int64_t first = j->pixels * band / j->bands, last = j->pixels * (band + 1) / j->bands;
    const int64_t row = image * j->pixels + first;
    const weft_view *dx = &j->call->out[0];
    (void)thread;
    const weft_affine p = {
        .x = (const float *)j->call->scratch + image * j->channels, .x_ld = 0, .y = weft_row(dx, row), .y_ld = dx->ld,
        .residual = j->residual ? weft_row(j->residual, row) : NULL, .r_ld = j->residual ? j->residual->ld : 0,
        .rows = last - first, .channels = j->channels,
    };
    j->rows->affine(&p);
}

static weft_status run_avg(const weft_call *call)
{
    const weft_node *n = call->node;
    const int64_t *dx = n->out[0].dim;
    job j = { .call = call, .rows = weft_rows_of(call->device), .pixels = dx[1] * dx[2], .channels = dx[3],
              .residual = n->epi.residual ? &call->in[n->n_in - 1] : NULL };
    float *means = call->scratch;
    for (int64_t i = 0; i < dx[0]; i++)
        for (int64_t c = 0; c < j.channels; c++)
            means[i * j.channels + c] = weft_row(&call->in[0], i)[c] / (float)j.pixels;
    j.bands = weft_bands(call->device, dx[0], j.pixels, (double)weft_shape_count(&n->out[0]));
    weft_pool_run(call->device->pool, dx[0] * j.bands, avg_item, &j);
    return WEFT_OK;
}

static const weft_kernel avg_rows = {
    .name = "cpu.global_avg_pool2d_dx.rows", .refuse = weft_rows_refuse, .prepare = prepare_avg, .run = run_avg,
    .inplace = WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cpu_global_avg_pool2d_dx[] = { &avg_rows, &weft_cpu_global_avg_pool2d_dx_ref, NULL };

/* ---- maxima ---- */

static void max_item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_view *dy = &j->call->in[0], *x = &j->call->in[1], *dx = &j->call->out[0];
    const int64_t image = index / j->blocks, c = index % j->blocks * CHANNELS, row = image * j->pixels;
    (void)thread;
    j->rows->max_rows_dx(weft_row(x, row) + c, x->ld, weft_row(dy, image) + c, j->pixels,
                         j->channels - c < CHANNELS ? j->channels - c : CHANNELS, weft_row(dx, row) + c, dx->ld);
}

static weft_status run_max(const weft_call *call)
{
    const int64_t *x = call->node->in[1].dim;
    job j = { .call = call, .rows = weft_rows_of(call->device), .pixels = x[1] * x[2], .channels = x[3],
              .blocks = (x[3] + CHANNELS - 1) / CHANNELS };
    weft_pool_run(call->device->pool, x[0] * j.blocks, max_item, &j);
    return WEFT_OK;
}

static const char *refuse_max(const weft_node *node, const weft_device *device)
{
    if (node->in[1].dim[1] * node->in[1].dim[2] > INT32_MAX)
        return "an image of more than 2^31 pixels";
    return weft_rows_refuse(node, device);
}

static const weft_kernel max_rows = {
    .name = "cpu.global_max_pool2d_dx.rows", .refuse = refuse_max, .run = run_max,
};

const weft_kernel *const weft_cpu_global_max_pool2d_dx[] = { &max_rows, &weft_cpu_global_max_pool2d_dx_ref, NULL };
