/* SPDX-License-Identifier: Apache-2.0
 *
 * batch_norm that could not be folded into a convolution before it (DenseNet's, of a concatenation): y = act(x gain +
 * bias) in one pass, gain and bias computed in double when the parameters are loaded. */
#include <math.h>

#include "cuda/cuda.h"

/* Offset of bias behind gain, floats. */
static int64_t bias_at(const weft_node *node)
{
    return (int64_t)weft_round_up((size_t)weft_shape_channels(&node->in[0]), 4);
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    plan->packed = (size_t)(2 * bias_at(node)) * sizeof(float);
    return WEFT_OK;
}

static weft_status load(const weft_node *node, const weft_plan *plan, const float *const *param, void *packed)
{
    const weft_batch_norm_opt *o = node->opt;
    const float *gamma = o->no_gamma ? NULL : *param++;
    const float *beta = param[0], *mean = param[1], *variance = param[2];
    char *host;
    WEFT_TRY(weft_cuda_pack_begin(plan, &host));
    float *gain = (float *)(void *)host, *bias = gain + bias_at(node);
    for (int64_t c = 0; c < weft_shape_channels(&node->in[0]); c++) {
        const double factor = (gamma ? (double)gamma[c] : 1) / sqrt((double)variance[c] + o->epsilon);
        gain[c] = (float)factor;
        bias[c] = (float)((double)beta[c] - (double)mean[c] * factor);
    }
    return weft_cuda_pack_end(plan, host, packed);
}

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const float *gain = call->packed;
    const weft_map_args args = { .dtype = node->in_dtype, .y_dtype = node->out_dtype,
                                 .x = weft_kview_of(&call->in[0]), .y = weft_kview_of(&call->out[0]),
                                 .rows = weft_shape_rows(&node->in[0]), .c = (int)weft_shape_channels(&node->in[0]),
                                 .gain = gain, .epi = { .bias = gain + bias_at(node), .act = node->epi.act } };
    return weft_cuda_launched(call, weft_launch_map(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel map = {
    .name = "cuda.batch_norm.map", .prepare = prepare, .load = load, .run = run,
    .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cuda_batch_norm[] = { &map, NULL };
