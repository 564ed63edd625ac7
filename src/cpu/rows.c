/* SPDX-License-Identifier: Apache-2.0
 *
 * Work splitting, and the scale-and-shift kernel that batch_norm and normalize share. Items are sized by the data
 * alone; no result depends on them. */
#include "cpu/rows.h"

#include "cpu/machine.h"

enum {
    ITEM_FLOATS = 1 << 14,  /* 64 KB: some microseconds, far over the cost of taking an item */
    ALONE_FLOATS = 1 << 13, /* smaller tensors are not worth waking a thread for */
    ALONE_FLOPS = 1 << 17,
    BANDS_PER_THREAD = 8, /* an eighth of the time at most is lost while the last one ends */
    GROUP = 16 /* rows of an item come in sixteens, so that items of dense tensors begin on cache lines */
};

const weft_rows *weft_rows_of(const weft_device *device)
{
    return weft_simd_of(device->isa)->rows;
}

const char *weft_rows_refuse(const weft_node *node, const weft_device *device)
{
    (void)node;
    return weft_simd_refuse(device);
}

weft_split weft_split_rows(const weft_shape *shape)
{
    weft_split s = { .rows = weft_shape_rows(shape), .channels = weft_shape_channels(shape) };
    s.per = (ITEM_FLOATS / s.channels + GROUP - 1) / GROUP * GROUP;
    if (s.per < 1)
        s.per = GROUP;
    if (s.rows <= s.per || s.rows * s.channels <= ALONE_FLOATS)
        s.per = (s.rows + GROUP - 1) / GROUP * GROUP;
    s.items = (s.rows + s.per - 1) / s.per;
    return s;
}

int64_t weft_split_item(const weft_split *split, int64_t item, int64_t *first)
{
    *first = item * split->per;
    return split->rows - *first < split->per ? split->rows - *first : split->per;
}

int64_t weft_bands(const weft_device *device, int64_t images, int64_t lines, double flops)
{
    const int64_t wanted = (int64_t)device->threads * BANDS_PER_THREAD;
    if (device->threads == 1 || images >= wanted || flops < ALONE_FLOPS)
        return 1;
    const int64_t bands = (wanted + images - 1) / images;
    return bands < lines ? bands : lines;
}

bool weft_streams(const weft_device *device, const weft_shape *shape, const weft_view *out, const weft_view *in,
                  bool flat)
{
    const int64_t channels = weft_shape_channels(shape), rows = weft_shape_rows(shape);
    const double bytes = (double)rows * (double)channels * sizeof(float);
    return weft_beyond_cache(device, bytes) && (!in || in->data != out->data) &&
           (uintptr_t)out->data % WEFT_CACHE_LINE == 0 && (flat || weft_whole_lines(out->ld));
}

/* ---- scale and shift ---- */

/* Few channels fill no vector: 16 rows are then taken as one of 16 * channels, with the parameters repeated. */
typedef struct affine_state {
    int64_t channels, repeat; /* 1 or GROUP */
} affine_state;

weft_status weft_affine_prepare(const weft_node *node, weft_plan *plan)
{
    affine_state *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    s->channels = weft_shape_channels(&node->in[0]);
    s->repeat = s->channels < 64 && s->channels % WEFT_ROWS_LANES != 0 ? GROUP : 1;
    plan->packed = 2 * sizeof(float) * (size_t)(s->channels * s->repeat);
    plan->state = s;
    return WEFT_OK;
}

void weft_affine_pack(const weft_call *call, const double *scale, const double *shift)
{
    const affine_state *s = call->state;
    const int64_t length = s->channels * s->repeat;
    float *to = call->packed;
    for (int64_t i = 0; i < length; i++) {
        to[i] = (float)scale[i % s->channels];
        to[length + i] = (float)shift[i % s->channels];
    }
}

typedef struct affine_job {
    const weft_call *call;
    const weft_rows *rows;
    weft_split split;
    int64_t repeat;
    bool stream;
} affine_job;

static void affine_item(void *arg, int64_t item, int thread)
{
    const affine_job *job = arg;
    const weft_view *x = &job->call->in[0], *y = &job->call->out[0];
    const int64_t c = job->split.channels;
    int64_t first, count = weft_split_item(&job->split, item, &first);
    const float *packed = job->call->packed;
    (void)thread;
    weft_affine p = {
        .x = weft_row(x, first), .y = weft_row(y, first), .x_ld = x->ld, .y_ld = y->ld, .scale = packed,
        .shift = packed + c * job->repeat, .rows = count, .channels = c, .act = job->call->node->epi.act,
        .stream = job->stream,
    };
    if (job->repeat > 1 && weft_view_dense(x, c) && weft_view_dense(y, c)) {
        const int64_t whole = count / GROUP * GROUP;
        p.rows = whole / GROUP;
        p.x_ld = p.y_ld = p.channels = c * GROUP;
        job->rows->affine(&p);
        p.x += whole * c;
        p.y += whole * c;
        p.rows = 1;
        p.channels = (count - whole) * c;
    }
    job->rows->affine(&p);
}

weft_status weft_affine_run(const weft_call *call)
{
    const affine_state *s = call->state;
    affine_job job = {
        .call = call, .rows = weft_rows_of(call->device), .split = weft_split_rows(&call->node->in[0]),
        .repeat = s->repeat,
    };
    const bool flat =
        s->repeat > 1 && weft_view_dense(&call->in[0], s->channels) && weft_view_dense(&call->out[0], s->channels);
    job.stream = weft_streams(call->device, &call->node->out[0], &call->out[0], &call->in[0], flat);
    weft_pool_run(call->device->pool, job.split.items, affine_item, &job);
    return WEFT_OK;
}
