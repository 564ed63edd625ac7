/* SPDX-License-Identifier: Apache-2.0
 *
 * hits: one launch of an own kernel. */
#include "cuda/cuda.h"
#include "cuda/kernel/loss.h"

/* weft_plan.state. */
typedef struct state {
    unsigned *turns;
} state;

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    state *s = plan->state = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->scratch = (size_t)node->in[1].dim[0] * sizeof(float);
    return weft_cuda_turns(plan, &s->turns);
}

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_hits_args args = { .dtype = node->in_dtype[1], .labels = weft_kview_of(&call->in[0]),
                                  .x = weft_kview_of(&call->in[1]), .rows = node->in[1].dim[0],
                                  .c = (int)node->in[1].dim[1], .least = ((const weft_hits_opt *)node->opt)->least,
                                  .hits = call->out[0].data, .scratch = call->scratch,
                                  .turns = ((const state *)call->state)->turns };
    return weft_cuda_launched(call, weft_launch_hits(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel ranks = {
    .name = "cuda.hits.ranks", .prepare = prepare, .run = run,
};

const weft_kernel *const weft_cuda_hits[] = { &ranks, NULL };
