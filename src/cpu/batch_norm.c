/* SPDX-License-Identifier: Apache-2.0
 *
 * batch_norm at inference: one multiply-add per element, with scale and shift computed in double when the parameters
 * are packed; the activation in the same pass. Bound: DRAM. */
#include "cpu/batch_norm.h"

#include <math.h>

#include "cpu/ref/ref.h"
#include "cpu/rows.h"

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    plan->pack_scratch = 2 * sizeof(double) * (size_t)weft_shape_channels(&node->in[0]);
    return weft_affine_prepare(node, plan);
}

void weft_batch_norm_scales(const weft_call *call, double *scales)
{
    const weft_batch_norm_opt *o = call->node->opt;
    const int64_t channels = weft_shape_channels(&call->node->in[0]);
    const int first = o->no_gamma ? 0 : 1;
    const float *gamma = first ? weft_call_param(call, 0) : NULL, *beta = weft_call_param(call, first);
    const float *mean = weft_call_param(call, first + 1), *variance = weft_call_param(call, first + 2);
    for (int64_t c = 0; c < channels; c++) {
        scales[c] = (gamma ? (double)gamma[c] : 1) / sqrt((double)variance[c] + o->epsilon);
        scales[channels + c] = (double)beta[c] - (double)mean[c] * scales[c];
    }
}

static weft_status pack(const weft_call *call)
{
    double *scales = call->scratch;
    weft_batch_norm_scales(call, scales);
    weft_affine_pack(call, scales, scales + weft_shape_channels(&call->node->in[0]));
    return WEFT_OK;
}

static const weft_kernel rows = {
    .name = "cpu.batch_norm.rows", .refuse = weft_rows_refuse, .prepare = prepare, .pack = pack,
    .run = weft_affine_run, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cpu_batch_norm[] = { &rows, &weft_cpu_batch_norm_ref, NULL };
