/* SPDX-License-Identifier: Apache-2.0
 *
 * squeeze_excite: mean over the pixels, two small dense layers, gate. With images enough, one item does a whole image,
 * so that the gate's pass finds it in cache; with few, the three phases are shared out over channels, images and bands
 * of pixels. Each channel's pixels are summed in the same order either way. Bound: reading x once or twice and writing
 * y. */
#include <string.h>

#include "cpu/ref/ref.h"
#include "cpu/squeeze_excite.h"

enum {
    CHANNELS = 128,
    IMAGES_PER_THREAD = 4 /* from here on images are items: a quarter of the time at most is lost at the end */
};

typedef struct state {
    int64_t channels, reduced;
    int64_t step; /* of the expansion's rows: channels padded to whole vectors */
} state;

/* packed: reduce weight [reduced][channels], reduce bias, expand weight transposed [reduced][step], expand bias. */
typedef struct weights {
    const float *reduce, *reduce_bias, *expand, *expand_bias;
} weights;

static weights weights_of(const state *s, const float *packed)
{
    weights w = { .reduce = packed };
    w.reduce_bias = w.reduce + s->reduced * s->channels;
    w.expand = w.reduce_bias + s->reduced;
    w.expand_bias = w.expand + s->reduced * s->step;
    return w;
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_squeeze_excite_opt *o = node->opt;
    const int64_t images = node->in[0].dim[0];
    state *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    s->channels = node->in[0].dim[3];
    s->reduced = o->reduced;
    s->step = (int64_t)weft_round_up((size_t)s->channels, WEFT_ROWS_LANES);
    plan->state = s;
    plan->packed = sizeof(float) * (size_t)(s->reduced * (s->channels + s->step + 1) + s->channels);
    plan->scratch = sizeof(float) * (size_t)(images * s->step);
    plan->thread_scratch = sizeof(float) * (size_t)(s->step + s->reduced);
    return WEFT_OK;
}

static weft_status pack(const weft_call *call)
{
    const weft_squeeze_excite_opt *o = call->node->opt;
    const state *s = call->state;
    const int64_t reduce_count = s->reduced * s->channels;
    const float *expand = weft_call_param(call, o->no_bias ? 1 : 2);
    float *to = call->packed;
    memset(to, 0, call->packed_bytes);
    memcpy(to, weft_call_param(call, 0), sizeof *to * (size_t)reduce_count);
    to += reduce_count;
    if (!o->no_bias)
        memcpy(to, weft_call_param(call, 1), sizeof *to * (size_t)s->reduced);
    to += s->reduced;
    for (int64_t r = 0; r < s->reduced; r++, to += s->step)
        for (int64_t c = 0; c < s->channels; c++)
            to[c] = expand[c * s->reduced + r];
    if (!o->no_bias)
        memcpy(to, weft_call_param(call, 3), sizeof *to * (size_t)s->channels);
    return WEFT_OK;
}

typedef struct job {
    const weft_call *call;
    const weft_rows *rows;
    const state *state;
    int64_t pixels, blocks, block, bands;
    bool stream;
} job;

static float *gates_of(const job *j, int64_t image)
{
    return (float *)j->call->scratch + image * j->state->step;
}

static void mean(const job *j, int64_t image, int64_t c, int64_t channels)
{
    const weft_view *x = &j->call->in[0];
    j->rows->sum_rows(weft_row(x, image * j->pixels) + c, x->ld, j->pixels, channels, 1.0f / (float)j->pixels,
                      gates_of(j, image) + c);
}

void weft_squeeze_gate(const weft_rows *rows, const weft_squeeze_excite_opt *opt, const void *state_of,
                       const void *packed, float *means, float *hidden)
{
    const state *s = state_of;
    const weights w = weights_of(s, packed);
    rows->dot(means, w.reduce, s->channels, w.reduce_bias, s->channels, s->reduced, opt->act, hidden);
    rows->mix(hidden, w.expand, s->step, w.expand_bias, s->reduced, s->channels, opt->gate, means);
}

/* Means to gates, in place. */
static void excite(const job *j, int64_t image, int thread)
{
    weft_squeeze_gate(j->rows, j->call->node->opt, j->state, j->call->packed, gates_of(j, image),
                      weft_call_thread_scratch(j->call, thread));
}

static void scale(const job *j, int64_t image, int64_t first, int64_t last)
{
    const weft_view *x = &j->call->in[0], *y = &j->call->out[0];
    const int64_t row = image * j->pixels + first;
    const weft_affine p = {
        .x = weft_row(x, row), .y = weft_row(y, row), .x_ld = x->ld, .y_ld = y->ld, .scale = gates_of(j, image),
        .rows = last - first, .channels = j->state->channels, .stream = j->stream,
    };
    j->rows->affine(&p);
}

static void image_item(void *arg, int64_t image, int thread)
{
    const job *j = arg;
    mean(j, image, 0, j->state->channels);
    excite(j, image, thread);
    scale(j, image, 0, j->pixels);
}

static void mean_item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const int64_t c = index % j->blocks * j->block, left = j->state->channels - c;
    (void)thread;
    mean(j, index / j->blocks, c, left < j->block ? left : j->block);
}

static void excite_item(void *arg, int64_t image, int thread)
{
    excite(arg, image, thread);
}

static void scale_item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const int64_t band = index % j->bands;
    (void)thread;
    scale(j, index / j->bands, j->pixels * band / j->bands, j->pixels * (band + 1) / j->bands);
}

static weft_status run(const weft_call *call)
{
    const weft_shape *x = &call->node->in[0];
    const int64_t images = x->dim[0];
    weft_pool *pool = call->device->pool;
    job j = { .call = call, .rows = weft_rows_of(call->device), .state = call->state,
              .pixels = x->dim[1] * x->dim[2] };
    j.stream = weft_whole_lines(j.state->channels) && weft_streams(call->device, x, &call->out[0], &call->in[0], false);
    if (images >= (int64_t)call->device->threads * IMAGES_PER_THREAD) {
        weft_pool_run(pool, images, image_item, &j);
        return WEFT_OK;
    }
    const double flops = (double)weft_shape_count(x);
    const int64_t most = (j.state->channels + CHANNELS - 1) / CHANNELS;
    const int64_t shares = weft_bands(call->device, images, most, flops);
    j.block = (most + shares - 1) / shares * CHANNELS;
    j.blocks = (j.state->channels + j.block - 1) / j.block;
    j.bands = weft_bands(call->device, images, j.pixels, flops);
    weft_pool_run(pool, images * j.blocks, mean_item, &j);
    weft_pool_run(pool, images, excite_item, &j);
    weft_pool_run(pool, images * j.bands, scale_item, &j);
    return WEFT_OK;
}

const weft_kernel weft_cpu_squeeze_excite_rows = {
    .name = "cpu.squeeze_excite.rows", .refuse = weft_rows_refuse, .prepare = prepare, .pack = pack, .run = run,
    .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cpu_squeeze_excite[] = { &weft_cpu_squeeze_excite_rows, &weft_cpu_squeeze_excite_ref,
                                                       NULL };
