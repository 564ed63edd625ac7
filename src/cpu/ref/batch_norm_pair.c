/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference of the gradients of two batch norms whose results were added: Ioffe & Szegedy 2015, algorithm 1, channel by
 * channel. */
#include "op/activation.h"
#include "op/batch_norm_pair.h"

#include "cpu/ref/ref.h"

/* dy slope(z). */
static double gradient(const weft_call *call, int64_t r, int64_t c)
{
    const weft_batch_norm_pair_opt *o = call->node->opt;
    return (double)ref_row(&call->in[0], r)[c] * weft_act_slope(o->act, (double)ref_row(&call->in[1], r)[c]);
}

static void run_channel(const weft_call *call, int norm, int64_t c)
{
    const weft_batch_norm_pair_opt *o = call->node->opt;
    const weft_view *in = &call->in[weft_batch_norm_pair_x(o, norm)], *out = &call->out[3 * norm];
    const int64_t rows = weft_shape_rows(&call->node->out[0]);
    const double mean = (double)((const real *)in[1].data)[c], rstd = (double)((const real *)in[2].data)[c];
    const double gamma = o->no_gamma[norm] ? 1 : (double)((const real *)in[3].data)[c];
    double dbeta = 0, dgamma = 0;
    for (int64_t r = 0; r < rows; r++) {
        dbeta += gradient(call, r, c);
        dgamma += gradient(call, r, c) * ((double)ref_row(&in[0], r)[c] - mean) * rstd;
    }
    for (int64_t r = 0; r < rows; r++) {
        const double normal = ((double)ref_row(&in[0], r)[c] - mean) * rstd;
        const double v = gradient(call, r, c) - (dbeta + normal * dgamma) / (double)rows;
        ref_row(&out[0], r)[c] = (real)(gamma * rstd * v);
    }
    ((real *)out[1].data)[c] = (real)dgamma;
    ((real *)out[2].data)[c] = (real)dbeta;
}

static weft_status run(const weft_call *call)
{
    for (int norm = 0; norm < 2; norm++)
        for (int64_t c = 0; c < weft_shape_channels(&call->node->out[0]); c++)
            run_channel(call, norm, c);
    return WEFT_OK;
}

const weft_kernel WEFT_REF(batch_norm_pair_dx) = { WEFT_REF_NAMED(batch_norm_pair_dx), .run = run };
