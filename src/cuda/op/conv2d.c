/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d on CUDA: own kernel for depthwise ones, cuDNN for the rest and an own one behind it; a pool that follows is
 * part of cuDNN's plan, or a launch of its own where cuDNN has no engine for both. */
#include "cuda/part/part.h"

/* ---- depthwise ---- */

static const char *refuse_depthwise(const weft_node *node, const weft_device *device)
{
    (void)device;
    return weft_part_is_depthwise(node) ? NULL : "not depthwise: groups, inputs and outputs must be equally many";
}

static weft_status prepare_depthwise(const weft_node *node, weft_plan *plan)
{
    weft_part_conv2d_depthwise *depthwise = plan->state = weft_arena_alloc(plan->arena, sizeof *depthwise);
    if (!depthwise)
        return WEFT_NO_MEMORY;
    weft_part_conv2d_depthwise_prepare(depthwise, node, plan);
    weft_part_conv2d_depthwise_plan_pack(depthwise, plan);
    return WEFT_OK;
}

/* The node's own parameters. */
static const weft_view *params_of(const weft_call *call)
{
    return call->in + weft_node_first_param(call->node);
}

static weft_status pack_depthwise(const weft_call *call)
{
    return weft_part_conv2d_depthwise_pack(call->state, call, params_of(call), call->packed);
}

static weft_part_io io_of(const weft_call *call)
{
    weft_part_io io = { .call = call, .x = weft_kview_of(&call->in[0]), .y = weft_kview_of(&call->out[0]),
                        .packed = call->packed, .workspace = call->scratch };
    if (call->node->epi.residual)
        io.residual = weft_kview_of(&call->in[call->node->n_in - 1]);
    return io;
}

static weft_status run_depthwise(const weft_call *call)
{
    const weft_part_io io = io_of(call);
    return weft_part_conv2d_depthwise_run(call->state, &io, NULL);
}

static int launches_depthwise(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    (void)node;
    weft_part_conv2d_depthwise_cost(plan->state, false, out);
    return 1;
}

static const weft_kernel depthwise = {
    .name = "cuda.conv2d.depthwise", .refuse = refuse_depthwise, .prepare = prepare_depthwise, .pack = pack_depthwise,
    .run = run_depthwise, .launches = launches_depthwise,
};

/* ---- cuDNN ---- */

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_part_pitch pitch = weft_part_pitch_of(node, plan);
    weft_part_conv2d *conv = plan->state = weft_arena_alloc(plan->arena, sizeof *conv);
    if (!conv)
        return WEFT_NO_MEMORY;
    WEFT_TRY(weft_part_conv2d_prepare(conv, node, &pitch, plan));
    weft_part_conv2d_plan_pack(conv, plan);
    plan->scratch = conv->workspace;
    plan->error_factor = weft_part_conv2d_error_factor(conv);
    return WEFT_OK;
}

static weft_status pack(const weft_call *call)
{
    return weft_part_conv2d_pack(call->state, call, params_of(call), call->packed);
}

static weft_status run(const weft_call *call)
{
    const weft_part_io io = io_of(call);
    return weft_part_conv2d_run(call->state, &io);
}

static int launches(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    (void)node;
    weft_part_conv2d_cost(plan->state, plan->device, out);
    return 1;
}

static const char *refuse_pooled(const weft_node *node, const weft_device *device)
{
    (void)device;
    return node->pool ? "a pool is to ride along" : NULL;
}

static const weft_kernel cudnn = {
    .name = "cuda.conv2d.cudnn", .refuse = refuse_pooled, .prepare = prepare, .pack = pack, .run = run,
    .launches = launches,
};

/* ---- cuDNN, with a pool behind ---- */

/* conv is the first, so that pack serves both kernels. */
typedef struct pooled {
    weft_part_conv2d conv;
    weft_node alone; /* conv's node where the pool is a launch of its own */
    bool apart;
} pooled;

