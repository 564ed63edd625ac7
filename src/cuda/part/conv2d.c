/* SPDX-License-Identifier: Apache-2.0
 *
 * A convolution with bias, residual and activation as one cuDNN plan, reading and writing channel slices by their
 * pitch; where cuDNN has no plan, or none that runs, the direct kernel. That of images runs on a kernel of its own
 * where the form is wanted and the card can. Weights are [K, R, S, C / groups] in the device's type, as inferred;
 * channels that pad an image have zero weights. The bias is kept twice: in the device's type for cuDNN, as floats for
 * the own kernel. What the store has in that type and layout is read where it is. */
#include "cuda/part/part.h"

enum { ALIGN = 16 };

weft_part_pitch weft_part_pitch_of(const weft_node *node, const weft_plan *plan)
{
    const int64_t y = weft_shape_channels(&node->out[0]);
    weft_part_pitch pitch = { .x = weft_shape_channels(&node->in[0]), .y = y, .residual = y,
                              .channels = plan->in_channels };
    if (plan->in_ld) {
        pitch.x = plan->in_ld[0];
        pitch.y = plan->out_ld[0];
        pitch.residual = plan->in_ld[node->n_in - 1];
        pitch.x_align = plan->in_align[0];
        pitch.y_align = plan->out_align[0];
        pitch.residual_align = plan->in_align[node->n_in - 1];
    }
    return pitch;
}

static void describe(const weft_part_conv2d *conv, const weft_part_pitch *pitch, weft_dnn_graph *graph)
{
    const weft_node *node = conv->node;
    const weft_conv2d_opt *o = node->opt;
    const weft_shape *x = &node->in[0];
    weft_dnn_conv d = {
        .name = node->name, .dtype = conv->dtype, .n = x->dim[0], .h = x->dim[1], .w = x->dim[2], .c = conv->channels,
        .k = o->out, .groups = o->groups, .x_ld = pitch->x, .y_ld = pitch->y,
        .residual_ld = node->epi.residual ? pitch->residual : 0, .x_align = pitch->x_align,
        .y_align = pitch->y_align, .residual_align = pitch->residual_align, .r = o->kernel_h, .s = o->kernel_w,
        .window = { .stride_h = o->stride_h, .stride_w = o->stride_w, .dilation_h = o->dilation,
                    .dilation_w = o->dilation, .top = o->pad.top, .bottom = o->pad.bottom, .left = o->pad.left,
                    .right = o->pad.right },
        .bias = o->bias, .residual = node->epi.residual, .stats = conv->sums, .act = node->epi.act
    };
    if (node->pool)
        d.pool = (weft_dnn_window){ .kernel_h = node->pool->kernel_h, .kernel_w = node->pool->kernel_w,
                                    .stride_h = node->pool->stride_h, .stride_w = node->pool->stride_w };
    weft_dnn_conv_graph(&d, graph);
}

/* Whether cuDNN's engines compute it as exactly as strict fp32 promises. On an H200 those of 9.19 add another residual
 * than they are given where the outputs are no multiple of four, and err by 1e-5 in tanh. */
static bool is_exact(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_opt *o = node->opt;
    if (device->precision != WEFT_PRECISION_FP32)
        return true;
    return !(node->epi.residual && o->out % 4 != 0) && node->epi.act != WEFT_ACT_TANH &&
           node->epi.act != WEFT_ACT_LECUN_TANH;
}

static weft_image_args image_args_of(const weft_part_conv2d *conv, int64_t x_ld, int64_t y_ld)
{
    const weft_conv2d_opt *o = conv->node->opt;
    return (weft_image_args){ .dtype = conv->dtype, .x = { NULL, x_ld }, .y = { NULL, y_ld },
                              .win = weft_cuda_conv_window(conv->node), .c = (int)conv->node->in[0].dim[3],
                              .k = (int)o->out, .act = conv->node->epi.act };
}

