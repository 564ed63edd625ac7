/* SPDX-License-Identifier: Apache-2.0
 *
 * Packing of weights and products of rows (gemm.h). The work is cut into blocks of rows, and where these are too few
 * for the threads (batch 1) the panels of B are shared out as well: no sum is ever split. */
#include "cpu/gemm.h"

#include <string.h>

#include "cpu/machine.h"
#include "cpu/rows.h"

enum {
    ROWS = 112,                      /* of a block: a multiple of the tiles' 7 and 8 */
    DEPTH_CHUNK = 512,               /* 128 KB of the widest panel: stays in L2 */
    FEW = 4 * WEFT_GEMM_ITEMS,       /* items of a thread: one more or less is no longer felt */
    LEAST_ROWS = 2 * WEFT_GEMM_ROWS, /* of a part: a panel is fetched from L2 for each */
    FAR_SHARE = 4 /* of L2: larger weights are not found there again, larger panels push out what is fetched */
};

const weft_gemm_table *weft_gemm_table_of(const weft_device *device)
{
    return weft_simd_of(device->isa)->gemm;
}

const char *weft_gemm_refuse(const weft_device *device)
{
    return weft_simd_refuse(device);
}

/* Cuts `vectors` vectors into panels at the least cost; ties go to the wider panels. */
static void cut(weft_gemm *g, int64_t vectors)
{
    enum { SMALL = 36, PERIOD = 12 }; /* PERIOD: divisible by every width */
    const weft_gemm_table *t = g->table;
    int best = 0, last[SMALL + 1] = { 0 };
    float cost[SMALL + 1] = { 0 };

    for (int v = WEFT_GEMM_VECTORS; v > 0; v--)
        if (t->rows[v] && (!best || t->cost[v] < t->cost[best]))
            best = v;
    if (vectors > SMALL) {
        const int64_t bulk = (vectors - SMALL + PERIOD - 1) / PERIOD * PERIOD;
        g->count[best] = (int)(bulk / best);
        vectors -= bulk;
    }
    for (int n = 1; n <= vectors; n++) {
        for (int v = WEFT_GEMM_VECTORS; v > 0; v--) {
            if (!t->rows[v] || v > n)
                continue;
            const float c = cost[n - v] + t->cost[v] * (float)v;
            if (!last[n] || c < cost[n] - 1e-4f) {
                cost[n] = c;
                last[n] = v;
            }
        }
    }
    for (int64_t n = vectors; n > 0; n -= last[n])
        g->count[last[n]]++;
}

void weft_gemm_init(weft_gemm *gemm, const weft_gemm_table *table, int64_t depth, int64_t columns)
{
    const int64_t vectors = (columns + table->lanes - 1) / table->lanes;
    *gemm = (weft_gemm){ .table = table, .depth = depth, .columns = columns, .width = vectors * table->lanes };
    cut(gemm, vectors);
    for (int v = 1; v <= WEFT_GEMM_VECTORS; v++)
        gemm->panels += gemm->count[v];
}

weft_status weft_gemm_bytes(const weft_gemm *gemm, size_t *panels, size_t *with_bias)
{
    size_t floats, bytes;
    if (!weft_mul_size((size_t)gemm->depth, (size_t)gemm->width, &floats) ||
        !weft_mul_size(floats, sizeof(float), &bytes) ||
        !weft_add_size(bytes, (size_t)gemm->width * sizeof(float) + 2 * WEFT_CACHE_LINE, &floats))
        return weft_fail(WEFT_INVALID, "packed weights of %lld x %lld do not fit in memory", (long long)gemm->depth,
                         (long long)gemm->columns);
    *panels = weft_round_up(bytes, WEFT_CACHE_LINE);
    *with_bias = *panels + weft_round_up((size_t)gemm->width * sizeof(float), WEFT_CACHE_LINE);
    return WEFT_OK;
}

int64_t weft_gemm_panel(const weft_gemm *gemm, int64_t index, int64_t *width)
{
    int64_t column = 0;
    for (int v = WEFT_GEMM_VECTORS; v > 0; v--) {
        *width = (int64_t)v * gemm->table->lanes;
        if (index < gemm->count[v])
            return column + index * *width;
        index -= gemm->count[v];
        column += gemm->count[v] * *width;
    }
    return column;
}

typedef struct packing {
    const weft_gemm *gemm;
    const float *wt;
    float *packed;
} packing;

/* One panel, a chunk of the depth at a time, so that both sides stay in L1. */
static void pack_panel(void *arg, int64_t index, int thread)
{
    enum { CHUNK = 64 };
    const packing *p = arg;
    const int64_t depth = p->gemm->depth;
    int64_t width;
    const int64_t column = weft_gemm_panel(p->gemm, index, &width);
    const int64_t left = p->gemm->columns - column, real = left < width ? left : width;
    const float *wt = p->wt + column * depth;
    float *packed = p->packed + column * depth;
    (void)thread;
    for (int64_t from = 0; from < depth; from += CHUNK) {
        const int64_t to = from + CHUNK < depth ? from + CHUNK : depth;
        for (int64_t j = 0; j < real; j++)
            for (int64_t k = from; k < to; k++)
                packed[k * width + j] = wt[j * depth + k];
        for (int64_t j = real; j < width; j++)
            for (int64_t k = from; k < to; k++)
                packed[k * width + j] = 0;
    }
}

