/* SPDX-License-Identifier: Apache-2.0
 *
 * The inverted residual in one pass over the image (row fusion): a band of lines is expanded into a buffer
 * that stays in L2, the depthwise kernel reads it there, and the projection reads that; the widened tensors never reach
 * memory. With a gate the depthwise output of one image is kept (in L2 or L3) until its means are known, for which each
 * band is added up as it is made; then it is scaled and projected block by block. (The gate times the projection's
 * weights would be cheaper still, but not have the bits of the separate nodes, which other numbers of threads run.)
 * Stages run the micro-kernels that they would run alone, over the same chains, so the
 * bits are those of the separate nodes. */
#include <string.h>

#include "cpu/conv2d.h"
#include "cpu/ref/ref.h"
#include "cpu/squeeze_excite.h"
#include "op/inverted_residual.h"

enum {
    L2_SHARE_DEN = 4,      /* of L2 for the buffers of a band; the rest is for weights and the image */
    L2_SHARE_EXPANDED = 2,
    L2_SHARE_PLAIN = 3,    /* two phases instead of three */
    NEAR_SHARE = 8,        /* of L2: so much of the wide tensor stays there between layers */
    WEIGHTS_SHARE = 3,     /* so many times the weights the wide tensor has to be */
    PROJECT_ROWS = 112,    /* scaled and projected together: a multiple of the tiles' 7 and 8 */
    NEAR_ROWS = 24,        /* the same where they stay in L1: a multiple of the tiles' 4, 6 and 8 */
    NEAR_FLOATS = 1 << 13, /* 32 KB of L1 */
    IMAGES_PER_THREAD = 2  /* fewer leave a thread idle at the end */
};

/* A 1x1 stage: its panels at bytes `at` of the packed block, its bias at `bias_at`. */
typedef struct pointwise {
    weft_gemm gemm;
    size_t at, bias_at;
} pointwise;

/* A stage that its own kernel packs, likewise. */
typedef struct packed_stage {
    const weft_kernel *kernel;
    size_t at, bytes;
    void *state;
} packed_stage;

typedef struct state {
    bool expands, gated;
    weft_act expand_act;
    pointwise expand, project;
    packed_stage window, gate;
    weft_depthwise depthwise; /* what all bands share */
    int64_t channels, pitch;  /* of the widened tensor; floats from pixel to pixel in the buffers */
    int band;                 /* output lines */
    int64_t lines;            /* input lines that a band needs at most */
    bool stream;              /* the output goes around the caches */
    int64_t block;            /* pixels that are scaled and projected together */
    bool near;                /* in a buffer that stays in L1, else where they are */
    size_t wide_at, block_at, gates_at; /* bytes into a thread's scratch: depthwise output, that buffer, gates and
                                         * hidden layer */
} state;

/* Whether the layers do as well alone: where a thread's part of the wide tensor stays in its L2 anyway, or less would
 * be saved than it costs that each thread reads all weights, and expands lines that its neighbour expands, too.
 * Measured at batch 1 on 2 threads: of MobileNetV2 56x56x144 gains a fifth and 28x28x192 a tenth, 14x14x576 loses a
 * quarter; of Xception, which does not expand, 37x37x256 gains a twentieth, 19x19x728 loses a sixth; of MobileNet
 * 28x28x256, from 128 channels to 256, loses a quarter. */
static bool is_small(const weft_node *node, const weft_device *device)
{
    const weft_inverted_residual_opt *o = node->opt;
    weft_stages stages;
    weft_stages_split(node, &stages);
    const weft_node *dw = &stages.node[stages.depthwise];
    const int64_t *in = node->in[0].dim, channels = dw->in[0].dim[3];
    const double wide = (double)weft_shape_count(stages.expand >= 0 ? &dw->in[0] : &dw->out[0]);
    const double weights = (double)channels * (double)(o->project.out + (stages.expand >= 0 ? in[3] : 0));
    const double near = (double)device->cpu.l2 / NEAR_SHARE / sizeof(float) * device->threads;
    return device->threads > 1 && (wide < near || wide < WEIGHTS_SHARE * weights);
}

