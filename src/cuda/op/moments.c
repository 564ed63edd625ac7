/* SPDX-License-Identifier: Apache-2.0
 *
 * moments: own kernel; moving_average: own, many states a launch. */
#include "cuda/part/update.h"

static weft_status run_moments(const weft_call *call)
{
    const weft_shape *x = &call->node->in[0];
    const weft_moments_args args = { .dtype = call->node->in_dtype[0], .x = weft_kview_of(&call->in[0]),
                                     .rows = weft_shape_rows(x), .c = (int)weft_shape_channels(x),
                                     .mean = call->out[0].data, .variance = call->out[1].data };
    return weft_cuda_launched(call, weft_launch_moments(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel moments = { .name = "cuda.moments.lanes", .run = run_moments };

const weft_kernel *const weft_cuda_moments[] = { &moments, NULL };

/* ---- moving_average ---- */

static void options(const weft_node *node, weft_update_args *args)
{
    args->momentum = ((const weft_moving_average_opt *)node->opt)->momentum;
}

enum { GO = 2 };

/* Without a gate, and with one. */
static const weft_part_update averages[] = {
    { .rule = WEFT_UPDATE_FOLLOW, .from = 1, .lr = -1, .go = -1, .launch = weft_launch_update, .options = options },
    { .rule = WEFT_UPDATE_FOLLOW, .from = 1, .lr = -1, .go = GO, .launch = weft_launch_update, .options = options },
};

static bool joins(const weft_plan *first, const weft_plan *next)
{
    const weft_moving_average_opt *a = first->node->opt, *b = next->node->opt;
    return weft_part_is_flat(first) && weft_part_is_flat(next) && a->momentum == b->momentum &&
           first->node->n_in == next->node->n_in;
}

static weft_status run_many(const weft_call *const *calls, int count)
{
    return weft_part_update_run(&averages[calls[0]->node->n_in > GO], calls, count);
}

static weft_status run_average(const weft_call *call)
{
    return run_many(&call, 1);
}

static const weft_kernel_group group = {
    .most = WEFT_FLAT_SEGMENTS, .common = 1 << GO, .joins = joins, .run = run_many,
};

static const weft_kernel segments = {
    .name = "cuda.moving_average.segments", .prepare = weft_part_flat_prepare, .run = run_average, .group = &group,
    .launches = weft_part_update_cost, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cuda_moving_average[] = { &segments, NULL };
