/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference local response normalisation: Krizhevsky 2012, section 3.3; the window is summed anew for each channel. */
#include "cpu/ref/ref.h"

static double window_sum(const real *x, int64_t channels, int64_t c, int64_t reach)
{
    const int64_t low = c - reach > 0 ? c - reach : 0;
    const int64_t high = c + reach < channels - 1 ? c + reach : channels - 1;
    double sum = 0;
    for (int64_t j = low; j <= high; j++)
        sum += (double)x[j] * (double)x[j];
    return sum;
}

static weft_status run(const weft_call *call)
{
    const weft_node *n = call->node;
    const weft_lrn_opt *o = n->opt;
    const int64_t rows = weft_shape_rows(&n->out[0]), channels = weft_shape_channels(&n->out[0]);
    const double a = o->alpha_is_per_window ? o->alpha / o->window : o->alpha;

    for (int64_t r = 0; r < rows; r++) {
        const real *x = ref_row(&call->in[0], r);
        real *y = ref_row(&call->out[0], r);
        for (int64_t c = 0; c < channels; c++)
            y[c] = (real)((double)x[c] * pow(o->k + a * window_sum(x, channels, c, o->window / 2), -o->beta));
    }
    return WEFT_OK;
}

/* Not in place: a channel is read again for its neighbours. */
const weft_kernel WEFT_REF(lrn) = { WEFT_REF_NAMED(lrn), .run = run };

/* Gradient of channel c: t^-beta dy, less what c adds to the sums of its window. */
static double slope(const weft_lrn_opt *o, const real *dy, const real *x, int64_t channels, int64_t c)
{
    const double a = o->alpha_is_per_window ? o->alpha / o->window : o->alpha;
    const int64_t reach = o->window / 2;
    double sum = 0;
    for (int64_t j = c - reach > 0 ? c - reach : 0; j <= c + reach && j < channels; j++)
        sum += (double)dy[j] * (double)x[j] * pow(o->k + a * window_sum(x, channels, j, reach), -o->beta - 1);
    return (double)dy[c] * pow(o->k + a * window_sum(x, channels, c, reach), -o->beta) -
           2 * a * o->beta * (double)x[c] * sum;
}

static weft_status run_dx(const weft_call *call)
{
    const int64_t rows = weft_shape_rows(&call->node->out[0]), channels = weft_shape_channels(&call->node->out[0]);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < channels; c++) {
            const double v = slope(call->node->opt, ref_row(&call->in[0], r), ref_row(&call->in[1], r), channels, c);
            ref_row(&call->out[0], r)[c] = (real)ref_finish(call, v, r, c);
        }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(lrn_dx) = { WEFT_REF_NAMED(lrn_dx), .run = run_dx };
