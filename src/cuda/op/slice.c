/* SPDX-License-Identifier: Apache-2.0
 *
 * slice where the planner could not let readers read it where it lies: a copy of some channels. */
#include "cuda/cuda.h"
#include "op/util.h"

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_slice_opt *o = node->opt;
    const size_t offset = (size_t)o->first * weft_dtype_size(node->in_dtype[0]);
    const weft_map_args args = { .dtype = node->in_dtype[0], .y_dtype = node->out_dtype[0],
                                 .x = { (char *)call->in[0].data + offset, call->in[0].ld },
                                 .y = weft_kview_of(&call->out[0]), .rows = weft_shape_rows(&node->out[0]),
                                 .c = (int)o->count };
    return weft_cuda_launched(call, weft_launch_map(&args, weft_cuda_stream_of(call)));
}

static int launches(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    const double count = (double)weft_shape_count(&node->out[0]);
    (void)plan;
    *out = (weft_kernel_cost){ .what = "copy", .read = count * (double)weft_dtype_size(node->in_dtype[0]),
                               .written = count * (double)weft_dtype_size(node->out_dtype[0]), .copy = true };
    return 1;
}

static const weft_kernel copy = { .name = "cuda.slice.copy", .run = run, .launches = launches };

const weft_kernel *const weft_cuda_slice[] = { &copy, NULL };
