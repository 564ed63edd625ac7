/* SPDX-License-Identifier: Apache-2.0
 *
 * rmsprop: own kernel, many parameters a launch. */
#include "cuda/part/update.h"

static void options(const weft_node *node, weft_update_args *args)
{
    const weft_rmsprop_opt *o = node->opt;
    args->rho = o->rho;
    args->momentum = o->momentum;
    args->epsilon = o->epsilon;
}

static void own(const weft_node *node, weft_segment *segment)
{
    const weft_rmsprop_opt *o = node->opt;
    segment->lr_scale = o->lr_scale;
    segment->decay = o->decay;
}

static const weft_part_update update = {
    .rule = WEFT_UPDATE_RMSPROP, .from = 3, .lr = 4, .go = 5, .launch = weft_launch_update, .options = options,
    .own = own,
};

static bool joins(const weft_plan *first, const weft_plan *next)
{
    const weft_rmsprop_opt *a = first->node->opt, *b = next->node->opt;
    return weft_part_is_flat(first) && weft_part_is_flat(next) && a->rho == b->rho && a->momentum == b->momentum &&
           a->epsilon == b->epsilon;
}

static weft_status run_many(const weft_call *const *calls, int count)
{
    return weft_part_update_run(&update, calls, count);
}

static weft_status run(const weft_call *call)
{
    return run_many(&call, 1);
}

static const weft_kernel_group group = {
    .most = WEFT_RMSPROP_SEGMENTS, .common = 1 << 4 | 1 << 5, .joins = joins, .run = run_many,
};

static const weft_kernel segments = {
    .name = "cuda.rmsprop.segments", .prepare = weft_part_flat_prepare, .run = run, .group = &group,
    .launches = weft_part_update_cost, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cuda_rmsprop[] = { &segments, NULL };