static const char *refuse(const weft_node *node, const weft_device *device)
{
    const weft_inverted_residual_opt *o = node->opt;
    if (o->depthwise.kernel_h > WEFT_ROWS_WINDOW)
        return "window over 64 lines";
    if (o->excite.reduced && device->threads > 1 && node->in[0].dim[0] < (int64_t)device->threads * IMAGES_PER_THREAD)
        return "too few images for the threads: a gate needs whole images";
    if (is_small(node, device))
        return "small for the threads: as layers they share the weights";
    return weft_gemm_refuse(device);
}

/* Lines of input under `lines` lines of output. */
static int64_t input_lines(const weft_window *w, int64_t lines)
{
    const int64_t need = (lines - 1) * w->stride_h + (int64_t)(w->kh - 1) * w->dilation + 1;
    return need < w->ih ? need : w->ih;
}

static size_t band_bytes(const state *s, int64_t lines)
{
    const weft_window *w = &s->depthwise.window;
    const int64_t before = s->expands ? input_lines(w, lines) * w->iw : 0, after = s->gated ? 0 : lines * w->ow;
    return (size_t)((before + after) * s->pitch) * sizeof(float);
}

/* As many lines as fit their share of L2, in bands of nearly equal height. */
static void choose_band(state *s, const weft_device *device)
{
    const int64_t oh = s->depthwise.window.oh;
    const size_t room = device->cpu.l2 / L2_SHARE_DEN * (s->expands ? L2_SHARE_EXPANDED : L2_SHARE_PLAIN);
    int64_t band = oh;
    while (band > 1 && band_bytes(s, band) > room)
        band--;
    const int64_t bands = (oh + band - 1) / band;
    s->band = (int)((oh + bands - 1) / bands);
    s->lines = input_lines(&s->depthwise.window, s->band);
}

/* Blocks that fit in L1 are read from L2 once instead of twice and not written there, but each reads the weights anew:
 * worth it where they have half as many pixels as the projection has columns. */
static void choose_block(state *s)
{
    const int64_t fit = NEAR_FLOATS / s->pitch / NEAR_ROWS * NEAR_ROWS;
    s->near = s->gated && fit > 0 && 2 * fit >= s->project.gemm.width;
    s->block = s->near ? fit : PROJECT_ROWS;
}

static void set_window(state *s, const weft_node *dw)
{
    const weft_conv2d_opt *o = dw->opt;
    const int64_t *x = dw->in[0].dim, *y = dw->out[0].dim;
    s->channels = x[3];
    s->pitch = (int64_t)weft_round_up((size_t)s->channels, WEFT_ROWS_LANES);
    s->depthwise = (weft_depthwise){
        .window = { .ih = (int)x[1], .iw = (int)x[2], .oh = (int)y[1], .ow = (int)y[2], .kh = o->kernel_h,
                    .kw = o->kernel_w, .stride_h = o->stride_h, .stride_w = o->stride_w, .dilation = o->dilation,
                    .top = o->pad.top, .left = o->pad.left, .y_row = y[2] * s->pitch, .y_ld = s->pitch,
                    .channels = x[3] },
        .step = s->pitch, .act = dw->epi.act, .resident = s->expands,
    };
}

static weft_status plan_pointwise(const weft_node *node, const weft_device *device, pointwise *p, size_t *packed)
{
    size_t panels, bytes;
    weft_gemm_init(&p->gemm, weft_gemm_table_of(device), node->in[0].dim[3], node->out[0].dim[3]);
    WEFT_TRY(weft_gemm_bytes(&p->gemm, &panels, &bytes));
    p->at = *packed;
    p->bias_at = p->at + panels;
    *packed += bytes;
    return WEFT_OK;
}

