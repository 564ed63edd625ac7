/* SPDX-License-Identifier: Apache-2.0
 *
 * hits: own kernel, one launch or two. */
#include "cuda/cuda.h"
#include "cuda/kernel/loss.h"

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    plan->scratch = (size_t)node->in[1].dim[0] * sizeof(float);
    return WEFT_OK;
}

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_hits_args args = { .dtype = node->in_dtype[1], .labels = weft_kview_of(&call->in[0]),
                                  .x = weft_kview_of(&call->in[1]), .rows = node->in[1].dim[0],
                                  .c = (int)node->in[1].dim[1], .least = ((const weft_hits_opt *)node->opt)->least,
                                  .hits = call->out[0].data, .scratch = call->scratch };
    return weft_cuda_launched(call, weft_launch_hits(&args, weft_cuda_stream_of(call)));
}

static int launches(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    const int64_t rows = node->in[1].dim[0];
    const double ranks = (double)rows * sizeof(float);
    weft_plain_cost(node, plan, &out[0]);
    if (!weft_rows_take_two(rows, (int)node->in[1].dim[1]))
        return 1;
    out[1] = (weft_kernel_cost){ .what = "count", .core = (double)rows, .read = ranks, .written = out[0].written };
    out[0].what = "ranks";
    out[0].written = ranks;
    return 2;
}

static const weft_kernel ranks = {
    .name = "cuda.hits.ranks", .prepare = prepare, .run = run, .launches = launches,
};

const weft_kernel *const weft_cuda_hits[] = { &ranks, NULL };
