/* SPDX-License-Identifier: Apache-2.0
 *
 * conv_norm_grad of a 1x1 convolution: after the norm's sums an item takes slices of the rows in chunks of 128. Of each
 * it computes the norm's gradient into the thread's scratch, copies x beside it, and multiplies both into dx and dw
 * while they lie in L2; the next chunk of dy, y and x is fetched meanwhile. The norm's gradient never goes to memory:
 * written once, read twice, it is most of the traffic of layers on large maps. Slices and chunks are those of outer.h,
 * and all sums are made in the order of the three kernels that do the same one after the other: the same bits.
 *
 * Bound: one FMA per cycle and port; DRAM where C or K is small. */
#include "cpu/conv_norm_grad.h"

#include <string.h>

#include "cpu/batch_norm_train.h"
#include "cpu/gemm_dx.h"
#include "cpu/machine.h"
#include "cpu/outer.h"
#include "cpu/rows.h"
#include "op/util.h"

enum { LINE = WEFT_CACHE_LINE / (int)sizeof(float), MAX_AHEAD = 96 };

typedef struct state {
    weft_outer outer;
    const weft_gemm_rows *rows;  /* of dx */
    int64_t x_ld, y_ld;          /* floats from one row of a chunk to the next, in scratch */
    size_t weights_at, scale_at, sums_at; /* bytes of scratch before the packed weights, the scale of a norm computed
                                             once more, the slices' sums */
    bool again;
} state;

static weft_status plan_outer(const weft_node *node, const weft_device *device, weft_outer *outer, size_t *scratch)
{
    const weft_conv_norm_grad_opt *o = node->opt;
    const int64_t *dy = node->in[0].dim;
    const weft_outer_shape shape = { .images = dy[0], .h = dy[1], .w = dy[2], .c = o->conv.c, .oh = dy[1],
                                     .ow = dy[2], .k = dy[3], .groups = 1, .kernel_h = 1, .kernel_w = 1,
                                     .stride_h = 1, .stride_w = 1, .dilation = 1 };
    weft_plan plan = { .node = node, .device = device };
    WEFT_TRY(weft_outer_plan(outer, &shape, &plan));
    *scratch = weft_round_up(plan.scratch, WEFT_CACHE_LINE);
    return WEFT_OK;
}

static const char *refuse(const weft_node *node, const weft_device *device)
{
    weft_outer outer;
    size_t scratch;
    if (!weft_is_pointwise(&((const weft_conv_norm_grad_opt *)node->opt)->conv.conv))
        return "not 1x1 with stride 1 and one group";
    if (weft_simd_refuse(device))
        return weft_simd_refuse(device);
    (void)plan_outer(node, device, &outer, &scratch);
    return weft_outer_is_flat(&outer) ? NULL : "the weights' gradient is more than one block of sums, or the rows few";
}

/* Floats of a row in scratch: whole vectors, and not a power of two. */
static int64_t width_of(int64_t channels)
{
    return (int64_t)weft_round_up((size_t)channels, LINE) + LINE;
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    state *s = weft_arena_alloc(plan->arena, sizeof *s);
    weft_conv_norm_parts p;
    weft_plan dx = { .node = &p.dx, .device = plan->device, .arena = plan->arena };
    size_t sums;
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    weft_conv_norm_split(node, &p);
    WEFT_TRY(weft_gemm_dx_prepare(&p.dx, &dx));
    WEFT_TRY(plan_outer(node, plan->device, &s->outer, &sums));
    s->rows = dx.state;
    s->x_ld = width_of(s->outer.shape.c);
    s->y_ld = width_of(s->outer.shape.k);
    s->weights_at = weft_norm_dx_scratch(&p.norm);
    s->again = ((const weft_conv_norm_grad_opt *)node->opt)->again;
    s->scale_at = s->weights_at + weft_round_up(dx.scratch, WEFT_CACHE_LINE);
    s->sums_at = s->scale_at + weft_round_up(sizeof(float) * (size_t)s->outer.shape.c, WEFT_CACHE_LINE);
    plan->scratch = s->sums_at + sums;
    plan->thread_scratch = sizeof(float) * (size_t)(s->outer.pixels * (s->x_ld + s->y_ld));
    return WEFT_OK;
}

typedef struct job {
    const state *s;
    const weft_call *call;
    const weft_view *y, *dy, *x;
    weft_norm_dx norm;      /* all but its rows */
    weft_affine again;      /* of x, likewise */
    weft_gemm_block dx;     /* of the first row */
    float *sums;
    int64_t items;
} job;

static int64_t rows_of(const job *j, int64_t chunk)
{
    const weft_outer *o = &j->s->outer;
    const int64_t left = o->shape.ow - chunk * o->pixels;
    return left < o->pixels ? left : o->pixels;
}

/* Rows without gaps are fetched in the order in which they lie: what hardware foresees then comes by itself. */
static int list_view(const weft_view *view, int64_t row, int64_t rows, int64_t channels, weft_outer_ahead *list,
                     int room)
{
    const bool flat = view->ld == channels;
    int count = 0;
    for (int64_t c = 0; c < channels && count < room; c += LINE)
        list[count++] = (weft_outer_ahead){ weft_row(view, row) + (flat ? c * rows : c), 0, flat ? LINE : view->ld };
    return count;
}

