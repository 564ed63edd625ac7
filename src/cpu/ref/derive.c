/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference of the ops that compute parameters from parameters: src/op/derive.c has the formulas. */
#include "op/derive.h"

#include "cpu/ref/ref.h"

static weft_status run_fold(const weft_call *call)
{
    const weft_fold_norm_opt *o = call->node->opt;
    const int64_t outputs = call->node->out[0].dim[0], each = weft_shape_count(&call->node->out[0]) / outputs;
    const weft_view *in = call->in + 1; /* the optional ones, then beta, mean, variance */
    const real *weight = call->in[0].data;
    const real *bias = o->bias ? (in++)->data : NULL, *gamma = o->gamma ? (in++)->data : NULL;
    const real *beta = in[0].data, *mean = in[1].data, *variance = in[2].data;
    real *to = call->out[0].data, *shift = call->out[1].data;
    for (int64_t k = 0; k < outputs; k++) {
        const double factor = (gamma ? (double)gamma[k] : 1) / sqrt((double)variance[k] + o->epsilon);
        for (int64_t i = k * each; i < (k + 1) * each; i++)
            to[i] = (real)((double)weight[i] * factor);
        shift[k] = (real)(((bias ? (double)bias[k] : 0) - (double)mean[k]) * factor + (double)beta[k]);
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(fold_norm) = { WEFT_REF_NAMED(fold_norm), .run = run_fold };

static weft_status run_scale(const weft_call *call)
{
    const weft_scale_weights_opt *o = call->node->opt;
    const real *from = call->in[0].data;
    real *to = call->out[0].data;
    for (int64_t i = 0; i < weft_shape_count(&call->node->out[0]); i++)
        to[i] = (real)((double)from[i] * o->scale);
    return WEFT_OK;
}

const weft_kernel WEFT_REF(scale_weights) = { WEFT_REF_NAMED(scale_weights), .run = run_scale };

static weft_status run_compose(const weft_call *call)
{
    const weft_merge_weights_opt *o = call->node->opt;
    const int64_t outputs = call->node->out[0].dim[0], in = call->node->out[0].dim[3];
    const int64_t middle = call->node->in[0].dim[0];
    const real *first = call->in[0].data, *second = call->in[1].data;
    const real *a = o->first_bias ? call->in[2].data : NULL;
    const real *b = o->second_bias ? call->in[2 + o->first_bias].data : NULL;
    real *weight = call->out[0].data, *bias = call->out[1].data;
    for (int64_t k = 0; k < outputs; k++) {
        for (int64_t c = 0; c < in; c++) {
            double sum = 0;
            for (int64_t m = 0; m < middle; m++)
                sum += (double)second[k * middle + m] * (double)first[m * in + c];
            weight[k * in + c] = (real)sum;
        }
        double sum = b ? (double)b[k] : 0;
        for (int64_t m = 0; m < middle && a; m++)
            sum += (double)second[k * middle + m] * (double)a[m];
        bias[k] = (real)sum;
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(compose_weights) = { WEFT_REF_NAMED(compose_weights), .run = run_compose };

static weft_status run_join(const weft_call *call)
{
    const weft_merge_weights_opt *o = call->node->opt;
    const int64_t a = call->node->in[0].dim[3], b = call->node->in[1].dim[3];
    const real *first = call->in[0].data, *second = call->in[1].data;
    const real *p = o->first_bias ? call->in[2].data : NULL;
    const real *q = o->second_bias ? call->in[2 + o->first_bias].data : NULL;
    real *weight = call->out[0].data, *bias = call->out[1].data;
    for (int64_t k = 0; k < call->node->out[0].dim[0]; k++) {
        for (int64_t c = 0; c < a + b; c++)
            weight[k * (a + b) + c] = c < a ? first[k * a + c] : second[k * b + c - a];
        bias[k] = (real)((p ? (double)p[k] : 0) + (q ? (double)q[k] : 0));
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(join_weights) = { WEFT_REF_NAMED(join_weights), .run = run_join };
