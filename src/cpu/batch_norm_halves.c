/* SPDX-License-Identifier: Apache-2.0
 *
 * The halves of batch norm and of its gradient: each is one of the two passes of batch_norm_train.c, with what lies
 * between them written down, or read. */
#include <math.h>

#include "cpu/batch_norm_train.h"
#include "cpu/ref/ref.h"
#include "cpu/rows.h"
#include "op/batch_norm.h"

/* ---- batch_norm_moments ---- */

static weft_status prepare_sums(const weft_node *node, weft_plan *plan)
{
    plan->scratch = weft_norm_dx_scratch(node);
    return WEFT_OK;
}

/* A float, and what it lost. */
static void put_pair(const weft_view *to, int row, int64_t c, double value)
{
    const float first = (float)value;
    weft_row(to, row)[c] = first;
    weft_row(to, row + 1)[c] = (float)(value - (double)first);
}

static void give_moments(const weft_call *call, int64_t c, double mean, double variance)
{
    put_pair(&call->out[0], WEFT_MOMENTS_MEAN, c, mean);
    put_pair(&call->out[0], WEFT_MOMENTS_VARIANCE, c, variance);
}

static weft_status run_moments(const weft_call *call)
{
    weft_norm_moments(call, give_moments);
    return WEFT_OK;
}

static const weft_kernel rows_moments = {
    .name = "cpu.batch_norm_moments.rows", .refuse = weft_rows_refuse, .prepare = prepare_sums, .run = run_moments,
};

const weft_kernel *const weft_cpu_batch_norm_moments[] = { &rows_moments, &weft_cpu_batch_norm_moments_ref, NULL };

/* ---- batch_norm_by ---- */

static weft_status prepare_vectors(const weft_node *node, weft_plan *plan)
{
    plan->scratch = sizeof(float) * WEFT_NORM_VECTORS * (size_t)weft_shape_channels(&node->in[0]);
    return WEFT_OK;
}

static double pair_of(const weft_view *of, int row, int64_t c)
{
    return (double)weft_row(of, row)[c] + (double)weft_row(of, row + 1)[c];
}

static weft_status run_by(const weft_call *call)
{
    const weft_batch_norm_by_opt *o = call->node->opt;
    const double all = (double)weft_shape_rows(&call->node->in[0]) * o->parts;
    const double wider = o->norm.unbiased && all > 1 ? all / (all - 1) : 1;
    const float *gamma = o->norm.no_gamma ? NULL : weft_call_param(call, 0);
    const float *beta = weft_call_param(call, o->norm.no_gamma ? 0 : 1);
    float *mean = call->out[1].data, *rstd = call->out[2].data, *variance = call->out[3].data;
    float *shift = call->out[4].data, *scale = call->scratch;
    for (int64_t c = 0; c < weft_shape_channels(&call->node->in[0]); c++) {
        const double m = pair_of(&call->in[1], WEFT_MOMENTS_MEAN, c);
        const double v = pair_of(&call->in[1], WEFT_MOMENTS_VARIANCE, c);
        mean[c] = (float)m;
        rstd[c] = (float)(1 / sqrt(v + o->norm.epsilon));
        variance[c] = (float)(v * wider);
        scale[c] = gamma ? gamma[c] * rstd[c] : rstd[c];
        shift[c] = (float)((double)beta[c] - (m - (double)mean[c]) * (double)scale[c]);
    }
    weft_norm_apply(call, mean, shift);
    return WEFT_OK;
}

static const weft_kernel rows_by = {
    .name = "cpu.batch_norm_by.rows", .refuse = weft_rows_refuse, .prepare = prepare_vectors, .run = run_by,
    .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cpu_batch_norm_by[] = { &rows_by, &weft_cpu_batch_norm_by_ref, NULL };

/* ---- batch_norm_sums ---- */

static weft_status run_sums(const weft_call *call)
{
    const float *dgamma = call->out[1].data, *dbeta = call->out[2].data;
    const double rows = (double)weft_shape_rows(&call->node->in[0]);
    (void)weft_norm_dx_sums(call);
    for (int64_t c = 0; c < weft_shape_channels(&call->node->in[0]); c++) {
        weft_row(&call->out[0], WEFT_SHARES_BETA)[c] = (float)((double)dbeta[c] / rows);
        weft_row(&call->out[0], WEFT_SHARES_GAMMA)[c] = (float)((double)dgamma[c] / rows);
    }
    return WEFT_OK;
}

static const weft_kernel rows_sums = {
    .name = "cpu.batch_norm_sums.rows", .refuse = weft_rows_refuse, .prepare = prepare_sums, .run = run_sums,
};

const weft_kernel *const weft_cpu_batch_norm_sums[] = { &rows_sums, &weft_cpu_batch_norm_sums_ref, NULL };

/* ---- batch_norm_by_dx ---- */

static weft_status run_by_dx(const weft_call *call)
{
    const weft_batch_norm_dx_opt *o = call->node->opt;
    const weft_view *shares = &call->in[WEFT_BY_DX_SHARES];
    const int64_t channels = weft_shape_channels(&call->node->in[0]);
    const float *rstd = call->in[3].data, *gamma = o->no_gamma ? NULL : call->in[WEFT_BY_DX_SHARES + 1].data;
    const float *beta = o->act == WEFT_ACT_NONE ? NULL : call->in[weft_batch_norm_dx_beta(o) + 1].data;
    float *scale = call->scratch, *tilt = scale + channels, *lift = tilt + channels;
    for (int64_t c = 0; c < channels; c++) {
        scale[c] = gamma ? gamma[c] * rstd[c] : rstd[c];
        tilt[c] = (float)(-(double)scale[c] * (double)rstd[c] * (double)weft_row(shares, WEFT_SHARES_GAMMA)[c]);
        lift[c] = -scale[c] * weft_row(shares, WEFT_SHARES_BETA)[c];
    }
    weft_norm_dx_apply(call, beta);
    return WEFT_OK;
}

static const weft_kernel rows_by_dx = {
    .name = "cpu.batch_norm_by_dx.rows", .refuse = weft_rows_refuse, .prepare = prepare_vectors, .run = run_by_dx,
    .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_IN1 | WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cpu_batch_norm_by_dx[] = { &rows_by_dx, &weft_cpu_batch_norm_by_dx_ref, NULL };
