/* SPDX-License-Identifier: Apache-2.0
 *
 * Batch norm in training, forwards and backwards: own kernels, two launches each way, and one for the norm once more or
 * with statistics that are parameters. Sums are joined by the block that is last: two small launches for each norm of a
 * network would take longer than what they compute.
 *
 * batch_norm_stats has no kernel here, as nobody makes it: what reads a norm that is not stored (norm_conv) is a
 * convolution of weft's own on the CPU, while cuDNN's read what is there. Statistics in the epilogue of the convolution
 * before would save one pass over its result; cuDNN has them in 16 bits only. */
#include "op/batch_norm.h"

#include "cuda/cuda.h"
#include "cuda/kernel/norm.h"

/* weft_plan.state of what has sums. */
typedef struct state {
    unsigned *turns;
} state;

static weft_status prepare_sums(weft_plan *plan, int64_t scratch)
{
    state *s = plan->state = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->scratch = (size_t)scratch * sizeof(float);
    return weft_cuda_turns(plan, &s->turns);
}

static weft_kview residual_of(const weft_call *call)
{
    const weft_kview none = { NULL, 0 };
    return call->node->epi.residual ? weft_kview_of(&call->in[call->node->n_in - 1]) : none;
}

/* ---- batch_norm_train ---- */

static weft_norm_stats_args stats_of(const weft_node *node)
{
    const weft_batch_norm_opt *o = node->opt;
    return (weft_norm_stats_args){ .dtype = weft_node_in_dtype(node, 0), .rows = weft_shape_rows(&node->in[0]),
                                   .c = (int)weft_shape_channels(&node->in[0]), .epsilon = o->epsilon,
                                   .unbiased = o->unbiased };
}

static weft_status prepare_train(const weft_node *node, weft_plan *plan)
{
    const weft_norm_stats_args args = stats_of(node);
    return prepare_sums(plan, weft_norm_stats_floats(&args));
}

static weft_norm_apply_args apply_of(const weft_call *call)
{
    const weft_node *node = call->node;
    return (weft_norm_apply_args){ .dtype = weft_node_in_dtype(node, 0), .x = weft_kview_of(&call->in[0]),
                                   .y = weft_kview_of(&call->out[0]), .residual = residual_of(call),
                                   .rows = weft_shape_rows(&node->in[0]), .c = (int)weft_shape_channels(&node->in[0]),
                                   .factor = 1, .act = node->epi.act };
}

static weft_status run_train(const weft_call *call)
{
    const weft_batch_norm_opt *o = call->node->opt;
    weft_norm_stats_args stats = stats_of(call->node);
    stats.x = weft_kview_of(&call->in[0]);
    stats.gamma = o->no_gamma ? NULL : weft_call_param(call, 0);
    stats.beta = weft_call_param(call, o->no_gamma ? 0 : 1);
    stats.mean = call->out[1].data;
    stats.rstd = call->out[2].data;
    stats.variance = call->out[3].data;
    stats.shift = call->out[4].data;
    stats.scratch = call->scratch;
    stats.turns = ((const state *)call->state)->turns;
    weft_norm_apply_args apply = apply_of(call);
    apply.mean = stats.mean;
    apply.rstd = stats.rstd;
    apply.gamma = stats.gamma;
    apply.shift = stats.shift;
    WEFT_TRY(weft_cuda_launched(call, weft_launch_norm_stats(&stats, weft_cuda_stream_of(call))));
    return weft_cuda_launched(call, weft_launch_norm_apply(&apply, weft_cuda_stream_of(call)));
}

/* Inputs 0 to `sums` - 1 are read twice. */
static int launches_of_sums(const weft_node *node, const weft_plan *plan, int sums, const char *first,
                            const char *second, weft_kernel_cost *out)
{
    weft_plain_cost(node, plan, &out[1]);
    const double map = weft_tensor_bytes(&node->out[0], weft_node_out_dtype(node, 0));
    out[0] = (weft_kernel_cost){ .what = first, .core = out[1].core / 2, .weights = out[1].weights,
                                 .written = out[1].written - map, .workspace = plan->scratch };
    for (int i = 0; i < sums; i++)
        out[0].read += weft_tensor_bytes(&node->in[i], weft_node_in_dtype(node, i));
    out[1].what = second;
    out[1].core /= 2;
    out[1].written = map;
    return 2;
}

static int launches_train(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    return launches_of_sums(node, plan, 1, "statistics", "norm", out);
}

