/* SPDX-License-Identifier: Apache-2.0
 *
 * channel_scale: each image's channels times its factors, in place where the graph allows; and the gradient of the
 * factors, in two launches where an image is large. */
#include "cuda/cuda.h"
#include "cuda/kernel/norm.h"

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_shape *x = &node->in[0];
    const weft_channel_scale_args args = { .dtype = node->in_dtype[0], .s_dtype = node->in_dtype[0],
                                           .x = weft_kview_of(&call->in[0]), .s = weft_kview_of(&call->in[1]),
                                           .y = weft_kview_of(&call->out[0]), .n = (int)x->dim[0],
                                           .pixels = (int)(x->dim[1] * x->dim[2]), .c = (int)x->dim[3],
                                           .epi = { .act = node->epi.act } };
    return weft_cuda_launched(call, weft_launch_channel_scale(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel scale = {
    .name = "cuda.channel_scale.map", .run = run, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cuda_channel_scale[] = { &scale, NULL };

/* ---- channel_scale_ds ---- */

static weft_map_product_args product_of(const weft_node *node)
{
    const weft_shape *x = &node->in[0];
    return (weft_map_product_args){ .dtype = weft_node_in_dtype(node, 0), .n = (int)x->dim[0],
                                    .pixels = (int)(x->dim[1] * x->dim[2]), .c = (int)x->dim[3] };
}

/* Bytes of the sums over parts of each image; 0: there is one part. */
static size_t part_bytes(const weft_node *node)
{
    const weft_map_product_args args = product_of(node);
    const int parts = weft_map_product_parts(&args);
    return parts > 1 ? 2 * (size_t)args.n * (size_t)parts * (size_t)args.c * sizeof(float) : 0;
}

static weft_status prepare_ds(const weft_node *node, weft_plan *plan)
{
    plan->scratch = part_bytes(node);
    return WEFT_OK;
}

static weft_status run_ds(const weft_call *call)
{
    weft_map_product_args args = product_of(call->node);
    args.x = weft_kview_of(&call->in[0]);
    args.dy = weft_kview_of(&call->in[1]);
    args.ds = weft_kview_of(&call->out[0]);
    args.scratch = call->scratch;
    return weft_cuda_launched(call, weft_launch_map_product(&args, weft_cuda_stream_of(call)));
}

static int launches_ds(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    return weft_cuda_parts_cost(node, plan, (double)part_bytes(node) / 2, out);
}

static const weft_kernel product = {
    .name = "cuda.channel_scale_ds.parts", .prepare = prepare_ds, .run = run_ds, .launches = launches_ds,
};

const weft_kernel *const weft_cuda_channel_scale_ds[] = { &product, NULL };
