/* SPDX-License-Identifier: Apache-2.0
 *
 * A depthwise convolution with bias, activation, residual and, for an excitation behind it, sums over each image. The
 * weights [C, kh, kw, 1] are turned to [kh * kw][pitch], so that eight channels are one 16-byte load; for the kernel on
 * tensor cores, which runs where the form is wanted and the card can, they are packed as it wants them. */
#include "cuda/part/part.h"

enum { VECTOR = 8, ALIGN = 16 };

bool weft_part_is_depthwise(const weft_node *node)
{
    const weft_conv2d_opt *o = node->opt;
    return o->groups > 1 && o->groups == o->out && o->groups == node->in[0].dim[3];
}

weft_pack_segment weft_part_window_segment(weft_dtype dtype, bool product, int64_t pitch, int c, int kernel_h,
                                           int kernel_w)
{
    const int taps = kernel_h * kernel_w;
    if (product)
        return (weft_pack_segment){ .dtype = dtype, .layout = WEFT_PACK_WINDOW, .cols = c, .kernel = kernel_h };
    return (weft_pack_segment){ .dtype = dtype, .rows = taps, .cols = c, .padded = (int)pitch, .from_row = 1,
                                .from_col = taps };
}

/* With sums over all rows: a row of outputs a thread. */
static weft_depthwise_args args_of(const weft_part_conv2d_depthwise *d)
{
    return (weft_depthwise_args){ .dtype = d->dtype, .win = weft_cuda_conv_window(d->node),
                                  .c = (int)d->node->in[0].dim[3], .ld_wt = d->pitch, .rows = d->turns ? 1 : 0 };
}

static weft_expand_depthwise_args window_args_of(const weft_part_conv2d_depthwise *d, int64_t x_ld, int64_t y_ld)
{
    return (weft_expand_depthwise_args){ .dtype = d->dtype, .x = { NULL, x_ld }, .y = { NULL, y_ld },
                                         .win = weft_cuda_conv_window(d->node), .c = (int)d->node->in[0].dim[3],
                                         .act = d->node->epi.act, .tile = d->tile };
}

/* Whether it runs on tensor cores; as a piece of a unit it writes to memory of its own. */
static bool is_product(const weft_part_conv2d_depthwise *d, const weft_plan *plan)
{
    const weft_part_pitch pitch = weft_part_pitch_of(plan->node, plan);
    const bool whole = plan->node == d->node;
    const weft_expand_depthwise_args args = window_args_of(d, pitch.x, whole ? pitch.y : d->node->out[0].dim[3]);
    return weft_cuda_takes_form(plan, WEFT_FORM_EXPAND) && !d->node->epi.residual && pitch.x_align % ALIGN == 0 &&
           (!whole || pitch.y_align % ALIGN == 0) && weft_expand_depthwise_takes(&args);
}

void weft_part_conv2d_depthwise_prepare(weft_part_conv2d_depthwise *d, const weft_node *node, const weft_plan *plan)
{
    const weft_conv2d_opt *o = node->opt;
    const size_t size = weft_dtype_size(plan->device->dtype), taps = (size_t)(o->kernel_h * o->kernel_w);
    *d = (weft_part_conv2d_depthwise){ .node = node, .dtype = plan->device->dtype };
    d->pitch = (int64_t)weft_round_up((size_t)o->out, VECTOR);
    d->bias_at = weft_round_up(taps * (size_t)d->pitch * size, ALIGN);
    d->bytes = d->bias_at + weft_round_up((size_t)o->out * sizeof(float), ALIGN);
    const weft_depthwise_args args = args_of(d);
    d->parts = weft_depthwise_parts(&args);
    if (!is_product(d, plan))
        return;
    weft_expand_depthwise_args window = window_args_of(d, o->out, o->out);
    d->product = true;
    d->tile = window.tile = weft_expand_depthwise_tile(&window);
    d->parts = weft_expand_depthwise_parts(&window);
    d->bias_at = weft_expand_window_bytes((int)o->out, o->kernel_h);
    d->bytes = d->bias_at + weft_round_up((size_t)o->out * sizeof(float), ALIGN);
}

static weft_pack_segment weights_of(const weft_part_conv2d_depthwise *d)
{
    const weft_conv2d_opt *o = d->node->opt;
    return weft_part_window_segment(d->dtype, d->product, d->pitch, (int)o->out, o->kernel_h, o->kernel_w);
}

