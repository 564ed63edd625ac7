/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of squeeze-and-excitation in four phases: per image and block of channels the sums of x and of x dy, in one
 * pass; per image the two layers there and back; per row the weights' gradients, summed over the images in their order;
 * per image and band of pixels dx. Bound: reading x once and dy twice, writing dx. */
#include <string.h>

#include "cpu/ref/ref.h"
#include "cpu/rows.h"
#include "op/activation.h"

enum { CHANNELS = 256 }; /* of a block: a kilobyte of each row */

/* Rows of scratch: of images [N][channels] and [N][reduced]; d1 and d2 lie the other way round, [][N], as the sums over
 * images read them. */
typedef struct parts {
    float *mean, *gate, *dm, *hidden, *d1, *d2;
} parts;

typedef struct job {
    const weft_call *call;
    const weft_rows *rows;
    int64_t images, pixels, channels, reduced, blocks, bands;
    parts parts;
    bool stream;
} job;

static int64_t floats(const weft_node *node)
{
    const int64_t n = node->in[0].dim[0], c = node->in[0].dim[3];
    return n * (4 * c + 2 * ((const weft_squeeze_excite_opt *)node->opt)->reduced);
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const int64_t c = node->in[0].dim[3], r = ((const weft_squeeze_excite_opt *)node->opt)->reduced;
    plan->scratch = sizeof(float) * (size_t)floats(node);
    plan->thread_scratch = sizeof(float) * (size_t)(2 * c + 2 * r);
    return WEFT_OK;
}

static parts parts_of(const weft_call *call)
{
    const int64_t n = call->node->in[0].dim[0], c = call->node->in[0].dim[3];
    const int64_t r = ((const weft_squeeze_excite_opt *)call->node->opt)->reduced;
    parts p = { .mean = call->scratch };
    p.gate = p.mean + n * c;
    p.dm = p.gate + n * c;
    p.d2 = p.dm + n * c;
    p.hidden = p.d2 + n * c;
    p.d1 = p.hidden + n * r;
    return p;
}

/* Means, and for the time being the sums of x dy as gates. */
static void sum_item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_view *x = &j->call->in[0], *dy = &j->call->in[1];
    const int64_t n = index / j->blocks, c = index % j->blocks * CHANNELS, row = n * j->pixels;
    (void)thread;
    j->rows->dot_rows(weft_row(x, row) + c, x->ld, weft_row(dy, row) + c, dy->ld, j->pixels,
                      j->channels - c < CHANNELS ? j->channels - c : CHANNELS, 1.0f / (float)j->pixels,
                      j->parts.mean + n * j->channels + c, j->parts.gate + n * j->channels + c);
}

/* v becomes act(v); d times the slope there goes to column n of to[count][images], and stays in d. */
static void activate(const job *j, weft_act act, float *v, float *d, int64_t count, float *to)
{
    for (int64_t i = 0; i < count; i++) {
        const double y = weft_act_eval(act, (double)v[i]);
        d[i] *= (float)weft_act_slope(act, weft_act_keeps_result(act) ? y : (double)v[i]);
        to[i * j->images] = d[i];
        v[i] = (float)y;
    }
}

static void layers_item(void *arg, int64_t n, int thread)
{
    const job *j = arg;
    const weft_call *call = j->call;
    const weft_squeeze_excite_opt *o = call->node->opt;
    const int64_t c = j->channels, r = j->reduced;
    const weft_view *w1 = &call->in[2], *w2 = &call->in[o->no_bias ? 3 : 4];
    const float *b1 = o->no_bias ? NULL : call->in[3].data, *b2 = o->no_bias ? NULL : call->in[5].data;
    float *mean = j->parts.mean + n * c, *gate = j->parts.gate + n * c, *hidden = j->parts.hidden + n * r;
    float *v2 = weft_call_thread_scratch(call, thread), *d2 = v2 + c, *d1 = d2 + c, *v1 = d1 + r;
    memcpy(d2, gate, sizeof *d2 * (size_t)c);
    j->rows->dot(mean, w1->data, w1->ld, b1, c, r, WEFT_ACT_NONE, v1);
    for (int64_t i = 0; i < r; i++)
        hidden[i] = (float)weft_act_eval(o->act, (double)v1[i]);
    j->rows->dot(hidden, w2->data, w2->ld, b2, r, c, WEFT_ACT_NONE, v2);
    activate(j, o->gate, v2, d2, c, j->parts.d2 + n);
    memcpy(gate, v2, sizeof *gate * (size_t)c);
    j->rows->mix(d2, w2->data, w2->ld, NULL, c, r, WEFT_ACT_NONE, d1);
    activate(j, o->act, v1, d1, r, j->parts.d1 + n);
    j->rows->mix(d1, w1->data, w1->ld, NULL, r, c, WEFT_ACT_NONE, j->parts.dm + n * c);
    for (int64_t i = 0; i < c; i++)
        j->parts.dm[n * c + i] /= (float)j->pixels;
}