static weft_status plan_stage(const weft_kernel *kernel, const weft_node *node, weft_plan *whole, packed_stage *stage)
{
    weft_plan part = { .node = node, .device = whole->device, .arena = whole->arena };
    WEFT_TRY(kernel->prepare(node, &part));
    *stage = (packed_stage){ kernel, whole->packed, part.packed, part.state };
    whole->packed += weft_round_up(part.packed, WEFT_CACHE_LINE);
    return WEFT_OK;
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_inverted_residual_opt *o = node->opt;
    weft_stages stages;
    weft_stages_split(node, &stages);
    state *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    s->expands = stages.expand >= 0;
    s->gated = stages.excite >= 0;
    s->expand_act = o->expand_act;
    if (s->expands)
        WEFT_TRY(plan_pointwise(&stages.node[stages.expand], plan->device, &s->expand, &plan->packed));
    WEFT_TRY(plan_pointwise(&stages.node[stages.project], plan->device, &s->project, &plan->packed));
    const weft_node *dw = &stages.node[stages.depthwise];
    WEFT_TRY(plan_stage(&weft_cpu_conv2d_depthwise, dw, plan, &s->window));
    if (s->gated)
        WEFT_TRY(plan_stage(&weft_cpu_squeeze_excite_rows, &stages.node[stages.excite], plan, &s->gate));
    s->stream = weft_gemm_streams(&s->project.gemm, plan->device, weft_shape_rows(&node->out[0]));
    set_window(s, dw);
    choose_band(s, plan->device);
    choose_block(s);
    const weft_window *w = &s->depthwise.window;
    const int64_t wide = (s->gated ? w->oh : s->band) * (int64_t)w->ow;
    s->wide_at = s->expands ? weft_round_up((size_t)(s->lines * w->iw * s->pitch) * sizeof(float), WEFT_CACHE_LINE) : 0;
    s->block_at = s->wide_at + (size_t)(wide * s->pitch) * sizeof(float);
    s->gates_at = s->block_at + (s->near ? (size_t)(s->block * s->pitch) * sizeof(float) : 0);
    plan->thread_scratch = s->gates_at + (size_t)(s->pitch + o->excite.reduced) * sizeof(float);
    plan->state = s;
    return WEFT_OK;
}

static void pack_pointwise(const pointwise *p, const weft_call *call, const weft_stages *stages, int index)
{
    const int first = stages->first_param[index];
    const bool bias = stages->node[index].n_param > 1;
    weft_gemm_pack(&p->gemm, call->device, weft_call_param(call, first), weft_at(call->packed, p->at));
    weft_gemm_pack_bias(&p->gemm, bias ? weft_call_param(call, first + 1) : NULL, weft_at(call->packed, p->bias_at));
}

static weft_status pack_stage(const packed_stage *stage, const weft_call *call, const weft_stages *stages, int index)
{
    const weft_node *node = &stages->node[index];
    weft_view in[WEFT_STAGE_IN] = { { NULL, 0 } };
    memcpy(in + 1, call->in + 1 + stages->first_param[index], (size_t)node->n_param * sizeof *in);
    const weft_call part = { .node = node, .device = call->device, .state = stage->state, .in = in,
                             .packed = weft_at(call->packed, stage->at), .packed_bytes = stage->bytes };
    return stage->kernel->pack(&part);
}

static weft_status pack(const weft_call *call)
{
    const state *s = call->state;
    weft_stages stages;
    weft_stages_split(call->node, &stages);
    if (s->expands)
        pack_pointwise(&s->expand, call, &stages, stages.expand);
    pack_pointwise(&s->project, call, &stages, stages.project);
    WEFT_TRY(pack_stage(&s->window, call, &stages, stages.depthwise));
    return s->gated ? pack_stage(&s->gate, call, &stages, stages.excite) : WEFT_OK;
}

/* ---- running ---- */

typedef struct job {
    const weft_call *call;
    const state *s;
    const weft_rows *rows;
    weft_depthwise depthwise;
    weft_gemm_block expand, project;
    int64_t shares; /* items of one image */
} job;

/* A thread's buffers. */
typedef struct buffers {
    float *lines, *wide, *block, *gates;
} buffers;

