/* SPDX-License-Identifier: Apache-2.0
 *
 * dense_dw: outer products of dy and x over the images (outer.h), as of a 1x1 convolution. At batch 32 a large layer is
 * bound by writing its weights' gradient. */
#include "cpu/machine.h"
#include "cpu/outer.h"

static const char *refuse(const weft_node *node, const weft_device *device)
{
    (void)node;
    return weft_simd_refuse(device);
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    weft_outer *outer = weft_arena_alloc(plan->arena, sizeof *outer);
    const int64_t batch = node->in[0].dim[0];
    const weft_outer_shape shape = {
        .images = 1, .h = 1, .w = batch, .c = node->in[0].dim[1], .oh = 1, .ow = batch, .k = node->in[1].dim[1],
        .groups = 1,
        .kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation = 1,
    };
    if (!outer)
        return WEFT_NO_MEMORY;
    plan->state = outer;
    return weft_outer_plan(outer, &shape, plan);
}

static weft_status run(const weft_call *call)
{
    weft_outer_run(call->state, call);
    return WEFT_OK;
}

const weft_kernel weft_cpu_dense_dw_outer = {
    .name = "cpu.dense_dw.outer", .refuse = refuse, .prepare = prepare, .run = run,
};
