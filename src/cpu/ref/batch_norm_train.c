/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference batch norm of training, forwards and backwards: Ioffe & Szegedy 2015, algorithm 1, channel by channel. */
#include "op/activation.h"
#include "op/batch_norm.h"

#include "cpu/ref/ref.h"

/* ---- batch_norm_train ---- */

static double mean_of(const weft_view *x, int64_t rows, int64_t c)
{
    double sum = 0;
    for (int64_t r = 0; r < rows; r++)
        sum += (double)ref_row(x, r)[c];
    return sum / (double)rows;
}

static double squares_of(const weft_view *x, int64_t rows, int64_t c, double mean)
{
    double sum = 0;
    for (int64_t r = 0; r < rows; r++) {
        const double d = (double)ref_row(x, r)[c] - mean;
        sum += d * d;
    }
    return sum;
}

/* Mean, rstd, variance and shift of a channel to out[0..3]; returns rstd. *mean: as it is before it is rounded. */
static double give_stats(const weft_call *call, const weft_view *out, int64_t c, double *mean)
{
    const weft_node *n = call->node;
    const weft_batch_norm_opt *o = n->opt;
    const int64_t rows = weft_shape_rows(&n->in[0]);
    const real *gamma = o->no_gamma ? NULL : weft_call_param(call, 0);
    const real *beta = weft_call_param(call, o->no_gamma ? 0 : 1);
    *mean = mean_of(&call->in[0], rows, c);
    const double squares = squares_of(&call->in[0], rows, c, *mean);
    const double rstd = 1 / sqrt(squares / (double)rows + o->epsilon);
    ((real *)out[0].data)[c] = (real)*mean;
    ((real *)out[1].data)[c] = (real)rstd;
    ((real *)out[2].data)[c] = (real)(squares / (double)(o->unbiased && rows > 1 ? rows - 1 : rows));
    ((real *)out[3].data)[c] =
        (real)((double)beta[c] - (*mean - (double)(float)*mean) * rstd * (gamma ? (double)gamma[c] : 1));
    return rstd;
}

static weft_status run_train(const weft_call *call)
{
    const weft_node *n = call->node;
    const weft_batch_norm_opt *o = n->opt;
    const int64_t rows = weft_shape_rows(&n->out[0]), channels = weft_shape_channels(&n->out[0]);
    const real *gamma = o->no_gamma ? NULL : weft_call_param(call, 0);
    const real *beta = weft_call_param(call, o->no_gamma ? 0 : 1);
    for (int64_t c = 0; c < channels; c++) {
        double mean;
        const double rstd = give_stats(call, &call->out[1], c, &mean);
        for (int64_t r = 0; r < rows; r++) {
            const double v = ((double)ref_row(&call->in[0], r)[c] - mean) * rstd * (gamma ? (double)gamma[c] : 1);
            ref_row(&call->out[0], r)[c] = (real)ref_finish(call, v + (double)beta[c], r, c);
        }
    }
    return WEFT_OK;
}

static weft_status run_stats(const weft_call *call)
{
    double mean;
    for (int64_t c = 0; c < weft_shape_channels(&call->node->in[0]); c++)
        (void)give_stats(call, call->out, c, &mean);
    return WEFT_OK;
}

const weft_kernel WEFT_REF(batch_norm_stats) = { WEFT_REF_NAMED(batch_norm_stats), .run = run_stats };

const weft_kernel WEFT_REF(batch_norm_train) = {
    WEFT_REF_NAMED(batch_norm_train), .run = run_train, .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_RESIDUAL,
};

/* ---- batch_norm_again ---- */

