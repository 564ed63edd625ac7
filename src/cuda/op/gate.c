/* SPDX-License-Identifier: Apache-2.0
 *
 * What decides about an update: the norm of all gradients, in a launch (of more than nine hundred, one for each so
 * many, and one); the gate, one thread; accumulate, clip and ema, many parameters a launch. */
#include "cuda/part/update.h"

/* ---- gradient_norm ---- */

static weft_status prepare_norm(const weft_node *node, weft_plan *plan)
{
    int64_t parts = 0;
    for (int k = 0; k < node->n_in; k++)
        parts += weft_norm_parts(weft_shape_count(&node->in[k]));
    plan->scratch = (size_t)parts * sizeof(double);
    unsigned *turns; /* the device's, found again when it runs: a plan's state means copies */
    WEFT_TRY(weft_cuda_turns(plan, &turns));
    return weft_part_flat_prepare(node, plan);
}

/* The gradients of one launch, from `first` on; gives how many parts their sums are in. turns: these are all, and the
 * launch gives the norm, too. */
static weft_status run_squares(const weft_call *call, int first, unsigned *turns, double *sums, int64_t *parts)
{
    weft_norm_segment segments[WEFT_NORM_SEGMENTS];
    int count = 0;
    *parts = 0;
    for (int k = first; k < call->node->n_in && count < WEFT_NORM_SEGMENTS; k++) {
        void *x;
        weft_dtype dtype;
        WEFT_TRY(weft_part_flat_in(call, k, &x, &dtype));
        segments[count] = (weft_norm_segment){ x, weft_shape_count(&call->node->in[k]), dtype };
        *parts += weft_norm_parts(segments[count++].count);
    }
    void *stream = weft_cuda_stream_of(call);
    const int status =
        turns ? weft_launch_gradient_norm(segments, count, sums, turns, call->out[0].data, stream)
              : weft_launch_norm_squares(segments, count, sums, stream);
    return weft_cuda_launched(call, status);
}

static weft_status run_norm(const weft_call *call)
{
    double *const sums = call->scratch;
    int64_t all = 0, parts;
    if (call->node->n_in <= WEFT_NORM_SEGMENTS)
        return run_squares(call, 0, weft_cuda_of(call->device)->turns, sums, &parts);
    for (int first = 0; first < call->node->n_in; first += WEFT_NORM_SEGMENTS) {
        WEFT_TRY(run_squares(call, first, NULL, sums + all, &parts));
        all += parts;
    }
    return weft_cuda_launched(call, weft_launch_norm_root(sums, all, call->out[0].data, weft_cuda_stream_of(call)));
}

/* Squares; for more than one table again, then the root. */
static int norm_cost(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    enum { MOST = WEFT_MAX_LAUNCH - 1 };
    const int tables = (node->n_in + WEFT_NORM_SEGMENTS - 1) / WEFT_NORM_SEGMENTS, n = tables < MOST ? tables : MOST;
    weft_plain_cost(node, plan, out);
    const double flops = out->core / n, read = out->read / n, sums = (double)plan->scratch;
    for (int i = 0; i < n; i++)
        out[i] = (weft_kernel_cost){ .what = "squares", .core = flops, .read = read, .written = sums / n,
                                     .workspace = plan->scratch };
    if (tables == 1) {
        out[0].what = NULL;
        out[0].written = sizeof(float);
        return weft_part_flat_cost(node, plan, out, 1);
    }
    out[n] = (weft_kernel_cost){ .what = "root", .core = sums / sizeof(double), .read = sums,
                                 .written = sizeof(float) };
    return weft_part_flat_cost(node, plan, out, n + 1);
}

static const weft_kernel norm = {
    .name = "cuda.gradient_norm.segments", .prepare = prepare_norm, .run = run_norm, .launches = norm_cost,
};

const weft_kernel *const weft_cuda_gradient_norm[] = { &norm, NULL };

/* ---- gate: vectors of one or two floats, which are so on any device ---- */

