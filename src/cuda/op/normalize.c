/* SPDX-License-Identifier: Apache-2.0
 *
 * The input layer of EfficientNet: fp32 pixels from the host to normalised ones in the device's type, padded with zero
 * channels for the first convolution, in one launch. */
#include "op/normalize.h"

#include "cuda/cuda.h"

/* Factors, then offsets. */
enum { MOST_CHANNELS = 4 };

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    (void)node;
    plan->packed = 2 * MOST_CHANNELS * sizeof(float);
    return WEFT_OK;
}

/* Queues what makes factors and offsets; mean and variance NULL: those of the options. */
static weft_status make_factors(const weft_call *call, const float *mean, const float *variance, float *to)
{
    const weft_normalize_opt *o = call->node->opt;
    weft_normalize_factors_args args = {
        .scale = o->scale, .offset = o->offset, .floor = WEFT_NORMALIZE_FLOOR, .to_scale = to,
        .to_offset = to + MOST_CHANNELS, .c = (int)weft_shape_channels(&call->node->in[0]),
        .mean = mean, .variance = variance,
    };
    for (int c = 0; c < args.c; c++) {
        args.fixed_mean[c] = o->mean[c];
        args.fixed_variance[c] = o->variance[c];
    }
    return weft_cuda_launched(call, weft_launch_normalize_factors(&args, weft_cuda_stream_of(call)));
}

static weft_status pack(const weft_call *call)
{
    const bool stats = ((const weft_normalize_opt *)call->node->opt)->stats;
    return make_factors(call, stats ? weft_call_param(call, 0) : NULL, stats ? weft_call_param(call, 1) : NULL,
                        call->packed);
}

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_shape *x = &node->in[0];
    const float *factors = call->packed;
    const weft_input_args args = { .x = call->in[0].data, .x_dtype = WEFT_F32, .dtype = node->out_dtype[0],
                                   .y = weft_kview_of(&call->out[0]), .rows = weft_shape_rows(x),
                                   .c = (int)weft_shape_channels(x), .padded = (int)call->out[0].ld,
                                   .scale = factors, .offset = factors + MOST_CHANNELS };
    return weft_cuda_launched(call, weft_launch_input(&args, weft_cuda_stream_of(call)));
}

static int launches(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    weft_plain_cost(node, plan, out);
    const int64_t channels = weft_shape_channels(&node->out[0]);
    if (plan->out_ld)
        out->written *= (double)plan->out_ld[0] / (double)channels;
    return 1;
}

static const weft_kernel input = {
    .name = "cuda.normalize.input", .prepare = prepare, .pack = pack, .run = run, .launches = launches,
};

const weft_kernel *const weft_cuda_normalize[] = { &input, NULL };

/* ---- normalize_dx: dy, and the variance if there are statistics ---- */

static weft_status prepare_dx(const weft_node *node, weft_plan *plan)
{
    (void)node;
    plan->scratch = 2 * MOST_CHANNELS * sizeof(float);
    return WEFT_OK;
}

/* The mean does not count: the variance stands in for it. */
static weft_status run_dx(const weft_call *call)
{
    const weft_node *node = call->node;
    const float *variance = node->n_in > 1 ? call->in[1].data : NULL;
    float *factors = call->scratch;
    const weft_map_args args = { .dtype = node->in_dtype[0], .y_dtype = node->out_dtype[0],
                                 .x = weft_kview_of(&call->in[0]), .y = weft_kview_of(&call->out[0]),
                                 .rows = weft_shape_rows(&node->in[0]), .c = (int)weft_shape_channels(&node->in[0]),
                                 .gain = factors };
    WEFT_TRY(make_factors(call, variance, variance, factors));
    return weft_cuda_launched(call, weft_launch_map(&args, weft_cuda_stream_of(call)));
}

static int launches_dx(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    const double factors = MOST_CHANNELS * sizeof(float);
    out[0] = (weft_kernel_cost){ .what = "factors", .read = factors, .written = factors };
    weft_plain_cost(node, plan, &out[1]);
    out[1].what = "pixels";
    return 2;
}

static const weft_kernel factors_dx = {
    .name = "cuda.normalize_dx.map", .prepare = prepare_dx, .run = run_dx, .launches = launches_dx,
    .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cuda_normalize_dx[] = { &factors_dx, NULL };
