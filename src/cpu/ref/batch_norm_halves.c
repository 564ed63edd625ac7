/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference of the halves of batch norm and of its gradient: Ioffe & Szegedy 2015, algorithm 1, channel by channel. */
#include "op/activation.h"
#include "op/batch_norm.h"

#include "cpu/ref/ref.h"

/* ---- batch_norm_moments ---- */

static void put_pair(const weft_view *to, int row, int64_t c, double value)
{
    ref_row(to, row)[c] = (real)value;
    ref_row(to, row + 1)[c] = (real)(value - (double)(real)value);
}

static weft_status run_moments(const weft_call *call)
{
    const weft_view *x = &call->in[0];
    const int64_t rows = weft_shape_rows(&call->node->in[0]);
    for (int64_t c = 0; c < weft_shape_channels(&call->node->in[0]); c++) {
        double mean = 0, squares = 0;
        for (int64_t r = 0; r < rows; r++)
            mean += (double)ref_row(x, r)[c] / (double)rows;
        for (int64_t r = 0; r < rows; r++)
            squares += ((double)ref_row(x, r)[c] - mean) * ((double)ref_row(x, r)[c] - mean);
        put_pair(&call->out[0], WEFT_MOMENTS_MEAN, c, mean);
        put_pair(&call->out[0], WEFT_MOMENTS_VARIANCE, c, squares / (double)rows);
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(batch_norm_moments) = { WEFT_REF_NAMED(batch_norm_moments), .run = run_moments };

/* ---- batch_norm_by ---- */

static double pair_of(const weft_view *of, int row, int64_t c)
{
    return (double)ref_row(of, row)[c] + (double)ref_row(of, row + 1)[c];
}

static weft_status run_by(const weft_call *call)
{
    const weft_node *n = call->node;
    const weft_batch_norm_by_opt *o = n->opt;
    const int64_t rows = weft_shape_rows(&n->in[0]);
    const double all = (double)rows * o->parts, wider = o->norm.unbiased && all > 1 ? all / (all - 1) : 1;
    const real *gamma = o->norm.no_gamma ? NULL : weft_call_param(call, 0);
    const real *beta = weft_call_param(call, o->norm.no_gamma ? 0 : 1);
    for (int64_t c = 0; c < weft_shape_channels(&n->in[0]); c++) {
        const double mean = pair_of(&call->in[1], WEFT_MOMENTS_MEAN, c);
        const double variance = pair_of(&call->in[1], WEFT_MOMENTS_VARIANCE, c);
        const double rstd = 1 / sqrt(variance + o->norm.epsilon), scale = rstd * (gamma ? (double)gamma[c] : 1);
        const double given[] = { mean, rstd, variance * wider, (double)beta[c] - (mean - (double)(float)mean) * scale };
        for (int k = 0; k < 4; k++)
            ((real *)call->out[1 + k].data)[c] = (real)given[k];
        for (int64_t r = 0; r < rows; r++) {
            const double v = ((double)ref_row(&call->in[0], r)[c] - mean) * scale + (double)beta[c];
            ref_row(&call->out[0], r)[c] = (real)ref_finish(call, v, r, c);
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(batch_norm_by) = {
    WEFT_REF_NAMED(batch_norm_by), .run = run_by, .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_RESIDUAL,
};

/* ---- the gradient's halves ---- */

/* One channel's constants; those of parameters stand `behind` the first four inputs. */
typedef struct channel {
    double mean, rstd, gamma, beta;
    weft_act act;
} channel;

static channel channel_of(const weft_call *call, int64_t c, int behind)
{
    const weft_batch_norm_dx_opt *o = call->node->opt;
    channel k = { (double)((const real *)call->in[2].data)[c], (double)((const real *)call->in[3].data)[c], 1, 0,
                  o->act };
    if (!o->no_gamma)
        k.gamma = (double)((const real *)call->in[4 + behind].data)[c];
    if (o->act != WEFT_ACT_NONE)
        k.beta = (double)((const real *)call->in[weft_batch_norm_dx_beta(o) + behind].data)[c];
    return k;
}

static double normal(const channel *k, double x)
{
    return (x - k->mean) * k->rstd;
}

/* The gradient before the activation. */
static double before_act(const weft_call *call, const channel *k, int64_t r, int64_t c)
{
    const double y = k->gamma * normal(k, (double)ref_row(&call->in[1], r)[c]) + k->beta;
    return (double)ref_row(&call->in[0], r)[c] *
           weft_act_slope(k->act, weft_act_keeps_result(k->act) ? weft_act_eval(k->act, y) : y);
}

static weft_status run_sums(const weft_call *call)
{
    const int64_t rows = weft_shape_rows(&call->node->in[0]);
    for (int64_t c = 0; c < weft_shape_channels(&call->node->in[0]); c++) {
        const channel k = channel_of(call, c, 0);
        double dbeta = 0, dgamma = 0;
        for (int64_t r = 0; r < rows; r++) {
            const double d = before_act(call, &k, r, c);
            dbeta += d;
            dgamma += d * normal(&k, (double)ref_row(&call->in[1], r)[c]);
        }
        ref_row(&call->out[0], WEFT_SHARES_BETA)[c] = (real)(dbeta / (double)rows);
        ref_row(&call->out[0], WEFT_SHARES_GAMMA)[c] = (real)(dgamma / (double)rows);
        ((real *)call->out[1].data)[c] = (real)dgamma;
        ((real *)call->out[2].data)[c] = (real)dbeta;
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(batch_norm_sums) = { WEFT_REF_NAMED(batch_norm_sums), .run = run_sums };

static weft_status run_by_dx(const weft_call *call)
{
    const weft_view *shares = &call->in[WEFT_BY_DX_SHARES];
    for (int64_t c = 0; c < weft_shape_channels(&call->node->in[0]); c++) {
        const channel k = channel_of(call, c, 1);
        for (int64_t r = 0; r < weft_shape_rows(&call->node->in[0]); r++) {
            const double by = (double)ref_row(shares, WEFT_SHARES_BETA)[c] +
                              normal(&k, (double)ref_row(&call->in[1], r)[c]) *
                                  (double)ref_row(shares, WEFT_SHARES_GAMMA)[c];
            const double v = k.gamma * k.rstd * (before_act(call, &k, r, c) - by);
            ref_row(&call->out[0], r)[c] = (real)ref_finish(call, v, r, c);
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(batch_norm_by_dx) = {
    WEFT_REF_NAMED(batch_norm_by_dx), .run = run_by_dx,
    .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_IN1 | WEFT_INPLACE_RESIDUAL,
};
