/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference gradients of squeeze-and-excitation, by the formulas of src/op/squeeze_excite_grad.c, one image after the
 * other. All in double; gradients of parameters are summed over the images in scratch. */
#include "op/activation.h"

#include "cpu/ref/ref.h"

/* Of one image, then the sums over all. */
typedef struct parts {
    double *mean, *v1, *h, *v2, *d1, *d2, *dm;
    double *dw1, *db1, *dw2, *db2;
} parts;

static size_t count(const weft_node *node)
{
    const int64_t c = node->in[0].dim[3], r = ((const weft_squeeze_excite_opt *)node->opt)->reduced;
    return (size_t)(4 * c + 3 * r + 2 * c * r + c + r);
}

static parts parts_of(const weft_call *call)
{
    const int64_t c = call->node->in[0].dim[3], r = ((const weft_squeeze_excite_opt *)call->node->opt)->reduced;
    parts p = { .mean = call->scratch };
    p.v2 = p.mean + c;
    p.d2 = p.v2 + c;
    p.dm = p.d2 + c;
    p.v1 = p.dm + c;
    p.h = p.v1 + r;
    p.d1 = p.h + r;
    p.dw1 = p.d1 + r;
    p.dw2 = p.dw1 + c * r;
    p.db1 = p.dw2 + c * r;
    p.db2 = p.db1 + r;
    return p;
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    plan->scratch = count(node) * sizeof(double);
    return WEFT_OK;
}

/* The slope of an activation at its argument. */
static double slope(weft_act act, double v)
{
    return weft_act_slope(act, weft_act_keeps_result(act) ? weft_act_eval(act, v) : v);
}

/* out = weight in + bias. */
static void layer(const weft_view *weight, const real *bias, const double *in, int64_t ic, double *out, int64_t oc)
{
    for (int64_t k = 0; k < oc; k++) {
        out[k] = bias ? (double)bias[k] : 0;
        for (int64_t i = 0; i < ic; i++)
            out[k] += (double)ref_row(weight, k)[i] * in[i];
    }
}

/* din = weight' dout; adds dout' in to dw and dout to db. */
static void layer_back(const weft_view *weight, const double *in, int64_t ic, const double *dout, int64_t oc,
                       double *din, double *dw, double *db)
{
    for (int64_t i = 0; i < ic; i++)
        din[i] = 0;
    for (int64_t k = 0; k < oc; k++) {
        db[k] += dout[k];
        for (int64_t i = 0; i < ic; i++) {
            din[i] += (double)ref_row(weight, k)[i] * dout[k];
            dw[k * ic + i] += dout[k] * in[i];
        }
    }
}

static void image(const weft_call *call, const parts *p, int64_t n)
{
    const weft_squeeze_excite_opt *o = call->node->opt;
    const int64_t *x = call->node->in[0].dim, pixels = x[1] * x[2], c = x[3], r = o->reduced;
    const weft_view *w1 = &call->in[2], *w2 = &call->in[o->no_bias ? 3 : 4];
    const real *b1 = o->no_bias ? NULL : call->in[3].data, *b2 = o->no_bias ? NULL : call->in[5].data;
    for (int64_t k = 0; k < c; k++) {
        p->mean[k] = p->d2[k] = 0;
        for (int64_t i = n * pixels; i < (n + 1) * pixels; i++) {
            p->mean[k] += (double)ref_row(&call->in[0], i)[k] / (double)pixels;
            p->d2[k] += (double)ref_row(&call->in[0], i)[k] * (double)ref_row(&call->in[1], i)[k];
        }
    }
    layer(w1, b1, p->mean, c, p->v1, r);
    for (int64_t k = 0; k < r; k++)
        p->h[k] = weft_act_eval(o->act, p->v1[k]);
    layer(w2, b2, p->h, r, p->v2, c);
    for (int64_t k = 0; k < c; k++)
        p->d2[k] *= slope(o->gate, p->v2[k]);
    layer_back(w2, p->h, r, p->d2, c, p->d1, p->dw2, p->db2);
    for (int64_t k = 0; k < r; k++)
        p->d1[k] *= slope(o->act, p->v1[k]);
    layer_back(w1, p->mean, c, p->d1, r, p->dm, p->dw1, p->db1);
    for (int64_t k = 0; k < c; k++) {
        const double gate = weft_act_eval(o->gate, p->v2[k]), dm = p->dm[k] / (double)pixels;
        for (int64_t i = n * pixels; i < (n + 1) * pixels; i++)
            ref_row(&call->out[0], i)[k] = (real)(gate * (double)ref_row(&call->in[1], i)[k] + dm);
    }
}

static void store(const weft_view *to, const double *from, int64_t rows, int64_t channels)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t c = 0; c < channels; c++)
            ref_row(to, i)[c] = (real)from[i * channels + c];
}

static weft_status run(const weft_call *call)
{
    const weft_squeeze_excite_opt *o = call->node->opt;
    const int64_t c = call->node->in[0].dim[3], r = o->reduced;
    const parts p = parts_of(call);
    for (size_t i = 0; i < count(call->node); i++)
        p.mean[i] = 0;
    for (int64_t n = 0; n < call->node->in[0].dim[0]; n++)
        image(call, &p, n);
    store(&call->out[1], p.dw1, r, c);
    store(&call->out[o->no_bias ? 2 : 3], p.dw2, c, r);
    if (!o->no_bias) {
        store(&call->out[2], p.db1, 1, r);
        store(&call->out[4], p.db2, 1, c);
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(squeeze_excite_dx) = {
    WEFT_REF_NAMED(squeeze_excite_dx), .prepare = prepare, .run = run,
};
