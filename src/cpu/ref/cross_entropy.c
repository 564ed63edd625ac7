/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference cross-entropy: each row's softmax, then what it adds to the loss and its gradient. */
#include "cpu/ref/ref.h"

/* What row n adds to the loss, before weight / N; fills its gradient. */
static double row_loss(const weft_call *call, int64_t n, double factor)
{
    const int64_t classes = call->node->in[0].dim[1];
    const real *x = ref_row(&call->in[0], n), *target = ref_row(&call->in[1], n);
    real *dx = ref_row(&call->out[1], n);
    double most = (double)x[0], sum = 0, mass = 0, loss = 0;
    for (int64_t k = 1; k < classes; k++)
        most = (double)x[k] > most ? (double)x[k] : most;
    for (int64_t k = 0; k < classes; k++) {
        sum += exp((double)x[k] - most);
        mass += (double)target[k];
    }
    for (int64_t k = 0; k < classes; k++) {
        const double t = (double)target[k], over = (double)x[k] - most;
        loss += t * (log(sum) - over);
        dx[k] = (real)(factor * (exp(over) / sum * mass - t));
    }
    return loss;
}

static weft_status run(const weft_call *call)
{
    const weft_cross_entropy_opt *o = call->node->opt;
    const int64_t batch = call->node->in[0].dim[0];
    double loss = 0;
    for (int64_t n = 0; n < batch; n++)
        loss += row_loss(call, n, o->weight / (double)batch);
    *(real *)call->out[0].data = (real)(o->weight * loss / (double)batch);
    return WEFT_OK;
}

const weft_kernel WEFT_REF(cross_entropy) = { WEFT_REF_NAMED(cross_entropy), .run = run };
