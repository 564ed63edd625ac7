/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of a convolution by one cuDNN plan each; where cuDNN has none, or none that runs, the direct kernels.
 *
 * dx: the residual, another gradient of x, is part of the plan, but not in strict fp32: there cuDNN has precompiled
 * engines only for the gradient alone, and of such sums its fp32 engines were seen to add another tensor than they were
 * given (part/conv2d.c). It is then added by a launch of its own.
 * dw: cuDNN computes it in the type of x and dy (fp32 from 16 bits is offered on no card), dense, and for the channels
 * that pad an image, too. Where that is not what the op gives (pass/types.c), a launch makes it so; another after the
 * direct kernel, which gives floats. */
#include "cuda/part/conv_grad.h"

#include "op/conv2d.h"

/* Of the plan's buffers. */
enum { FIRST, SECOND, WHOLE /* dw of cuDNN, or the direct kernel's parts, and behind them its dw */ };

weft_kwindow weft_part_conv2d_grad_window(const weft_node *node)
{
    const weft_conv2d_grad_opt *o = node->opt;
    const weft_shape *dy = &node->in[node->id == WEFT_OP_CONV2D_DX ? 0 : 1];
    return (weft_kwindow){ .n = (int)dy->dim[0], .h = (int)o->h, .w = (int)o->w, .oh = (int)dy->dim[1],
                           .ow = (int)dy->dim[2], .kernel_h = o->conv.kernel_h, .kernel_w = o->conv.kernel_w,
                           .stride_h = o->conv.stride_h, .stride_w = o->conv.stride_w, .dilation = o->conv.dilation,
                           .pad = o->conv.pad };
}

enum { ALIGN = 16 };

static bool is_dx(const weft_part_conv2d_grad *g)
{
    return g->kind == WEFT_DNN_DGRAD;
}

static void describe(const weft_part_conv2d_grad *g, weft_dnn_graph *graph)
{
    const weft_conv2d_grad_opt *o = g->node->opt;
    const weft_conv2d_opt *v = &o->conv;
    const weft_part_operand *dy = is_dx(g) ? &g->first : &g->second;
    const weft_dnn_conv d = {
        .name = g->node->name, .dtype = g->dtype, .n = g->node->in[0].dim[0], .h = o->h, .w = o->w, .c = g->channels,
        .k = v->out, .groups = v->groups, .x_ld = is_dx(g) ? g->pitch.y : g->first.ld, .y_ld = dy->ld,
        .residual_ld = g->pitch.residual, .x_align = is_dx(g) ? g->pitch.y_align : g->first.align, .y_align = dy->align,
        .residual_align = g->pitch.residual_align, .r = v->kernel_h, .s = v->kernel_w,
        .window = { .stride_h = v->stride_h, .stride_w = v->stride_w, .dilation_h = v->dilation,
                    .dilation_w = v->dilation, .top = v->pad.top, .bottom = v->pad.bottom, .left = v->pad.left,
                    .right = v->pad.right },
        .residual = g->node->epi.residual && !g->apart,
    };
    weft_dnn_conv_grad_graph(&d, g->kind, graph);
}

/* What cuDNN is asked for: described, noted, or built. */
static weft_status ask(weft_part_conv2d_grad *g, const weft_plan *plan)
{
    weft_dnn_graph *graph = weft_alloc(plan->device->allocator, sizeof *graph);
    if (!graph)
        return WEFT_NO_MEMORY;
    describe(g, graph);
    g->hash = weft_dnn_graph_hash(graph);
    const weft_status status = plan->build     ? weft_cuda_plan_for(plan->device, graph, &g->plan)
                               : plan->collect ? weft_cuda_plan_want(plan->device, graph)
                                               : weft_dnn_graph_check(graph);
    weft_free(plan->device->allocator, graph);
    return status;
}

/* cuDNN's plan, with the residual or else without; own: there is none. */
static weft_status find_plan(weft_part_conv2d_grad *g, const weft_plan *plan)
{
    weft_status status = ask(g, plan);
    if (status == WEFT_UNSUPPORTED && g->node->epi.residual && !g->apart) {
        g->apart = true;
        status = ask(g, plan);
    }
    g->own = status == WEFT_UNSUPPORTED;
    g->apart = g->apart && !g->own;
    g->workspace = g->plan ? g->plan->workspace : 0;
    return g->own ? WEFT_OK : status;
}

