/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d_dw of any window and groups: outer products of dy and x over the pixels (outer.h), for each tap; with few
 * channels, of a row of taps at once. */
#include "op/conv2d.h"

#include "cpu/conv2d.h"
#include "cpu/machine.h"
#include "cpu/outer.h"

enum { BORDER_BYTES = 1 << 24, BORDER_IMAGES = 4, CHUNK = 256 };

static weft_outer_shape shape_of(const weft_node *node)
{
    const weft_conv2d_grad_opt *g = node->opt;
    const weft_conv2d_opt *o = &g->conv;
    const int64_t *dy = node->in[1].dim;
    return (weft_outer_shape){
        .images = dy[0], .h = g->h, .w = g->w, .c = g->c, .oh = dy[1], .ow = dy[2], .k = dy[3], .groups = o->groups,
        .kernel_h = o->kernel_h, .kernel_w = o->kernel_w, .stride_h = o->stride_h, .stride_w = o->stride_w,
        .dilation = o->dilation, .top = o->pad.top, .left = o->pad.left,
    };
}

/* A chunk is copied with all that its windows reach: too much if that is many times the image. */
static const char *refuse_border(const weft_outer_shape *s)
{
    const double wide = s->ow < CHUNK ? (double)s->ow : CHUNK, high = CHUNK / wide;
    const double lines = (double)(s->kernel_h - 1) * s->dilation + high * s->stride_h;
    const double pixels = (double)(s->kernel_w - 1) * s->dilation + wide * s->stride_w;
    const double pixel = (double)s->c * sizeof(float), image = (double)s->h * (double)s->w * pixel;
    return lines * pixels * pixel > BORDER_BYTES && lines * pixels * pixel > BORDER_IMAGES * image
               ? "windows reach so far beyond the image that a copy with its border would cost more than the sums"
               : NULL;
}

static const char *refuse(const weft_node *node, const weft_device *device)
{
    const weft_outer_shape s = shape_of(node);
    const char *const reason = refuse_border(&s);
    return reason ? reason : weft_simd_refuse(device);
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    weft_outer *state = weft_arena_alloc(plan->arena, sizeof *state);
    const weft_outer_shape shape = shape_of(node);
    if (!state)
        return WEFT_NO_MEMORY;
    plan->state = state;
    return weft_outer_plan(state, &shape, plan);
}

static weft_status run(const weft_call *call)
{
    weft_outer_run(call->state, call);
    return WEFT_OK;
}

const weft_kernel weft_cpu_conv2d_dw_outer = {
    .name = "cpu.conv2d_dw.outer", .refuse = refuse, .prepare = prepare, .run = run,
};
