/* SPDX-License-Identifier: Apache-2.0 */
#include "lower_part.h"

#include <math.h>

void *lower_fresh(const lower_call *call, size_t bytes)
{
    unsigned char *data = weft_arena_alloc(call->arena, bytes + 64);
    return data ? data + (64 - (uintptr_t)data % 64) : NULL;
}

float *lower_fresh_floats(const lower_call *call, int64_t count)
{
    float *data = lower_fresh(call, (size_t)count * sizeof(float));
    for (int64_t i = 0; data && i < count; i++)
        data[i] = NAN;
    return data;
}

weft_kepilogue lower_epilogue_of(const lower_call *call, const float *bias)
{
    const weft_node *n = call->node;
    weft_kepilogue e = { .bias = bias, .act = n->epi.act };
    if (n->epi.residual)
        e.residual = call->in[n->n_in - n->n_param - 1];
    return e;
}

weft_kwindow lower_window_of(const weft_node *n, int kh, int kw, int sh, int sw, int dilation, weft_pad pad)
{
    const weft_shape *x = &n->in[0], *y = &n->out[0];
    return (weft_kwindow){ .n = (int)x->dim[0],
                           .h = (int)x->dim[1],
                           .w = (int)x->dim[2],
                           .oh = (int)y->dim[1],
                           .ow = (int)y->dim[2],
                           .kernel_h = kh,
                           .kernel_w = kw,
                           .stride_h = sh,
                           .stride_w = sw,
                           .dilation = dilation,
                           .pad = pad };
}
