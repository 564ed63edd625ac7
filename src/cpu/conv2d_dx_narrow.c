/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d_dx of narrow groups and stride 1: a convolution of dy with the turned window (narrow.h), w'[c][r'][s'][k] =
 * w[k][R-1-r'][2-s'][c], padded by what the window reaches beyond the pads. Vectors of input channels lie in the
 * weights side by side, so packing them in every run is copying. */
#include "cpu/conv2d_dx.h"

#include <string.h>

#include "cpu/narrow.h"
#include "cpu/rows.h"

enum { TAPS = WEFT_NARROW_TAPS };

/* in: of dy. */
static weft_narrow sizes(const weft_node *node)
{
    const weft_conv2d_grad_opt *g = node->opt;
    const weft_conv2d_opt *o = &g->conv;
    const int64_t *dy = node->in[0].dim;
    return (weft_narrow){ .n = dy[0], .h = dy[1], .w = dy[2], .oh = g->h, .ow = g->w, .in = dy[3] / o->groups,
                          .out = g->c / o->groups, .groups = o->groups, .kernel_h = o->kernel_h, .stride_h = 1,
                          .stride_w = 1, .top = o->kernel_h - 1 - o->pad.top, .left = TAPS - 1 - o->pad.left };
}

static const char *refuse(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_grad_opt *g = node->opt;
    const weft_narrow s = sizes(node);
    if (g->conv.stride_h != 1 || g->conv.stride_w != 1)
        return "strided";
    const char *const reason = weft_narrow_refuse_window(&g->conv);
    return reason ? reason : weft_narrow_refuse(&s, device);
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_narrow s = sizes(node);
    return weft_narrow_plan(&s, plan, &plan->scratch);
}

/* The weights of a chunk of channels of x: as many as are in one group, from one filter, then from that of the next. */
static void pack_chunk(void *arg, int64_t chunk, int thread)
{
    const weft_call *call = arg;
    const weft_narrow *s = call->state;
    const int64_t run = s->width < s->out ? s->width : s->out, column = chunk * s->width, taps = s->kernel_h * TAPS;
    float *to = (float *)call->packed + column * taps * s->in;
    (void)thread;
    for (int64_t r = s->kernel_h - 1; r >= 0; r--)
        for (int64_t k = 0; k < s->in; k++)
            for (int64_t t = TAPS - 1; t >= 0; t--)
                for (int64_t i = column; i < column + s->width; i += run, to += run) {
                    const int64_t filter = i / s->out * s->in + k;
                    memcpy(to, weft_row(&call->in[1], filter * taps + r * TAPS + t) + i % s->out,
                           sizeof *to * (size_t)run);
                }
}

static weft_status run(const weft_call *call)
{
    const weft_narrow *s = call->state;
    weft_call packed = *call;
    packed.packed = call->scratch;
    memset(weft_at(packed.packed, s->bias_at), 0, s->bytes - s->bias_at);
    weft_pool_run(call->device->pool, s->chunks, pack_chunk, &packed);
    weft_narrow_run(s, &packed);
    return WEFT_OK;
}

const weft_kernel weft_cpu_conv2d_dx_narrow = {
    .name = "cpu.conv2d_dx.narrow", .refuse = refuse, .prepare = prepare, .run = run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};
