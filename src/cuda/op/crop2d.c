/* SPDX-License-Identifier: Apache-2.0
 *
 * crop2d: a map without its borders. */
#include "cuda/cuda.h"
#include "op/util.h"

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_border_opt *o = node->opt;
    const weft_shape *x = &node->in[0], *y = &node->out[0];
    const weft_shift_args args = { .dtype = node->in_dtype[0], .x = weft_kview_of(&call->in[0]),
                                   .y = weft_kview_of(&call->out[0]), .n = (int)x->dim[0], .h = (int)x->dim[1],
                                   .w = (int)x->dim[2], .oh = (int)y->dim[1], .ow = (int)y->dim[2],
                                   .c = (int)x->dim[3], .top = -o->pad.top, .left = -o->pad.left };
    return weft_cuda_launched(call, weft_launch_shift(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel shift = { .name = "cuda.crop2d.shift", .run = run };

const weft_kernel *const weft_cuda_crop2d[] = { &shift, NULL };
