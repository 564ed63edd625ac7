/* SPDX-License-Identifier: Apache-2.0
 *
 * normalize: rescaling and normalisation folded into one scale and shift per channel, in double. Bound: DRAM. */
#include "op/normalize.h"

#include <math.h>

#include "cpu/ref/ref.h"
#include "cpu/rows.h"

static weft_status load(const weft_node *node, const weft_plan *plan, const float *const *param, void *packed)
{
    const weft_normalize_node *n = node->opt;
    const weft_normalize_opt *o = &n->user;
    const int64_t channels = weft_shape_channels(&node->in[0]);
    double scale[4], shift[4];
    for (int64_t c = 0; c < channels; c++) {
        const double mean = o->stats ? (double)param[0][c] : o->mean[c];
        const double variance = o->stats ? (double)param[1][c] : o->variance[c];
        const double divisor = fmax(sqrt(variance), WEFT_NORMALIZE_FLOOR);
        scale[c] = o->scale / divisor;
        shift[c] = (o->offset - mean) / divisor;
    }
    weft_affine_pack(plan, scale, shift, packed);
    return WEFT_OK;
}

static const weft_kernel rows = {
    .name = "cpu.normalize.rows", .refuse = weft_rows_refuse, .prepare = weft_affine_prepare, .load = load,
    .run = weft_affine_run, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cpu_normalize[] = { &rows, &weft_cpu_normalize_ref, NULL };
