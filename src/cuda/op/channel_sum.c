/* SPDX-License-Identifier: Apache-2.0
 *
 * channel_sum: an own kernel, one launch, which needs counters to be one. */
#include "cuda/cuda.h"
#include "cuda/kernel/norm.h"

typedef struct state {
    unsigned *turns;
} state;

static weft_channel_sum_args args_of(const weft_node *node)
{
    return (weft_channel_sum_args){ .dtype = weft_node_in_dtype(node, 0), .rows = weft_shape_rows(&node->in[0]),
                                    .c = (int)weft_shape_channels(&node->in[0]) };
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_channel_sum_args args = args_of(node);
    state *s = plan->state = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->scratch = (size_t)weft_channel_sum_floats(&args) * sizeof(float);
    return weft_cuda_turns(plan, &s->turns);
}

static weft_status run(const weft_call *call)
{
    weft_channel_sum_args args = args_of(call->node);
    args.x = weft_kview_of(&call->in[0]);
    args.y = call->out[0].data;
    args.scratch = call->scratch;
    args.turns = ((const state *)call->state)->turns;
    return weft_cuda_launched(call, weft_launch_channel_sum(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel parts = { .name = "cuda.channel_sum.parts", .prepare = prepare, .run = run };

const weft_kernel *const weft_cuda_channel_sum[] = { &parts, NULL };