/* x is padded with zeros, so that what is behind its channels may be multiplied. */
static bool is_image(const weft_part_conv2d *conv, const weft_part_pitch *pitch, const weft_plan *plan)
{
    const weft_conv2d_opt *o = conv->node->opt;
    const weft_image_args args = image_args_of(conv, pitch->x, pitch->y);
    return weft_cuda_takes_form(plan, WEFT_FORM_IMAGE) && o->groups == 1 && !conv->node->epi.residual &&
           !conv->node->pool && pitch->channels == 4 && pitch->x_align % 8 == 0 && pitch->y_align % 8 == 0 &&
           weft_image_takes(&args);
}

/* Of cuDNN, which may have none. With a pool or sums inside, there is then no other way here. */
static weft_status build(weft_part_conv2d *conv, const weft_dnn_graph *graph, const weft_device *device)
{
    const weft_status status = weft_cuda_plan_for(device, graph, &conv->plan);
    conv->own = status == WEFT_UNSUPPORTED && !conv->node->pool && !conv->sums;
    return conv->own ? WEFT_OK : status;
}

/* What cuDNN is asked for: described, noted, or built. */
static weft_status ask(weft_part_conv2d *conv, const weft_part_pitch *pitch, const weft_plan *plan)
{
    weft_dnn_graph *graph = weft_alloc(plan->device->allocator, sizeof *graph);
    if (!graph)
        return WEFT_NO_MEMORY;
    describe(conv, pitch, graph);
    conv->hash = weft_dnn_graph_hash(graph);
    const weft_status status = plan->build     ? build(conv, graph, plan->device)
                               : plan->collect ? weft_cuda_plan_want(plan->device, graph)
                                               : weft_dnn_graph_check(graph);
    conv->workspace = conv->plan ? conv->plan->workspace : 0;
    weft_free(plan->device->allocator, graph);
    return status;
}

static weft_status prepare(weft_part_conv2d *conv, const weft_node *node, const weft_part_pitch *pitch,
                           const weft_plan *plan, bool sums)
{
    const weft_conv2d_opt *o = node->opt;
    const size_t size = weft_dtype_size(plan->device->dtype);
    *conv = (weft_part_conv2d){ .node = node, .dtype = plan->device->dtype, .channels = node->in[0].dim[3],
                                .own = !is_exact(node, plan->device), .sums = sums };
    if (pitch->channels && o->groups == 1)
        conv->channels = pitch->channels;
    conv->image = !sums && is_image(conv, pitch, plan);
    const weft_image_args image = image_args_of(conv, pitch->x, pitch->y);
    const size_t each = (size_t)(o->kernel_h * o->kernel_w) * (size_t)(conv->channels / o->groups);
    conv->bias_at = conv->image ? weft_image_bytes(&image) : weft_round_up((size_t)o->out * each * size, ALIGN);
    conv->float_bias_at = conv->bias_at + (size > sizeof(uint16_t) ? 0 : weft_round_up((size_t)o->out * size, ALIGN));
    conv->bytes = conv->float_bias_at + (o->bias ? weft_round_up((size_t)o->out * sizeof(float), ALIGN) : 0);
    if (conv->own && node->pool)
        return weft_fail(WEFT_UNSUPPORTED, "%s: not as exactly as fp32", node->name);
    return conv->own || conv->image ? WEFT_OK : ask(conv, pitch, plan);
}

weft_status weft_part_conv2d_prepare(weft_part_conv2d *conv, const weft_node *node, const weft_part_pitch *pitch,
                                     const weft_plan *plan)
{
    return prepare(conv, node, pitch, plan, false);
}

/* cuDNN's engines whose sums have an order are those of fp16 between compute capability 8.0 and 9.0, of whole eights of
 * channels (9.19; the A100's take others as well). */
bool weft_part_conv2d_takes_sums(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_opt *o = node->opt;
    const int sm = weft_cuda_of(device)->target.sm;
    return device->dtype == WEFT_F16 && sm >= WEFT_CUDA_TENSOR_CORES && sm <= WEFT_CUDA_SUMS && o->groups == 1 &&
           !o->bias && node->in[0].dim[3] % 8 == 0 && o->out % 8 == 0;
}

weft_status weft_part_conv2d_prepare_sums(weft_part_conv2d *conv, const weft_node *node, const weft_part_pitch *pitch,
                                          const weft_plan *plan)
{
    return prepare(conv, node, pitch, plan, true);
}