static weft_status run_gate(const weft_call *call)
{
    const weft_gate_opt *o = call->node->opt;
    const weft_view *in = call->in;
    const weft_gate_args args = { .count = call->out[0].data, .loss = in[1].data, .norm = in[2].data,
                                  .open = call->node->n_in > 3 ? in[3].data : NULL, .go = call->out[1].data,
                                  .due = call->out[2].data, .clip = o->clip, .every = o->every };
    return weft_cuda_launched(call, weft_launch_gate(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel gate = { .name = "cuda.gate.thread", .run = run_gate, .inplace = WEFT_INPLACE_IN0 };

const weft_kernel *const weft_cuda_gate[] = { &gate, NULL };

/* ---- accumulate ---- */

static void accumulate_options(const weft_node *node, weft_update_args *args)
{
    args->every = ((const weft_accumulate_opt *)node->opt)->every;
}

static const weft_part_update accumulate = {
    .rule = WEFT_UPDATE_ACCUMULATE, .from = 1, .lr = -1, .go = 2, .launch = weft_launch_update,
    .options = accumulate_options,
};

static bool accumulate_joins(const weft_plan *first, const weft_plan *next)
{
    const weft_accumulate_opt *a = first->node->opt, *b = next->node->opt;
    return weft_part_is_flat(first) && weft_part_is_flat(next) && a->every == b->every;
}

static weft_status run_accumulates(const weft_call *const *calls, int count)
{
    return weft_part_update_run(&accumulate, calls, count);
}

static weft_status run_accumulate(const weft_call *call)
{
    return run_accumulates(&call, 1);
}

static const weft_kernel_group accumulate_group = {
    .most = WEFT_FLAT_SEGMENTS, .common = 1 << 2, .joins = accumulate_joins, .run = run_accumulates,
};

static const weft_kernel accumulate_segments = {
    .name = "cuda.accumulate.segments", .prepare = weft_part_flat_prepare, .run = run_accumulate,
    .group = &accumulate_group, .launches = weft_part_update_cost, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cuda_accumulate[] = { &accumulate_segments, NULL };

/* ---- clip ---- */

static void clip_options(const weft_node *node, weft_update_args *args)
{
    args->limit = ((const weft_clip_opt *)node->opt)->limit;
}

static const weft_part_update clip = {
    .rule = WEFT_UPDATE_CLIP, .from = 0, .lr = -1, .go = -1, .launch = weft_launch_update, .options = clip_options,
};

static bool clip_joins(const weft_plan *first, const weft_plan *next)
{
    const weft_clip_opt *a = first->node->opt, *b = next->node->opt;
    return weft_part_is_flat(first) && weft_part_is_flat(next) && a->limit == b->limit;
}

static weft_status run_clips(const weft_call *const *calls, int count)
{
    return weft_part_update_run(&clip, calls, count);
}

static weft_status run_clip(const weft_call *call)
{
    return run_clips(&call, 1);
}

static const weft_kernel_group clip_group = {
    .most = WEFT_FLAT_SEGMENTS, .joins = clip_joins, .run = run_clips,
};

static const weft_kernel clip_segments = {
    .name = "cuda.clip.segments", .prepare = weft_part_flat_prepare, .run = run_clip, .group = &clip_group,
    .launches = weft_part_update_cost, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cuda_clip[] = { &clip_segments, NULL };

/* ---- ema ---- */

static void ema_options(const weft_node *node, weft_update_args *args)
{
    const weft_ema_opt *o = node->opt;
    args->decay = o->decay;
    args->no_warm_up = o->no_warm_up;
}

static const weft_part_update ema = {
    .rule = WEFT_UPDATE_EMA, .from = 1, .lr = -1, .go = 2, .launch = weft_launch_update, .options = ema_options,
};

static bool ema_joins(const weft_plan *first, const weft_plan *next)
{
    const weft_ema_opt *a = first->node->opt, *b = next->node->opt;
    return weft_part_is_flat(first) && weft_part_is_flat(next) && a->decay == b->decay &&
           a->no_warm_up == b->no_warm_up;
}

static weft_status run_emas(const weft_call *const *calls, int count)
{
    return weft_part_update_run(&ema, calls, count);
}

static weft_status run_ema(const weft_call *call)
{
    return run_emas(&call, 1);
}

static const weft_kernel_group ema_group = {
    .most = WEFT_FLAT_SEGMENTS, .common = 1 << 2, .joins = ema_joins, .run = run_emas,
};

static const weft_kernel ema_segments = {
    .name = "cuda.ema.segments", .prepare = weft_part_flat_prepare, .run = run_ema, .group = &ema_group,
    .launches = weft_part_update_cost, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cuda_ema[] = { &ema_segments, NULL };
