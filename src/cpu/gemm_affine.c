/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of rows that are computed as they are read (gemm_affine.h). Bound: one FMA per cycle and port; DRAM where
 * channels are few. */
#include "cpu/gemm_affine.h"

#include "cpu/rows.h"

enum {
    MOST = 112, /* rows of a block: a multiple of the tiles' 7 and 8 */
    LEAST = 14, /* two tiles */
    ENOUGH = 56 /* of a thread, since each reads all weights: with 98 an eighth is gained, with 25 a sixth lost */
};

const char *weft_gemm_affine_refuse(const weft_gemm *gemm, const weft_device *device, int64_t rows)
{
    if (rows < (int64_t)ENOUGH * device->threads)
        return "few pixels for so many threads";
    if (weft_gemm_is_far(gemm, device, 1) && weft_gemm_groups(gemm, device, (rows + MOST - 1) / MOST) > 1)
        return "few pixels for so many weights: the threads share them out"; /* measured: a ninth would be lost */
    return NULL;
}

/* As many rows as leave L2 to x and a panel, and make enough blocks for the threads. */
static int64_t block_rows(const weft_gemm_rows *rows, const weft_device *device)
{
    const int64_t fit = (int64_t)(device->cpu.l2 / 4 / sizeof(float)) / rows->gemm.depth;
    const int64_t items = (int64_t)device->threads * WEFT_GEMM_ITEMS;
    int64_t block = MOST;
    while (block > LEAST && (block > fit || rows->rows / block < items))
        block /= 2;
    return block;
}

weft_status weft_gemm_affine_plan(weft_gemm_affine *state, weft_plan *plan)
{
    weft_gemm_rows *r = &state->rows;
    size_t partial = 0;
    WEFT_TRY(weft_gemm_bytes(&r->gemm, &r->bias_at, &plan->packed));
    r->block = block_rows(r, plan->device);
    r->blocks = (r->rows + r->block - 1) / r->block;
    r->groups = 1;
    r->stream = weft_gemm_streams(&r->gemm, plan->device, r->rows);
    r->depth_chunk = weft_gemm_depth_chunk(&r->gemm, plan->device, r->block, &partial);
    state->ld = (int64_t)weft_round_up((size_t)r->gemm.depth, WEFT_ROWS_LANES) + WEFT_ROWS_LANES; /* no power of two */
    state->partial_at = weft_round_up(sizeof(float) * (size_t)(r->block * state->ld), WEFT_CACHE_LINE);
    plan->thread_scratch += state->partial_at + partial;
    return WEFT_OK;
}

typedef struct task {
    const weft_gemm_affine *state;
    const weft_call *call;
    const weft_affine *of;
    weft_gemm_block block; /* of the first row */
} task;

static void run_block(void *arg, int64_t index, int thread)
{
    const task *t = arg;
    const weft_gemm_rows *r = &t->state->rows;
    const int64_t first = index * r->block, left = r->rows - first;
    float *const scratch = weft_call_thread_scratch(t->call, thread);
    weft_affine fill = *t->of;
    weft_gemm_block b = t->block;
    fill.x += first * fill.x_ld;
    fill.y = scratch;
    fill.y_ld = t->state->ld;
    fill.rows = b.pixels = left < r->block ? left : r->block;
    weft_rows_of(t->call->device)->affine(&fill);

    weft_gemm_then(&r->gemm, 1, 0, 0, 1, &b);
    b.a = scratch;
    b.c += first * b.c_row;
    if (b.residual)
        b.residual += first * b.r_row;
    if (b.depth_chunk)
        b.partial = weft_at(scratch, t->state->partial_at);
    r->gemm.table->block(&b);
}

void weft_gemm_affine_run(const weft_gemm_affine *state, const weft_call *call, const weft_affine *of)
{
    const weft_gemm_rows *r = &state->rows;
    const weft_gemm_taps taps = { .h = 1, .w = 1, .run = r->gemm.depth };
    task t = { state, call, of, weft_gemm_block_of(&r->gemm, call, &taps, r->bias_at) };
    t.block.a_row = state->ld;
    t.block.stream = r->stream && weft_gemm_may_stream(call);
    t.block.depth_chunk = r->depth_chunk;
    weft_pool_run(call->device->pool, r->blocks, run_block, &t);
}
