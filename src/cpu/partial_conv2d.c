/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of partial_conv2d: the convolution of all maps, with zeros for the weights of those that are not connected,
 * as an implicit GEMM (gemm_window.h). LeNet-5 multiplies so half as often again, and twenty times as fast. */
#include "op/partial_conv2d.h"

#include "cpu/gemm_window.h"
#include "cpu/ref/ref.h"

#include <string.h>

typedef struct state {
    weft_gemm_windows windows;
    weft_gemm_window part;
} state;

static state windows_of(const weft_node *node)
{
    const weft_partial_conv2d_opt *o = node->opt;
    const int64_t *x = node->in[0].dim, *y = node->out[0].dim;
    return (state){
        .part = { .oh = y[1], .ow = y[2], .kernel_h = o->kernel, .kernel_w = o->kernel, .stride_h = 1, .stride_w = 1,
                  .dilation_h = 1, .dilation_w = 1, .pixel_step = 1, .line_step = y[2] },
        .windows = { .parts = 1, .n = x[0], .h = x[1], .w = x[2], .image = y[1] * y[2], .products = 1, .in = x[3],
                     .out = o->out },
    };
}

static const char *refuse(const weft_node *node, const weft_device *device)
{
    (void)node;
    return weft_gemm_refuse(device);
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_partial_conv2d_opt *o = node->opt;
    state *s = weft_arena_alloc(plan->arena, sizeof *s);
    size_t panels;
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    *s = windows_of(node);
    s->windows.part = &s->part;
    weft_gemm *g = &s->part.gemm;
    weft_gemm_init(g, weft_gemm_table_of(plan->device), s->windows.in * o->kernel * o->kernel, o->out);
    WEFT_TRY(weft_gemm_bytes(g, &panels, &plan->packed));
    s->part.bias_at = panels;
    plan->pack_scratch = panels; /* all weights, zeros included, are fewer */
    s->windows.stream = weft_gemm_streams(g, plan->device, weft_shape_rows(&node->out[0]));
    return weft_gemm_windows_plan(&s->windows, plan);
}

/* The weights of all maps, [out][taps][channels], from those of the table's marks. */
static void expand(const weft_node *node, const float *marked, float *all)
{
    const weft_partial_conv2d_opt *o = node->opt;
    const int64_t channels = node->in[0].dim[3], taps = (int64_t)o->kernel * o->kernel;
    memset(all, 0, sizeof *all * (size_t)(o->out * taps * channels));
    for (int64_t k = 0; k < o->out; k++)
        for (int64_t c = 0; c < channels; c++)
            for (int64_t t = 0; t < taps && o->table[k * channels + c]; t++)
                all[(k * taps + t) * channels + c] = *marked++;
}

static weft_status pack(const weft_call *call)
{
    const state *s = call->state;
    expand(call->node, weft_call_param(call, 0), call->scratch);
    weft_gemm_pack(&s->part.gemm, call->device, call->scratch, call->packed);
    weft_gemm_pack_bias(&s->part.gemm, weft_call_param(call, 1), weft_at(call->packed, s->part.bias_at));
    return WEFT_OK;
}

static weft_status run(const weft_call *call)
{
    const state *s = call->state;
    weft_gemm_windows_run(&s->windows, call);
    return WEFT_OK;
}

static const weft_kernel gemm = {
    .name = "cpu.partial_conv2d.gemm", .refuse = refuse, .prepare = prepare, .pack = pack, .run = run,
};

const weft_kernel *const weft_cpu_partial_conv2d[] = { &gemm, &weft_cpu_partial_conv2d_ref, NULL };