/* ---- own kernels ---- */

static weft_conv2d_dw_args dw_args_of(const weft_part_conv2d_grad *g)
{
    const weft_conv2d_grad_opt *o = g->node->opt;
    return (weft_conv2d_dw_args){ .dtype = g->dtype, .win = weft_part_conv2d_grad_window(g->node), .c = (int)o->c,
                                  .k = (int)o->conv.out, .groups = (int)o->conv.groups };
}

/* Of the direct kernel's parts. */
static size_t parts_bytes(const weft_part_conv2d_grad *g)
{
    const weft_conv2d_dw_args args = dw_args_of(g);
    return is_dx(g) ? 0 : weft_round_up((size_t)weft_conv2d_dw_floats(&args) * sizeof(float), ALIGN);
}

static bool is_short(const weft_part_conv2d_grad *g)
{
    return weft_node_out_dtype(g->node, 0) != WEFT_F32;
}

/* And of its dw, where that is not what the op gives. */
static size_t own_bytes(const weft_part_conv2d_grad *g)
{
    const bool apart = !is_dx(g) && is_short(g);
    return parts_bytes(g) + (apart ? (size_t)weft_shape_count(&g->node->out[0]) * sizeof(float) : 0);
}

/* dw as it was computed, as the op gives it. */
static weft_status convert(const weft_part_conv2d_grad *g, const weft_call *call, weft_dtype dtype, weft_kview dw)
{
    const weft_shape *shape = &call->node->out[0];
    const weft_map_args args = { .dtype = dtype, .y_dtype = weft_node_out_dtype(g->node, 0), .x = dw,
                                 .y = weft_kview_of(&call->out[0]), .rows = weft_shape_rows(shape),
                                 .c = (int)shape->dim[3] };
    return weft_cuda_launched(call, weft_launch_map(&args, weft_cuda_stream_of(call)));
}

/* memory: of own_bytes. */
static weft_status run_own_dw(const weft_part_conv2d_grad *g, const weft_call *call, weft_kview x, weft_kview dy,
                              void *memory)
{
    weft_conv2d_dw_args args = dw_args_of(g);
    args.x = x;
    args.dy = dy;
    args.scratch = memory;
    args.dw = is_short(g) ? (weft_kview){ (char *)memory + parts_bytes(g), g->node->out[0].dim[3] }
                          : weft_kview_of(&call->out[0]);
    WEFT_TRY(weft_cuda_launched(call, weft_launch_conv2d_dw(&args, weft_cuda_stream_of(call))));
    return is_short(g) ? convert(g, call, WEFT_F32, args.dw) : WEFT_OK;
}

static weft_kview residual_of(const weft_call *call)
{
    const weft_kview none = { NULL, 0 };
    return call->node->epi.residual ? weft_kview_of(&call->in[call->node->n_in - 1]) : none;
}

static weft_status run_own_dx(const weft_part_conv2d_grad *g, const weft_call *call, weft_kview dy, weft_kview weight)
{
    const weft_conv2d_grad_opt *o = g->node->opt;
    const weft_conv2d_dx_args args = {
        .dtype = g->dtype, .dy = dy, .dx = weft_kview_of(&call->out[0]), .residual = residual_of(call),
        .win = weft_part_conv2d_grad_window(g->node), .c = (int)o->c, .k = (int)o->conv.out,
        .groups = (int)o->conv.groups, .wt = weight.data,
    };
    return weft_cuda_launched(call, weft_launch_conv2d_dx(&args, weft_cuda_stream_of(call)));
}

/* ---- the piece ---- */

static void find_pitch(weft_part_conv2d_grad *g, const weft_plan *plan)
{
    g->pitch = weft_part_pitch_of(g->node, plan);
    if (!g->node->epi.residual)
        g->pitch.residual = g->pitch.residual_align = 0;
}

/* Bytes of dw as cuDNN writes it. */
static size_t whole_bytes(const weft_part_conv2d_grad *g)
{
    const weft_conv2d_opt *v = &((const weft_conv2d_grad_opt *)g->node->opt)->conv;
    return (size_t)(v->out * v->kernel_h * v->kernel_w * (g->channels / v->groups)) * weft_dtype_size(g->dtype);
}

