/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d on the CPU: the list, and the two kernels that are plain GEMMs.
 *
 * pointwise: a 1x1 convolution of stride 1 is the product of all pixels with the weights; so is one whose window is the
 * whole image, with an image for a row.
 *
 * gemm (implicit GEMM, gemm_window.h): any window, stride, dilation and padding. */
#include "cpu/conv2d.h"

#include "cpu/blas.h"
#include "cpu/ref/ref.h"

/* ---- geometry ---- */

typedef struct sizes {
    int64_t n, h, w, c, oh, ow;
    int64_t reach_h, reach_w; /* input lines and pixels from the first window's start to the last one's end */
} sizes;

static sizes geometry(const weft_node *node)
{
    const weft_conv2d_opt *o = node->opt;
    const int64_t *x = node->in[0].dim, *y = node->out[0].dim;
    return (sizes){
        .n = x[0],
        .h = x[1],
        .w = x[2],
        .c = x[3],
        .oh = y[1],
        .ow = y[2],
        .reach_h = (y[1] - 1) * o->stride_h + (int64_t)(o->kernel_h - 1) * o->dilation + 1,
        .reach_w = (y[2] - 1) * o->stride_w + (int64_t)(o->kernel_w - 1) * o->dilation + 1,
    };
}

/* Whether some window reaches outside the image. */
static bool padded(const weft_conv2d_opt *o, const sizes *g)
{
    return o->pad.top > 0 || o->pad.left > 0 || g->reach_h - o->pad.top > g->h || g->reach_w - o->pad.left > g->w;
}

void weft_conv2d_windows(const weft_node *node, weft_gemm_windows *windows, weft_gemm_window *part)
{
    const weft_conv2d_opt *o = node->opt;
    const sizes g = geometry(node);
    *part = (weft_gemm_window){
        .oh = g.oh, .ow = g.ow, .kernel_h = o->kernel_h, .kernel_w = o->kernel_w, .stride_h = o->stride_h,
        .stride_w = o->stride_w, .dilation_h = o->dilation, .dilation_w = o->dilation, .top = o->pad.top,
        .left = o->pad.left, .pixel_step = 1, .line_step = g.ow,
    };
    *windows = (weft_gemm_windows){
        .part = part, .parts = 1, .n = g.n, .h = g.h, .w = g.w, .image = g.oh * g.ow, .products = 1, .in = g.c,
        .out = o->out,
    };
}

const char *weft_conv2d_refuse_border(const weft_node *node)
{
    weft_gemm_windows windows;
    weft_gemm_window part;
    weft_conv2d_windows(node, &windows, &part);
    return weft_gemm_window_refuse(&windows, &part);
}

static const char *refuse_grouped(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_opt *o = node->opt;
    return o->groups != 1 ? "grouped: only convolutions of one group" : weft_gemm_refuse(device);
}

/* Packs KRSC filters and the bias. */
static void pack(const weft_call *call, const weft_gemm *gemm, size_t bias_at)
{
    weft_gemm_pack(gemm, call->device, weft_call_param(call, 0), call->packed);
    weft_gemm_pack_bias(gemm, weft_call_param(call, 1), weft_at(call->packed, bias_at));
}

/* ---- pointwise ---- */

static const char *pointwise_refuse(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_opt *o = node->opt;
    const sizes g = geometry(node);
    if (padded(o, &g))
        return "padded: the pixels are no plain rows";
    if (g.oh == 1 && g.ow == 1)
        return refuse_grouped(node, device);
    if (o->kernel_h != 1 || o->kernel_w != 1)
        return "window larger than 1x1";
    if (o->stride_h != 1 || o->stride_w != 1)
        return "strided: the pixels are no plain rows";
    return refuse_grouped(node, device);
}

static weft_status pointwise_prepare(const weft_node *node, weft_plan *plan)
{
    const weft_conv2d_opt *o = node->opt;
    weft_gemm_rows *rows = weft_arena_alloc(plan->arena, sizeof *rows);
    if (!rows)
        return WEFT_NO_MEMORY;
    const int64_t depth = node->in[0].dim[3] * o->kernel_h * o->kernel_w;
    weft_gemm_init(&rows->gemm, weft_gemm_table_of(plan->device), depth, o->out);
    rows->rows = weft_shape_rows(&node->out[0]);
    plan->state = rows;
    return weft_gemm_rows_plan(rows, plan);
}

static weft_status pointwise_pack(const weft_call *call)
{
    const weft_gemm_rows *rows = call->state;
    pack(call, &rows->gemm, rows->bias_at);
    return WEFT_OK;
}

static weft_status pointwise_run(const weft_call *call)
{
    const sizes g = geometry(call->node);
    const int64_t ld = call->in[0].ld;
    const weft_conv2d_opt *o = call->node->opt;
    const weft_gemm_taps taps = weft_gemm_join_taps(
        (weft_gemm_taps){ .h = o->kernel_h, .w = o->kernel_w, .step_h = o->dilation * g.w * ld,
                          .step_w = o->dilation * ld, .run = g.c });
    weft_gemm_rows_run(call->state, call, g.oh == 1 && g.ow == 1 ? g.h * g.w * ld : ld, &taps);
    return WEFT_OK;
}

const weft_kernel weft_cpu_conv2d_pointwise = {
    .name = "cpu.conv2d.pointwise",
    .refuse = pointwise_refuse,
    .prepare = pointwise_prepare,
    .pack = pointwise_pack,
    .run = pointwise_run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};

/* ---- implicit GEMM ---- */

static const char *implicit_refuse(const weft_node *node, const weft_device *device)
{
    const char *const reason = refuse_grouped(node, device);
    return reason ? reason : weft_conv2d_refuse_border(node);
}

typedef struct implicit {
    weft_gemm_windows windows;
    weft_gemm_window part;
} implicit;

static weft_status implicit_prepare(const weft_node *node, weft_plan *plan)
{
    const weft_conv2d_opt *o = node->opt;
    implicit *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    weft_conv2d_windows(node, &s->windows, &s->part);
    weft_gemm *g = &s->part.gemm;
    weft_gemm_init(g, weft_gemm_table_of(plan->device), s->windows.in * o->kernel_h * o->kernel_w, o->out);
    WEFT_TRY(weft_gemm_bytes(g, &s->part.bias_at, &plan->packed));
    s->windows.stream = weft_gemm_streams(g, plan->device, weft_shape_rows(&node->out[0]));
    return weft_gemm_windows_plan(&s->windows, plan);
}

static weft_status implicit_pack(const weft_call *call)
{
    const implicit *s = call->state;
    pack(call, &s->part.gemm, s->part.bias_at);
    return WEFT_OK;
}

static weft_status implicit_run(const weft_call *call)
{
    const implicit *s = call->state;
    weft_gemm_windows_run(&s->windows, call);
    return WEFT_OK;
}

static const weft_kernel implicit_gemm = {
    .name = "cpu.conv2d.gemm",
    .refuse = implicit_refuse,
    .prepare = implicit_prepare,
    .pack = implicit_pack,
    .run = implicit_run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cpu_conv2d[] = {
    &weft_cpu_conv2d_depthwise, &weft_cpu_conv2d_winograd, &weft_cpu_conv2d_narrow, &weft_cpu_conv2d_grouped,
    &weft_cpu_conv2d_pointwise, &implicit_gemm,            &weft_cpu_conv2d_openblas, &weft_cpu_conv2d_ref,
    NULL,
};
