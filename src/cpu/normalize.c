/* SPDX-License-Identifier: Apache-2.0
 *
 * normalize: rescaling and normalisation folded into one scale and shift per channel, in double. Bound: DRAM. */
#include "op/normalize.h"

#include <math.h>

#include "cpu/ref/ref.h"
#include "cpu/rows.h"

static weft_status pack(const weft_call *call)
{
    const weft_normalize_node *n = call->node->opt;
    const weft_normalize_opt *o = &n->user;
    const float *means = weft_call_param(call, 0), *variances = weft_call_param(call, 1);
    const int64_t channels = weft_shape_channels(&call->node->in[0]);
    double scale[4], shift[4];
    for (int64_t c = 0; c < channels; c++) {
        const double mean = o->stats ? (double)means[c] : o->mean[c];
        const double variance = o->stats ? (double)variances[c] : o->variance[c];
        const double divisor = fmax(sqrt(variance), WEFT_NORMALIZE_FLOOR);
        scale[c] = o->scale / divisor;
        shift[c] = (o->offset - mean) / divisor;
    }
    weft_affine_pack(call, scale, shift);
    return WEFT_OK;
}

static const weft_kernel rows = {
    .name = "cpu.normalize.rows", .refuse = weft_rows_refuse, .prepare = weft_affine_prepare, .pack = pack,
    .run = weft_affine_run, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cpu_normalize[] = { &rows, &weft_cpu_normalize_ref, NULL };
const weft_kernel *const weft_cpu_normalize_dx[] = { &weft_cpu_normalize_dx_ref, NULL };
