/* SPDX-License-Identifier: Apache-2.0
 *
 * LeNet-5's C3: own kernel over lists of the input maps that each output map sees. */
#include "cuda/cuda.h"

enum { ALIGN = 16 };

/* Where pack puts weights, bias and the lists; and the lists, which are options and never change. */
typedef struct state {
    size_t bias_at, first_at, channel_at;
    int *first, *channel; /* [out + 1], [links] */
    bool *written;
} state;

/* Links of output map k are channel[first[k]] to channel[first[k + 1] - 1]. */
static void list_links(const weft_partial_conv2d_opt *o, int64_t c, state *s)
{
    int links = 0;
    for (int64_t k = 0; k < o->out; k++) {
        s->first[k] = links;
        for (int64_t i = 0; i < c; i++)
            if (o->table[k * c + i])
                s->channel[links++] = (int)i;
    }
    s->first[o->out] = links;
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_partial_conv2d_opt *o = node->opt;
    const weft_shape *weight = weft_node_param(node, 0);
    const size_t size = weft_dtype_size(plan->device->dtype), links = (size_t)weight->dim[0];
    state *s = plan->state = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    s->first = weft_arena_array(plan->arena, (size_t)o->out + 1, sizeof *s->first);
    s->channel = weft_arena_array(plan->arena, links, sizeof *s->channel);
    s->written = weft_arena_alloc(plan->arena, sizeof *s->written);
    if (!s->first || !s->channel || !s->written)
        return WEFT_NO_MEMORY;
    *s->written = false;
    list_links(o, node->in[0].dim[3], s);
    s->bias_at = weft_round_up((size_t)weft_shape_count(weight) * size, ALIGN);
    s->first_at = s->bias_at + weft_round_up((size_t)o->out * sizeof(float), ALIGN);
    s->channel_at = s->first_at + weft_round_up((size_t)(o->out + 1) * sizeof(int), ALIGN);
    plan->packed = s->channel_at + weft_round_up(links * sizeof(int), ALIGN);
    plan->pack_pieces = 1 + o->bias;
    return WEFT_OK;
}

/* The lists go to the device once: in training this is part of every run, and of its recording. */
static weft_status pack(const weft_call *call)
{
    const weft_partial_conv2d_opt *o = call->node->opt;
    const state *s = call->state;
    const weft_device *device = call->device;
    char *packed = call->packed;
    const int64_t count = weft_shape_count(weft_node_param(call->node, 0));
    WEFT_TRY(weft_cuda_pack_flat(call, &call->in[1], count, device->dtype, packed));
    if (o->bias)
        WEFT_TRY(weft_cuda_pack_flat(call, &call->in[2], o->out, WEFT_F32, packed + s->bias_at));
    if (*s->written)
        return WEFT_OK;
    *s->written = true;
    WEFT_TRY(weft_cuda_write(device, packed + s->first_at, s->first, (size_t)(o->out + 1) * sizeof *s->first));
    return weft_cuda_write(device, packed + s->channel_at, s->channel,
                           (size_t)s->first[o->out] * sizeof *s->channel);
}

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_partial_conv2d_opt *o = node->opt;
    const state *s = call->state;
    const char *packed = call->packed;
    const weft_shape *x = &node->in[0], *y = &node->out[0];
    const weft_partial_conv2d_args args = {
        .dtype = node->in_dtype[0], .x = weft_kview_of(&call->in[0]), .y = weft_kview_of(&call->out[0]),
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
    .name = "cuda.partial_conv2d.table", .prepare = prepare, .pack = pack, .run = run,
};

const weft_kernel *const weft_cuda_partial_conv2d[] = { &table, NULL };
