/* SPDX-License-Identifier: Apache-2.0
 *
 * Both global pools: one launch, or two where an image is large. */
#include "cuda/cuda.h"

static weft_global_pool_args args_of(const weft_node *node)
{
    const weft_shape *x = &node->in[0];
    return (weft_global_pool_args){ .dtype = node->in_dtype[0], .y_dtype = node->out_dtype[0],
                                    .kind = node->id == WEFT_OP_GLOBAL_MAX_POOL2D ? WEFT_POOL_MAX : WEFT_POOL_AVG,
                                    .n = (int)x->dim[0], .pixels = (int)(x->dim[1] * x->dim[2]), .c = (int)x->dim[3] };
}

/* Bytes of the sums over parts of each image. */
static size_t part_bytes(const weft_node *node)
{
    const weft_global_pool_args args = args_of(node);
    const int parts = weft_global_pool_parts(&args);
    return parts > 1 ? (size_t)args.n * (size_t)parts * (size_t)args.c * sizeof(float) : 0;
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    plan->scratch = part_bytes(node);
    return WEFT_OK;
}

static weft_status run(const weft_call *call)
{
    weft_global_pool_args args = args_of(call->node);
    args.x = weft_kview_of(&call->in[0]);
    args.y = weft_kview_of(&call->out[0]);
    args.scratch = call->scratch;
    return weft_cuda_launched(call, weft_launch_global_pool(&args, weft_cuda_stream_of(call)));
}

static int launches(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    return weft_cuda_parts_cost(node, plan, (double)part_bytes(node), out);
}

static const weft_kernel average = {
    .name = "cuda.global_avg_pool2d.parts", .prepare = prepare, .run = run, .launches = launches,
};
static const weft_kernel maximum = {
    .name = "cuda.global_max_pool2d.parts", .prepare = prepare, .run = run, .launches = launches,
};

const weft_kernel *const weft_cuda_global_avg_pool2d[] = { &average, NULL };
const weft_kernel *const weft_cuda_global_max_pool2d[] = { &maximum, NULL };
