/* SPDX-License-Identifier: Apache-2.0
 *
 * preact_conv: 1x1 convolutions whose rows are normalised into the thread's scratch a block at a time
 * (gemm_affine.h). Scale and shift lie behind the packed weights; both have the bits that batch_norm's and conv2d's
 * kernels give them. */
#include "op/preact_conv.h"

#include "cpu/batch_norm.h"
#include "cpu/conv2d.h"
#include "cpu/gemm_affine.h"
#include "cpu/ref/ref.h"
#include "op/util.h"

typedef struct state {
    weft_gemm_affine product;
    size_t scale_at; /* bytes of packed before scale, and then shift */
} state;

/* The parts as calls. Points into itself: it must not be copied. */
typedef struct calls {
    weft_preact_parts parts;
    weft_view conv_in[1 + 2 + 1];
    weft_call norm, conv; /* the convolution's x has no memory */
} calls;

static void split(const weft_call *call, calls *c)
{
    const state *s = call->state;
    weft_preact_split(call->node, &c->parts);
    c->conv_in[0] = (weft_view){ NULL, s->product.ld };
    for (int i = 1; i < c->parts.conv.n_in; i++)
        c->conv_in[i] = call->in[c->parts.norm.n_in + i - 1];
    c->norm = c->conv = *call;
    c->norm.node = &c->parts.norm;
    c->conv.node = &c->parts.conv;
    c->conv.in = c->conv_in;
    c->conv.state = &s->product.rows;
}

static weft_gemm product_of(const weft_node *node, const weft_device *device)
{
    weft_gemm gemm;
    weft_gemm_init(&gemm, weft_gemm_table_of(device), weft_shape_channels(&node->in[0]),
                   weft_shape_channels(&node->out[0]));
    return gemm;
}

static const char *refuse(const weft_node *node, const weft_device *device)
{
    if (!weft_is_pointwise(&((const weft_preact_conv_opt *)node->opt)->conv))
        return "not 1x1 with stride 1 and one group";
    const char *const reason = weft_gemm_refuse(device);
    if (reason)
        return reason;
    const weft_gemm gemm = product_of(node, device);
    return weft_gemm_affine_refuse(&gemm, device, weft_shape_rows(&node->in[0]));
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const int64_t channels = weft_shape_channels(&node->in[0]);
    state *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    s->product.rows = (weft_gemm_rows){ .gemm = product_of(node, plan->device),
                                        .rows = weft_shape_rows(&node->in[0]) };
    WEFT_TRY(weft_gemm_affine_plan(&s->product, plan));
    s->scale_at = weft_round_up(plan->packed, WEFT_CACHE_LINE);
    plan->packed = s->scale_at + 2 * sizeof(float) * (size_t)channels;
    plan->pack_scratch = 2 * sizeof(double) * (size_t)channels;
    return WEFT_OK;
}

static weft_status pack(const weft_call *call)
{
    const state *s = call->state;
    const int64_t channels = weft_shape_channels(&call->node->in[0]);
    const double *const scales = call->scratch;
    float *const to = weft_at(call->packed, s->scale_at);
    calls c;
    split(call, &c);
    weft_batch_norm_scales(&c.norm, call->scratch);
    for (int64_t i = 0; i < 2 * channels; i++)
        to[i] = (float)scales[i];
    return weft_cpu_conv2d_pointwise.pack(&c.conv);
}

static weft_status run(const weft_call *call)
{
    const state *s = call->state;
    const int64_t channels = weft_shape_channels(&call->node->in[0]);
    const float *const scale = weft_at_const(call->packed, s->scale_at);
    calls c;
    split(call, &c);
    const weft_affine norm = { .x = call->in[0].data, .x_ld = call->in[0].ld, .scale = scale,
                               .shift = scale + channels, .channels = channels, .act = c.parts.norm.epi.act };
    weft_gemm_affine_run(&s->product, &c.conv, &norm);
    return WEFT_OK;
}

static const weft_kernel rows = {
    .name = "cpu.preact_conv.rows", .refuse = refuse, .prepare = prepare, .pack = pack, .run = run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cpu_preact_conv[] = { &rows, &weft_cpu_preact_conv_ref, NULL };