static buffers buffers_of(const job *j, int thread)
{
    void *const base = weft_call_thread_scratch(j->call, thread);
    return (buffers){ base, weft_at(base, j->s->wide_at), weft_at(base, j->s->block_at),
                      weft_at(base, j->s->gates_at) };
}

static void expand(const job *j, int64_t image, int64_t first, int64_t last, float *to)
{
    const weft_window *w = &j->s->depthwise.window;
    weft_gemm_block b = j->expand;
    b.a += (image * w->ih + first) * w->iw * b.a_row;
    b.c = to;
    b.pixels = (last - first) * w->iw;
    b.lines = 1;
    if (b.pixels > 0)
        j->s->expand.gemm.table->block(&b);
}

/* Pixels [first, first + count) of the image's output, from the widened pixels at a. */
static void project(const job *j, int64_t image, int64_t first, int64_t count, const float *a)
{
    const weft_window *w = &j->s->depthwise.window;
    const int64_t row = image * w->oh * w->ow + first;
    weft_gemm_block b = j->project;
    b.a = a;
    b.c += row * b.c_row;
    if (b.residual)
        b.residual += row * b.r_row;
    b.pixels = count;
    j->s->project.gemm.table->block(&b);
}

/* Where the depthwise kernel finds input lines [low, high): expanded, those of the band before moved up. */
static const float *gather(const job *j, int64_t image, int64_t low, int64_t high, int64_t have[2], float *lines)
{
    const weft_window *w = &j->s->depthwise.window;
    const int64_t line = w->iw * j->s->pitch;
    int64_t kept = 0;
    if (have[1] > low) {
        kept = have[1] - low;
        memmove(lines, lines + (low - have[0]) * line, (size_t)(kept * line) * sizeof *lines);
    }
    expand(j, image, low + kept, high, lines + kept * line);
    have[0] = low;
    have[1] = high;
    return lines;
}

/* Adds up the depthwise output of lines [first, last) of an image, while it is in L2, in the order and with the bits of
 * the whole image: what is left over of sums of several rows waits for the band to come. */
static void add_band(const job *j, int64_t first, int64_t last, const buffers *buf)
{
    const state *s = j->s;
    const weft_window *w = &s->depthwise.window;
    const int64_t from = first * w->ow / WEFT_ROWS_SUMMED * WEFT_ROWS_SUMMED;
    const int64_t to = last < w->oh ? last * w->ow / WEFT_ROWS_SUMMED * WEFT_ROWS_SUMMED : last * w->ow;
    j->rows->add_rows(buf->wide + from * s->pitch, s->pitch, to - from, s->channels, buf->gates);
}

/* Output lines [first, last) of an image, band by band. */
static void run_lines(const job *j, int64_t image, int64_t first, int64_t last, const buffers *buf)
{
    const state *s = j->s;
    const weft_window *w = &s->depthwise.window;
    int64_t have[2] = { 0, 0 };
    for (int64_t y = first; y < last; y += s->band) {
        const int64_t lines = last - y < s->band ? last - y : s->band, top = y * w->stride_h - w->top;
        const int64_t low = top > 0 ? top : 0;
        int64_t high = top + (lines - 1) * w->stride_h + (int64_t)(w->kh - 1) * w->dilation + 1;
        high = high > w->ih ? w->ih : high < low ? low : high;
        weft_depthwise p = j->depthwise;
        p.y = buf->wide + (s->gated ? y * w->ow * s->pitch : 0);
        p.last = (int)lines;
        if (s->expands) {
            p.x = gather(j, image, low, high, have, buf->lines);
            p.window.ih = (int)(high - low);
            p.window.oh = (int)lines;
            p.window.top = (int)(low - top);
        } else {
            const int64_t more = last - y - lines;
            p.x = weft_row(&j->call->in[0], image * w->ih * w->iw);
            p.first = (int)y;
            p.last += (int)y;
            p.warm = y > first;
            p.follow = (int)(more < s->band ? more : s->band);
        }
        j->rows->depthwise(&p);
        if (s->gated)
            add_band(j, y, y + lines, buf);
        else
            project(j, image, y * w->ow, lines * w->ow, buf->wide);
    }
}

