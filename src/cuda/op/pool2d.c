/* SPDX-License-Identifier: Apache-2.0
 *
 * Maximum and average pools: own kernel, any border. */
#include "cuda/cuda.h"

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_pool2d_opt *o = node->opt;
    const weft_pool2d_args args = { .dtype = node->in_dtype[0],
                                    .kind = node->id == WEFT_OP_MAX_POOL2D ? WEFT_POOL_MAX : WEFT_POOL_AVG,
                                    .x = weft_kview_of(&call->in[0]), .y = weft_kview_of(&call->out[0]),
                                    .win = weft_cuda_pool_window(o, &node->in[0], &node->out[0]),
                                    .c = (int)node->in[0].dim[3],
                                    .count_border = o->count_border, .zero_border = o->zero_border };
    return weft_cuda_launched(call, weft_launch_pool2d(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel maximum = { .name = "cuda.max_pool2d.window", .run = run };
static const weft_kernel average = { .name = "cuda.avg_pool2d.window", .run = run };

const weft_kernel *const weft_cuda_max_pool2d[] = { &maximum, NULL };
const weft_kernel *const weft_cuda_avg_pool2d[] = { &average, NULL };
