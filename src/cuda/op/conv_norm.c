/* SPDX-License-Identifier: Apache-2.0
 *
 * A convolution and the norm of what it gives, in training. In fp16 cuDNN's plan of the convolution sums its result and
 * the squares of that, tile by tile in an order of its own, as it writes them; the launch that normalises begins by
 * making mean and deviation of the sums. That spares the pass over the map that statistics take, and its launch. A
 * depthwise convolution's own kernels do so in 16 bits.
 *
 * Where cuDNN has no plan for both, or none that runs: the convolution, then the statistics, then the norm, by the
 * kernels of their own ops. */
#include "op/conv_norm.h"

#include "cuda/kernel/norm.h"
#include "cuda/part/part.h"

enum { ALIGN = 256 };

/* weft_plan.state. conv, or depthwise, and its node point into parts. */
typedef struct state {
    weft_conv_norm parts;
    weft_part_conv2d conv;
    weft_part_conv2d_depthwise depthwise; /* node NULL: conv */
    bool sums;                            /* those of the map are part of the convolution */
    size_t workspace_at;                  /* in scratch, behind the sums */
    unsigned *turns;
} state;

static weft_norm_stats_args stats_of(const weft_node *node)
{
    const weft_conv_norm_opt *o = node->opt;
    const weft_shape *map = &node->out[WEFT_CONV_NORM_MAP];
    return (weft_norm_stats_args){ .dtype = weft_node_out_dtype(node, WEFT_CONV_NORM_MAP),
                                   .rows = weft_shape_rows(map), .c = (int)weft_shape_channels(map),
                                   .epsilon = o->norm.epsilon, .unbiased = o->norm.unbiased };
}

/* The map's place is that of y. */
static weft_part_pitch pitch_of(const weft_node *node, const weft_plan *plan)
{
    weft_part_pitch pitch = weft_part_pitch_of(node, plan);
    if (plan->out_ld) {
        pitch.y = plan->out_ld[WEFT_CONV_NORM_MAP];
        pitch.y_align = plan->out_align[WEFT_CONV_NORM_MAP];
    }
    return pitch;
}

/* Statistics of their own want scratch memory even beside a plan that has sums: it may be lost. */
static weft_status finish(state *s, const weft_node *node, weft_plan *plan, size_t workspace)
{
    const weft_conv_norm_opt *o = node->opt;
    const weft_norm_stats_args stats = stats_of(node);
    const size_t own = (size_t)weft_norm_stats_floats(&stats) * sizeof(float);
    const unsigned norm = o->norm.no_gamma ? 1u : 3u;
    plan->direct |= norm << s->parts.norm_param;
    s->workspace_at = s->sums ? weft_round_up((size_t)stats.c * 2 * sizeof(float), ALIGN) : 0;
    plan->scratch = s->workspace_at + (workspace > own ? workspace : own);
    return weft_cuda_turns(plan, &s->turns);
}

static weft_status finish_conv(state *s, const weft_node *node, weft_plan *plan)
{
    weft_part_conv2d_plan_pack(&s->conv, plan);
    plan->error_factor = weft_part_conv2d_error_factor(&s->conv);
    s->sums = s->conv.sums;
    return finish(s, node, plan, s->conv.workspace);
}

static weft_status prepare_parts(const weft_node *node, weft_plan *plan)
{
    state *s = plan->state = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    weft_conv_norm_split_forward(node, &s->parts);
    const weft_part_pitch pitch = pitch_of(node, plan);
    WEFT_TRY(weft_part_conv2d_prepare(&s->conv, &s->parts.conv, &pitch, plan));
    return finish_conv(s, node, plan);
}

static weft_status prepare_sums(const weft_node *node, weft_plan *plan)
{
    state *s = plan->state = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    weft_conv_norm_split_forward(node, &s->parts);
    const weft_part_pitch pitch = pitch_of(node, plan);
    const weft_status status = weft_part_conv2d_prepare_sums(&s->conv, &s->parts.conv, &pitch, plan);
    if (status == WEFT_UNSUPPORTED)
        return prepare_parts(node, plan);
    WEFT_TRY(status);
    return finish_conv(s, node, plan);
}

