/* SPDX-License-Identifier: Apache-2.0
 *
 * norm_conv: the norm's result is computed into the thread's scratch, a block of rows or a few lines of an image at a
 * time, and convolved from there while it lies in L2. Packed weights, and every sum, are those of conv2d's kernels: the
 * same bits. Bound: DRAM where channels are few, else one FMA per cycle and port. */
#include "op/norm_conv.h"

#include "cpu/batch_norm_train.h"
#include "cpu/conv2d.h"
#include "cpu/depthwise.h"
#include "cpu/gemm_affine.h"
#include "cpu/ref/ref.h"
#include "cpu/rows.h"
#include "op/util.h"

enum {
    TURN_FLOATS = 1 << 16,  /* of x: 256 KB */
    IMAGE_BYTES = 16 << 20, /* beyond them a thread's scratch would be out of proportion */
    MOST_IN = 1 + 2 + 1,
};

/* ---- the parts as calls ---- */

/* Points into itself: it must not be copied. */
typedef struct calls {
    weft_norm_conv_parts parts;
    weft_view conv_in[MOST_IN];
    weft_call again, conv; /* the convolution's x has no memory of its own, only pixels some floats apart */
} calls;

static void split(const weft_call *call, int64_t ld, const void *state, calls *c)
{
    weft_norm_conv_split(call->node, &c->parts);
    c->conv_in[0] = (weft_view){ NULL, ld };
    for (int i = 1; i < c->parts.conv.n_in; i++)
        c->conv_in[i] = call->in[c->parts.again.node.n_in + i - 1];
    c->again = c->conv = *call;
    c->again.node = &c->parts.again.node;
    c->conv.node = &c->parts.conv;
    c->conv.in = c->conv_in;
    c->conv.state = state;
}

/* ---- 1x1 ---- */

static const char *refuse_rows(const weft_node *node, const weft_device *device)
{
    return weft_is_pointwise(&((const weft_norm_conv_opt *)node->opt)->conv)
               ? weft_gemm_refuse(device)
               : "not 1x1 with stride 1 and one group";
}

static weft_status prepare_rows(const weft_node *node, weft_plan *plan)
{
    const int64_t channels = weft_shape_channels(&node->in[0]);
    weft_gemm_affine *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    weft_gemm_init(&s->rows.gemm, weft_gemm_table_of(plan->device), channels, weft_shape_channels(&node->out[0]));
    s->rows.rows = weft_shape_rows(&node->in[0]);
    plan->scratch = sizeof(float) * (size_t)channels; /* the norm's scale */
    return weft_gemm_affine_plan(s, plan);
}

static weft_status pack_rows(const weft_call *call)
{
    const weft_gemm_affine *s = call->state;
    calls c;
    split(call, s->ld, &s->rows, &c);
    return weft_cpu_conv2d_pointwise.pack(&c.conv);
}

static weft_status run_rows(const weft_call *call)
{
    const weft_gemm_affine *s = call->state;
    calls c;
    split(call, s->ld, &s->rows, &c);
    weft_affine again = weft_norm_again(&c.again, call->scratch);
    again.x = call->in[0].data;
    weft_gemm_affine_run(s, &c.conv, &again);
    return WEFT_OK;
}

static const weft_kernel rows_kernel = {
    .name = "cpu.norm_conv.rows", .refuse = refuse_rows, .prepare = prepare_rows, .pack = pack_rows, .run = run_rows,
    .inplace = WEFT_INPLACE_RESIDUAL,
};

/* ---- depthwise ---- */

typedef struct state {
    const void *conv;      /* of the convolution's kernel */
    int64_t ld;            /* floats of a pixel in scratch */
    size_t thread_conv_at; /* bytes of a thread's scratch before the convolution's */
} state;

typedef struct job {
    const calls *calls;
    const weft_call *call;
    weft_affine again; /* all but its rows */
    weft_depthwise_part part;
    int64_t lines; /* of a turn */
} job;

/* Rows [first, first + rows) of the norm's result. */
static void fill(const job *j, int64_t first, int64_t rows, float *to)
{
    weft_affine k = j->again;
    k.x = weft_row(&j->call->in[0], first);
    k.y = to;
    k.rows = rows;
    weft_rows_of(j->call->device)->affine(&k);
}

