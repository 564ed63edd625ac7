/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d_dw with as many groups as channels. Slices, of some images or of a band of an image's lines, have sums of
 * their own, [taps][channels], added in the order of slices afterwards. Slices follow from sizes alone. */
#include "op/conv2d.h"

#include <string.h>

#include "cpu/conv2d.h"
#include "cpu/depthwise.h"
#include "cpu/machine.h"
#include "cpu/rows.h"

enum { SLICES = 32, SUM_CHANNELS = 16 };

static const char *refuse(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_grad_opt *g = node->opt;
    const weft_conv2d_opt *o = &g->conv;
    if (o->groups == 1 || o->groups != g->c)
        return "not depthwise: fewer groups than channels";
    if (o->out != o->groups)
        return "channel multiplier over 1";
    return weft_rows_refuse(node, device);
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_conv2d_grad_opt *g = node->opt;
    const int64_t images = node->in[1].dim[0], lines = node->in[1].dim[1];
    weft_depthwise_slices *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    s->step = (int64_t)weft_round_up((size_t)g->c, WEFT_ROWS_LANES);
    s->taps = (int64_t)g->conv.kernel_h * g->conv.kernel_w;
    s->group = images < SLICES ? 1 : images / SLICES;
    s->bands = images < SLICES ? (SLICES + images - 1) / images : 1;
    if (s->bands > lines)
        s->bands = lines;
    s->slices = (images + s->group - 1) / s->group * s->bands;
    plan->scratch = sizeof(float) * (size_t)(s->slices * s->taps * s->step);
    return WEFT_OK;
}

typedef struct job {
    const weft_call *call;
    const weft_simd *simd;
    weft_depthwise_dw kernel; /* what all slices share */
} job;

static void slice(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_depthwise_slices *s = weft_depthwise_slices_of(j->call);
    const int64_t images = j->call->node->in[1].dim[0], first = index / s->bands * s->group, band = index % s->bands;
    const int64_t last = images - first < s->group ? images : first + s->group;
    weft_depthwise_dw p = j->kernel;
    (void)thread;
    p.first = (int)(p.window.oh * band / s->bands);
    p.last = (int)(p.window.oh * (band + 1) / s->bands);
    p.sums = (float *)j->call->scratch + index * s->taps * s->step;
    memset(p.sums, 0, sizeof *p.sums * (size_t)(s->taps * s->step));
    for (int64_t n = first; n < last; n++) {
        p.x = weft_row(&j->call->in[0], n * p.window.ih * p.window.iw);
        p.dy = weft_row(&j->call->in[1], n * p.window.oh * p.window.ow);
        j->simd->rows->depthwise_dw(&p);
    }
}

/* Some channels of all slices to the output. */
static void sum(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_depthwise_slices *s = weft_depthwise_slices_of(j->call);
    const weft_view *out = &j->call->out[0];
    const int64_t first = index * SUM_CHANNELS, left = j->kernel.window.channels - first;
    const int64_t count = left < SUM_CHANNELS ? left : SUM_CHANNELS;
    (void)thread;
    for (int64_t t = 0; t < s->taps; t++) {
        float sums[SUM_CHANNELS];
        j->simd->outer->sum((const float *)j->call->scratch + t * s->step + first, s->taps * s->step, s->slices, sums,
                            count);
        for (int64_t c = 0; c < count; c++)
            *weft_row(out, (first + c) * s->taps + t) = sums[c];
    }
}

weft_depthwise_dw weft_depthwise_dw_of(const weft_call *call)
{
    const weft_conv2d_grad_opt *g = call->node->opt;
    const weft_conv2d_opt *o = &g->conv;
    const int64_t *y = call->node->in[1].dim, x_ld = call->in[0].ld, y_ld = call->in[1].ld;
    return (weft_depthwise_dw){
        .window = { .ih = (int)g->h, .iw = (int)g->w, .oh = (int)y[1], .ow = (int)y[2], .kh = o->kernel_h,
                    .kw = o->kernel_w, .stride_h = o->stride_h, .stride_w = o->stride_w, .dilation = o->dilation,
                    .top = o->pad.top, .left = o->pad.left, .x_row = g->w * x_ld, .x_ld = x_ld, .y_row = y[2] * y_ld,
                    .y_ld = y_ld, .channels = g->c },
        .step = weft_depthwise_slices_of(call)->step,
    };
}

void weft_depthwise_dw_finish(const weft_call *call)
{
    const int64_t channels = ((const weft_conv2d_grad_opt *)call->node->opt)->c;
    job j = { .call = call, .simd = weft_simd_of(call->device->isa), .kernel.window.channels = channels };
    weft_pool_run(call->device->pool, (channels + SUM_CHANNELS - 1) / SUM_CHANNELS, sum, &j);
}

static weft_status run(const weft_call *call)
{
    job j = { call, weft_simd_of(call->device->isa), weft_depthwise_dw_of(call) };
    weft_pool_run(call->device->pool, weft_depthwise_slices_of(call)->slices, slice, &j);
    weft_depthwise_dw_finish(call);
    return WEFT_OK;
}

const weft_kernel weft_cpu_conv2d_dw_depthwise = {
    .name = "cpu.conv2d_dw.depthwise", .refuse = refuse, .prepare = prepare, .run = run,
};
