/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d on CUDA: own kernel for depthwise ones, cuDNN for the rest, and a plain own kernel for what cuDNN has no
 * engine for. */
#include "cuda/part.h"
#include "tensor/cast.h"

/* ---- depthwise ---- */

static const char *refuse_depthwise(const weft_node *node, const weft_device *device)
{
    (void)device;
    return weft_cuda_is_depthwise(node) ? NULL : "not depthwise: groups, inputs and outputs must be equally many";
}

static weft_status prepare_depthwise(const weft_node *node, weft_plan *plan)
{
    weft_cuda_depthwise *depthwise = plan->state = weft_arena_alloc(plan->arena, sizeof *depthwise);
    if (!depthwise)
        return WEFT_NO_MEMORY;
    weft_cuda_depthwise_prepare(depthwise, node, plan);
    plan->packed = depthwise->bytes;
    return WEFT_OK;
}

static weft_status load_depthwise(const weft_node *node, const weft_plan *plan, const float *const *param, void *packed)
{
    char *host;
    (void)node;
    WEFT_TRY(weft_cuda_pack_begin(plan, &host));
    weft_cuda_depthwise_load(plan->state, param, host);
    return weft_cuda_pack_end(plan, host, packed);
}

static weft_cuda_io io_of(const weft_call *call)
{
    weft_cuda_io io = { .call = call, .x = weft_kview_of(&call->in[0]), .y = weft_kview_of(&call->out[0]),
                        .packed = call->packed, .workspace = call->scratch };
    if (call->node->epi.residual)
        io.residual = weft_kview_of(&call->in[call->node->n_in - 1]);
    return io;
}

static weft_status run_depthwise(const weft_call *call)
{
    const weft_cuda_io io = io_of(call);
    return weft_cuda_depthwise_run(call->state, &io, NULL);
}

static int launches_depthwise(const weft_node *node, const weft_plan *plan, weft_launch *out)
{
    (void)node;
    weft_cuda_depthwise_launch(plan->state, false, out);
    return 1;
}

static const weft_kernel depthwise = {
    .name = "cuda.conv2d.depthwise", .refuse = refuse_depthwise, .prepare = prepare_depthwise, .load = load_depthwise,
    .run = run_depthwise, .launches = launches_depthwise,
};

/* ---- cuDNN ---- */

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_cuda_pitch pitch = weft_cuda_pitch_of(node, plan);
    weft_cuda_conv *conv = plan->state = weft_arena_alloc(plan->arena, sizeof *conv);
    if (!conv)
        return WEFT_NO_MEMORY;
    WEFT_TRY(weft_cuda_conv_prepare(conv, node, &pitch, plan));
    plan->packed = conv->bytes;
    plan->scratch = conv->workspace;
    return WEFT_OK;
}

static weft_status load(const weft_node *node, const weft_plan *plan, const float *const *param, void *packed)
{
    char *host;
    (void)node;
    WEFT_TRY(weft_cuda_pack_begin(plan, &host));
    weft_cuda_conv_load(plan->state, param, host);
    return weft_cuda_pack_end(plan, host, packed);
}

static weft_status run(const weft_call *call)
{
    const weft_cuda_io io = io_of(call);
    return weft_cuda_conv_run(call->state, &io);
}

static int launches(const weft_node *node, const weft_plan *plan, weft_launch *out)
{
    (void)node;
    weft_cuda_conv_launch(plan->state, plan->device, out);
    return 1;
}

static const weft_kernel cudnn = {
    .name = "cuda.conv2d.cudnn", .prepare = prepare, .load = load, .run = run, .launches = launches,
};

const weft_kernel *const weft_cuda_conv2d[] = { &depthwise, &cudnn, NULL };