/* The weights of other kernels than that of images. */
static weft_pack_segment weights_of(const weft_part_conv2d *conv)
{
    const weft_conv2d_opt *o = conv->node->opt;
    const int64_t own = conv->node->in[0].dim[3] / o->groups, kept = conv->channels / o->groups;
    return (weft_pack_segment){ .dtype = conv->dtype, .rows = o->out * o->kernel_h * o->kernel_w, .cols = (int)own,
                                .padded = (int)kept, .from_row = (int)own, .from_col = 1 };
}

void weft_part_conv2d_plan_pack(weft_part_conv2d *conv, weft_plan *plan)
{
    const weft_node *node = plan->node;
    const weft_pack_segment weights = weights_of(conv);
    const bool bias = ((const weft_conv2d_opt *)conv->node->opt)->bias;
    const unsigned own = (bias ? 3u : 1u) << weft_node_first_param(node);
    conv->direct = conv->dtype == WEFT_F32 && weights.padded == weights.cols && (plan->stored & own) == own;
    plan->direct = conv->direct ? own : 0;
    plan->packed = conv->direct ? 0 : conv->bytes;
    plan->pack_form = conv->image ? 0 : weft_cuda_pack_form(&weights);
    plan->pack_pieces = conv->image ? 0 : bias ? 1 + 1 + (conv->float_bias_at > conv->bias_at) : 1;
}

static weft_status pack_weights(const weft_part_conv2d *conv, const weft_call *call, const weft_view *param, char *to)
{
    if (conv->image) {
        const weft_image_args args = image_args_of(conv, 0, 0);
        return weft_cuda_launched(call, weft_launch_image_pack(&args, param->data, to, weft_cuda_stream_of(call)));
    }
    weft_pack_segment weights = weights_of(conv);
    weights.from = param->data;
    weights.to = to;
    return weft_cuda_pack(call, &weights);
}

weft_status weft_part_conv2d_pack(const weft_part_conv2d *conv, const weft_call *call, const weft_view *param, char *to)
{
    const weft_conv2d_opt *o = conv->node->opt;
    WEFT_TRY(pack_weights(conv, call, &param[0], to));
    if (!o->bias)
        return WEFT_OK;
    if (conv->float_bias_at > conv->bias_at)
        WEFT_TRY(weft_cuda_pack_flat(call, &param[1], o->out, conv->dtype, to + conv->bias_at));
    return weft_cuda_pack_flat(call, &param[1], o->out, WEFT_F32, to + conv->float_bias_at);
}

/* The weights, and the bias, packed `at`, as a run finds them. */
static const void *weight_at(const weft_part_conv2d *conv, const weft_part_io *io)
{
    return conv->direct ? weft_call_param(io->call, 0) : io->packed;
}

static const void *bias_at(const weft_part_conv2d *conv, const weft_part_io *io, size_t at)
{
    return conv->direct ? weft_call_param(io->call, 1) : weft_cuda_at(io->packed, at);
}

static weft_status run_plan(const weft_part_conv2d *conv, const weft_part_io *io)
{
    weft_dnn_binding binding[7] = {
        { WEFT_DNN_X, io->x.data }, { WEFT_DNN_WEIGHT, weight_at(conv, io) }, { WEFT_DNN_Y, io->y.data },
    };
    const weft_conv2d_opt *o = conv->node->opt;
    int n = 3;
    if (o->bias)
        binding[n++] = (weft_dnn_binding){ WEFT_DNN_BIAS, bias_at(conv, io, conv->bias_at) };
    if (io->residual.data)
        binding[n++] = (weft_dnn_binding){ WEFT_DNN_RESIDUAL, io->residual.data };
    if (conv->sums) {
        binding[n++] = (weft_dnn_binding){ WEFT_DNN_SUMS, io->sums };
        binding[n++] = (weft_dnn_binding){ WEFT_DNN_SQUARES, io->sums + o->out };
    }
    return weft_cuda_plan_run(io->call->device, conv->plan, binding, n, io->workspace);
}

