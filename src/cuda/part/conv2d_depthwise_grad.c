/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of a depthwise convolution. dx at a stride of 1 is itself a depthwise convolution, of dy with the
 * window turned half round, and runs on the kernels of those, on tensor cores where the form is wanted and the card
 * can; other strides gather. The weights are packed as the kernel reads them where the store has them; others are laid
 * out by a small launch of the run, or two. */
#include "cuda/part/conv_grad.h"
#include "op/conv2d.h"

enum { VECTOR = 8, ALIGN = 16 };

/* Of the plan's buffers: copies of dy, or of x and dy; the weights as fp32, then as packed; parts of the sums of dw. */
enum { FIRST, SECOND, WEIGHTS, PARTS = WEIGHTS, PACKED };

bool weft_part_is_depthwise_grad(const weft_node *node)
{
    return weft_conv2d_grad_is_depthwise(node->opt);
}

static void need(weft_plan *plan, int buffer, size_t bytes)
{
    if (bytes > 0)
        plan->buffer[buffer] = (weft_buffer){ weft_round_up(bytes, ALIGN), 0, WEFT_PHASES - 1 };
}

/* The convolution that dx at a stride of 1 is. */
static weft_kwindow flipped_window(const weft_node *node)
{
    const weft_kwindow w = weft_part_conv2d_grad_window(node);
    weft_kwindow f = w;
    f.h = w.oh, f.w = w.ow;
    f.oh = w.h, f.ow = w.w;
    f.pad.top = (w.kernel_h - 1) * w.dilation - w.pad.top;
    f.pad.left = (w.kernel_w - 1) * w.dilation - w.pad.left;
    f.pad.bottom = (w.kernel_h - 1) * w.dilation - w.pad.bottom;
    f.pad.right = (w.kernel_w - 1) * w.dilation - w.pad.right;
    return f;
}

static bool is_flipped(const weft_node *node)
{
    const weft_kwindow w = weft_part_conv2d_grad_window(node), f = flipped_window(node);
    return w.stride_h == 1 && w.stride_w == 1 && f.pad.top >= 0 && f.pad.left >= 0;
}

static weft_expand_depthwise_args product_args_of(const weft_part_depthwise_grad *g, int64_t dy_ld, int64_t dx_ld)
{
    return (weft_expand_depthwise_args){ .dtype = g->dtype, .x = { NULL, dy_ld }, .y = { NULL, dx_ld },
                                         .win = flipped_window(g->node), .c = (int)g->node->out[0].dim[3],
                                         .tile = g->tile };
}

static bool is_product(const weft_part_depthwise_grad *g, const weft_plan *plan)
{
    const weft_part_pitch pitch = weft_part_pitch_of(g->node, plan);
    const weft_expand_depthwise_args args = product_args_of(g, g->first.ld, pitch.y);
    return g->flipped && !g->node->epi.residual && weft_cuda_takes_form(plan, WEFT_FORM_EXPAND) &&
           g->first.align % ALIGN == 0 && pitch.y_align % ALIGN == 0 && weft_expand_depthwise_takes(&args);
}

static weft_pack_segment weights_of(const weft_part_depthwise_grad *g)
{
    const weft_conv2d_grad_opt *o = g->node->opt;
    weft_pack_segment weights = weft_part_window_segment(g->dtype, g->product, g->pitch, (int)o->c, o->conv.kernel_h,
                                                         o->conv.kernel_w);
    weights.turned = g->flipped;
    return weights;
}

weft_status weft_part_depthwise_dx_prepare(weft_part_depthwise_grad *g, const weft_node *node, weft_plan *plan)
{
    const weft_conv2d_grad_opt *o = node->opt;
    const size_t taps = (size_t)(o->conv.kernel_h * o->conv.kernel_w);
    *g = (weft_part_depthwise_grad){ .node = node, .dtype = plan->device->dtype, .flipped = is_flipped(node) };
    weft_part_operand_prepare(&g->first, node, plan, 0, false);
    g->pitch = (int64_t)weft_round_up((size_t)o->c, VECTOR);
    g->product = is_product(g, plan);
    need(plan, FIRST, g->first.bytes);
    if (g->product) {
        const weft_expand_depthwise_args args = product_args_of(g, g->first.ld, o->c);
        g->tile = weft_expand_depthwise_tile(&args);
    }
    const size_t bytes = g->product ? weft_expand_window_bytes((int)o->c, o->conv.kernel_h)
                                    : taps * (size_t)g->pitch * weft_dtype_size(g->dtype);
    g->packed = plan->stored >> 1 & 1;
    if (g->packed) {
        const weft_pack_segment weights = weights_of(g);
        plan->packs = 1u << 1;
        plan->packed = weft_round_up(bytes, ALIGN);
        plan->pack_form = weft_cuda_pack_form(&weights);
        plan->pack_pieces = 1;
    } else if (g->product) {
        need(plan, WEIGHTS, taps * (size_t)o->c * sizeof(float));
        need(plan, PACKED, bytes);
    } else {
        need(plan, WEIGHTS, bytes);
    }
    return WEFT_OK;
}

