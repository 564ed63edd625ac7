/* SPDX-License-Identifier: Apache-2.0
 *
 * dx = dy x W + residual over rows (gemm_dx.h): dense_dx, and conv2d_dx of a 1x1 convolution. Packing copies rows of W
 * piece by piece into the panels: 4 bytes read and written for each weight, against 2 * rows operations. */
#include "cpu/gemm_dx.h"

#include "cpu/rows.h"

enum { PACK_ROWS = 16 }; /* of an item */

weft_status weft_gemm_dx_prepare(const weft_node *node, weft_plan *plan)
{
    weft_gemm_rows *rows = weft_arena_alloc(plan->arena, sizeof *rows);
    if (!rows)
        return WEFT_NO_MEMORY;
    plan->state = rows;
    weft_gemm_init(&rows->gemm, weft_gemm_table_of(plan->device), weft_shape_channels(&node->in[0]),
                   weft_shape_channels(&node->out[0]));
    rows->rows = weft_shape_rows(&node->out[0]);
    WEFT_TRY(weft_gemm_rows_plan(rows, plan));
    plan->scratch = plan->packed;
    plan->packed = 0;
    return WEFT_OK;
}

static void pack_item(void *arg, int64_t item, int thread)
{
    const weft_call *call = arg;
    const weft_gemm_rows *rows = call->state;
    const weft_gemm *g = &rows->gemm;
    const int64_t first = item * PACK_ROWS, last = g->depth - first < PACK_ROWS ? g->depth : first + PACK_ROWS;
    (void)thread;
    for (int64_t k = first; k < last; k++)
        weft_gemm_pack_row(g, k, weft_row(&call->in[1], k), 0, g->columns, call->packed);
    if (item == 0)
        weft_gemm_pack_bias(g, NULL, weft_at(call->packed, rows->bias_at));
}

void weft_gemm_dx_pack(const weft_call *call)
{
    const weft_gemm_rows *rows = call->state;
    weft_call packed = *call;
    packed.packed = call->scratch;
    weft_pool_run(call->device->pool, (rows->gemm.depth + PACK_ROWS - 1) / PACK_ROWS, pack_item, &packed);
}

weft_gemm_block weft_gemm_dx_block(const weft_call *call, const weft_gemm_taps *taps)
{
    const weft_gemm_rows *rows = call->state;
    weft_call packed = *call;
    packed.packed = call->scratch;
    return weft_gemm_block_of(&rows->gemm, &packed, taps, rows->bias_at);
}

weft_status weft_gemm_dx_run(const weft_call *call)
{
    const weft_gemm_rows *rows = call->state;
    const weft_gemm_taps taps = { .h = 1, .w = 1, .run = rows->gemm.depth };
    weft_call packed = *call;
    packed.packed = call->scratch;
    weft_gemm_dx_pack(call);
    weft_gemm_rows_run(rows, &packed, call->in[0].ld, &taps);
    return WEFT_OK;
}
