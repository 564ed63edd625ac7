/* SPDX-License-Identifier: Apache-2.0
 *
 * The inverted residual unit in at most five launches and four phases, so that the arena holds what lies between two of
 * them only as long as it is needed:
 *   0 expand     cuDNN, 1x1 with activation
 *   1 depthwise  own kernel, with activation and sums over each image; in 16 bits on tensor cores with the expansion
 *                in it, which then has no phase of its own
 *   2 excite     both layers, a launch each; the gates multiply the projection's weights for each image while these
 *                are fewer than the pixels (outputs K < H W: 4 N K C bytes moved instead of 4 N H W C), else the map in
 *                place
 *   3 project    cuDNN: a 1x1 convolution, or a batch of products with each image's weights */
#include "cuda/part/part.h"
#include "op/inverted_residual.h"

enum { EXPANDED, WIDE, SUMS, SCALED }; /* the plan's buffers */
enum { ALIGN = 16 };

typedef struct state {
    weft_stages stages; /* the pieces' nodes point into it */
    weft_part_conv2d expand, project;
    weft_part_conv2d_depthwise depthwise;
    weft_part_expand_depthwise front; /* both of these in one launch */
    weft_part_squeeze_excite excite;
    weft_part_product product; /* folded: instead of project */
    bool expands, joined, gated, folded; /* expands: with a launch of its own */
    size_t depthwise_at, excite_at, project_at, bias_at; /* in the packed parameters */
} state;

static int64_t pixels(const weft_shape *x)
{
    return x->dim[1] * x->dim[2];
}

/* Rows of the excitation's product: each image's weights, or its pixels. */
static int64_t gated_rows(const state *s)
{
    const weft_node *project = &s->stages.node[s->stages.project];
    return s->folded ? project->out[0].dim[3] : pixels(&project->in[0]);
}

static weft_status prepare_product(state *s, const weft_part_pitch *pitch, const weft_plan *plan)
{
    const weft_node *node = &s->stages.node[s->stages.project];
    const weft_conv2d_opt *o = node->opt;
    s->product = (weft_part_product){
        .name = plan->node->name, .dtype = plan->device->dtype, .y_dtype = plan->device->dtype,
        .batch = node->in[0].dim[0], .rows = pixels(&node->in[0]), .c = node->in[0].dim[3], .k = o->out,
        .pitch = *pitch, .bias = o->bias, .residual = node->epi.residual, .act = node->epi.act,
    };
    return weft_part_product_prepare(&s->product, plan);
}

static weft_status prepare_project(state *s, const weft_plan *plan)
{
    const weft_node *node = &s->stages.node[s->stages.project];
    weft_part_pitch pitch = weft_part_pitch_of(plan->node, plan);
    pitch.x = node->in[0].dim[3];
    pitch.channels = pitch.x_align = 0;
    s->folded = s->gated && node->out[0].dim[3] < pixels(&node->in[0]);
    return s->folded ? prepare_product(s, &pitch, plan) : weft_part_conv2d_prepare(&s->project, node, &pitch, plan);
}

/* The first two layers, in one launch or two. */
static weft_status prepare_front(state *s, const weft_plan *plan)
{
    const weft_node *depthwise = &s->stages.node[s->stages.depthwise];
    if (s->stages.expand < 0) {
        weft_part_conv2d_depthwise_prepare(&s->depthwise, depthwise, plan);
        return WEFT_OK;
    }
    const weft_node *node = &s->stages.node[s->stages.expand];
    weft_part_pitch pitch = weft_part_pitch_of(plan->node, plan);
    s->joined = weft_part_expand_depthwise_prepare(&s->front, node, depthwise, &pitch, plan);
    s->expands = !s->joined;
    if (s->joined) {
        s->depthwise = s->front.depthwise;
        return WEFT_OK;
    }
    weft_part_conv2d_depthwise_prepare(&s->depthwise, depthwise, plan);
    pitch.y = node->out[0].dim[3];
    pitch.y_align = 0;
    return weft_part_conv2d_prepare(&s->expand, node, &pitch, plan);
}

