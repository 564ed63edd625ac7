/* SPDX-License-Identifier: Apache-2.0
 *
 * levels: own kernel, which also pads the channels. */
#include "op/levels.h"

#include "cuda/cuda.h"
#include "cuda/kernel/levels.h"

static weft_status run(const weft_call *call)
{
    const weft_levels_opt *o = call->node->opt;
    const weft_levels_args args = { .dtype = call->node->out_dtype[0], .x = call->in[0].data,
                                    .x_ld = call->in[0].ld * (int64_t)sizeof(int32_t),
                                    .y = weft_kview_of(&call->out[0]), .n = call->node->in[0].dim[0],
                                    .pixels = o->h * o->w, .c = (int)o->c, .padded = (int)call->out[0].ld,
                                    .table = o->table };
    return weft_cuda_launched(call, weft_launch_levels(&args, weft_cuda_stream_of(call)));
}

static int launches(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    weft_plain_cost(node, plan, out);
    if (plan->out_ld)
        out->written *= (double)plan->out_ld[0] / (double)weft_shape_channels(&node->out[0]);
    return 1;
}

static const weft_kernel bytes = { .name = "cuda.levels.table", .run = run, .launches = launches };

const weft_kernel *const weft_cuda_levels[] = { &bytes, NULL };
