/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d_dx with as many groups as channels: a depthwise convolution of dy with the turned window, or, with strides,
 * one for each grid of pixels (conv2d_dx_gemm.c), all of stride 1, that take turns over a band of dy (depthwise.h).
 * Each run packs the weights, [taps of a grid][channels], padded to whole vectors, zeros after them for a bias. */
#include "cpu/conv2d_dx.h"
#include "cpu/depthwise.h"

#include "cpu/rows.h"

enum {
    MAX_GRIDS = WEFT_DEPTHWISE_PARTS, /* a window of 8 x 8 that is the whole image */
    PACK_CHANNELS = 64                /* of an item */
};

static const char *refuse(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_grad_opt *g = node->opt;
    const weft_conv2d_opt *o = &g->conv;
    weft_conv2d_dx_axis axis[2];
    weft_conv2d_dx_axes(node, axis);
    if (o->groups == 1 || o->groups != g->c)
        return "not depthwise: fewer groups than channels";
    if (o->out != o->groups)
        return "channel multiplier over 1";
    if (o->kernel_h > WEFT_ROWS_WINDOW)
        return "window over 64 lines";
    if (axis[0].grids > MAX_GRIDS || axis[1].grids > MAX_GRIDS || axis[0].grids * axis[1].grids > MAX_GRIDS)
        return "pixels fall into over 64 grids";
    if (weft_conv2d_dx_taps_at(&axis[0], 0).dilation != weft_conv2d_dx_taps_at(&axis[1], 0).dilation)
        return "taps of a grid lie differently far apart in height and width";
    return weft_rows_refuse(node, device);
}

/* One grid: where its taps are in the weights, and where in the packed ones. */
typedef struct grid {
    weft_conv2d_dx_taps h, w;
    int64_t at; /* floats */
    weft_depthwise_part part;
} grid;

typedef struct state {
    weft_conv2d_dx_axis axis[2];
    int64_t step; /* channels, padded */
    int64_t zeros_at;
    int grids;
    grid grid[MAX_GRIDS];
} state;

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const int64_t *dy = node->in[0].dim;
    state *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    weft_conv2d_dx_axes(node, s->axis);
    s->step = (int64_t)weft_round_up((size_t)dy[3], WEFT_ROWS_LANES);
    s->grids = (int)(s->axis[0].grids * s->axis[1].grids);
    s->zeros_at = 0;
    for (int i = 0; i < s->grids; i++) {
        const int64_t a = i / s->axis[1].grids, b = i % s->axis[1].grids;
        grid *g = &s->grid[i];
        g->h = weft_conv2d_dx_taps_at(&s->axis[0], a);
        g->w = weft_conv2d_dx_taps_at(&s->axis[1], b);
        g->at = s->zeros_at;
        s->zeros_at += g->h.count * g->w.count * s->step;
        g->part = (weft_depthwise_part){
            .kernel = { .window = { .ih = (int)dy[1], .iw = (int)dy[2], .oh = (int)g->h.pixels,
                                    .ow = (int)g->w.pixels, .kh = (int)g->h.count, .kw = (int)g->w.count,
                                    .stride_h = 1, .stride_w = 1, .dilation = (int)g->h.dilation,
                                    .top = (int)g->h.before, .left = (int)g->w.before },
                        .step = s->step },
            .first = a * s->axis[1].in + b,
        };
    }
    plan->scratch = sizeof(float) * (size_t)(s->zeros_at + s->step);
    return WEFT_OK;
}

/* Some channels of every grid's taps; the padding behind the last is zero. */
static void pack_item(void *arg, int64_t item, int thread)
{
    const weft_call *call = arg;
    const state *s = call->state;
    const weft_view *wt = &call->in[1];
    const int64_t channels = call->node->in[0].dim[3], taps = s->axis[0].kernel * s->axis[1].kernel;
    const int64_t first = item * PACK_CHANNELS, left = s->step - first;
    const int64_t last = left < PACK_CHANNELS ? s->step : first + PACK_CHANNELS;
    float *packed = call->scratch;
    (void)thread;
    for (int i = 0; i < s->grids; i++) {
        const grid *g = &s->grid[i];
        for (int64_t t = 0; t < g->h.count * g->w.count; t++) {
            const int64_t tap = (g->h.last - t / g->w.count * g->h.step) * s->axis[1].kernel + g->w.last -
                                t % g->w.count * g->w.step;
            float *to = packed + g->at + t * s->step;
            for (int64_t c = first; c < last; c++)
                to[c] = c < channels ? *weft_row(wt, c * taps + tap) : 0;
        }
    }
    for (int64_t c = first; c < last; c++)
        packed[s->zeros_at + c] = 0;
}

int weft_depthwise_dx_parts(const weft_call *call, weft_depthwise_part part[WEFT_DEPTHWISE_PARTS])
{
    const state *s = call->state;
    const float *packed = call->scratch;
    weft_call copy = *call;
    weft_pool_run(call->device->pool, (s->step + PACK_CHANNELS - 1) / PACK_CHANNELS, pack_item, &copy);
    for (int i = 0; i < s->grids; i++) {
        part[i] = s->grid[i].part;
        part[i].kernel.wt = packed + s->grid[i].at;
        part[i].kernel.bias = packed + s->zeros_at;
        weft_depthwise_place(call, &part[i], s->axis[0].stride, s->axis[1].stride);
    }
    return s->grids;
}

static weft_status run(const weft_call *call)
{
    const state *s = call->state;
    weft_depthwise_part part[MAX_GRIDS];
    const int parts = weft_depthwise_dx_parts(call, part);
    weft_depthwise_run(call, part, parts,
                       (double)weft_shape_count(&call->node->in[0]) * (double)(s->axis[0].kernel * s->axis[1].kernel));
    return WEFT_OK;
}

const weft_kernel weft_cpu_conv2d_dx_depthwise = {
    .name = "cpu.conv2d_dx.depthwise",
    .refuse = refuse,
    .prepare = prepare,
    .run = run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};