/* Parameters of the pieces one after the other. */
static void place_parameters(state *s, weft_plan *plan)
{
    s->depthwise_at = s->expands ? s->expand.bytes : 0;
    s->excite_at = s->depthwise_at + s->depthwise.bytes;
    s->project_at = s->excite_at + (s->gated ? s->excite.bytes : 0);
    if (s->folded) {
        const size_t size = weft_dtype_size(s->product.dtype);
        s->bias_at = s->project_at + weft_round_up((size_t)(s->product.k * s->product.c) * size, ALIGN);
        plan->packed = s->bias_at + weft_part_product_bias_bytes(&s->product);
    } else {
        plan->packed = s->project_at + s->project.bytes;
    }
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void ask_memory(const state *s, weft_plan *plan)
{
    const size_t size = weft_dtype_size(plan->device->dtype);
    const weft_shape *wide = &s->stages.out[s->stages.depthwise];
    const size_t images = (size_t)wide->dim[0], c = (size_t)wide->dim[3];
    if (s->expands)
        plan->buffer[EXPANDED] =
            (weft_buffer){ (size_t)weft_shape_count(&s->stages.out[s->stages.expand]) * size, 0, 1 };
    plan->buffer[WIDE] = (weft_buffer){ (size_t)weft_shape_count(wide) * size, 1, 3 };
    if (s->gated)
        plan->buffer[SUMS] =
            (weft_buffer){ weft_part_squeeze_excite_bytes(&s->excite, s->depthwise.parts), 1, 2 };
    if (s->folded)
        plan->buffer[SCALED] = (weft_buffer){ images * (size_t)s->product.k * c * size, 2, 3 };
    plan->in_phases = s->expands ? 1 : 2;
    plan->out_phase = 3;
    plan->scratch = larger(s->expands ? s->expand.workspace : 0,
                           s->folded ? s->product.workspace : s->project.workspace);
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    state *s = plan->state = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    weft_stages_split(node, &s->stages);
    s->gated = s->stages.excite >= 0;
    WEFT_TRY(prepare_front(s, plan));
    if (s->gated)
        weft_part_squeeze_excite_prepare(&s->excite, &s->stages.node[s->stages.excite], plan);
    WEFT_TRY(prepare_project(s, plan));
    place_parameters(s, plan);
    ask_memory(s, plan);
    return WEFT_OK;
}

static weft_status pack(const weft_call *call)
{
    const state *s = call->state;
    const weft_stages *st = &s->stages;
    const weft_view *param = call->in + 1, *project = param + st->first_param[st->project];
    char *packed = call->packed;
    const weft_view *depthwise = param + st->first_param[st->depthwise];
    if (s->joined) {
        WEFT_TRY(weft_part_expand_depthwise_pack(&s->front, call, param + st->first_param[st->expand], depthwise,
                                                 packed));
    } else {
        if (s->expands)
            WEFT_TRY(weft_part_conv2d_pack(&s->expand, call, param + st->first_param[st->expand], packed));
        WEFT_TRY(weft_part_conv2d_depthwise_pack(&s->depthwise, call, depthwise, packed + s->depthwise_at));
    }
    if (s->gated)
        WEFT_TRY(weft_part_squeeze_excite_pack(&s->excite, call, param + st->first_param[st->excite],
                                               packed + s->excite_at));
    return s->folded ? weft_part_product_pack(&s->product, call, project, packed + s->project_at, packed + s->bias_at)
                     : weft_part_conv2d_pack(&s->project, call, project, packed + s->project_at);
}

static weft_status run_excite(const state *s, const weft_call *call, weft_kview wide)
{
    const char *packed = call->packed;
    const weft_part_io io = { .call = call, .packed = packed + s->excite_at };
    const int64_t c = s->stages.out[s->stages.depthwise].dim[3];
    weft_part_gated gated = { wide, wide, gated_rows(s), false };
    if (s->folded)
        gated = (weft_part_gated){ { weft_mutable(packed + s->project_at), c },
                                   { call->buffer[SCALED], c },
                                   gated_rows(s),
                                   true };
    return weft_part_squeeze_excite_run(&s->excite, &io, call->buffer[SUMS], s->depthwise.parts, &gated);
}

static weft_status run_project(const state *s, const weft_call *call, weft_kview wide)
{
    const char *packed = call->packed;
    weft_part_io io = { .call = call, .x = wide, .y = weft_kview_of(&call->out[0]), .workspace = call->scratch };
    if (call->node->epi.residual)
        io.residual = weft_kview_of(&call->in[call->node->n_in - 1]);
    if (s->folded)
        return weft_part_product_run(&s->product, &io, call->buffer[SCALED],
                                     s->product.bias ? packed + s->bias_at : NULL);
    io.packed = packed + s->project_at;
    return weft_part_conv2d_run(&s->project, &io);
}

static weft_status run_front(const state *s, const weft_call *call, weft_kview wide)
{
    const char *packed = call->packed;
    float *sums = s->gated ? call->buffer[SUMS] : NULL;
    weft_kview x = weft_kview_of(&call->in[0]);
    if (s->joined) {
        const weft_part_io io = { .call = call, .x = x, .y = wide, .packed = packed };
        return weft_part_expand_depthwise_run(&s->front, &io, sums);
    }
    if (s->expands) {
        const weft_kview expanded = { call->buffer[EXPANDED], s->stages.out[s->stages.expand].dim[3] };
        const weft_part_io io = { .call = call, .x = x, .y = expanded, .packed = packed, .workspace = call->scratch };
        WEFT_TRY(weft_part_conv2d_run(&s->expand, &io));
        x = expanded;
    }
    const weft_part_io io = { .call = call, .x = x, .y = wide, .packed = packed + s->depthwise_at };
    return weft_part_conv2d_depthwise_run(&s->depthwise, &io, sums);
}

static weft_status run(const weft_call *call)
{
    const state *s = call->state;
    const weft_kview wide = { call->buffer[WIDE], s->stages.out[s->stages.depthwise].dim[3] };
    WEFT_TRY(run_front(s, call, wide));
    if (s->gated)
        WEFT_TRY(run_excite(s, call, wide));
    return run_project(s, call, wide);
}

static int launches(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    const state *s = plan->state;
    int n = 0;
    (void)node;
    if (s->expands) {
        weft_part_conv2d_cost(&s->expand, plan->device, &out[n]);
        out[n++].what = "expand";
    }
    if (s->joined)
        weft_part_expand_depthwise_cost(&s->front, s->gated, &out[n]);
    else
        weft_part_conv2d_depthwise_cost(&s->depthwise, s->gated, &out[n]);
    out[n++].what = s->joined ? "expand, depthwise" : "depthwise";
    if (s->gated)
        n += weft_part_squeeze_excite_cost(&s->excite, s->depthwise.parts, gated_rows(s), s->folded, &out[n]);
    if (s->folded)
        weft_part_product_cost(&s->product, plan->device, &out[n]);
    else
        weft_part_conv2d_cost(&s->project, plan->device, &out[n]);
    out[n++].what = "project";
    return n;
}

static const weft_kernel phases = {
    .name = "cuda.inverted_residual.phases", .prepare = prepare, .pack = pack, .run = run, .launches = launches,
};

const weft_kernel *const weft_cuda_inverted_residual[] = { &phases, NULL };