weft_status weft_part_depthwise_dx_pack(const weft_part_depthwise_grad *g, const weft_call *call)
{
    weft_pack_segment weights = weights_of(g);
    weights.from = call->in[1].data;
    weights.to = call->packed;
    return weft_cuda_pack(call, &weights);
}

/* The weights as the kernel reads them, once they are there. */
static const void *weights_at(const weft_part_depthwise_grad *g, const weft_call *call)
{
    return g->packed ? call->packed : call->buffer[g->product ? PACKED : WEIGHTS];
}

/* Lays out weights that the store has not. */
static weft_status turn(const weft_part_depthwise_grad *g, const weft_call *call)
{
    const weft_conv2d_grad_opt *o = g->node->opt;
    const weft_depthwise_turn_args args = {
        .from_dtype = weft_node_in_dtype(g->node, 1), .dtype = g->product ? WEFT_F32 : g->dtype,
        .from = weft_kview_of(&call->in[1]), .to = call->buffer[WEIGHTS], .ld_to = g->pitch, .c = (int)o->c,
        .taps = o->conv.kernel_h * o->conv.kernel_w, .flips = g->flipped, .by_channel = g->product,
    };
    WEFT_TRY(weft_cuda_launched(call, weft_launch_depthwise_turn(&args, weft_cuda_stream_of(call))));
    const weft_expand_pack_args window = { .dtype = g->dtype, .window_weights = call->buffer[WEIGHTS],
                                           .window = call->buffer[PACKED], .c = (int)o->c,
                                           .kernel = o->conv.kernel_h };
    return g->product ? weft_cuda_launched(call, weft_launch_expand_pack(&window, weft_cuda_stream_of(call)))
                      : WEFT_OK;
}

static weft_status run_product(const weft_part_depthwise_grad *g, const weft_call *call, weft_kview dy)
{
    weft_expand_depthwise_args args = product_args_of(g, dy.ld, call->out[0].ld);
    args.x = dy;
    args.y = weft_kview_of(&call->out[0]);
    args.window = weights_at(g, call);
    return weft_cuda_launched(call, weft_launch_expand_depthwise(&args, weft_cuda_stream_of(call)));
}

static weft_status run_flipped(const weft_part_depthwise_grad *g, const weft_call *call, weft_kview dy,
                               weft_kview residual)
{
    const weft_depthwise_args args = {
        .dtype = g->dtype, .x = dy, .y = weft_kview_of(&call->out[0]), .win = flipped_window(g->node),
        .c = (int)g->node->out[0].dim[3], .wt = weights_at(g, call), .ld_wt = g->pitch,
        .epi = { .residual = residual },
    };
    return weft_cuda_launched(call, weft_launch_depthwise(&args, weft_cuda_stream_of(call)));
}

weft_status weft_part_depthwise_dx_run(const weft_part_depthwise_grad *g, const weft_call *call)
{
    weft_kview dy, residual = { NULL, 0 };
    WEFT_TRY(weft_part_operand_run(&g->first, call, call->buffer[FIRST], &dy));
    WEFT_TRY(g->packed ? WEFT_OK : turn(g, call));
    if (g->node->epi.residual)
        residual = weft_kview_of(&call->in[g->node->n_in - 1]);
    if (g->product)
        return run_product(g, call, dy);
    if (g->flipped)
        return run_flipped(g, call, dy, residual);
    const weft_depthwise_dx_args args = {
        .dtype = g->dtype, .dy = dy, .dx = weft_kview_of(&call->out[0]), .residual = residual,
        .win = weft_part_conv2d_grad_window(g->node), .c = (int)g->node->out[0].dim[3],
        .wt = weights_at(g, call), .ld_wt = g->pitch,
    };
    return weft_cuda_launched(call, weft_launch_depthwise_dx(&args, weft_cuda_stream_of(call)));
}