/* Of cuDNN's engines. Those of dw in fp32 say of themselves neither Winograd nor tensor cores, and err up to three
 * times as much as sums of so many terms may (on an H200; cuDNN 9.19, its engines 0 and 67). */
static double error_factor(const weft_part_conv2d_grad *g, const weft_plan *plan)
{
    enum { OF_DW = 4 };
    if (!g->plan)
        return 0;
    if (weft_dnn_plan_info(g->plan->dnn)->notes & (WEFT_DNN_WINOGRAD | WEFT_DNN_FFT))
        return WEFT_WINOGRAD_ERROR_FACTOR;
    return !is_dx(g) && plan->device->precision == WEFT_PRECISION_FP32 ? OF_DW : 0;
}

weft_status weft_part_conv2d_grad_prepare(weft_part_conv2d_grad *g, const weft_node *node, weft_dnn_kind kind,
                                          weft_plan *plan)
{
    const weft_conv2d_grad_opt *o = node->opt;
    *g = (weft_part_conv2d_grad){ .node = node, .kind = kind, .dtype = plan->device->dtype, .channels = o->c };
    weft_part_operand_prepare(&g->first, node, plan, 0, false);
    weft_part_operand_prepare(&g->second, node, plan, 1, is_dx(g));
    if (is_dx(g))
        weft_part_operand_plan_pack(&g->second, plan);
    find_pitch(g, plan);
    g->apart = is_dx(g) && node->epi.residual && plan->device->precision == WEFT_PRECISION_FP32;
    if (!is_dx(g)) {
        if (plan->in_channels && o->conv.groups == 1 && g->first.bytes == 0)
            g->channels = plan->in_channels;
        g->widens = g->dtype != weft_node_out_dtype(node, 0) || g->channels != o->c ||
                    g->pitch.y != o->c / o->conv.groups || g->pitch.y_align % 16 != 0;
    }
    WEFT_TRY(find_plan(g, plan));
    g->widens = g->widens && !g->own;
    const size_t bytes[] = { [FIRST] = g->first.bytes, [SECOND] = g->second.bytes,
                             [WHOLE] = g->own ? own_bytes(g) : g->widens ? whole_bytes(g) : 0 };
    for (int i = 0; i < WEFT_COUNT(bytes); i++)
        if (bytes[i] > 0)
            plan->buffer[i] = (weft_buffer){ bytes[i], 0, WEFT_PHASES - 1 };
    plan->scratch = g->workspace;
    plan->error_factor = error_factor(g, plan);
    return WEFT_OK;
}

/* dx += the residual. */
static weft_status add_residual(const weft_part_conv2d_grad *g, const weft_call *call)
{
    const weft_kview dx = weft_kview_of(&call->out[0]);
    const weft_map_args args = { .dtype = g->dtype, .y_dtype = g->dtype, .x = dx, .y = dx, .b = residual_of(call),
                                 .rows = weft_shape_rows(&call->node->out[0]), .c = (int)g->channels };
    return weft_cuda_launched(call, weft_launch_map(&args, weft_cuda_stream_of(call)));
}

static weft_status run_dx(const weft_part_conv2d_grad *g, const weft_call *call, weft_kview dy, weft_kview weight)
{
    if (g->own)
        return run_own_dx(g, call, dy, weight);
    const bool residual = call->node->epi.residual && !g->apart;
    const weft_dnn_binding binding[] = {
        { WEFT_DNN_Y, dy.data },
        { WEFT_DNN_WEIGHT, weight.data },
        { WEFT_DNN_X, call->out[0].data },
        { WEFT_DNN_RESIDUAL, residual_of(call).data },
    };
    const weft_status status = weft_cuda_plan_run(call->device, g->plan, binding, residual ? 4 : 3, call->scratch);
    if (status == WEFT_UNSUPPORTED)
        return run_own_dx(g, call, dy, weight);
    return status == WEFT_OK && g->apart ? add_residual(g, call) : status;
}

/* No plan runs, though one was built: the direct kernel, and memory for its parts that nobody planned. */
static weft_status run_without_plan(const weft_part_conv2d_grad *g, const weft_call *call, weft_kview x, weft_kview dy)
{
    void *parts = NULL;
    const size_t bytes = own_bytes(g);
    if (bytes > 0)
        WEFT_TRY(weft_cuda_plan_spare(call->device, g->plan, bytes, &parts));
    return run_own_dw(g, call, x, dy, parts);
}