static const weft_kernel train = {
    .name = "cuda.batch_norm_train.parts", .prepare = prepare_train, .run = run_train, .launches = launches_train,
    .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cuda_batch_norm_train[] = { &train, NULL };

/* ---- batch_norm_again: the second launch, and its bits ---- */

static weft_status run_again(const weft_call *call)
{
    const weft_batch_norm_again_opt *o = call->node->opt;
    weft_norm_apply_args apply = apply_of(call);
    apply.mean = call->in[1].data;
    apply.rstd = call->in[2].data;
    apply.shift = call->in[3].data;
    apply.gamma = o->no_gamma ? NULL : call->in[4].data;
    return weft_cuda_launched(call, weft_launch_norm_apply(&apply, weft_cuda_stream_of(call)));
}

static const weft_kernel again = {
    .name = "cuda.batch_norm_again.map", .run = run_again, .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cuda_batch_norm_again[] = { &again, NULL };

/* ---- batch_norm_dx ---- */

static weft_norm_dx_args dx_of(const weft_node *node)
{
    const weft_batch_norm_dx_opt *o = node->opt;
    return (weft_norm_dx_args){ .dtype = weft_node_in_dtype(node, 0), .rows = weft_shape_rows(&node->in[0]),
                                .c = (int)weft_shape_channels(&node->in[0]), .frozen = o->frozen,
                                .epsilon = o->epsilon, .act = o->act };
}

static weft_status prepare_dx(const weft_node *node, weft_plan *plan)
{
    const weft_norm_dx_args args = dx_of(node);
    return prepare_sums(plan, weft_norm_dx_floats(&args));
}

static weft_status run_dx(const weft_call *call)
{
    const weft_batch_norm_dx_opt *o = call->node->opt;
    weft_norm_dx_args args = dx_of(call->node);
    args.dy = weft_kview_of(&call->in[0]);
    args.x = weft_kview_of(&call->in[1]);
    args.mean = call->in[2].data;
    args.rstd = call->in[3].data;
    args.gamma = o->no_gamma ? NULL : call->in[4].data;
    if (call->node->id == WEFT_OP_BATCH_NORM_JOIN_DX) {
        args.z = weft_kview_of(&call->in[weft_batch_norm_dx_beta(o)]);
        args.g = weft_kview_of(&call->out[3]);
    } else if (o->act != WEFT_ACT_NONE) {
        args.beta = call->in[weft_batch_norm_dx_beta(o)].data;
    }
    args.residual = residual_of(call);
    args.dx = weft_kview_of(&call->out[0]);
    args.dgamma = call->out[1].data;
    args.dbeta = call->out[2].data;
    args.scratch = call->scratch;
    args.turns = ((const state *)call->state)->turns;
    return weft_cuda_launched(call, weft_launch_norm_dx(&args, weft_cuda_stream_of(call)));
}

static int launches_dx(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    return launches_of_sums(node, plan, 2, "sums", "gradient", out);
}

static const weft_kernel dx = {
    .name = "cuda.batch_norm_dx.parts", .prepare = prepare_dx, .run = run_dx, .launches = launches_dx,
    .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_IN1 | WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cuda_batch_norm_dx[] = { &dx, NULL };

/* The sums read z besides, and write what is read instead of dy then. */
static int launches_join(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    const double map = weft_tensor_bytes(&node->out[0], weft_node_out_dtype(node, 0));
    const int n = launches_of_sums(node, plan, 2, "sums", "gradient", out);
    out[0].read += map;
    out[1].read -= map;
    return n;
}

static const weft_kernel join_dx = {
    .name = "cuda.batch_norm_join_dx.parts", .prepare = prepare_dx, .run = run_dx, .launches = launches_join,
    .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_IN1 | WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cuda_batch_norm_join_dx[] = { &join_dx, NULL };

/* ---- batch_norm_frozen_dx ---- */

static weft_status run_frozen(const weft_call *call)
{
    const weft_batch_norm_frozen_opt *o = call->node->opt;
    weft_norm_apply_args apply = apply_of(call);
    apply.rstd = call->in[1].data;
    apply.of_variance = true;
    apply.epsilon = o->epsilon;
    apply.gamma = o->no_gamma ? NULL : call->in[2].data;
    return weft_cuda_launched(call, weft_launch_norm_apply(&apply, weft_cuda_stream_of(call)));
}

static const weft_kernel frozen = {
    .name = "cuda.batch_norm_frozen_dx.map", .run = run_frozen, .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cuda_batch_norm_frozen_dx[] = { &frozen, NULL };
