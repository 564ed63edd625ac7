/* SPDX-License-Identifier: Apache-2.0
 *
 * concat where the planner could not let the producers write into their slices: each input copied into its own, a
 * launch each. Those that lie in place already are left alone. The report counts every copy as a defect. */
#include "cuda/cuda.h"

static char *slice(const weft_call *call, int64_t offset)
{
    return (char *)call->out[0].data + (size_t)offset * weft_dtype_size(call->node->out_dtype[0]);
}

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    int64_t offset = 0;
    for (int i = 0; i < node->n_in; i++) {
        const int64_t channels = weft_shape_channels(&node->in[i]);
        const weft_map_args args = { .dtype = node->in_dtype[0], .y_dtype = node->out_dtype[0],
                                     .x = weft_kview_of(&call->in[i]), .y = { slice(call, offset), call->out[0].ld },
                                     .rows = weft_shape_rows(&node->in[i]), .c = (int)channels };
        if (args.x.data != args.y.data)
            WEFT_TRY(weft_cuda_launched(call, weft_launch_map(&args, weft_cuda_stream_of(call))));
        offset += channels;
    }
    return WEFT_OK;
}

static int launches(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    const int n = node->n_in < WEFT_MAX_LAUNCH ? node->n_in : WEFT_MAX_LAUNCH;
    int moved = 0;
    for (int i = 0; i < n; i++) {
        if (plan->in_place && plan->in_place[i])
            continue;
        const double bytes = weft_tensor_bytes(&node->in[i], node->in_dtype[0]);
        out[moved++] = (weft_kernel_cost){ .what = "copy", .read = bytes, .written = bytes, .copy = true };
    }
    return moved;
}

static const weft_kernel copy = { .name = "cuda.concat.copy", .run = run, .launches = launches };

const weft_kernel *const weft_cuda_concat[] = { &copy, NULL };
