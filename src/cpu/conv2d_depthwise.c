/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d with as many groups as channels: bands of output lines through the depthwise micro-kernel. Weights are packed
 * [kh * kw][channels], padded to whole vectors, the bias after them. */
#include <string.h>

#include "cpu/conv2d.h"
#include "cpu/rows.h"
#include "cpu/simd/act.h"

enum { GROUPS_PER_THREAD = 4 }; /* of images; few: an item fetches ahead only within itself */

static const char *refuse(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_opt *o = node->opt;
    if (o->groups == 1 || o->groups != node->in[0].dim[3])
        return "not depthwise: fewer groups than channels";
    if (o->out != o->groups)
        return "channel multiplier over 1";
    if (o->kernel_h > WEFT_ROWS_WINDOW)
        return "window over 64 lines";
    return weft_rows_refuse(node, device);
}

typedef struct state {
    int64_t step; /* channels, padded */
    int64_t taps;
} state;

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_conv2d_opt *o = node->opt;
    state *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    s->step = (int64_t)weft_round_up((size_t)o->out, WEFT_ROWS_LANES);
    s->taps = (int64_t)o->kernel_h * o->kernel_w;
    plan->state = s;
    plan->packed = sizeof(float) * (size_t)(s->step * (s->taps + 1));
    if (!weft_act_clamps(node->epi.act))
        plan->thread_scratch = sizeof(float) * (size_t)(2 * node->out[0].dim[2] * WEFT_ROWS_TILE);
    return WEFT_OK;
}

static weft_status pack(const weft_call *call)
{
    const weft_conv2d_opt *o = call->node->opt;
    const state *s = call->state;
    const float *from = weft_call_param(call, 0);
    float *wt = call->packed;
    memset(wt, 0, call->packed_bytes);
    for (int64_t c = 0; c < o->out; c++)
        for (int64_t t = 0; t < s->taps; t++)
            wt[t * s->step + c] = from[c * s->taps + t];
    if (o->bias)
        memcpy(wt + s->taps * s->step, weft_call_param(call, 1), sizeof *wt * (size_t)o->out);
    return WEFT_OK;
}

typedef struct job {
    const weft_call *call;
    const weft_rows *rows;
    weft_depthwise kernel; /* what all items share */
    int64_t bands, group; /* items of an image, or images of an item */
} job;

/* One band of lines of an image, or all of some images, each of which fetches the beginning of the next. */
static void item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_node *n = j->call->node;
    const int64_t images = n->in[0].dim[0], band = index % j->bands, first = index / j->bands * j->group;
    const int64_t last = images - first < j->group ? images : first + j->group;
    weft_depthwise p = j->kernel;
    p.first = (int)(p.window.oh * band / j->bands);
    p.last = (int)(p.window.oh * (band + 1) / j->bands);
    p.buffer = weft_call_thread_scratch(j->call, thread);
    for (int64_t image = first; image < last; image++) {
        const int64_t row = image * p.window.oh * p.window.ow;
        p.x = weft_row(&j->call->in[0], image * p.window.ih * p.window.iw);
        p.y = weft_row(&j->call->out[0], row) + p.first * p.window.y_row;
        if (n->epi.residual)
            p.residual = weft_row(&j->call->in[n->n_in - 1], row);
        p.warm = image > first;
        p.follow = image + 1 < last ? p.window.oh : 0;
        j->rows->depthwise(&p);
    }
}

/* Around the caches from an eighth of L3 on: what its reader then fetches from DRAM costs less than the store misses.
 */
static bool streams(const weft_call *call, const weft_view *residual)
{
    const weft_shape *y = &call->node->out[0];
    const weft_view *out = &call->out[0];
    const size_t bytes = sizeof(float) * (size_t)weft_shape_count(y);
    return weft_whole_lines(y->dim[3]) && weft_whole_lines(out->ld) && (uintptr_t)out->data % WEFT_CACHE_LINE == 0 &&
           bytes > call->device->cpu.l3 / 8 && (!residual || residual->data != out->data);
}

static weft_status run(const weft_call *call)
{
    const weft_node *n = call->node;
    const weft_conv2d_opt *o = n->opt;
    const state *s = call->state;
    const int64_t *x = n->in[0].dim, *y = n->out[0].dim;
    const int64_t x_ld = call->in[0].ld, y_ld = call->out[0].ld;
    const weft_view *residual = n->epi.residual ? &call->in[n->n_in - 1] : NULL;
    const float *wt = call->packed;
    job j = { .call = call, .rows = weft_rows_of(call->device) };
    j.kernel = (weft_depthwise){
        .window = { .ih = (int)x[1], .iw = (int)x[2], .oh = (int)y[1], .ow = (int)y[2], .kh = o->kernel_h,
                    .kw = o->kernel_w, .stride_h = o->stride_h, .stride_w = o->stride_w, .dilation = o->dilation,
                    .top = o->pad.top, .left = o->pad.left, .x_row = x[2] * x_ld, .x_ld = x_ld, .y_row = y[2] * y_ld,
                    .y_ld = y_ld, .channels = x[3] },
        .wt = wt, .step = s->step, .bias = wt + s->taps * s->step, .act = n->epi.act,
        .r_ld = residual ? residual->ld : 0, .r_row = residual ? y[2] * residual->ld : 0,
        .stream = streams(call, residual),
    };
    j.bands = weft_bands(call->device, x[0], y[1], 2.0 * (double)weft_shape_count(&n->out[0]) * (double)s->taps);
    const int64_t group = x[0] / ((int64_t)call->device->threads * GROUPS_PER_THREAD);
    j.group = j.bands > 1 || group < 1 ? 1 : group;
    weft_pool_run(call->device->pool, (x[0] + j.group - 1) / j.group * j.bands, item, &j);
    return WEFT_OK;
}

const weft_kernel weft_cpu_conv2d_depthwise = {
    .name = "cpu.conv2d.depthwise", .refuse = refuse, .prepare = prepare, .pack = pack, .run = run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};