/* cuDNN has no engine for both: the map goes through memory. */
static weft_status prepare_apart(pooled *p, const weft_node *node, weft_plan *plan)
{
    weft_part_pitch pitch = weft_part_pitch_of(node, plan);
    p->apart = true;
    p->alone = *node;
    p->alone.out = node->map;
    p->alone.pool = NULL;
    pitch.y = node->map->dim[3];
    pitch.y_align = 0;
    WEFT_TRY(weft_part_conv2d_prepare(&p->conv, &p->alone, &pitch, plan));
    plan->buffer[0] = (weft_buffer){ (size_t)weft_tensor_bytes(node->map, plan->device->dtype), 0, WEFT_PHASES - 1 };
    return WEFT_OK;
}

static weft_status prepare_pooled(const weft_node *node, weft_plan *plan)
{
    const weft_part_pitch pitch = weft_part_pitch_of(node, plan);
    pooled *p = plan->state = weft_arena_alloc(plan->arena, sizeof *p);
    if (!p)
        return WEFT_NO_MEMORY;
    weft_status status = weft_part_conv2d_prepare(&p->conv, node, &pitch, plan);
    if (status == WEFT_UNSUPPORTED)
        status = prepare_apart(p, node, plan);
    weft_part_conv2d_plan_pack(&p->conv, plan);
    plan->scratch = p->conv.workspace;
    plan->error_factor = weft_part_conv2d_error_factor(&p->conv);
    return status;
}

/* The convolution into a map of its own, then the pool. */
static weft_status run_both(const weft_call *call, const weft_part_conv2d *conv, void *memory)
{
    const weft_node *node = call->node;
    const weft_kview map = { memory, node->map->dim[3] };
    weft_part_io io = io_of(call);
    io.y = map;
    WEFT_TRY(weft_part_conv2d_run(conv, &io));
    const weft_pool2d_args args = {
        .dtype = node->out_dtype[0], .kind = WEFT_POOL_MAX, .x = map, .y = weft_kview_of(&call->out[0]),
        .win = weft_cuda_pool_window(node->pool, node->map, &node->out[0]), .c = (int)node->map->dim[3],
    };
    return weft_cuda_launched(call, weft_launch_pool2d(&args, weft_cuda_stream_of(call)));
}

/* No plan for both runs, though one was built: the own kernels, and memory for the map that nobody planned. */
static weft_status run_without_plan(const weft_call *call, const weft_part_conv2d *conv)
{
    weft_node alone = *call->node;
    alone.out = call->node->map;
    alone.pool = NULL;
    weft_part_conv2d own = *conv;
    own.node = &alone;
    own.own = true;
    void *map;
    WEFT_TRY(weft_cuda_plan_spare(call->device, conv->plan, (size_t)weft_tensor_bytes(alone.out, conv->dtype), &map));
    return run_both(call, &own, map);
}

static weft_status run_pooled(const weft_call *call)
{
    const pooled *p = call->state;
    if (p->apart)
        return run_both(call, &p->conv, call->buffer[0]);
    const weft_part_io io = io_of(call);
    const weft_status status = weft_part_conv2d_run(&p->conv, &io);
    return status == WEFT_UNSUPPORTED ? run_without_plan(call, &p->conv) : status;
}

static int launches_pooled(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    const pooled *p = plan->state;
    weft_part_conv2d_cost(&p->conv, plan->device, &out[0]);
    if (!p->apart)
        return 1;
    const double size = (double)weft_dtype_size(p->conv.dtype);
    out[1] = (weft_kernel_cost){ .what = "pool", .core = (double)weft_shape_count(node->map),
                                 .read = (double)weft_shape_count(node->map) * size,
                                 .written = (double)weft_shape_count(&node->out[0]) * size };
    return 2;
}

static const weft_kernel cudnn_pool = {
    .name = "cuda.conv2d.cudnn_pool", .prepare = prepare_pooled, .pack = pack, .run = run_pooled,
    .launches = launches_pooled,
};

const weft_kernel *const weft_cuda_conv2d[] = { &depthwise, &cudnn, &cudnn_pool, NULL };
