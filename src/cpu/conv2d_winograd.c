/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d 3x3 of stride 1 by Winograd's minimal filtering (winograd.h). Packing transforms the weights on all threads:
 * while training they change in every step. */
#include "cpu/conv2d.h"
#include "cpu/winograd.h"

enum {
    POSITIONS = WEFT_WINOGRAD_POSITIONS,
    CHANNELS = 16, /* of an item that packs: a vector of any instruction set */
    STEP = CHANNELS * WEFT_GEMM_FLOATS + 16 /* floats between positions in its buffer, an odd number of cache lines */
};

static weft_winograd sizes(const weft_node *node)
{
    const weft_conv2d_opt *o = node->opt;
    const int64_t *x = node->in[0].dim, *y = node->out[0].dim;
    return (weft_winograd){ .n = x[0], .h = x[1], .w = x[2], .c = x[3], .oh = y[1], .ow = y[2], .k = y[3],
                            .top = o->pad.top, .left = o->pad.left };
}

static const char *refuse(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_opt *o = node->opt;
    const weft_winograd s = sizes(node);
    const char *const reason = weft_winograd_refuse_window(o);
    return reason ? reason : weft_winograd_refuse(&s, device);
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    weft_winograd *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    *s = sizes(node);
    plan->pack_scratch = sizeof(float) * POSITIONS * STEP * (size_t)plan->device->threads;
    return weft_winograd_plan(s, plan);
}

/* Channels [first, first + count) of a panel, at most CHANNELS: filter by filter along the channels, which lie side by
 * side, into the buffer; then each position turned, so that its part of the panel is written in one go. */
static void transform(const weft_call *call, int64_t first, int64_t count, int64_t column, int64_t width, float *buffer)
{
    const weft_winograd *s = call->state;
    const float *wt = weft_call_param(call, 0);
    float *panel = (float *)call->packed + column * s->c + first * width;
    const int64_t left = s->k - column, real = left < width ? left : width;
    for (int64_t k = 0; k < real; k++) {
        const weft_winograd_filter f = { .wt = wt + (column + k) * 9 * s->c + first, .tap = s->c, .count = count,
                                         .u = buffer + k * CHANNELS, .position = STEP };
        s->table->filter(&f);
    }
    for (int p = 0; p < POSITIONS; p++) {
        const float *from = buffer + p * STEP;
        float *to = weft_at(panel, (size_t)p * s->position_bytes);
        for (int64_t c = 0; c < count; c++, from++) {
            for (int64_t k = 0; k < real; k++)
                *to++ = from[k * CHANNELS];
            for (int64_t k = real; k < width; k++)
                *to++ = 0;
        }
    }
}

static void pack_item(void *arg, int64_t item, int thread)
{
    const weft_call *call = arg;
    const weft_winograd *s = call->state;
    const int64_t first = item / s->gemm.panels * CHANNELS, left = s->c - first;
    int64_t width;
    const int64_t column = weft_gemm_panel(&s->gemm, item % s->gemm.panels, &width);
    transform(call, first, left < CHANNELS ? left : CHANNELS, column, width,
              (float *)call->scratch + (int64_t)thread * POSITIONS * STEP);
}

static weft_status pack(const weft_call *call)
{
    const weft_winograd *s = call->state;
    weft_call copy = *call;
    weft_pool_run(call->device->pool, (s->c + CHANNELS - 1) / CHANNELS * s->gemm.panels, pack_item, &copy);
    weft_gemm_pack_bias(&s->gemm, weft_call_param(call, 1), weft_at(call->packed, s->bias_at));
    weft_gemm_pack_bias(&s->gemm, NULL, weft_at(call->packed, s->zeros_at));
    return WEFT_OK;
}

static weft_status run(const weft_call *call)
{
    weft_winograd_run(call->state, call);
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
