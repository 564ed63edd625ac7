/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of a convolution's input: the list, and the kernel that is one product of rows.
 *
 * pointwise: of a 1x1 convolution of stride 1, all pixels of dy with the weights as they lie. */
#include "cpu/conv2d_dx.h"
#include "cpu/gemm_dx.h"
#include "cpu/ref/ref.h"

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

const weft_kernel *const weft_cpu_conv2d_dx[] = { &pointwise, &weft_cpu_conv2d_dx_winograd, &weft_cpu_conv2d_dx_gemm,
                                                     &weft_cpu_conv2d_dx_ref, NULL };
