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
