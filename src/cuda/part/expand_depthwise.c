/* SPDX-License-Identifier: Apache-2.0
 *
 * The first two layers of an inverted residual unit, a 1x1 convolution and a depthwise one, as one launch: where the
 * form is wanted, the card has tensor cores of compute capability 8.0 and the numbers have 16 bits. The widened map is
 * never stored. */
#include "cuda/part/part.h"

enum { ALIGN = 16 };

static bool has_bias(const weft_node *node)
{
    return ((const weft_conv2d_opt *)node->opt)->bias;
}

static weft_expand_depthwise_args args_of(const weft_part_expand_depthwise *e)
{
    const weft_shape *y = &e->depthwise.node->out[0];
    return (weft_expand_depthwise_args){ .dtype = e->depthwise.dtype, .x = { NULL, e->pitch }, .y = { NULL, y->dim[3] },
                                         .win = weft_cuda_conv_window(e->depthwise.node),
                                         .c_in = (int)e->node->in[0].dim[3], .c = (int)y->dim[3],
                                         .expand_act = e->node->epi.act, .act = e->depthwise.node->epi.act,
                                         .tile = e->depthwise.tile };
}

bool weft_part_expand_depthwise_prepare(weft_part_expand_depthwise *e, const weft_node *expand,
                                        const weft_node *depthwise, const weft_part_pitch *pitch,
                                        const weft_plan *plan)
{
    *e = (weft_part_expand_depthwise){ .node = expand, .pitch = pitch->x,
                                       .depthwise = { .node = depthwise, .dtype = plan->device->dtype } };
    weft_expand_depthwise_args args = args_of(e);
    if (!weft_cuda_takes_form(plan, WEFT_FORM_EXPAND) || pitch->x_align % ALIGN != 0 ||
        !weft_expand_depthwise_takes(&args))
        return false;
    const size_t bias = weft_round_up((size_t)args.c * sizeof(float), ALIGN);
    e->window_at = weft_expand_product_bytes(args.c, args.c_in);
    e->expand_bias_at = e->window_at + weft_expand_window_bytes(args.c, args.win.kernel_h);
    e->bias_at = e->expand_bias_at + (has_bias(expand) ? bias : 0);
    e->depthwise.bytes = e->bias_at + (has_bias(depthwise) ? bias : 0);
    e->depthwise.tile = args.tile = weft_expand_depthwise_tile(&args);
    e->depthwise.parts = weft_expand_depthwise_parts(&args);
    return true;
}

weft_status weft_part_expand_depthwise_pack(const weft_part_expand_depthwise *e, const weft_call *call,
                                            const weft_view *expand, const weft_view *depthwise, char *to)
{
    const weft_expand_depthwise_args args = args_of(e);
    const weft_expand_pack_args pack = { .dtype = args.dtype, .product_weights = expand[0].data,
                                         .window_weights = depthwise[0].data, .product = to,
                                         .window = to + e->window_at, .c = args.c, .c_in = args.c_in,
                                         .kernel = args.win.kernel_h };
    WEFT_TRY(weft_cuda_launched(call, weft_launch_expand_pack(&pack, weft_cuda_stream_of(call))));
    if (has_bias(e->node))
        WEFT_TRY(weft_cuda_pack_flat(call, &expand[1], args.c, WEFT_F32, to + e->expand_bias_at));
    return has_bias(e->depthwise.node) ? weft_cuda_pack_flat(call, &depthwise[1], args.c, WEFT_F32, to + e->bias_at)
                                       : WEFT_OK;
}

weft_status weft_part_expand_depthwise_run(const weft_part_expand_depthwise *e, const weft_part_io *io, float *sums)
{
    weft_expand_depthwise_args args = args_of(e);
    args.x = io->x;
    args.y = io->y;
    args.expand = io->packed;
    args.window = weft_cuda_at(io->packed, e->window_at);
    if (has_bias(e->node))
        args.expand_bias = weft_cuda_at(io->packed, e->expand_bias_at);
    if (has_bias(e->depthwise.node))
        args.bias = weft_cuda_at(io->packed, e->bias_at);
    args.sums = sums;
    return weft_cuda_launched(io->call, weft_launch_expand_depthwise(&args, weft_cuda_stream_of(io->call)));
}

void weft_part_expand_depthwise_cost(const weft_part_expand_depthwise *e, bool sums, weft_kernel_cost *out)
{
    weft_part_conv2d_depthwise_cost(&e->depthwise, sums, out);
    out->tensor_core = 2 * (e->node->op->cost(e->node).macs + e->depthwise.node->op->cost(e->depthwise.node).macs);
    out->core = 0;
    out->read = weft_tensor_bytes(&e->node->in[0], e->depthwise.dtype);
}
