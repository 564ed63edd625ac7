/* SPDX-License-Identifier: Apache-2.0
 *
 * adam and lamb: own kernels, many parameters in one launch, and in three. */
#include "cuda/part/update.h"

static void adam_options(const weft_node *node, weft_update_args *args)
{
    const weft_adam_opt *o = node->opt;
    args->momentum = o->beta1;
    args->rho = o->beta2;
    args->epsilon = o->epsilon;
    args->decoupled = o->decoupled;
}

static void adam_own(const weft_node *node, weft_segment *segment)
{
    const weft_adam_opt *o = node->opt;
    segment->lr_scale = o->lr_scale;
    segment->decay = o->decay;
}

static const weft_part_update adam = {
    .rule = WEFT_UPDATE_ADAM, .from = 3, .lr = 4, .go = 5, .launch = weft_launch_update, .options = adam_options,
    .own = adam_own,
};

static bool adam_joins(const weft_plan *first, const weft_plan *next)
{
    const weft_adam_opt *a = first->node->opt, *b = next->node->opt;
    return weft_part_is_flat(first) && weft_part_is_flat(next) && a->beta1 == b->beta1 && a->beta2 == b->beta2 &&
           a->epsilon == b->epsilon && a->decoupled == b->decoupled;
}

static weft_status run_adams(const weft_call *const *calls, int count)
{
    return weft_part_update_run(&adam, calls, count);
}

static weft_status run_adam(const weft_call *call)
{
    return run_adams(&call, 1);
}

static const weft_kernel_group adam_group = {
    .most = WEFT_ADAM_SEGMENTS, .common = 1 << 4 | 1 << 5, .joins = adam_joins, .run = run_adams,
};

static const weft_kernel adam_segments = {
    .name = "cuda.adam.segments", .prepare = weft_part_flat_prepare, .run = run_adam, .group = &adam_group,
    .launches = weft_part_update_cost, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cuda_adam[] = { &adam_segments, NULL };

/* ---- lamb ---- */

static weft_status prepare_lamb(const weft_node *node, weft_plan *plan)
{
    plan->scratch = weft_lamb_bytes(weft_shape_count(&node->out[0]));
    return weft_part_flat_prepare(node, plan);
}

static void lamb_options(const weft_node *node, weft_update_args *args)
{
    const weft_lamb_opt *o = node->opt;
    args->momentum = o->beta1;
    args->rho = o->beta2;
    args->epsilon = o->epsilon;
}

static void lamb_own(const weft_node *node, weft_segment *segment)
{
    const weft_lamb_opt *o = node->opt;
    segment->lr_scale = o->lr_scale;
    segment->decay = o->decay;
    segment->fixed_size = o->fixed_size;
}

static const weft_part_update lamb = {
    .from = 3, .lr = 4, .go = 5, .launch = weft_launch_lamb, .options = lamb_options, .own = lamb_own,
};

static bool lamb_joins(const weft_plan *first, const weft_plan *next)
{
    const weft_lamb_opt *a = first->node->opt, *b = next->node->opt;
    return weft_part_is_flat(first) && weft_part_is_flat(next) && a->beta1 == b->beta1 && a->beta2 == b->beta2 &&
           a->epsilon == b->epsilon;
}

static weft_status run_lambs(const weft_call *const *calls, int count)
{
    return weft_part_update_run(&lamb, calls, count);
}

static weft_status run_lamb(const weft_call *call)
{
    return run_lambs(&call, 1);
}

/* Moments and squares, quotients, steps. */
static int lamb_cost(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    const double tensor = weft_tensor_bytes(&node->out[0], WEFT_F32), flops = node->op->cost(node).flops;
    const double sums = (double)weft_lamb_bytes(weft_shape_count(&node->out[0]));
    out[0] = (weft_kernel_cost){ .what = "moments", .core = flops * 2 / 3,
                                 .read = 3 * tensor + weft_tensor_bytes(&node->in[3], weft_node_in_dtype(node, 3)),
                                 .written = 2 * tensor + sums, .workspace = plan->scratch };
    out[1] = (weft_kernel_cost){ .what = "ratios", .core = sums / sizeof(double), .read = sums,
                                 .written = sizeof(double) };
    out[2] = (weft_kernel_cost){ .what = "step", .core = flops / 3, .read = 3 * tensor, .written = tensor };
    return weft_part_flat_cost(node, plan, out, 3);
}

static const weft_kernel_group lamb_group = {
    .most = WEFT_LAMB_SEGMENTS, .common = 1 << 4 | 1 << 5, .joins = lamb_joins, .run = run_lambs,
};

static const weft_kernel lamb_segments = {
    .name = "cuda.lamb.segments", .prepare = prepare_lamb, .run = run_lamb, .group = &lamb_group,
    .launches = lamb_cost,
};

const weft_kernel *const weft_cuda_lamb[] = { &lamb_segments, NULL };