static const char *refuse_depthwise(const weft_node *node, const weft_device *device)
{
    weft_norm_conv_parts p;
    weft_norm_conv_split(node, &p);
    const int64_t *x = node->in[0].dim;
    const char *reason = weft_cpu_conv2d_depthwise.refuse(&p.conv, device);
    if (!reason && (double)x[1] * (double)x[2] * (double)x[3] * sizeof(float) > IMAGE_BYTES)
        reason = "an image is over 16 MB";
    if (!reason && x[0] < 2 * (int64_t)device->threads)
        reason = "fewer than two images for each thread";
    return reason;
}

static weft_status prepare_depthwise(const weft_node *node, weft_plan *plan)
{
    const int64_t *x = node->in[0].dim;
    weft_norm_conv_parts p;
    state *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    weft_norm_conv_split(node, &p);
    weft_plan part = { .node = &p.conv, .device = plan->device, .arena = plan->arena };
    WEFT_TRY(weft_cpu_conv2d_depthwise.prepare(&p.conv, &part));
    s->conv = part.state;
    s->ld = (int64_t)weft_round_up((size_t)x[3], WEFT_ROWS_LANES);
    s->thread_conv_at = weft_round_up(sizeof(float) * (size_t)(x[1] * x[2] * s->ld), WEFT_CACHE_LINE);
    plan->packed = part.packed;
    plan->scratch = sizeof(float) * (size_t)x[3]; /* the norm's scale */
    plan->thread_scratch = s->thread_conv_at + part.thread_scratch;
    return WEFT_OK;
}

static weft_status pack_depthwise(const weft_call *call)
{
    const state *s = call->state;
    calls c;
    split(call, s->ld, s->conv, &c);
    return weft_cpu_conv2d_depthwise.pack(&c.conv);
}

/* An image, from the last to the first: what the statistics have read last is still in the caches. */
static void take(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const state *s = j->call->state;
    const weft_node *n = j->calls->conv.node;
    const weft_window *w = &j->part.kernel.window;
    const int64_t image = n->in[0].dim[0] - 1 - index, row = image * w->oh * w->ow;
    float *const x = weft_call_thread_scratch(j->call, thread);
    int64_t known = 0;
    weft_depthwise p = j->part.kernel;
    p.x = x;
    p.resident = true;
    p.buffer = weft_at(x, s->thread_conv_at);
    if (n->epi.residual)
        p.residual = weft_row(&j->calls->conv.in[n->n_in - 1], row);
    for (int64_t line = 0; line < w->oh; line = p.last) {
        p.first = (int)line;
        p.last = (int)(w->oh - line < j->lines ? w->oh : line + j->lines);
        const int64_t reach = weft_window_reach(w, p.last - 1), end = reach < w->ih ? reach : w->ih;
        if (end > known) {
            fill(j, (image * w->ih + known) * w->iw, (end - known) * w->iw, x + known * w->x_row);
            known = end;
        }
        p.y = weft_row(&j->calls->conv.out[0], row) + line * w->y_row;
        weft_rows_of(j->call->device)->depthwise(&p);
    }
}

static weft_status run_depthwise(const weft_call *call)
{
    const state *s = call->state;
    calls c;
    split(call, s->ld, s->conv, &c);
    job j = { .calls = &c, .call = call, .again = weft_norm_again(&c.again, call->scratch),
              .part = weft_depthwise_part_of(&c.conv) };
    j.again.y_ld = s->ld;
    const int64_t fit = TURN_FLOATS / (j.part.kernel.window.x_row * j.part.kernel.window.stride_h);
    j.lines = fit < 1 ? 1 : fit;
    weft_pool_run(call->device->pool, call->node->in[0].dim[0], take, &j);
    return WEFT_OK;
}

static const weft_kernel depthwise_kernel = {
    .name = "cpu.norm_conv.depthwise", .refuse = refuse_depthwise, .prepare = prepare_depthwise,
    .pack = pack_depthwise, .run = run_depthwise, .inplace = WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cpu_norm_conv[] = { &depthwise_kernel, &rows_kernel, &weft_cpu_norm_conv_ref, NULL };
