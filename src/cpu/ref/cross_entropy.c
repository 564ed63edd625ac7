/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference losses: what each row adds to the loss, and its gradient. */
#include "cpu/ref/ref.h"

static double weight_of(const float *weights, int64_t k)
{
    return weights ? (double)weights[k] : 1;
}

/* What gradients are multiplied with. */
static double scale_of(const weft_call *call)
{
    return call->node->n_in > 2 ? (double)*(const real *)call->in[2].data : 1;
}

/* The row's loss, before weight / N; fills its gradient. */
static double softmax_row(const weft_call *call, int64_t n, double factor)
{
    const float *weights = ((const weft_cross_entropy_opt *)call->node->opt)->class_weights;
    const int64_t classes = call->node->in[0].dim[1];
    const real *x = ref_row(&call->in[0], n), *target = ref_row(&call->in[1], n);
    real *dx = ref_row(&call->out[1], n);
    double most = (double)x[0], sum = 0, mass = 0, loss = 0;
    for (int64_t k = 1; k < classes; k++)
        most = (double)x[k] > most ? (double)x[k] : most;
    for (int64_t k = 0; k < classes; k++) {
        sum += exp((double)x[k] - most);
        mass += weight_of(weights, k) * (double)target[k];
    }
    for (int64_t k = 0; k < classes; k++) {
        const double t = weight_of(weights, k) * (double)target[k], over = (double)x[k] - most;
        loss += t * (log(sum) - over);
        dx[k] = (real)(factor * (exp(over) / sum * mass - t));
    }
    return loss;
}

static double sigmoid_row(const weft_call *call, int64_t n, double factor)
{
    const float *weights = ((const weft_bce_opt *)call->node->opt)->class_weights;
    const real *x = ref_row(&call->in[0], n), *target = ref_row(&call->in[1], n);
    real *dx = ref_row(&call->out[1], n);
    double loss = 0;
    for (int64_t k = 0; k < call->node->in[0].dim[1]; k++) {
        const double v = (double)x[k], t = (double)target[k], w = weight_of(weights, k);
        loss += w * (log1p(exp(-fabs(v))) + (v > 0 ? v : 0) - t * v);
        dx[k] = (real)(factor * w * (1 / (1 + exp(-v)) - t));
    }
    return loss;
}

static double distance_row(const weft_call *call, int64_t n, double factor)
{
    const double j = ((const weft_rbf_criterion_opt *)call->node->opt)->j;
    const int64_t classes = call->node->in[0].dim[1];
    const real *x = ref_row(&call->in[0], n), *target = ref_row(&call->in[1], n);
    real *dx = ref_row(&call->out[1], n);
    double least = j, mass = 0, loss = 0;
    for (int64_t k = 0; k < classes; k++) {
        least = (double)x[k] < least ? (double)x[k] : least;
        mass += (double)target[k];
        loss += (double)target[k] * (double)x[k];
    }
    double sum = exp(least - j);
    for (int64_t k = 0; k < classes; k++)
        sum += exp(least - (double)x[k]);
    for (int64_t k = 0; k < classes; k++)
        dx[k] = (real)(factor * ((double)target[k] - mass * exp(least - (double)x[k]) / sum));
    return loss + mass * (log(sum) - least);
}

static weft_status run_rows(const weft_call *call, double (*row)(const weft_call *, int64_t, double), double factor)
{
    const double scaled = factor * scale_of(call);
    double loss = 0;
    for (int64_t n = 0; n < call->node->in[0].dim[0]; n++)
        loss += row(call, n, scaled);
    *(real *)call->out[0].data = (real)(factor * loss);
    return WEFT_OK;
}

static weft_status run_softmax(const weft_call *call)
{
    const weft_cross_entropy_opt *o = call->node->opt;
    return run_rows(call, softmax_row, o->weight / (double)call->node->in[0].dim[0]);
}

const weft_kernel WEFT_REF(cross_entropy) = { WEFT_REF_NAMED(cross_entropy), .run = run_softmax };

static weft_status run_sigmoid(const weft_call *call)
{
    const weft_bce_opt *o = call->node->opt;
    const weft_shape *x = &call->node->in[0];
    return run_rows(call, sigmoid_row, o->weight / (double)(o->sum_classes ? x->dim[0] : x->dim[0] * x->dim[1]));
}

const weft_kernel WEFT_REF(bce) = { WEFT_REF_NAMED(bce), .run = run_sigmoid };

static weft_status run_distances(const weft_call *call)
{
    const weft_rbf_criterion_opt *o = call->node->opt;
    return run_rows(call, distance_row, o->weight / (double)call->node->in[0].dim[0]);
}

const weft_kernel WEFT_REF(rbf_criterion) = { WEFT_REF_NAMED(rbf_criterion), .run = run_distances };
