/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of a convolution's input: the list, how strided pixels fall into grids, and the kernel that is one product
 * of rows.
 *
 * pointwise: of a 1x1 convolution of stride 1, all pixels of dy with the weights as they lie. */
#include "cpu/conv2d_dx.h"
#include "cpu/gemm_dx.h"
#include "cpu/ref/ref.h"

/* ---- grids ---- */

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

weft_conv2d_dx_taps weft_conv2d_dx_taps_at(const weft_conv2d_dx_axis *x, int64_t at)
{
    const int64_t divisor = common_divisor(x->stride, x->dilation);
    weft_conv2d_dx_taps t = { .step = x->stride / divisor, .dilation = x->dilation / divisor };
    t.pixels = (x->in - at + x->stride - 1) / x->stride;
    for (int64_t r = 0; r < x->kernel; r++) {
        if ((at + x->before - r * x->dilation) % x->stride != 0)
            continue;
        t.count++;
        t.last = r;
    }
    t.before = -((at + x->before - t.last * x->dilation) / x->stride);
    return t;
}

void weft_conv2d_dx_axes(const weft_node *node, weft_conv2d_dx_axis axis[2])
{
    const weft_conv2d_grad_opt *g = node->opt;
    const weft_conv2d_opt *o = &g->conv;
    const int64_t *dy = node->in[0].dim;
    axis[0] = (weft_conv2d_dx_axis){ g->h, dy[1], o->kernel_h, o->stride_h, o->dilation, o->pad.top, 0 };
    axis[1] = (weft_conv2d_dx_axis){ g->w, dy[2], o->kernel_w, o->stride_w, o->dilation, o->pad.left, 0 };
    for (int i = 0; i < 2; i++) {
        weft_conv2d_dx_axis *x = &axis[i];
        const int64_t window = (x->kernel - 1) * x->dilation + 1;
        if (x->out == 1 && window > x->stride) /* any stride is the same: each pixel meets one tap */
            x->stride = window;
        x->grids = x->stride < x->in ? x->stride : x->in;
    }
}

/* ---- pointwise ---- */

static const char *pointwise_refuse(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_grad_opt *g = node->opt;
    const weft_conv2d_opt *o = &g->conv;
    const int64_t *dy = node->in[0].dim;
    if (o->kernel_h != 1 || o->kernel_w != 1)
        return "window larger than 1x1";
    if (o->pad.top > 0 || o->pad.left > 0 || dy[1] != g->h || dy[2] != g->w)
        return "strided or padded: the pixels are no plain rows";
    if (o->groups != 1)
        return "grouped: only convolutions of one group";
    return weft_gemm_refuse(device);
}

static const weft_kernel pointwise = {
    .name = "cpu.conv2d_dx.pointwise",
    .refuse = pointwise_refuse,
    .prepare = weft_gemm_dx_prepare,
    .run = weft_gemm_dx_run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cpu_conv2d_dx[] = {
    &weft_cpu_conv2d_dx_depthwise, &pointwise, &weft_cpu_conv2d_dx_winograd, &weft_cpu_conv2d_dx_narrow,
    &weft_cpu_conv2d_dx_gemm,      &weft_cpu_conv2d_dx_ref, NULL,
};