void weft_part_conv2d_depthwise_plan_pack(const weft_part_conv2d_depthwise *d, weft_plan *plan)
{
    const weft_pack_segment weights = weights_of(d);
    plan->packed = d->bytes;
    plan->pack_form = weft_cuda_pack_form(&weights);
    plan->pack_pieces = 1 + ((const weft_conv2d_opt *)d->node->opt)->bias;
}

weft_status weft_part_conv2d_depthwise_pack(const weft_part_conv2d_depthwise *d, const weft_call *call,
                                            const weft_view *param, char *to)
{
    const weft_conv2d_opt *o = d->node->opt;
    weft_pack_segment weights = weights_of(d);
    weights.from = param[0].data;
    weights.to = to;
    WEFT_TRY(weft_cuda_pack(call, &weights));
    return o->bias ? weft_cuda_pack_flat(call, &param[1], o->out, WEFT_F32, to + d->bias_at) : WEFT_OK;
}

size_t weft_part_conv2d_depthwise_sums(const weft_part_conv2d_depthwise *d, const weft_plan *plan)
{
    const weft_part_pitch pitch = weft_part_pitch_of(plan->node, plan);
    const int64_t c = d->node->out[0].dim[3];
    const weft_expand_depthwise_args window = window_args_of(d, c, c);
    weft_depthwise_args args = args_of(d);
    args.rows = 1;
    const bool lies_right = c % VECTOR == 0 && pitch.x % VECTOR == 0 && pitch.x_align % ALIGN == 0;
    if (weft_dtype_size(d->dtype) != 2 || !lies_right ||
        !(d->product ? weft_expand_depthwise_takes_sums(&window) : weft_depthwise_takes_sums(&args)))
        return 0;
    const int parts = d->product ? d->parts : weft_depthwise_parts(&args);
    return (size_t)(d->node->out[0].dim[0] * parts * 2 * c) * sizeof(float);
}

/* Those that io asks for. */
static weft_map_sums sums_of(const weft_part_conv2d_depthwise *d, const weft_part_io *io)
{
    return (weft_map_sums){ .to = d->turns ? io->sums : NULL, .scratch = io->workspace, .turns = d->turns };
}

static weft_status run_product(const weft_part_conv2d_depthwise *d, const weft_part_io *io, float *sums)
{
    weft_expand_depthwise_args args = window_args_of(d, io->x.ld, io->y.ld);
    args.x = io->x;
    args.y = io->y;
    args.window = io->packed;
    args.sums = sums;
    args.all = sums_of(d, io);
    if (((const weft_conv2d_opt *)d->node->opt)->bias)
        args.bias = weft_cuda_at(io->packed, d->bias_at);
    return weft_cuda_launched(io->call, weft_launch_expand_depthwise(&args, weft_cuda_stream_of(io->call)));
}

weft_status weft_part_conv2d_depthwise_run(const weft_part_conv2d_depthwise *d, const weft_part_io *io, float *sums)
{
    const weft_conv2d_opt *o = d->node->opt;
    if (d->product)
        return run_product(d, io, sums);
    weft_depthwise_args args = args_of(d);
    args.x = io->x;
    args.y = io->y;
    args.wt = io->packed;
    args.epi = (weft_kepilogue){ .residual = io->residual, .act = d->node->epi.act };
    if (o->bias)
        args.epi.bias = weft_cuda_at(io->packed, d->bias_at);
    args.sums = sums;
    args.all = sums_of(d, io);
    return weft_cuda_launched(io->call, weft_launch_depthwise(&args, weft_cuda_stream_of(io->call)));
}

void weft_part_conv2d_depthwise_cost(const weft_part_conv2d_depthwise *d, bool sums, weft_kernel_cost *out)
{
    const weft_node *node = d->node;
    const double bytes = (double)node->out[0].dim[0] * d->parts * (double)node->out[0].dim[3] * sizeof(float);
    const double products = 2 * node->op->cost(node).macs;
    *out = (weft_kernel_cost){ .tensor_core = d->product ? products : 0, .core = d->product ? 0 : products,
                               .weights = (double)d->bytes };
    out->read = weft_tensor_bytes(&node->in[0], d->dtype);
    if (node->epi.residual)
        out->read += weft_tensor_bytes(&node->in[node->n_in - 1], d->dtype);
    out->written = weft_tensor_bytes(&node->out[0], d->dtype) + (sums ? bytes : 0);
}
