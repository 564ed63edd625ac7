/* SPDX-License-Identifier: Apache-2.0
 *
 * squeeze_excite by itself (SENet, where its output is added to a shortcut, and all in training): sums over each image,
 * then the two layers, of which the second scales. Three launches, or two where the last block of an image's sums has
 * its first layer; inside an inverted residual unit the first is part of the depthwise convolution
 * (inverted_residual.c). */
#include "cuda/part/part.h"

typedef struct state {
    weft_part_squeeze_excite excite;
    int parts;
    bool joins;
    unsigned *turns;
} state;

static weft_global_pool_args pool_of(const weft_node *node, weft_dtype dtype)
{
    const weft_shape *x = &node->in[0];
    return (weft_global_pool_args){ .dtype = dtype, .y_dtype = dtype, .kind = WEFT_POOL_AVG, .n = (int)x->dim[0],
                                    .pixels = (int)(x->dim[1] * x->dim[2]), .c = (int)x->dim[3] };
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    state *s = plan->state = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    const weft_global_pool_args pool = pool_of(node, plan->device->dtype);
    weft_part_squeeze_excite_prepare(&s->excite, node, plan);
    s->parts = weft_global_pool_parts(&pool);
    plan->packed = s->excite.bytes;
    plan->pack_pieces = node->n_param;
    s->joins = weft_part_squeeze_excite_joins(&s->excite, plan);
    plan->scratch = s->joins ? (size_t)weft_part_squeeze_excite_floats(&s->excite) * sizeof(float)
                             : weft_part_squeeze_excite_bytes(&s->excite, s->parts);
    return s->joins ? weft_cuda_turns(plan, &s->turns) : WEFT_OK;
}

static weft_status pack(const weft_call *call)
{
    const state *s = call->state;
    return weft_part_squeeze_excite_pack(&s->excite, call, call->in + 1, call->packed);
}

static weft_status run(const weft_call *call)
{
    const state *s = call->state;
    const weft_shape *x = &call->node->in[0];
    weft_global_pool_args pool = pool_of(call->node, s->excite.dtype);
    const weft_part_io io = { .call = call, .x = weft_kview_of(&call->in[0]), .packed = call->packed };
    const weft_part_gated gated = { io.x, weft_kview_of(&call->out[0]), x->dim[1] * x->dim[2], false };
    if (s->joins)
        return weft_part_squeeze_excite_run_joined(&s->excite, &io, call->scratch, s->turns, &gated);
    pool.x = io.x;
    pool.scratch = call->scratch;
    WEFT_TRY(weft_cuda_launched(call, weft_launch_global_pool(&pool, weft_cuda_stream_of(call))));
    return weft_part_squeeze_excite_run(&s->excite, &io, call->scratch, s->parts, &gated);
}

static int launches(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    const state *s = plan->state;
    const weft_shape *in = &node->in[0];
    out[0] = (weft_kernel_cost){
        .what = "squeeze", .core = (double)weft_shape_count(in), .read = weft_tensor_bytes(in, s->excite.dtype),
        .written = (double)in->dim[0] * s->parts * (double)in->dim[3] * (double)sizeof(float),
    };
    const int n = 1 + weft_part_squeeze_excite_cost(&s->excite, s->parts, in->dim[1] * in->dim[2], false, &out[1]);
    if (!s->joins)
        return n;
    out[0].core += out[1].core;
    out[0].weights += out[1].weights;
    out[0].read += out[1].read;
    out[0].written += out[1].written;
    out[1] = out[2];
    return 2;
}

static const weft_kernel excite = {
    .name = "cuda.squeeze_excite.gate", .prepare = prepare, .pack = pack, .run = run, .launches = launches,
    .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cuda_squeeze_excite[] = { &excite, NULL };