static weft_status run_dw(const weft_part_conv2d_grad *g, const weft_call *call, weft_kview x, weft_kview dy)
{
    if (g->own)
        return run_own_dw(g, call, x, dy, call->buffer[WHOLE]);
    const weft_dnn_binding binding[] = {
        { WEFT_DNN_X, x.data },
        { WEFT_DNN_Y, dy.data },
        { WEFT_DNN_WEIGHT, g->widens ? call->buffer[WHOLE] : call->out[0].data },
    };
    const weft_status status = weft_cuda_plan_run(call->device, g->plan, binding, 3, call->scratch);
    if (status == WEFT_UNSUPPORTED)
        return run_without_plan(g, call, x, dy);
    const int64_t groups = ((const weft_conv2d_grad_opt *)g->node->opt)->conv.groups;
    const weft_kview whole = { call->buffer[WHOLE], g->channels / groups };
    return status == WEFT_OK && g->widens ? convert(g, call, g->dtype, whole) : status;
}

weft_status weft_part_conv2d_grad_run(const weft_part_conv2d_grad *g, const weft_call *call)
{
    weft_kview first, second;
    WEFT_TRY(weft_part_operand_run(&g->first, call, call->buffer[FIRST], &first));
    WEFT_TRY(weft_part_operand_run(&g->second, call, call->buffer[SECOND], &second));
    return is_dx(g) ? run_dx(g, call, first, second) : run_dw(g, call, first, second);
}

/* As the convolution's own plan (part/conv2d.c). */
static bool on_tensor_cores(const weft_part_conv2d_grad *g, const weft_device *device)
{
    const weft_conv2d_opt *v = &((const weft_conv2d_grad_opt *)g->node->opt)->conv;
    const int64_t c = g->channels / v->groups, k = v->out / v->groups;
    if (device->precision == WEFT_PRECISION_FP32 || g->own)
        return false;
    if (weft_cuda_of(device)->target.sm < 80)
        return v->groups == 1 && c % 8 == 0 && k % 8 == 0;
    return v->groups == 1 || (c >= 32 && c % 8 == 0 && k % 8 == 0);
}

int weft_part_conv2d_grad_cost(const weft_part_conv2d_grad *g, const weft_device *device, weft_kernel_cost *out)
{
    const weft_node *node = g->node;
    const double products = 2 * node->op->cost(node).macs, size = (double)weft_dtype_size(g->dtype);
    const weft_dtype gives = weft_node_out_dtype(node, 0);
    const double dw = (double)whole_bytes(g), wide = weft_tensor_bytes(&node->out[0], gives);
    const double y = weft_tensor_bytes(&node->out[0], g->dtype);
    const bool fast = on_tensor_cores(g, device);
    const bool residual = node->epi.residual && !g->apart, after = g->own && !is_dx(g) && is_short(g);
    int n = weft_part_operand_cost(&g->first, 0, out);
    n = weft_part_operand_cost(&g->second, n, out);
    weft_kernel_cost *k = &out[n++];
    *k = (weft_kernel_cost){ .what = n > 1 || g->apart || g->widens || after ? "gradient" : NULL,
                             .tensor_core = fast ? products : 0, .core = fast ? 0 : products,
                             .read = (double)weft_shape_count(&node->in[0]) * size, .workspace = g->workspace,
                             .plan = g->own ? 0 : g->hash };
    if (is_dx(g)) {
        k->weights = dw;
        k->read += residual ? y : 0;
        k->written = y;
    } else {
        k->read += (double)weft_shape_count(&node->in[1]) * size;
        k->written = g->widens ? dw : after ? 2 * wide : wide;
    }
    if (g->apart)
        out[n++] = (weft_kernel_cost){ .what = "add", .read = 2 * y, .written = y };
    if (g->widens)
        out[n++] = (weft_kernel_cost){ .what = "convert", .read = dw, .written = wide, .cast = g->dtype != gives,
                                       .copy = g->dtype == gives };
    if (after)
        out[n++] = (weft_kernel_cost){ .what = "convert", .read = 2 * wide, .written = wide, .cast = true };
    return n;
}
