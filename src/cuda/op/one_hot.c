/* SPDX-License-Identifier: Apache-2.0
 *
 * one_hot: own kernel. */
#include "cuda/cuda.h"

static weft_status run(const weft_call *call)
{
    const weft_one_hot_opt *o = call->node->opt;
    const double rest = o->smoothing / (double)o->classes;
    const weft_one_hot_args args = { .labels = call->in[0].data, .label_ld = call->in[0].ld,
                                     .y = weft_kview_of(&call->out[0]), .n = call->node->in[0].dim[0],
                                     .classes = o->classes, .right = (float)(1 - o->smoothing + rest),
                                     .rest = (float)rest };
    return weft_cuda_launched(call, weft_launch_one_hot(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel rows = { .name = "cuda.one_hot.map", .run = run };

const weft_kernel *const weft_cuda_one_hot[] = { &rows, NULL };
