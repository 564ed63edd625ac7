/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference of what decides about an update. */
#include "cpu/ref/update.h"
#include "op/gate.h"

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

/* What both gates do; go and due are outputs `first` and the next. */
static void decide(const weft_call *call, bool good, double norm, double clip, int every, double scale, int first)
{
    const double count = ref_scalar(call, 0, 0) + (good ? 1 : 0);
    const double clipped = clip > 0 && norm > clip ? clip / norm : 1;
    real *go = call->out[first].data;
    *(real *)call->out[0].data = (real)count;
    go[0] = (real)(good ? clipped / every / scale : 0);
    go[1] = (real)count;
    *(real *)call->out[first + 1].data = good && fmod(count, every) == 0 ? 1 : 0;
}

static bool is_open(const weft_call *call, int input)
{
    return call->node->n_in <= input || ref_scalar(call, input, 0) != 0;
}

static weft_status run_gate(const weft_call *call)
{
    const weft_gate_opt *o = call->node->opt;
    const double loss = ref_scalar(call, 1, 0), norm = ref_scalar(call, 2, 0);
    decide(call, isfinite(loss) && isfinite(norm) && is_open(call, 3), norm, o->clip, o->every, 1, 1);
    return WEFT_OK;
}

const weft_kernel WEFT_REF(gate) = { WEFT_REF_NAMED(gate), .run = run_gate, .inplace = WEFT_INPLACE_IN0 };

/* In place: what is read of the scale is read before. */
static void next_scale(const weft_call *call, bool finite, const weft_scaled_gate_opt *o)
{
    double factor = ref_scalar(call, 1, WEFT_SCALE_FACTOR), good = ref_scalar(call, 1, WEFT_SCALE_GOOD);
    const double skipped = ref_scalar(call, 1, WEFT_SCALE_SKIPPED) + (finite ? 0 : 1);
    real *scale = call->out[1].data;
    if (!o->fixed) {
        good = finite ? good + 1 : 0;
        if (!finite)
            factor = fmax(factor, o->least) / 2;
        else if (good >= o->interval) {
            good = 0;
            factor = 2 * factor <= WEFT_SCALE_MOST ? 2 * factor : factor;
        }
    }
    scale[WEFT_SCALE_FACTOR] = (real)factor;
    scale[WEFT_SCALE_GOOD] = (real)good;
    scale[WEFT_SCALE_SKIPPED] = (real)skipped;
}

static weft_status run_scaled(const weft_call *call)
{
    const weft_scaled_gate_opt *o = call->node->opt;
    const double scale = ref_scalar(call, 1, WEFT_SCALE_FACTOR), loss = ref_scalar(call, 2, 0);
    const double scaled = ref_scalar(call, 3, 0), norm = scaled / scale;
    const bool finite = isfinite(loss) && isfinite(scaled);
    decide(call, finite && is_open(call, 4), norm, o->clip, o->every, scale, 2);
    *(real *)call->out[4].data = (real)norm;
    next_scale(call, finite, o);
    return WEFT_OK;
}

const weft_kernel WEFT_REF(scaled_gate) = {
    WEFT_REF_NAMED(scaled_gate), .run = run_scaled, .inplace = WEFT_INPLACE_IN0,
};

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
    const double go = call->node->n_in > 1 ? ref_scalar(call, 1, 0) : 1;
    const double limit = ((const weft_clip_opt *)call->node->opt)->limit / go;
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