/* What a chunk reads, to be fetched. */
static int list_ahead(const job *j, int64_t chunk, weft_outer_ahead list[MAX_AHEAD])
{
    const weft_outer_shape *s = &j->s->outer.shape;
    const int64_t row = chunk * j->s->outer.pixels, rows = rows_of(j, chunk);
    int count = list_view(j->dy, row, rows, s->k, list, MAX_AHEAD);
    count += list_view(j->y, row, rows, s->k, list + count, MAX_AHEAD - count);
    return count + list_view(j->x, row, rows, s->c, list + count, MAX_AHEAD - count);
}

/* The norm's gradient and x of a chunk, into scratch. */
static void fill(const job *j, int64_t chunk, float *x, float *dy)
{
    const state *s = j->s;
    const int64_t row = chunk * s->outer.pixels;
    weft_norm_dx norm = j->norm;
    norm.x = weft_row(j->y, row);
    norm.dy = weft_row(j->dy, row);
    norm.dx = dy;
    norm.rows = rows_of(j, chunk);
    weft_rows_of(j->call->device)->norm_dx(&norm);
    if (!s->again) {
        s->outer.table->copy(weft_row(j->x, row), j->x->ld, norm.rows, s->outer.shape.c, x, s->x_ld, s->x_ld - LINE);
        return;
    }
    weft_affine again = j->again;
    again.x = weft_row(j->x, row);
    again.y = x;
    again.rows = norm.rows;
    weft_rows_of(j->call->device)->affine(&again);
}

static void put_dx(const job *j, int64_t chunk, const float *dy)
{
    const int64_t row = chunk * j->s->outer.pixels;
    weft_gemm_block b = j->dx;
    b.a = dy;
    b.c += row * b.c_row;
    if (b.residual)
        b.residual += row * b.r_row;
    b.pixels = rows_of(j, chunk);
    j->s->rows->gemm.table->block(&b);
}

/* Some slices. Items come from the last to the first: what the sums have read last is still in the caches. */
static void item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const state *s = j->s;
    const int64_t at = j->items - 1 - index, slices = s->outer.slices;
    const int64_t end = slices * (at + 1) / j->items;
    float *const dy = weft_call_thread_scratch(j->call, thread), *const x = dy + s->outer.pixels * s->y_ld;
    weft_outer_ahead list[MAX_AHEAD];
    memset(dy, 0, sizeof *dy * (size_t)(s->outer.pixels * (s->x_ld + s->y_ld))); /* behind the channels */
    for (int64_t slice = slices * at / j->items; slice < end; slice++) {
        int64_t from, to;
        weft_outer_slice(&s->outer, slice, &from, &to);
        for (int64_t i = from; i < to; i++) {
            const bool last = i + 1 == to && slice + 1 == end;
            fill(j, i, x, dy);
            const weft_outer_rows chunk = { .x = x, .y = dy, .x_ld = s->x_ld, .y_ld = s->y_ld, .rows = rows_of(j, i),
                                            .ahead = list, .n_ahead = last ? 0 : list_ahead(j, i + 1, list) };
            weft_outer_add(&s->outer, slice, &chunk, i == from, j->sums);
            put_dx(j, i, dy);
        }
    }
}

static weft_status run(const weft_call *call)
{
    const state *s = call->state;
    const weft_gemm_taps taps = { .h = 1, .w = 1, .run = s->outer.shape.k };
    weft_conv_norm_calls c;
    weft_conv_norm_call(call, s->y_ld, &c);
    c.dx.state = s->rows;
    c.dx.scratch = weft_at(call->scratch, s->weights_at);
    c.dw.scratch = weft_at(call->scratch, s->sums_at);
    weft_gemm_dx_pack(&c.dx);
    job j = { .s = s, .call = call, .dy = &call->in[0], .y = &call->in[1], .x = &c.dw.in[0],
              .norm = weft_norm_dx_sums(&c.norm), .dx = weft_gemm_dx_block(&c.dx, &taps), .sums = c.dw.scratch,
              .items = (int64_t)call->device->threads * WEFT_GEMM_ITEMS };
    j.norm.dx_ld = s->y_ld;
    if (s->again) {
        j.again = weft_norm_again(&c.again, weft_at(call->scratch, s->scale_at));
        j.again.y_ld = s->x_ld;
    }
    j.dx.a_row = s->y_ld;
    j.dx.stream = s->rows->stream && weft_gemm_may_stream(&c.dx);
    if (j.items > s->outer.slices)
        j.items = s->outer.slices;
    weft_pool_run(call->device->pool, j.items, item, &j);
    weft_outer_finish(&s->outer, &c.dw);
    return WEFT_OK;
}

const weft_kernel weft_cpu_conv_norm_grad_rows = {
    .name = "cpu.conv_norm_grad.rows", .refuse = refuse, .prepare = prepare, .run = run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};
