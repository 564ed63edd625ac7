/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d with as many groups as channels (depthwise.h). Weights are packed [kh * kw][channels], padded to whole
 * vectors, the bias after them. */
#include <string.h>

#include "cpu/conv2d.h"
#include "cpu/depthwise.h"
#include "cpu/rows.h"
#include "cpu/simd/act.h"

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

weft_depthwise_part weft_depthwise_part_of(const weft_call *call)
{
    const weft_node *n = call->node;
    const weft_conv2d_opt *o = n->opt;
    const state *s = call->state;
    const int64_t *x = n->in[0].dim, *y = n->out[0].dim;
    const float *wt = call->packed;
    weft_depthwise_part part = { .kernel = {
        .window = { .ih = (int)x[1], .iw = (int)x[2], .oh = (int)y[1], .ow = (int)y[2], .kh = o->kernel_h,
                    .kw = o->kernel_w, .stride_h = o->stride_h, .stride_w = o->stride_w, .dilation = o->dilation,
                    .top = o->pad.top, .left = o->pad.left },
        .wt = wt, .step = s->step, .bias = wt + s->taps * s->step,
    } };
    weft_depthwise_place(call, &part, 1, 1);
    return part;
}

static weft_status run(const weft_call *call)
{
    const state *s = call->state;
    const weft_depthwise_part part = weft_depthwise_part_of(call);
    weft_depthwise_run(call, &part, 1, (double)weft_shape_count(&call->node->out[0]) * (double)s->taps);
    return WEFT_OK;
}

const weft_kernel weft_cpu_conv2d_depthwise = {
    .name = "cpu.conv2d.depthwise", .refuse = refuse, .prepare = prepare, .pack = pack, .run = run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};