static weft_status prepare_depthwise(const weft_node *node, weft_plan *plan)
{
    state *s = plan->state = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    weft_conv_norm_split_forward(node, &s->parts);
    weft_part_conv2d_depthwise_prepare(&s->depthwise, &s->parts.conv, plan);
    weft_part_conv2d_depthwise_plan_pack(&s->depthwise, plan);
    const weft_part_pitch pitch = pitch_of(node, plan);
    const bool dense = pitch.y == weft_shape_channels(&node->out[WEFT_CONV_NORM_MAP]) && pitch.y_align % 16 == 0;
    const size_t workspace = dense ? weft_part_conv2d_depthwise_sums(&s->depthwise, plan) : 0;
    s->sums = workspace > 0;
    WEFT_TRY(finish(s, node, plan, workspace));
    s->depthwise.turns = s->sums ? s->turns : NULL;
    return WEFT_OK;
}

static weft_status pack_depthwise(const weft_call *call)
{
    const state *s = call->state;
    return weft_part_conv2d_depthwise_pack(&s->depthwise, call, call->in + weft_node_first_param(call->node),
                                           call->packed);
}

static weft_status pack(const weft_call *call)
{
    const state *s = call->state;
    return weft_part_conv2d_pack(&s->conv, call, call->in + weft_node_first_param(call->node), call->packed);
}

/* ---- runs ---- */

static weft_norm_apply_args apply_of(const weft_call *call)
{
    const weft_conv_norm_opt *o = call->node->opt;
    const weft_norm_stats_args stats = stats_of(call->node);
    weft_norm_apply_args apply = { .dtype = stats.dtype, .x = weft_kview_of(&call->out[WEFT_CONV_NORM_MAP]),
                                   .y = weft_kview_of(&call->out[0]), .rows = stats.rows, .c = stats.c, .factor = 1,
                                   .act = call->node->epi.act };
    if (call->node->epi.residual)
        apply.residual = weft_kview_of(&call->in[call->node->n_in - 1]);
    if (!o->norm.no_gamma)
        apply.gamma = call->in[((const state *)call->state)->parts.norm_param].data;
    return apply;
}

static const float *beta_of(const weft_call *call)
{
    const weft_conv_norm_opt *o = call->node->opt;
    return call->in[((const state *)call->state)->parts.norm_param + !o->norm.no_gamma].data;
}

/* What is left when the convolution has run with sums. */
static weft_status run_finish(const weft_call *call, const float *sums)
{
    const weft_norm_stats_args stats = stats_of(call->node);
    const weft_norm_finish_args args = {
        .apply = apply_of(call), .sums = sums, .squares = sums + stats.c, .beta = beta_of(call),
        .epsilon = stats.epsilon, .unbiased = stats.unbiased, .mean = call->out[1].data, .rstd = call->out[2].data,
        .variance = call->out[3].data, .shift = call->out[4].data,
    };
    return weft_cuda_launched(call, weft_launch_norm_finish(&args, weft_cuda_stream_of(call)));
}

/* And without. */
static weft_status run_norm(const weft_call *call, void *scratch)
{
    const state *s = call->state;
    weft_norm_stats_args stats = stats_of(call->node);
    weft_norm_apply_args apply = apply_of(call);
    stats.x = apply.x;
    stats.gamma = apply.gamma;
    stats.beta = beta_of(call);
    stats.mean = call->out[1].data;
    stats.rstd = call->out[2].data;
    stats.variance = call->out[3].data;
    stats.shift = call->out[4].data;
    stats.scratch = scratch;
    stats.turns = s->turns;
    apply.mean = stats.mean;
    apply.rstd = stats.rstd;
    apply.shift = stats.shift;
    WEFT_TRY(weft_cuda_launched(call, weft_launch_norm_stats(&stats, weft_cuda_stream_of(call))));
    return weft_cuda_launched(call, weft_launch_norm_apply(&apply, weft_cuda_stream_of(call)));
}

static weft_part_io io_of(const weft_call *call)
{
    const state *s = call->state;
    return (weft_part_io){ .call = call, .x = weft_kview_of(&call->in[0]),
                           .y = weft_kview_of(&call->out[WEFT_CONV_NORM_MAP]), .packed = call->packed,
                           .workspace = (char *)call->scratch + s->workspace_at, .sums = call->scratch };
}

