/* SPDX-License-Identifier: Apache-2.0
 *
 * moments and moving_average: own kernels. */
#include "cuda/cuda.h"

static weft_status run_moments(const weft_call *call)
{
    const weft_shape *x = &call->node->in[0];
    const weft_moments_args args = { .dtype = call->node->in_dtype[0], .x = weft_kview_of(&call->in[0]),
                                     .rows = weft_shape_rows(x), .c = (int)weft_shape_channels(x),
                                     .mean = call->out[0].data, .variance = call->out[1].data };
    return weft_cuda_launched(call, weft_launch_moments(&args, weft_cuda_stream_of(call)));
}

static weft_status run_average(const weft_call *call)
{
    const weft_moving_average_opt *o = call->node->opt;
    const weft_shape *state = &call->node->in[0];
    const weft_moving_average_args args = { .state = call->in[0].data, .dtype = call->node->in_dtype[1],
                                            .x = weft_kview_of(&call->in[1]), .rows = weft_shape_rows(state),
                                            .c = (int)weft_shape_channels(state), .momentum = o->momentum };
    return weft_cuda_launched(call, weft_launch_moving_average(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel moments = { .name = "cuda.moments.lanes", .run = run_moments };
static const weft_kernel average = { .name = "cuda.moving_average.map", .run = run_average,
                                     .inplace = WEFT_INPLACE_IN0 };

const weft_kernel *const weft_cuda_moments[] = { &moments, NULL };
const weft_kernel *const weft_cuda_moving_average[] = { &average, NULL };
