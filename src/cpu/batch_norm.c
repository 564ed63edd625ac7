/* SPDX-License-Identifier: Apache-2.0
 *
 * batch_norm at inference: one multiply-add per element, with scale and shift computed in double when the parameters
 * are loaded; the activation in the same pass. Bound: DRAM. */
#include <math.h>

#include "cpu/ref/ref.h"
#include "cpu/rows.h"

static weft_status load(const weft_node *node, const weft_plan *plan, const float *const *param, void *packed)
{
    const weft_batch_norm_opt *o = node->opt;
    const int64_t channels = weft_shape_channels(&node->in[0]);
    const float *gamma = o->no_gamma ? NULL : *param++;
    const float *beta = param[0], *mean = param[1], *variance = param[2];
    double *scale = weft_calloc(plan->device->allocator, (size_t)channels, 2 * sizeof *scale);
    if (!scale)
        return WEFT_NO_MEMORY;
    for (int64_t c = 0; c < channels; c++) {
        scale[c] = (gamma ? (double)gamma[c] : 1) / sqrt((double)variance[c] + o->epsilon);
        scale[channels + c] = (double)beta[c] - (double)mean[c] * scale[c];
    }
    weft_affine_pack(plan, scale, scale + channels, packed);
    weft_free(plan->device->allocator, scale);
    return WEFT_OK;
}

static const weft_kernel rows = {
    .name = "cpu.batch_norm.rows", .refuse = weft_rows_refuse, .prepare = weft_affine_prepare, .load = load,
    .run = weft_affine_run, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cpu_batch_norm[] = { &rows, &weft_cpu_batch_norm_ref, NULL };
