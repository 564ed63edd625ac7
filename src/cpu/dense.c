/* SPDX-License-Identifier: Apache-2.0
 *
 * dense: the product of simd/gemm.h over the batch. Panels are the outer loop, so the weights are read once for all
 * images of a block; at batch 1 the bound is the DRAM's bandwidth over the weights. */
#include "cpu/blas.h"
#include "cpu/gemm_dx.h"
#include "cpu/outer.h"
#include "cpu/ref/ref.h"

static const char *refuse(const weft_node *node, const weft_device *device)
{
    (void)node;
    return weft_gemm_refuse(device);
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    weft_gemm_rows *rows = weft_arena_alloc(plan->arena, sizeof *rows);
    if (!rows)
        return WEFT_NO_MEMORY;
    const int64_t depth = node->in[0].dim[1];
    weft_gemm_init(&rows->gemm, weft_gemm_table_of(plan->device), depth, node->out[0].dim[1]);
    rows->rows = node->in[0].dim[0];
    plan->state = rows;
    return weft_gemm_rows_plan(rows, plan);
}

static weft_status pack(const weft_call *call)
{
    const weft_gemm_rows *rows = call->state;
    weft_gemm_pack(&rows->gemm, call->device, weft_call_param(call, 0), call->packed);
    weft_gemm_pack_bias(&rows->gemm, weft_call_param(call, 1), weft_at(call->packed, rows->bias_at));
    return WEFT_OK;
}

static weft_status run(const weft_call *call)
{
    const weft_gemm_rows *rows = call->state;
    const weft_gemm_taps taps = { .h = 1, .w = 1, .run = rows->gemm.depth };
    weft_gemm_rows_run(rows, call, call->in[0].ld, &taps);
    return WEFT_OK;
}

static const weft_kernel gemm = {
    .name = "cpu.dense.gemm",
    .refuse = refuse,
    .prepare = prepare,
    .pack = pack,
    .run = run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};

static const weft_kernel gemm_dx = {
    .name = "cpu.dense_dx.gemm",
    .refuse = refuse,
    .prepare = weft_gemm_dx_prepare,
    .run = weft_gemm_dx_run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cpu_dense[] = { &gemm, &weft_cpu_dense_openblas, &weft_cpu_dense_ref, NULL };
const weft_kernel *const weft_cpu_dense_dx[] = { &gemm_dx, &weft_cpu_dense_dx_ref, NULL };
const weft_kernel *const weft_cpu_dense_dw[] = { &weft_cpu_dense_dw_outer, &weft_cpu_dense_dw_ref, NULL };