void weft_gemm_pack(const weft_gemm *gemm, const weft_device *device, const float *wt, float *packed)
{
    packing p = { gemm, wt, packed };
    weft_pool_run(device->pool, gemm->panels, pack_panel, &p);
}

void weft_gemm_pack_row(const weft_gemm *gemm, int64_t depth, const float *row, int64_t column, int64_t count,
                        float *packed)
{
    int64_t first = 0; /* column of the panel */
    for (int v = WEFT_GEMM_VECTORS; v > 0; v--) {
        const int64_t width = (int64_t)v * gemm->table->lanes;
        for (int i = 0; i < gemm->count[v]; i++, first += width) {
            float *to = packed + first * gemm->depth + depth * width;
            const int64_t from = first < column ? (column - first < width ? column - first : width) : 0;
            const int64_t left = column + count - first, end = left < from ? from : left < width ? left : width;
            memset(to, 0, (size_t)from * sizeof *to);
            memcpy(to + from, row + (first + from - column), (size_t)(end - from) * sizeof *to);
            memset(to + end, 0, (size_t)(width - end) * sizeof *to);
        }
    }
}

void weft_gemm_pack_bias(const weft_gemm *gemm, const float *bias, float *packed)
{
    for (int64_t j = 0; j < gemm->width; j++)
        packed[j] = bias && j < gemm->columns ? bias[j] : 0;
}

void weft_gemm_share(const weft_gemm *gemm, int64_t groups, int64_t i, int *first, int *last)
{
    *first = (int)(gemm->panels * i / groups);
    *last = (int)(gemm->panels * (i + 1) / groups);
}

int64_t weft_gemm_groups(const weft_gemm *gemm, const weft_device *device, int64_t blocks)
{
    const int64_t wanted = (int64_t)device->threads * WEFT_GEMM_ITEMS;
    if (device->threads <= 1 || blocks >= wanted)
        return 1;
    const int64_t groups = (wanted + blocks - 1) / blocks; /* shares of as many panels each, where that can be had */
    for (int64_t even = groups; even < 2 * groups; even++)
        if (gemm->panels % even == 0)
            return even;
    return groups < gemm->panels ? groups : gemm->panels;
}

int64_t weft_gemm_cuts(const weft_device *device, int64_t items, int64_t rows)
{
    const int64_t threads = device->threads, most = rows / LEAST_ROWS < threads ? rows / LEAST_ROWS : threads;
    int64_t best = 1;
    if (items >= threads * FEW)
        return 1;
    for (int64_t cuts = 2; cuts <= most; cuts++) { /* by the time of the thread that has most: rounds over cuts */
        const int64_t now = (items * cuts + threads - 1) / threads, before = (items * best + threads - 1) / threads;
        if (now * best < before * cuts)
            best = cuts;
    }
    return best;
}

bool weft_gemm_streams(const weft_gemm *gemm, const weft_device *device, int64_t rows)
{
    return weft_beyond_cache(device, (double)rows * (double)gemm->columns * sizeof(float));
}

bool weft_gemm_may_stream(const weft_call *call)
{
    const weft_view *out = &call->out[0];
    const bool over = call->node->epi.residual && call->in[call->node->n_in - 1].data == out->data;
    return !over && (uintptr_t)out->data % WEFT_CACHE_LINE == 0 && weft_whole_lines(out->ld);
}

weft_gemm_taps weft_gemm_join_taps(weft_gemm_taps taps)
{
    weft_gemm_taps t = taps;
    if (t.w > 1 && t.step_w == t.run) {
        t.run *= t.w;
        t.w = 1;
    }
    if (t.w == 1 && t.step_h == t.run) {
        t.run *= t.h;
        t.h = 1;
    }
    if (t.h == 1 && t.w == 1)
        t.step_h = t.step_w = 0;
    return t;
}

int64_t weft_gemm_depth_chunk(const weft_gemm *gemm, const weft_device *device, int64_t rows, size_t *scratch)
{
    const size_t panel = (size_t)gemm->depth * WEFT_GEMM_FLOATS * sizeof(float);
    if (rows <= WEFT_GEMM_ROWS || panel <= device->cpu.l2 / FAR_SHARE)
        return 0;
    *scratch += (size_t)rows * WEFT_GEMM_FLOATS * sizeof(float);
    return DEPTH_CHUNK;
}

/* ---- rows ---- */

