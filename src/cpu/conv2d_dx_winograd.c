/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d_dx of a 3x3 convolution of stride 1 by Winograd's minimal filtering (winograd.h): it is a 3x3 convolution of
 * dy with the window turned by 180 degrees. A filter's tap is a row over the channels of x, so its transform runs over
 * whole vectors, in each run, on all threads. An item transforms some filters for one panel into a buffer that stays in
 * L2, and then writes each position's part of the panel in one go: the positions lie up to a power of two apart, and
 * so many streams at once would share one set of the caches. */
#include "cpu/conv2d_dx.h"
#include "cpu/winograd.h"

#include <string.h>

#include "cpu/rows.h"

enum {
    POSITIONS = WEFT_WINOGRAD_POSITIONS,
    FILTERS = 8, /* of an item */
    STEP = FILTERS * WEFT_GEMM_FLOATS + 16 /* floats between positions in the buffer, an odd number of cache lines */
};

typedef struct state {
    weft_winograd winograd;
    size_t packed; /* bytes of the transformed weights in scratch, before what running needs */
} state;

static weft_winograd sizes(const weft_node *node)
{
    const weft_conv2d_opt *o = &((const weft_conv2d_grad_opt *)node->opt)->conv;
    const int64_t *dy = node->in[0].dim, *dx = node->out[0].dim;
    return (weft_winograd){ .n = dy[0], .h = dy[1], .w = dy[2], .c = dy[3], .oh = dx[1], .ow = dx[2], .k = dx[3],
                            .stride = 1, .kernel_h = 3, .kernel_w = 3, .top = 2 - o->pad.top, .left = 2 - o->pad.left };
}

static const char *refuse(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_opt *o = &((const weft_conv2d_grad_opt *)node->opt)->conv;
    const weft_winograd s = sizes(node);
    const char *const reason = weft_winograd_refuse_window(o);
    return reason ? reason : weft_winograd_refuse(&s, device);
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const size_t buffer = sizeof(float) * POSITIONS * STEP;
    state *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    s->winograd = sizes(node);
    WEFT_TRY(weft_winograd_plan(&s->winograd, plan));
    s->packed = weft_round_up(plan->packed, WEFT_CACHE_LINE);
    plan->packed = 0;
    if (!weft_add_size(plan->scratch, s->packed, &plan->scratch))
        return weft_fail(WEFT_INVALID, "transformed weights do not fit in memory");
    if (plan->thread_scratch < buffer)
        plan->thread_scratch = buffer;
    return WEFT_OK;
}

/* Filters [first, last) to the columns [column, column + width) of B. */
static void transform(const weft_call *call, int64_t first, int64_t last, int64_t column, int64_t width, float *buffer)
{
    const state *s = call->state;
    const weft_winograd *w = &s->winograd;
    const weft_view *wt = &call->in[1];
    const int64_t left = w->k - column;
    float *panel = (float *)call->packed + column * w->c + first * width;
    for (int64_t k = first; k < last; k++) {
        const weft_winograd_filter f = { .wt = weft_row(wt, 9 * k + 8) + column, .tap = -wt->ld,
                                         .count = left < width ? left : width, .u = buffer + (k - first) * width,
                                         .position = STEP };
        w->table->filter(&f);
    }
    for (int p = 0; p < w->table->products; p++)
        memcpy(weft_at(panel, (size_t)p * w->product_bytes), buffer + p * STEP,
               sizeof(float) * (size_t)((last - first) * width));
}

static void pack_item(void *arg, int64_t item, int thread)
{
    const weft_call *call = arg;
    const state *s = call->state;
    const weft_winograd *w = &s->winograd;
    const int64_t first = item / w->gemm.panels * FILTERS, last = w->c - first < FILTERS ? w->c : first + FILTERS;
    int64_t width;
    const int64_t column = weft_gemm_panel(&w->gemm, item % w->gemm.panels, &width);
    transform(call, first, last, column, width, weft_call_thread_scratch(call, thread));
    if (item == 0) {
        weft_gemm_pack_bias(&w->gemm, NULL, weft_at(call->packed, w->bias_at));
        weft_gemm_pack_bias(&w->gemm, NULL, weft_at(call->packed, w->zeros_at));
    }
}

static weft_status run(const weft_call *call)
{
    const state *s = call->state;
    const weft_winograd *w = &s->winograd;
    weft_call packed = *call;
    packed.packed = call->scratch;
    packed.scratch = weft_at(call->scratch, s->packed);
    weft_pool_run(call->device->pool, (w->c + FILTERS - 1) / FILTERS * w->gemm.panels, pack_item, &packed);
    weft_winograd_run(w, &packed);
    return WEFT_OK;
}

const weft_kernel weft_cpu_conv2d_dx_winograd = {
    .name = "cpu.conv2d_dx.winograd",
    .refuse = refuse,
    .prepare = prepare,
    .run = run,
    .inplace = WEFT_INPLACE_RESIDUAL,
    .error_factor = WEFT_WINOGRAD_ERROR_FACTOR,
};
