/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference of what decides about an update. */
#include "cpu/ref/update.h"

static weft_status run_norm(const weft_call *call)
{
    double sum = 0;
    for (int k = 0; k < call->node->n_in; k++)
        for (int64_t r = 0; r < weft_shape_rows(&call->node->in[k]); r++)
            for (int64_t c = 0; c < weft_shape_channels(&call->node->in[k]); c++)
                sum += ref_in(call, k, r, c) * ref_in(call, k, r, c);
    *(real *)call->out[0].data = (real)sqrt(sum);
    return WEFT_OK;
}

const weft_kernel WEFT_REF(gradient_norm) = { WEFT_REF_NAMED(gradient_norm), .run = run_norm };

static weft_status run_gate(const weft_call *call)
{
    const weft_gate_opt *o = call->node->opt;
    const double loss = ref_scalar(call, 1, 0), norm = ref_scalar(call, 2, 0);
    const bool open = call->node->n_in < 4 || ref_scalar(call, 3, 0) != 0;
    const bool good = isfinite(loss) && isfinite(norm) && open;
    const double count = ref_scalar(call, 0, 0) + (good ? 1 : 0);
    const double scale = o->clip > 0 && norm > o->clip ? o->clip / norm : 1;
    real *go = call->out[1].data;
    *(real *)call->out[0].data = (real)count;
    go[0] = (real)(good ? scale / o->every : 0);
    go[1] = (real)count;
    *(real *)call->out[2].data = good && fmod(count, o->every) == 0 ? 1 : 0;
    return WEFT_OK;
}

const weft_kernel WEFT_REF(gate) = { WEFT_REF_NAMED(gate), .run = run_gate, .inplace = WEFT_INPLACE_IN0 };

static weft_status run_accumulate(const weft_call *call)
{
    const weft_accumulate_opt *o = call->node->opt;
    const weft_shape *shape = &call->node->out[0];
    const double scale = ref_scalar(call, 2, 0);
    if (scale == 0)
        return ref_keep(call, 1);
    const bool begins = fmod(ceil(ref_scalar(call, 2, 1)) - 1, o->every) == 0;
    for (int64_t r = 0; r < weft_shape_rows(shape); r++)
        for (int64_t c = 0; c < weft_shape_channels(shape); c++)
            ref_out(call, 0, r, c, (begins ? 0 : ref_in(call, 0, r, c)) + scale * ref_in(call, 1, r, c));
    return WEFT_OK;
}

const weft_kernel WEFT_REF(accumulate) = {
    WEFT_REF_NAMED(accumulate), .run = run_accumulate, .inplace = WEFT_INPLACE_IN0,
};

static weft_status run_clip(const weft_call *call)
{
    const double limit = ((const weft_clip_opt *)call->node->opt)->limit;
    const weft_shape *shape = &call->node->out[0];
    for (int64_t r = 0; r < weft_shape_rows(shape); r++) {
        for (int64_t c = 0; c < weft_shape_channels(shape); c++) {
            const double x = ref_in(call, 0, r, c);
            ref_out(call, 0, r, c, x > limit ? limit : x < -limit ? -limit : x);
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(clip) = { WEFT_REF_NAMED(clip), .run = run_clip, .inplace = WEFT_INPLACE_IN0 };

static weft_status run_ema(const weft_call *call)
{
    const weft_ema_opt *o = call->node->opt;
    const weft_shape *shape = &call->node->out[0];
    const double t = ref_scalar(call, 2, 1), warm = (1 + t) / (10 + t);
    const double d = t <= 1 ? 0 : o->no_warm_up || warm > o->decay ? o->decay : warm;
    if (ref_scalar(call, 2, 0) == 0)
        return ref_keep(call, 1);
    for (int64_t r = 0; r < weft_shape_rows(shape); r++)
        for (int64_t c = 0; c < weft_shape_channels(shape); c++) {
            const double x = ref_in(call, 1, r, c);
            ref_out(call, 0, r, c, t <= 1 ? x : d * ref_in(call, 0, r, c) + (1 - d) * x);
        }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(ema) = { WEFT_REF_NAMED(ema), .run = run_ema, .inplace = WEFT_INPLACE_IN0 };