/* ---- dw ---- */

static weft_depthwise_dw_args dw_args_of(const weft_part_depthwise_grad *g)
{
    return (weft_depthwise_dw_args){ .dtype = g->dtype, .win = weft_part_conv2d_grad_window(g->node),
                                     .c = (int)g->node->in[0].dim[3] };
}

static size_t parts_bytes(const weft_part_depthwise_grad *g)
{
    const weft_depthwise_dw_args args = dw_args_of(g);
    return (size_t)weft_depthwise_dw_floats(&args) * sizeof(float);
}

weft_status weft_part_depthwise_dw_prepare(weft_part_depthwise_grad *g, const weft_node *node, weft_plan *plan)
{
    *g = (weft_part_depthwise_grad){ .node = node, .dtype = plan->device->dtype };
    weft_part_operand_prepare(&g->first, node, plan, 0, false);
    weft_part_operand_prepare(&g->second, node, plan, 1, false);
    need(plan, FIRST, g->first.bytes);
    need(plan, SECOND, g->second.bytes);
    need(plan, PARTS, parts_bytes(g));
    g->joins = plan->forms & WEFT_FORM_STEPS;
    return g->joins ? weft_cuda_turns(plan, &g->turns) : WEFT_OK;
}

weft_status weft_part_depthwise_dw_run(const weft_part_depthwise_grad *g, const weft_call *call)
{
    weft_depthwise_dw_args args = dw_args_of(g);
    WEFT_TRY(weft_part_operand_run(&g->first, call, call->buffer[FIRST], &args.x));
    WEFT_TRY(weft_part_operand_run(&g->second, call, call->buffer[SECOND], &args.dy));
    args.dw = weft_kview_of(&call->out[0]);
    args.scratch = call->buffer[PARTS];
    args.turns = g->turns;
    return weft_cuda_launched(call, weft_launch_depthwise_dw(&args, weft_cuda_stream_of(call)));
}

/* ---- cost ---- */

static double bytes_of(const weft_shape *shape, weft_dtype dtype)
{
    return weft_tensor_bytes(shape, dtype);
}

static int dx_cost(const weft_part_depthwise_grad *g, int n, weft_kernel_cost *out)
{
    const weft_node *node = g->node;
    const double weights = bytes_of(&node->in[1], WEFT_F32), products = 2 * node->op->cost(node).macs;
    const double dx = bytes_of(&node->out[0], g->dtype);
    for (int i = 0; i < (g->packed ? 0 : 1 + g->product); i++)
        out[n++] = (weft_kernel_cost){ .what = "window", .weights = weights, .written = weights, .cast = true };
    out[n] = (weft_kernel_cost){ .what = n > 0 ? "gradient" : NULL, .tensor_core = g->product ? products : 0,
                                 .core = g->product ? 0 : products, .weights = weights,
                                 .read = bytes_of(&node->in[0], g->dtype) + (node->epi.residual ? dx : 0),
                                 .written = dx };
    return n + 1;
}

int weft_part_depthwise_grad_cost(const weft_part_depthwise_grad *g, weft_kernel_cost *out)
{
    const weft_node *node = g->node;
    int n = weft_part_operand_cost(&g->first, 0, out);
    if (node->id == WEFT_OP_CONV2D_DX)
        return dx_cost(g, n, out);
    const double parts = (double)parts_bytes(g);
    n = weft_part_operand_cost(&g->second, n, out);
    out[n++] = (weft_kernel_cost){ .what = "gradient", .core = 2 * node->op->cost(node).macs,
                                   .read = bytes_of(&node->in[0], g->dtype) + bytes_of(&node->in[1], g->dtype),
                                   .written = parts };
    const weft_depthwise_dw_args args = dw_args_of(g);
    if (g->joins && weft_depthwise_dw_joins(&args)) {
        out[n - 1].read += parts;
        out[n - 1].written += bytes_of(&node->out[0], WEFT_F32);
        return n;
    }
    out[n++] = (weft_kernel_cost){ .what = "join", .read = parts, .written = bytes_of(&node->out[0], WEFT_F32) };
    return n;
}
