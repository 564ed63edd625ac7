/* SPDX-License-Identifier: Apache-2.0
 *
 * Losses with their gradients: one launch of an own kernel. */
#include "cuda/cuda.h"
#include "cuda/kernel/loss.h"

/* Weights of classes are options, and go to the device once. */
typedef struct state {
    const float *weights; /* NULL: none */
    size_t bytes;
    unsigned *turns;
} state;

static const float *weights_of(const weft_node *node)
{
    if (node->id == WEFT_OP_CROSS_ENTROPY)
        return ((const weft_cross_entropy_opt *)node->opt)->class_weights;
    return node->id == WEFT_OP_BCE ? ((const weft_bce_opt *)node->opt)->class_weights : NULL;
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    state *s = plan->state = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    s->weights = weights_of(node);
    s->bytes = s->weights ? (size_t)node->in[0].dim[1] * sizeof(float) : 0;
    plan->packed = s->bytes;
    plan->scratch = (size_t)node->in[0].dim[0] * sizeof(float);
    return weft_cuda_turns(plan, &s->turns);
}

static weft_status pack(const weft_call *call)
{
    const state *s = call->state;
    return weft_cuda_write(call->device, call->packed, s->weights, s->bytes);
}

static weft_status run(const weft_call *call, weft_criterion kind, double factor, double j)
{
    const weft_node *node = call->node;
    const state *s = call->state;
    const weft_criterion_args args = { .kind = kind, .x_dtype = node->in_dtype[0], .target_dtype = node->in_dtype[1],
                                       .x = weft_kview_of(&call->in[0]), .target = weft_kview_of(&call->in[1]),
                                       .dx = weft_kview_of(&call->out[1]), .rows = node->in[0].dim[0],
                                       .c = (int)node->in[0].dim[1],
                                       .class_weights = s->weights ? call->packed : NULL, .factor = (float)factor,
                                       .j = (float)j, .loss = call->out[0].data, .scratch = call->scratch,
                                       .turns = s->turns };
    return weft_cuda_launched(call, weft_launch_criterion(&args, weft_cuda_stream_of(call)));
}

static weft_status run_softmax(const weft_call *call)
{
    const weft_cross_entropy_opt *o = call->node->opt;
    return run(call, WEFT_CRITERION_SOFTMAX, o->weight / (double)call->node->in[0].dim[0], 0);
}

static weft_status run_sigmoid(const weft_call *call)
{
    const weft_bce_opt *o = call->node->opt;
    const weft_shape *x = &call->node->in[0];
    return run(call, WEFT_CRITERION_SIGMOID,
               o->weight / (double)(o->sum_classes ? x->dim[0] : x->dim[0] * x->dim[1]), 0);
}

static weft_status run_distances(const weft_call *call)
{
    const weft_rbf_criterion_opt *o = call->node->opt;
    return run(call, WEFT_CRITERION_RBF, o->weight / (double)call->node->in[0].dim[0], o->j);
}

static const weft_kernel softmax = {
    .name = "cuda.cross_entropy.rows", .prepare = prepare, .pack = pack, .run = run_softmax,
};
static const weft_kernel sigmoid = {
    .name = "cuda.bce.rows", .prepare = prepare, .pack = pack, .run = run_sigmoid,
};
static const weft_kernel distances = {
    .name = "cuda.rbf_criterion.rows", .prepare = prepare, .pack = pack, .run = run_distances,
};

const weft_kernel *const weft_cuda_cross_entropy[] = { &softmax, NULL };
const weft_kernel *const weft_cuda_bce[] = { &sigmoid, NULL };
const weft_kernel *const weft_cuda_rbf_criterion[] = { &distances, NULL };
