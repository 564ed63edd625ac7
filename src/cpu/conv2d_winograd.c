/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d 3x3 of stride 1 or 2, 5x5, 1x7 and 7x1 by Winograd's minimal filtering (winograd.h). Packing transforms the
 * weights on all threads: while training they change in every step. Groups (AlexNet's two) take turns, each a
 * convolution of its own over a slice of the channels. */
#include "cpu/conv2d.h"
#include "cpu/rows.h"
#include "cpu/winograd.h"

#include <string.h>

enum {
    POSITIONS = WEFT_WINOGRAD_POSITIONS,
    CHANNELS = 16, /* of an item that packs: a vector of any instruction set */
    STEP = CHANNELS * WEFT_GEMM_FLOATS + 16, /* floats between positions in its buffer, an odd number of cache lines */
    MIN_GROUP = 64, /* channels: below, the direct kernels lose less to groups than the transforms do */
    MAX_IN = 4 /* x, weights, bias, residual */
};

typedef struct state {
    weft_winograd one; /* group */
    int64_t groups;
    size_t bytes; /* of a group's packed weights */
} state;

/* Of one group. */
static weft_winograd sizes(const weft_node *node)
{
    const weft_conv2d_opt *o = node->opt;
    const int64_t *x = node->in[0].dim, *y = node->out[0].dim;
    return (weft_winograd){ .n = x[0], .h = x[1], .w = x[2], .c = x[3] / o->groups, .oh = y[1], .ow = y[2],
                            .k = y[3] / o->groups, .stride = o->stride_h, .kernel_h = o->kernel_h,
                            .kernel_w = o->kernel_w, .top = o->pad.top, .left = o->pad.left };
}

/* Windows that have transforms beside 3x3 of stride 1. */
static bool has_window(const weft_conv2d_opt *o)
{
    const int h = o->kernel_h, w = o->kernel_w;
    const bool stride1 = o->stride_h == 1 && o->stride_w == 1;
    return (stride1 && ((h == 5 && w == 5) || (h == 7 && w == 1) || (h == 1 && w == 7))) ||
           (o->stride_h == 2 && o->stride_w == 2 && h == 3 && w == 3);
}

static const char *refuse(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_opt *o = node->opt;
    const weft_winograd s = sizes(node);
    weft_conv2d_opt alone = *o;
    alone.groups = 1;
    const char *const reason = has_window(o) ? NULL : weft_winograd_refuse_window(&alone);
    if (reason || o->dilation != 1)
        return reason ? reason : "strided or dilated";
    if (o->groups > 1 && o->kernel_h == 3 && (s.c < MIN_GROUP || s.k < MIN_GROUP))
        return "groups of under 64 channels";
    return weft_winograd_refuse(&s, device);
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_conv2d_opt *o = node->opt;
    state *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    *s = (state){ sizes(node), o->groups, 0 };
    plan->pack_scratch = sizeof(float) * POSITIONS * STEP * (size_t)plan->device->threads;
    WEFT_TRY(weft_winograd_plan(&s->one, plan));
    s->bytes = weft_round_up(plan->packed, WEFT_CACHE_LINE);
    return weft_mul_size(s->bytes, (size_t)s->groups, &plan->packed)
               ? WEFT_OK
               : weft_fail(WEFT_INVALID, "transformed weights of %lld groups do not fit in memory",
                           (long long)s->groups);
}

/* Channels [first, first + count) of a panel, at most CHANNELS: filter by filter along the channels, which lie side by
 * side, into the buffer; then each position turned, so that its part of the panel is written in one go. */
static void transform(const weft_winograd *s, const float *wt, float *packed, int64_t first, int64_t count,
                      int64_t column, int64_t width, float *buffer)
{
    const int64_t taps = (int64_t)s->kernel_h * s->kernel_w;
    const int64_t left = s->k - column, real = left < width ? left : width;
    for (int64_t k = 0; k < real; k++) {
        const weft_winograd_filter f = { .wt = wt + (column + k) * taps * s->c + first, .tap = s->c, .count = count,
                                         .u = buffer + k * CHANNELS, .position = STEP };
        s->table->filter(&f);
    }
    for (int i = 0; i < s->table->parts * s->table->products; i++) {
        const int part = i / s->table->products, p = i % s->table->products;
        const float *from = buffer + i * STEP;
        float *to = weft_at(packed, (size_t)p * s->product_bytes);
        to += column * s->gemm.depth + (part * s->part + first) * width;
        for (int64_t c = 0; c < count; c++, from++) {
            for (int64_t k = 0; k < real; k++)
                *to++ = from[k * CHANNELS];
            for (int64_t k = real; k < width; k++)
                *to++ = 0;
        }
        if (first + count == s->c) /* what fills up the part's last vector */
            memset(to, 0, sizeof *to * (size_t)((s->part - s->c) * width));
    }
}

static void pack_item(void *arg, int64_t item, int thread)
{
    const weft_call *call = arg;
    const state *all = call->state;
    const weft_winograd *s = &all->one;
    const int64_t chunks = (s->c + CHANNELS - 1) / CHANNELS, group = item / s->gemm.panels / chunks;
    const int64_t first = item / s->gemm.panels % chunks * CHANNELS, left = s->c - first;
    const float *wt = weft_call_param(call, 0);
    int64_t width;
    const int64_t column = weft_gemm_panel(&s->gemm, item % s->gemm.panels, &width);
    transform(s, wt + group * s->k * s->kernel_h * s->kernel_w * s->c,
              weft_at(call->packed, (size_t)group * all->bytes), first, left < CHANNELS ? left : CHANNELS, column,
              width,
              (float *)call->scratch + (int64_t)thread * POSITIONS * STEP);
}

static weft_status pack(const weft_call *call)
{
    const state *all = call->state;
    const weft_winograd *s = &all->one;
    const float *bias = weft_call_param(call, 1);
    weft_call copy = *call;
    weft_pool_run(call->device->pool, all->groups * ((s->c + CHANNELS - 1) / CHANNELS) * s->gemm.panels, pack_item,
                  &copy);
    for (int64_t g = 0; g < all->groups; g++) {
        void *const to = weft_at(call->packed, (size_t)g * all->bytes);
        weft_gemm_pack_bias(&s->gemm, bias ? bias + g * s->k : NULL, weft_at(to, s->bias_at));
        weft_gemm_pack_bias(&s->gemm, NULL, weft_at(to, s->zeros_at));
    }
    return WEFT_OK;
}

static weft_view slice(const weft_view *view, int64_t channel)
{
    return (weft_view){ (float *)view->data + channel, view->ld };
}

static weft_status run(const weft_call *call)
{
    const state *s = call->state;
    const int residual = call->node->n_in - 1;
    weft_view in[MAX_IN], out;
    weft_call one = *call;
    if (s->groups == 1) {
        weft_winograd_run(&s->one, call);
        return WEFT_OK;
    }
    one.in = in;
    one.out = &out;
    for (int64_t g = 0; g < s->groups; g++) {
        in[0] = slice(&call->in[0], g * s->one.c);
        out = slice(&call->out[0], g * s->one.k);
        if (call->node->epi.residual)
            in[residual] = slice(&call->in[residual], g * s->one.k);
        one.packed = weft_at(call->packed, (size_t)g * s->bytes);
        weft_winograd_run(&s->one, &one);
    }
    return WEFT_OK;
}

const weft_kernel weft_cpu_conv2d_winograd = {
    .name = "cpu.conv2d.winograd",
    .refuse = refuse,
    .prepare = prepare,
    .pack = pack,
    .run = run,
    .inplace = WEFT_INPLACE_RESIDUAL,
    .error_factor = WEFT_WINOGRAD_ERROR_FACTOR,
};