/* The whole widened image is in buf->wide and its sums are in buf->gates: gate it and project, a block of pixels at a
 * time. */
static void run_gate(const job *j, int64_t image, const buffers *buf)
{
    const state *s = j->s;
    const weft_inverted_residual_opt *o = j->call->node->opt;
    const int64_t pixels = (int64_t)s->depthwise.window.oh * s->depthwise.window.ow;
    const float share = 1.0f / (float)pixels;
    for (int64_t c = 0; c < s->channels; c++)
        buf->gates[c] *= share;
    weft_squeeze_gate(j->rows, &o->excite, s->gate.state, weft_at_const(j->call->packed, s->gate.at), buf->gates,
                      buf->gates + s->pitch);
    for (int64_t first = 0; first < pixels; first += s->block) {
        const int64_t count = pixels - first < s->block ? pixels - first : s->block;
        float *const a = buf->wide + first * s->pitch, *const scaled = s->near ? buf->block : a;
        j->rows->affine(&(weft_affine){ .x = a, .y = scaled, .scale = buf->gates, .x_ld = s->pitch, .y_ld = s->pitch,
                                        .rows = count, .channels = s->channels });
        project(j, image, first, count, scaled);
    }
}

static void item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const int64_t image = index / j->shares, share = index % j->shares, oh = j->s->depthwise.window.oh;
    const buffers buf = buffers_of(j, thread);
    if (j->s->gated)
        memset(buf.gates, 0, (size_t)j->s->pitch * sizeof *buf.gates);
    run_lines(j, image, oh * share / j->shares, oh * (share + 1) / j->shares, &buf);
    if (j->s->gated)
        run_gate(j, image, &buf);
}

static weft_gemm_block block_of(const pointwise *p, const weft_call *call, weft_act act)
{
    return (weft_gemm_block){ .taps_h = 1, .taps_w = 1, .run = p->gemm.depth,
                              .b = weft_at_const(call->packed, p->at),
                              .bias = weft_at_const(call->packed, p->bias_at), .count = p->gemm.count,
                              .last = p->gemm.panels, .columns = p->gemm.columns, .lines = 1, .act = act };
}

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const state *s = call->state;
    const weft_view *x = &call->in[0];
    job j = { .call = call, .s = s, .rows = weft_rows_of(call->device), .depthwise = s->depthwise };
    const int64_t x_ld = s->expands ? s->pitch : x->ld;
    const float *wt = weft_at_const(call->packed, s->window.at);
    j.depthwise.window.x_ld = x_ld;
    j.depthwise.window.x_row = x_ld * s->depthwise.window.iw;
    j.depthwise.wt = wt;
    j.depthwise.bias = wt + (int64_t)s->depthwise.window.kh * s->depthwise.window.kw * s->pitch;
    if (s->expands) {
        j.expand = block_of(&s->expand, call, s->expand_act);
        j.expand.a = x->data;
        j.expand.a_row = x->ld;
        j.expand.c_row = s->pitch;
    }
    const weft_gemm_taps taps = { .h = 1, .w = 1, .run = s->project.gemm.depth };
    j.project = weft_gemm_block_of(&s->project.gemm, call, &taps, s->project.bias_at);
    j.project.b = weft_at_const(call->packed, s->project.at);
    j.project.a_row = s->pitch;
    j.project.stream = s->stream && weft_gemm_may_stream(call);
    const int64_t images = node->in[0].dim[0];
    j.shares = s->gated ? 1 : weft_bands(call->device, images, s->depthwise.window.oh, node->op->cost(node).flops);
    weft_pool_run(call->device->pool, images * j.shares, item, &j);
    return WEFT_OK;
}

static const weft_kernel bands = {
    .name = "cpu.inverted_residual.bands", .refuse = refuse, .prepare = prepare, .pack = pack, .run = run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cpu_inverted_residual[] = { &bands, &weft_cpu_inverted_residual_ref, NULL };
