/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference Adam and LAMB. */
#include "cpu/ref/update.h"

static weft_status run_adam(const weft_call *call)
{
    const weft_adam_opt *o = call->node->opt;
    const weft_shape *shape = &call->node->out[0];
    const double lr = o->lr_scale * ref_scalar(call, 4, 0), scale = ref_scalar(call, 5, 0), t = ref_scalar(call, 5, 1);
    if (scale == 0)
        return ref_keep(call, 3);
    const double short1 = 1 - pow(o->beta1, t), short2 = 1 - pow(o->beta2, t);
    for (int64_t r = 0; r < weft_shape_rows(shape); r++) {
        for (int64_t c = 0; c < weft_shape_channels(shape); c++) {
            const double p = ref_in(call, 0, r, c), coupled = o->decoupled ? 0 : o->decay * p;
            const double g = scale * ref_in(call, 3, r, c) + coupled;
            const double m = o->beta1 * ref_in(call, 1, r, c) + (1 - o->beta1) * g;
            const double v = o->beta2 * ref_in(call, 2, r, c) + (1 - o->beta2) * g * g;
            const double direction = m / short1 / (sqrt(v / short2) + o->epsilon);
            ref_out(call, 0, r, c, p - lr * (direction + (o->decoupled ? o->decay * p : 0)));
            ref_out(call, 1, r, c, m);
            ref_out(call, 2, r, c, v);
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(adam) = { WEFT_REF_NAMED(adam), .run = run_adam, .inplace = WEFT_INPLACE_IN0 };

/* ---- lamb: the moments, stored, and the norms; then the step, from the moments as they were stored ---- */

typedef struct lamb {
    const weft_call *call;
    double scale, short1, short2;
} lamb;

static void moments(const lamb *l, int64_t r, int64_t c)
{
    const weft_lamb_opt *o = l->call->node->opt;
    const double g = l->scale * ref_in(l->call, 3, r, c);
    ref_out(l->call, 1, r, c, o->beta1 * ref_in(l->call, 1, r, c) + (1 - o->beta1) * g);
    ref_out(l->call, 2, r, c, o->beta2 * ref_in(l->call, 2, r, c) + (1 - o->beta2) * g * g);
}

static double wish(const lamb *l, int64_t r, int64_t c)
{
    const weft_lamb_opt *o = l->call->node->opt;
    const double m = (double)ref_row(&l->call->out[1], r)[c], v = (double)ref_row(&l->call->out[2], r)[c];
    return m / l->short1 / (sqrt(v / l->short2) + o->epsilon) + o->decay * ref_in(l->call, 0, r, c);
}

static weft_status run_lamb(const weft_call *call)
{
    const weft_lamb_opt *o = call->node->opt;
    const weft_shape *shape = &call->node->out[0];
    const double lr = o->lr_scale * ref_scalar(call, 4, 0), t = ref_scalar(call, 5, 1);
    const lamb l = { call, ref_scalar(call, 5, 0), 1 - pow(o->beta1, t), 1 - pow(o->beta2, t) };
    double own = 0, wanted = 0;
    if (l.scale == 0)
        return ref_keep(call, 3);
    for (int64_t r = 0; r < weft_shape_rows(shape); r++) {
        for (int64_t c = 0; c < weft_shape_channels(shape); c++) {
            moments(&l, r, c);
            own += ref_in(call, 0, r, c) * ref_in(call, 0, r, c);
            wanted += wish(&l, r, c) * wish(&l, r, c);
        }
    }
    const double ratio = o->fixed_size || own == 0 || wanted == 0 ? 1 : sqrt(own) / sqrt(wanted);
    for (int64_t r = 0; r < weft_shape_rows(shape); r++)
        for (int64_t c = 0; c < weft_shape_channels(shape); c++)
            ref_out(call, 0, r, c, ref_in(call, 0, r, c) - lr * ratio * wish(&l, r, c));
    return WEFT_OK;
}

const weft_kernel WEFT_REF(lamb) = { WEFT_REF_NAMED(lamb), .run = run_lamb };