static weft_status run_again(const weft_call *call)
{
    const weft_node *n = call->node;
    const weft_batch_norm_again_opt *o = n->opt;
    const real *mean = call->in[1].data, *rstd = call->in[2].data, *shift = call->in[3].data;
    const real *gamma = o->no_gamma ? NULL : call->in[4].data;
    for (int64_t r = 0; r < weft_shape_rows(&n->out[0]); r++) {
        const real *x = ref_row(&call->in[0], r);
        for (int64_t c = 0; c < weft_shape_channels(&n->out[0]); c++) {
            const double scale = (gamma ? (double)gamma[c] : 1) * (double)rstd[c];
            const double v = ((double)x[c] - (double)mean[c]) * scale + (double)shift[c];
            ref_row(&call->out[0], r)[c] = (real)ref_finish(call, v, r, c);
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(batch_norm_again) = {
    WEFT_REF_NAMED(batch_norm_again), .run = run_again, .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_RESIDUAL,
};

/* ---- batch_norm_dx ---- */

/* One channel's constants. */
typedef struct channel {
    double mean, rstd, gamma, beta;
    weft_act act;
} channel;

static channel channel_of(const weft_call *call, int64_t c)
{
    const weft_batch_norm_dx_opt *o = call->node->opt;
    const real *mean = call->in[2].data, *third = call->in[3].data;
    channel k = { (double)mean[c], (double)third[c], 1, 0, o->act };
    if (o->frozen)
        k.rstd = 1 / sqrt((double)third[c] + o->epsilon);
    if (!o->no_gamma)
        k.gamma = (double)((const real *)call->in[4].data)[c];
    if (o->act != WEFT_ACT_NONE)
        k.beta = (double)((const real *)call->in[weft_batch_norm_dx_beta(o)].data)[c];
    return k;
}

/* x normalised, and the gradient before the activation. */
static double normal(const channel *k, double x)
{
    return (x - k->mean) * k->rstd;
}

static double before_act(const channel *k, double x, double dy)
{
    const double y = k->gamma * normal(k, x) + k->beta;
    return dy * weft_act_slope(k->act, weft_act_keeps_result(k->act) ? weft_act_eval(k->act, y) : y);
}

static weft_status run_dx(const weft_call *call)
{
    const weft_node *n = call->node;
    const weft_batch_norm_dx_opt *o = n->opt;
    const int64_t rows = weft_shape_rows(&n->out[0]);
    const double share = o->frozen ? 0 : 1 / (double)rows;
    for (int64_t c = 0; c < weft_shape_channels(&n->out[0]); c++) {
        const channel k = channel_of(call, c);
        double dbeta = 0, dgamma = 0;
        for (int64_t r = 0; r < rows; r++) {
            const double x = (double)ref_row(&call->in[1], r)[c], dy = (double)ref_row(&call->in[0], r)[c];
            const double d = before_act(&k, x, dy);
            dbeta += d;
            dgamma += d * normal(&k, x);
        }
        for (int64_t r = 0; r < rows; r++) {
            const double x = (double)ref_row(&call->in[1], r)[c], dy = (double)ref_row(&call->in[0], r)[c];
            const double v = before_act(&k, x, dy) - share * (dbeta + normal(&k, x) * dgamma);
            ref_row(&call->out[0], r)[c] = (real)ref_finish(call, k.gamma * k.rstd * v, r, c);
        }
        ((real *)call->out[1].data)[c] = (real)dgamma;
        ((real *)call->out[2].data)[c] = (real)dbeta;
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(batch_norm_dx) = {
    WEFT_REF_NAMED(batch_norm_dx), .run = run_dx,
    .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_IN1 | WEFT_INPLACE_RESIDUAL,
};

/* ---- batch_norm_join_dx ---- */

static weft_status run_join(const weft_call *call)
{
    const weft_node *n = call->node;
    const weft_batch_norm_dx_opt *o = n->opt;
    const weft_view *z = &call->in[weft_batch_norm_dx_beta(o)], *g = &call->out[3];
    const int64_t rows = weft_shape_rows(&n->out[0]);
    for (int64_t c = 0; c < weft_shape_channels(&n->out[0]); c++) {
        channel k = { (double)((const real *)call->in[2].data)[c], (double)((const real *)call->in[3].data)[c], 1, 0,
                      WEFT_ACT_NONE };
        double dbeta = 0, dgamma = 0;
        if (!o->no_gamma)
            k.gamma = (double)((const real *)call->in[4].data)[c];
        for (int64_t r = 0; r < rows; r++) {
            const double d = (double)ref_row(&call->in[0], r)[c] * weft_act_slope(o->act, (double)ref_row(z, r)[c]);
            ref_row(g, r)[c] = (real)d;
            dbeta += d;
            dgamma += d * normal(&k, (double)ref_row(&call->in[1], r)[c]);
        }
        for (int64_t r = 0; r < rows; r++) {
            const double x = (double)ref_row(&call->in[1], r)[c], d = (double)ref_row(g, r)[c];
            const double v = d - (dbeta + normal(&k, x) * dgamma) / (double)rows;
            ref_row(&call->out[0], r)[c] = (real)ref_finish(call, k.gamma * k.rstd * v, r, c);
        }
        ((real *)call->out[1].data)[c] = (real)dgamma;
        ((real *)call->out[2].data)[c] = (real)dbeta;
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(batch_norm_join_dx) = {
    WEFT_REF_NAMED(batch_norm_join_dx), .run = run_join,
    .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_IN1 | WEFT_INPLACE_RESIDUAL,
};

/* ---- batch_norm_frozen_dx ---- */

static weft_status run_frozen(const weft_call *call)
{
    const weft_node *n = call->node;
    const weft_batch_norm_frozen_opt *o = n->opt;
    const real *variance = call->in[1].data, *gamma = o->no_gamma ? NULL : call->in[2].data;
    for (int64_t r = 0; r < weft_shape_rows(&n->out[0]); r++) {
        const real *dy = ref_row(&call->in[0], r);
        for (int64_t c = 0; c < weft_shape_channels(&n->out[0]); c++) {
            const double scale = (gamma ? (double)gamma[c] : 1) / sqrt((double)variance[c] + o->epsilon);
            ref_row(&call->out[0], r)[c] = (real)ref_finish(call, scale * (double)dy[c], r, c);
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(batch_norm_frozen_dx) = {
    WEFT_REF_NAMED(batch_norm_frozen_dx), .run = run_frozen, .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_RESIDUAL,
};
