/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of two norms whose results were added: sums of both in a launch, both gradients in another. */
#include "op/batch_norm_pair.h"

#include "cuda/cuda.h"
#include "cuda/kernel/norm.h"

/* weft_plan.state. */
typedef struct state {
    unsigned *turns;
} state;

static weft_norm_pair_args args_of(const weft_node *node)
{
    return (weft_norm_pair_args){ .dtype = weft_node_in_dtype(node, 0), .rows = weft_shape_rows(&node->in[0]),
                                  .c = (int)weft_shape_channels(&node->in[0]),
                                  .act = ((const weft_batch_norm_pair_opt *)node->opt)->act };
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_norm_pair_args args = args_of(node);
    state *s = plan->state = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->scratch = (size_t)weft_norm_pair_floats(&args) * sizeof(float);
    return weft_cuda_turns(plan, &s->turns);
}

static weft_status run(const weft_call *call)
{
    const weft_batch_norm_pair_opt *o = call->node->opt;
    weft_norm_pair_args args = args_of(call->node);
    args.dy = weft_kview_of(&call->in[0]);
    args.z = weft_kview_of(&call->in[1]);
    for (int norm = 0; norm < 2; norm++) {
        const weft_view *in = &call->in[weft_batch_norm_pair_x(o, norm)], *out = &call->out[3 * norm];
        args.side[norm] = (weft_norm_pair_side){ .x = weft_kview_of(&in[0]), .dx = weft_kview_of(&out[0]),
                                                 .mean = in[1].data, .rstd = in[2].data,
                                                 .gamma = o->no_gamma[norm] ? NULL : in[3].data,
                                                 .dgamma = out[1].data, .dbeta = out[2].data };
    }
    args.scratch = call->scratch;
    args.turns = ((const state *)call->state)->turns;
    return weft_cuda_launched(call, weft_launch_norm_pair(&args, weft_cuda_stream_of(call)));
}

/* dy, z and both x are read twice. */
static int launches(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    const double map = weft_tensor_bytes(&node->out[0], weft_node_out_dtype(node, 0));
    weft_plain_cost(node, plan, &out[1]);
    out[0] = (weft_kernel_cost){ .what = "sums", .core = out[1].core / 2, .weights = out[1].weights, .read = 4 * map,
                                 .written = out[1].written - 2 * map, .workspace = plan->scratch };
    out[1].what = "gradients";
    out[1].core /= 2;
    out[1].written = 2 * map;
    return 2;
}

static const weft_kernel parts = {
    .name = "cuda.batch_norm_pair_dx.parts", .prepare = prepare, .run = run, .launches = launches,
    .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_IN1,
};

const weft_kernel *const weft_cuda_batch_norm_pair_dx[] = { &parts, NULL };
