/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d with groups of 4 to 64 channels and windows three wide, of ResNeXt (narrow.h). */
#include <string.h>

#include "cpu/conv2d.h"
#include "cpu/narrow.h"

enum { TAPS = WEFT_NARROW_TAPS };

static weft_narrow sizes(const weft_node *node)
{
    const weft_conv2d_opt *o = node->opt;
    const int64_t *x = node->in[0].dim, *y = node->out[0].dim;
    return (weft_narrow){ .n = x[0], .h = x[1], .w = x[2], .oh = y[1], .ow = y[2], .in = x[3] / o->groups,
                          .out = y[3] / o->groups, .groups = o->groups, .kernel_h = o->kernel_h,
                          .stride_h = o->stride_h, .stride_w = o->stride_w, .top = o->pad.top, .left = o->pad.left };
}

static const char *refuse(const weft_node *node, const weft_device *device)
{
    const weft_narrow s = sizes(node);
    const char *const reason = weft_narrow_refuse_window(node->opt);
    return reason ? reason : weft_narrow_refuse(&s, device);
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_narrow s = sizes(node);
    return weft_narrow_plan(&s, plan, &plan->packed);
}

/* [out][kernel_h][3][in] of a chunk to [kernel_h][in][3][width]. */
static void pack_chunk(void *arg, int64_t chunk, int thread)
{
    const weft_call *call = arg;
    const weft_narrow *s = call->state;
    const int64_t filter = s->kernel_h * TAPS * s->in;
    const float *wt = (const float *)weft_call_param(call, 0) + chunk * s->width * filter;
    float *to = (float *)call->packed + chunk * s->width * filter;
    (void)thread;
    for (int64_t r = 0; r < s->kernel_h; r++)
        for (int64_t c = 0; c < s->in; c++)
            for (int64_t t = 0; t < TAPS; t++)
                for (int64_t i = 0; i < s->width; i++)
                    *to++ = wt[i * filter + (r * TAPS + t) * s->in + c];
}

static weft_status pack(const weft_call *call)
{
    const weft_narrow *s = call->state;
    const float *bias = weft_call_param(call, 1);
    float *const to = weft_at(call->packed, s->bias_at);
    weft_call copy = *call;
    weft_pool_run(call->device->pool, s->chunks, pack_chunk, &copy);
    if (bias)
        memcpy(to, bias, s->bytes - s->bias_at);
    else
        memset(to, 0, s->bytes - s->bias_at);
    return WEFT_OK;
}

static weft_status run(const weft_call *call)
{
    weft_narrow_run(call->state, call);
    return WEFT_OK;
}

const weft_kernel weft_cpu_conv2d_narrow = {
    .name = "cpu.conv2d.narrow", .refuse = refuse, .prepare = prepare, .pack = pack, .run = run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};