weft_status weft_gemm_rows_plan(weft_gemm_rows *rows, weft_plan *plan)
{
    const weft_gemm *g = &rows->gemm;
    WEFT_TRY(weft_gemm_bytes(g, &rows->bias_at, &plan->packed));
    /* As many rows as keep A in about a quarter of L2, so that the panels are read from further out less often. */
    const int64_t fit = (int64_t)(plan->device->cpu.l2 / 4 / sizeof(float)) / (g->depth * ROWS);
    rows->block = ROWS * (fit < 1 ? 1 : fit > 4 ? 4 : fit);
    const int64_t items = (int64_t)plan->device->threads * WEFT_GEMM_ITEMS;
    while (rows->block > ROWS && rows->rows / rows->block < items)
        rows->block -= ROWS;
    rows->blocks = (rows->rows + rows->block - 1) / rows->block;
    rows->block = (rows->rows + rows->blocks - 1) / rows->blocks;
    rows->groups = weft_gemm_groups(g, plan->device, rows->blocks);
    rows->cuts = weft_gemm_cuts(plan->device, rows->blocks * rows->groups, rows->block);
    rows->stream = weft_gemm_streams(g, plan->device, rows->rows);
    rows->depth_chunk = weft_gemm_depth_chunk(g, plan->device, rows->block, &plan->thread_scratch);
    return WEFT_OK;
}

typedef struct rows_task {
    const weft_gemm_rows *rows;
    const weft_call *call;
    weft_gemm_block block; /* of the first row and all panels */
} rows_task;

static void run_rows(void *arg, int64_t item, int thread)
{
    const rows_task *task = arg;
    const weft_gemm_rows *r = task->rows;
    const int64_t cut = item % r->cuts, share = item / r->cuts % r->groups;
    const int64_t from = item / r->cuts / r->groups * r->block;
    const int64_t count = r->rows - from < r->block ? r->rows - from : r->block;
    const int64_t first = from + count * cut / r->cuts;
    weft_gemm_block b = task->block;

    weft_gemm_share(&r->gemm, r->groups, share, &b.first, &b.last);
    b.pixels = from + count * (cut + 1) / r->cuts - first;
    weft_gemm_then(&r->gemm, r->groups, (share + 1) % r->groups, cut, r->cuts, &b);
    b.a += first * b.a_row;
    b.c += first * b.c_row;
    if (b.residual)
        b.residual += first * b.r_row;
    if (b.depth_chunk)
        b.partial = weft_call_thread_scratch(task->call, thread);
    r->gemm.table->block(&b);
}

bool weft_gemm_is_far(const weft_gemm *gemm, const weft_device *device, int64_t products)
{
    return (double)gemm->depth * (double)gemm->width * (double)products * sizeof(float) >
           (double)device->cpu.l2 / FAR_SHARE;
}

weft_gemm_block weft_gemm_block_of(const weft_gemm *gemm, const weft_call *call, const weft_gemm_taps *taps,
                                   size_t bias_at)
{
    const weft_node *node = call->node;
    const weft_view *residual = node->epi.residual ? &call->in[node->n_in - 1] : NULL;
    return (weft_gemm_block){
        .taps_h = taps->h,
        .taps_w = taps->w,
        .tap_h = taps->step_h,
        .tap_w = taps->step_w,
        .run = taps->run,
        .b = call->packed,
        .bias = weft_at_const(call->packed, bias_at),
        .count = gemm->count,
        .last = gemm->panels,
        .columns = gemm->columns,
        .c = call->out[0].data,
        .c_row = call->out[0].ld,
        .residual = residual ? residual->data : NULL,
        .r_row = residual ? residual->ld : 0,
        .lines = 1,
        .act = node->epi.act,
        .far_b = weft_gemm_is_far(gemm, call->device, 1),
        .ahead = weft_beyond_near_cache(call->device, (double)weft_shape_count(&node->out[0]) * sizeof(float)),
    };
}

void weft_gemm_then(const weft_gemm *gemm, int64_t groups, int64_t i, int64_t cut, int64_t cuts, weft_gemm_block *block)
{
    int first, last;
    int64_t width;
    weft_gemm_share(gemm, groups, i, &first, &last);
    const float *panel = block->b + weft_gemm_panel(gemm, first, &width) * gemm->depth;
    const int64_t from = width * (gemm->depth * cut / cuts), end = width * (gemm->depth * (cut + 1) / cuts);
    block->then = panel + from;
    block->then_floats = end - from;
    block->far_b = block->far_b && block->lines * block->pixels > WEFT_GEMM_ROWS; /* else each panel is used once */
}

void weft_gemm_rows_run(const weft_gemm_rows *rows, const weft_call *call, int64_t row_step, const weft_gemm_taps *taps)
{
    rows_task task = { rows, call, weft_gemm_block_of(&rows->gemm, call, taps, rows->bias_at) };
    task.block.a = call->in[0].data;
    task.block.a_row = row_step;
    task.block.stream = rows->stream && weft_gemm_may_stream(call);
    task.block.depth_chunk = rows->depth_chunk;
    weft_pool_run(call->device->pool, rows->blocks * rows->groups * rows->cuts, run_rows, &task);
}
