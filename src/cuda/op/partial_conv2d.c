/* SPDX-License-Identifier: Apache-2.0
 *
 * LeNet-5's C3: own kernel over lists of the input maps that each output map sees. */
#include <string.h>

#include "cuda/cuda.h"
#include "tensor/cast.h"

enum { ALIGN = 16 };

/* Where load puts weights, bias and the lists. */
typedef struct state {
    size_t bias_at, first_at, channel_at;
} state;

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_partial_conv2d_opt *o = node->opt;
    state *s = plan->state = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    const size_t size = weft_dtype_size(plan->device->dtype), links = (size_t)node->param[0].dim[0];
    s->bias_at = weft_round_up((size_t)weft_shape_count(&node->param[0]) * size, ALIGN);
    s->first_at = s->bias_at + weft_round_up((size_t)o->out * sizeof(float), ALIGN);
    s->channel_at = s->first_at + weft_round_up((size_t)(o->out + 1) * sizeof(int), ALIGN);
    plan->packed = s->channel_at + weft_round_up(links * sizeof(int), ALIGN);
    return WEFT_OK;
}

static weft_status load(const weft_node *node, const weft_plan *plan, const float *const *param, void *packed)
{
    const weft_partial_conv2d_opt *o = node->opt;
    const state *s = plan->state;
    const int64_t c = node->in[0].dim[3];
    char *host;
    WEFT_TRY(weft_cuda_pack_begin(plan, &host));
    int *first = (int *)(void *)(host + s->first_at), *channel = (int *)(void *)(host + s->channel_at), links = 0;
    weft_cast_from_f32(plan->device->dtype, param[0], host, weft_shape_count(&node->param[0]));
    if (o->bias)
        memcpy(host + s->bias_at, param[1], (size_t)o->out * sizeof(float));
    for (int64_t k = 0; k < o->out; k++) {
        first[k] = links;
        for (int64_t i = 0; i < c; i++)
            if (o->table[k * c + i])
                channel[links++] = (int)i;
    }
    first[o->out] = links;
    return weft_cuda_pack_end(plan, host, packed);
}

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_partial_conv2d_opt *o = node->opt;
    const state *s = call->state;
    const char *packed = call->packed;
    const weft_shape *x = &node->in[0], *y = &node->out[0];
    const weft_partial_conv2d_args args = {
        .dtype = node->in_dtype, .x = weft_kview_of(&call->in[0]), .y = weft_kview_of(&call->out[0]),
        .win = { .n = (int)x->dim[0], .h = (int)x->dim[1], .w = (int)x->dim[2], .oh = (int)y->dim[1],
                 .ow = (int)y->dim[2], .kernel_h = o->kernel, .kernel_w = o->kernel, .stride_h = 1, .stride_w = 1,
                 .dilation = 1 },
        .k = (int)o->out, .first = weft_cuda_at(packed, s->first_at),
        .channel = weft_cuda_at(packed, s->channel_at), .wt = packed,
        .epi = { .bias = o->bias ? weft_cuda_at(packed, s->bias_at) : NULL, .act = node->epi.act },
    };
    return weft_cuda_launched(call, weft_launch_partial_conv2d(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel table = {
    .name = "cuda.partial_conv2d.table", .prepare = prepare, .load = load, .run = run,
};

const weft_kernel *const weft_cuda_partial_conv2d[] = { &table, NULL };
