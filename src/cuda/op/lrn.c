/* SPDX-License-Identifier: Apache-2.0
 *
 * Local response normalisation: own kernel; cuDNN's graph API has none. */
#include "cuda/cuda.h"

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_lrn_opt *o = node->opt;
    const double a = o->alpha_is_per_window ? o->alpha / o->window : o->alpha;
    const weft_lrn_args args = { .dtype = node->in_dtype[0], .x = weft_kview_of(&call->in[0]),
                                 .y = weft_kview_of(&call->out[0]), .rows = weft_shape_rows(&node->in[0]),
                                 .c = (int)weft_shape_channels(&node->in[0]), .reach = o->window / 2,
                                 .k = (float)o->k, .a = (float)a, .beta = (float)o->beta };
    return weft_cuda_launched(call, weft_launch_lrn(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel window = { .name = "cuda.lrn.window", .run = run };

const weft_kernel *const weft_cuda_lrn[] = { &window, NULL };