/* Row k of dw = sum over images of d[k][n] in[n][..], and the sum of d[k]. */
static void weight_row(const job *j, const float *d, const float *in, int64_t ins, float *dw, float *db)
{
    j->rows->mix(d, in, ins, NULL, j->images, ins, WEFT_ACT_NONE, dw);
    float sum = 0;
    for (int64_t n = 0; n < j->images; n++)
        sum += d[n];
    if (db)
        *db = sum;
}

static void weights_item(void *arg, int64_t k, int thread)
{
    const job *j = arg;
    const weft_view *out = j->call->out;
    const bool biased = !((const weft_squeeze_excite_opt *)j->call->node->opt)->no_bias;
    (void)thread;
    if (k < j->reduced) {
        float *db = biased ? (float *)out[2].data + k : NULL;
        weight_row(j, j->parts.d1 + k * j->images, j->parts.mean, j->channels, weft_row(&out[1], k), db);
        return;
    }
    k -= j->reduced;
    float *db = biased ? (float *)out[4].data + k : NULL;
    weight_row(j, j->parts.d2 + k * j->images, j->parts.hidden, j->reduced, weft_row(&out[biased ? 3 : 2], k), db);
}

static void dx_item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_view *dy = &j->call->in[1], *dx = &j->call->out[0];
    const int64_t n = index / j->bands, band = index % j->bands;
    const int64_t first = j->pixels * band / j->bands, last = j->pixels * (band + 1) / j->bands;
    (void)thread;
    const weft_affine p = {
        .x = weft_row(dy, n * j->pixels + first), .y = weft_row(dx, n * j->pixels + first), .x_ld = dy->ld,
        .y_ld = dx->ld, .scale = j->parts.gate + n * j->channels, .shift = j->parts.dm + n * j->channels,
        .rows = last - first, .channels = j->channels, .stream = j->stream,
    };
    j->rows->affine(&p);
}

static weft_status run(const weft_call *call)
{
    const weft_shape *x = &call->node->in[0];
    weft_pool *pool = call->device->pool;
    job j = { .call = call, .rows = weft_rows_of(call->device), .images = x->dim[0], .pixels = x->dim[1] * x->dim[2],
              .channels = x->dim[3], .reduced = ((const weft_squeeze_excite_opt *)call->node->opt)->reduced,
              .parts = parts_of(call) };
    j.blocks = (j.channels + CHANNELS - 1) / CHANNELS;
    j.bands = weft_bands(call->device, j.images, j.pixels, (double)weft_shape_count(x));
    j.stream = weft_whole_lines(j.channels) && weft_streams(call->device, x, &call->out[0], &call->in[1], false);
    weft_pool_run(pool, j.images * j.blocks, sum_item, &j);
    weft_pool_run(pool, j.images, layers_item, &j);
    weft_pool_run(pool, j.reduced + j.channels, weights_item, &j);
    weft_pool_run(pool, j.images * j.bands, dx_item, &j);
    return WEFT_OK;
}

static const weft_kernel rows = {
    .name = "cpu.squeeze_excite_dx.rows", .refuse = weft_rows_refuse, .prepare = prepare, .run = run,
};

const weft_kernel *const weft_cpu_squeeze_excite_dx[] = { &rows, &weft_cpu_squeeze_excite_dx_ref, NULL };
