/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference squeeze-and-excitation: Hu 2017, eqs. 2 to 4, one image at a time. Means, hidden layer and gates stay in
 * double, in scratch. */
#include "cpu/ref/ref.h"

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_squeeze_excite_opt *o = node->opt;
    plan->scratch = (size_t)(2 * node->in[0].dim[3] + o->reduced) * sizeof(double);
    return WEFT_OK;
}

/* out = act(weight in + bias); bias may be NULL. */
static void layer(const real *weight, const real *bias, weft_act act, const double *in, int64_t ic, double *out,
                  int64_t oc)
{
    for (int64_t k = 0; k < oc; k++) {
        double sum = bias ? (double)bias[k] : 0;
        for (int64_t c = 0; c < ic; c++)
            sum += (double)weight[k * ic + c] * in[c];
        out[k] = weft_act_eval(act, sum);
    }
}

static weft_status run(const weft_call *call)
{
    const weft_node *n = call->node;
    const weft_squeeze_excite_opt *o = n->opt;
    const int64_t images = n->in[0].dim[0], pixels = n->in[0].dim[1] * n->in[0].dim[2], channels = n->in[0].dim[3];
    const real *w1 = weft_call_param(call, 0), *b1 = o->no_bias ? NULL : weft_call_param(call, 1);
    const real *w2 = weft_call_param(call, o->no_bias ? 1 : 2), *b2 = o->no_bias ? NULL : weft_call_param(call, 3);
    double *mean = call->scratch, *gate = mean + channels, *hidden = gate + channels;

    for (int64_t i = 0; i < images; i++) {
        for (int64_t c = 0; c < channels; c++) {
            double sum = 0;
            for (int64_t r = i * pixels; r < (i + 1) * pixels; r++)
                sum += (double)ref_row(&call->in[0], r)[c];
            mean[c] = sum / (double)pixels;
        }
        layer(w1, b1, o->act, mean, channels, hidden, o->reduced);
        layer(w2, b2, o->gate, hidden, o->reduced, gate, channels);
        for (int64_t r = i * pixels; r < (i + 1) * pixels; r++) {
            const real *x = ref_row(&call->in[0], r);
            real *y = ref_row(&call->out[0], r);
            for (int64_t c = 0; c < channels; c++)
                y[c] = (real)((double)x[c] * gate[c]);
        }
    }
    return WEFT_OK;
}

/* In place: the last read of an element, for its product, comes just before its write. */
const weft_kernel WEFT_REF(squeeze_excite) = {
    WEFT_REF_NAMED(squeeze_excite), .prepare = prepare, .run = run, .inplace = WEFT_INPLACE_IN0
};