static weft_status run_own(const weft_part_conv2d *conv, const weft_part_io *io)
{
    const weft_conv2d_opt *o = conv->node->opt;
    const weft_conv2d_args args = {
        .dtype = conv->dtype, .x = io->x, .y = io->y, .win = weft_cuda_conv_window(conv->node),
        .c = (int)conv->channels, .k = (int)o->out, .groups = (int)o->groups, .wt = weight_at(conv, io),
        .epi = { .bias = o->bias ? bias_at(conv, io, conv->float_bias_at) : NULL, .residual = io->residual,
                 .act = conv->node->epi.act },
    };
    return weft_cuda_launched(io->call, weft_launch_conv2d(&args, weft_cuda_stream_of(io->call)));
}

static weft_status run_image(const weft_part_conv2d *conv, const weft_part_io *io)
{
    weft_image_args args = image_args_of(conv, io->x.ld, io->y.ld);
    args.x = io->x;
    args.y = io->y;
    args.wt = io->packed;
    if (((const weft_conv2d_opt *)conv->node->opt)->bias)
        args.bias = weft_cuda_at(io->packed, conv->float_bias_at);
    return weft_cuda_launched(io->call, weft_launch_image(&args, weft_cuda_stream_of(io->call)));
}

weft_status weft_part_conv2d_run(const weft_part_conv2d *conv, const weft_part_io *io)
{
    if (conv->image)
        return run_image(conv, io);
    if (conv->own)
        return run_own(conv, io);
    const weft_status status = run_plan(conv, io);
    return status == WEFT_UNSUPPORTED && !conv->node->pool && !conv->sums
               ? run_own(conv, io)
               : status; /* with a pool: op/conv2d.c, with sums: op/conv_norm.c */
}

double weft_part_conv2d_error_factor(const weft_part_conv2d *conv)
{
    const unsigned fast = WEFT_DNN_WINOGRAD | WEFT_DNN_FFT;
    return conv->plan && weft_dnn_plan_info(conv->plan->dnn)->notes & fast ? WEFT_WINOGRAD_ERROR_FACTOR : 0;
}

/* Whether cuDNN's plan runs on tensor cores: any type but strict fp32; of groups only wide ones; before compute
 * capability 8.0 only multiples of eight channels (measured against cuDNN 9.19's heuristics). */
static bool on_tensor_cores(const weft_part_conv2d *conv, const weft_device *device)
{
    const weft_conv2d_opt *o = conv->node->opt;
    const int64_t c = conv->channels / o->groups, k = o->out / o->groups;
    if (device->precision == WEFT_PRECISION_FP32 || conv->own)
        return false;
    if (weft_cuda_of(device)->target.sm < 80)
        return o->groups == 1 && c % 8 == 0 && k % 8 == 0;
    return o->groups == 1 || (c >= 32 && c % 8 == 0 && k % 8 == 0);
}

/* Bytes of x that are read: a stride beyond the window leaves pixels out. */
static double read_of_x(const weft_part_conv2d *conv)
{
    const weft_conv2d_opt *o = conv->node->opt;
    const weft_shape *x = &conv->node->in[0], *y = &conv->node->out[0];
    const int64_t h = o->stride_h > o->kernel_h ? y->dim[1] : x->dim[1];
    const int64_t w = o->stride_w > o->kernel_w ? y->dim[2] : x->dim[2];
    return (double)x->dim[0] * (double)h * (double)w * (double)conv->channels * (double)weft_dtype_size(conv->dtype);
}

void weft_part_conv2d_cost(const weft_part_conv2d *conv, const weft_device *device, weft_kernel_cost *out)
{
    const weft_node *node = conv->node;
    const double products = 2 * node->op->cost(node).macs; /* the epilogue rides along */
    const bool fast = on_tensor_cores(conv, device);
    const double y = weft_tensor_bytes(&node->out[0], conv->dtype);
    const size_t bias = weft_round_up((size_t)node->out[0].dim[3] * weft_dtype_size(conv->dtype), ALIGN);
    *out = (weft_kernel_cost){ .tensor_core = fast ? products : 0, .core = fast ? 0 : products,
                               .weights = (double)(conv->bias_at + bias),
                               .read = read_of_x(conv) + (node->epi.residual ? y : 0), .written = y,
                               .workspace = conv->workspace, .plan = conv->own || conv->image ? 0 : conv->hash };
}