static weft_status run_depthwise(const weft_call *call)
{
    const state *s = call->state;
    const weft_part_io io = io_of(call);
    WEFT_TRY(weft_part_conv2d_depthwise_run(&s->depthwise, &io, NULL));
    return s->sums ? run_finish(call, call->scratch) : run_norm(call, io.workspace);
}

static weft_status run(const weft_call *call)
{
    const state *s = call->state;
    weft_part_conv2d own = s->conv;
    weft_part_io io = io_of(call);
    weft_status status = weft_part_conv2d_run(&s->conv, &io);
    if (s->conv.sums && status == WEFT_OK)
        return run_finish(call, call->scratch);
    if (s->conv.sums && status == WEFT_UNSUPPORTED) { /* no plan for both runs, though one was built */
        own.sums = false;
        own.own = true;
        status = weft_part_conv2d_run(&own, &io);
    }
    return status == WEFT_OK ? run_norm(call, io.workspace) : status;
}

/* ---- costs ---- */

static int launches(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    const state *s = plan->state;
    const weft_shape *shape = &node->out[WEFT_CONV_NORM_MAP];
    const double map = weft_tensor_bytes(shape, weft_node_out_dtype(node, WEFT_CONV_NORM_MAP));
    const double count = (double)weft_shape_count(shape), c = (double)weft_shape_channels(shape);
    const double vector = c * (double)sizeof(float);
    int n = 0;
    if (s->depthwise.node)
        weft_part_conv2d_depthwise_cost(&s->depthwise, false, &out[n]);
    else
        weft_part_conv2d_cost(&s->conv, plan->device, &out[n]);
    out[n++].what = s->sums ? "convolution, sums" : "convolution";
    if (s->sums && s->depthwise.node) { /* parts are joined by the same launch */
        out[0].workspace = weft_part_conv2d_depthwise_sums(&s->depthwise, plan);
        out[0].read += (double)out[0].workspace;
        out[0].written += (double)out[0].workspace;
    }
    if (s->sums)
        out[0].written += 2 * vector;
    else
        out[n++] = (weft_kernel_cost){ .what = "statistics", .core = 3 * count, .read = map, .written = 4 * vector,
                                       .workspace = plan->scratch };
    out[n++] = (weft_kernel_cost){ .what = "norm", .core = 3 * count, .weights = 2 * vector,
                                   .read = map * (1 + node->epi.residual) + 2 * vector,
                                   .written = map + (s->sums ? 4 * vector : 0) };
    return n;
}

static const char *refuse_sums(const weft_node *node, const weft_device *device)
{
    weft_conv_norm parts;
    weft_conv_norm_split_forward(node, &parts);
    return weft_part_conv2d_takes_sums(&parts.conv, device) ? NULL
                                                            : "sums of a convolution: fp16, no groups, no bias, eights "
                                                              "of channels, compute capability 8.0 to 9.0";
}

static const char *refuse_depthwise(const weft_node *node, const weft_device *device)
{
    weft_conv_norm parts;
    weft_conv_norm_split_forward(node, &parts);
    return weft_part_is_depthwise(&parts.conv) && weft_dtype_size(device->dtype) == 2 && node->in[0].dim[3] % 8 == 0
               ? NULL
               : "sums of a depthwise convolution: 16 bits, eights of channels";
}

static const weft_kernel depthwise = {
    .name = "cuda.conv_norm.depthwise", .refuse = refuse_depthwise, .prepare = prepare_depthwise,
    .pack = pack_depthwise, .run = run_depthwise, .launches = launches, .inplace = WEFT_INPLACE_RESIDUAL,
};

static const weft_kernel sums = {
    .name = "cuda.conv_norm.sums", .refuse = refuse_sums, .prepare = prepare_sums, .pack = pack, .run = run,
    .launches = launches, .inplace = WEFT_INPLACE_RESIDUAL,
};

/* No reason for a node of both, but it refuses nothing. */
static const weft_kernel parts = {
    .name = "cuda.conv_norm.parts", .prepare = prepare_parts, .pack = pack, .run = run, .launches = launches,
    .inplace = WEFT_INPLACE_RESIDUAL, .reference = true,
};

const weft_kernel *const weft_cuda_conv_norm[] = { &depthwise, &sums, &parts, NULL };
