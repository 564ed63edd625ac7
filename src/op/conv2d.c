/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d: two-dimensional convolution of NHWC images with KRSC filters, grouped or not; depthwise and pointwise
 * convolutions are special cases. LeCun et al. 1998; groups: Krizhevsky et al. 2012; dilation: Yu & Koltun 2016,
 * arXiv:1511.07122.
 *
 *   y[n, oh, ow, k] = act(sum over r, s, c of x[n, ih, iw, g*C/groups + c] * weight[k, r, s, c] + bias[k] + residual)
 *   ih = oh*stride_h - top + r*dilation,  iw = ow*stride_w - left + s*dilation
 *
 * Semantics
 *  1. It is cross-correlation: the filter is not flipped (as in every framework; mathematics flips it).
 *  2. Pixels outside the image count as zeros.
 *  3. SAME is TensorFlow's: out = ceil(in / stride), and an odd pixel of padding goes to the bottom and right. With a
 *     stride above 1 that differs from (kernel - 1) / 2 on both sides, which is PyTorch's habit: pass EXPLICIT for it.
 *  4. The output size is rounded down: pixels that no whole window reaches are ignored.
 *  5. Group g = k / (out/groups) reads the channels g*C/groups to (g + 1)*C/groups - 1: consecutive filters share a
 *     group. Depthwise with multiplier m: filters c*m to c*m + m - 1 read channel c.
 *  6. out = 0 means C, so that a depthwise layer needs only groups.
 *  7. The bias is off unless asked for; it is added before the residual, and the residual before the activation.
 *  8. Padding may exceed the window; such outputs see only zeros (and the bias). */
#include "op/util.h"

static void axes(const weft_conv2d_opt *o, const weft_shape *x, weft_axis axis[2])
{
    axis[0] = (weft_axis){ x->dim[1], o->kernel_h, o->stride_h, o->dilation, o->pad.top, o->pad.bottom };
    axis[1] = (weft_axis){ x->dim[2], o->kernel_w, o->stride_w, o->dilation, o->pad.left, o->pad.right };
}

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_conv2d_opt *o = opt;
    (void)n_in;
    (void)arena;
    WEFT_TRY(weft_need_shape("x", &in[0], 4));
    const int64_t channels = in[0].dim[3];
    if (o->out == 0)
        o->out = channels;
    if (o->groups == 0)
        o->groups = 1;
    if (o->dilation == 0)
        o->dilation = 1;
    WEFT_TRY(weft_need_range("out", o->out, 1, WEFT_MAX_DIM - 1));
    WEFT_TRY(weft_need_range("dilation", o->dilation, 1, WEFT_MAX_WINDOW));
    WEFT_TRY(weft_resolve_pair("kernel", o->kernel, &o->kernel_h, &o->kernel_w, 1, 1));
    WEFT_TRY(weft_resolve_pair("stride", o->stride, &o->stride_h, &o->stride_w, 1, 1));
    WEFT_TRY(weft_need_range("groups", o->groups, 1, channels));
    if (channels % o->groups != 0 || o->out % o->groups != 0)
        return weft_fail(WEFT_INVALID, "groups is %lld, expected a divisor of %lld input and %lld output channels",
                         (long long)o->groups, (long long)channels, (long long)o->out);
    WEFT_TRY(weft_need_init(&o->init, o->init_scale, WEFT_INIT_HE_NORMAL));
    weft_axis axis[2];
    axes(o, &in[0], axis);
    WEFT_TRY(weft_resolve_window(axis, o->padding, &o->pad));
    o->padding = WEFT_EXPLICIT;
    return WEFT_OK;
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_conv2d_opt *o = opt;
    (void)n_in;
    WEFT_TRY(weft_need_shape("x", &in[0], 4));
    if (in[0].dim[3] % o->groups != 0)
        return weft_fail(WEFT_INVALID, "x has %lld channels, expected a multiple of the %lld groups",
                         (long long)in[0].dim[3], (long long)o->groups);
    weft_axis axis[2];
    int64_t oh, ow;
    axes(o, &in[0], axis);
    WEFT_TRY(weft_window_out(axis, false, &oh, &ow));
    const int64_t depth = in[0].dim[3] / o->groups, area = (int64_t)o->kernel_h * o->kernel_w;
    sig->n_out = 1;
    sig->out[0] = weft_shape_nhwc(in[0].dim[0], oh, ow, o->out);
    WEFT_TRY(weft_need_output(&sig->out[0]));
    sig->n_param = o->bias ? 2 : 1;
    sig->param[0] = (weft_param_spec){
        .name = "weight",
        .shape = weft_shape_nhwc(o->out, o->kernel_h, o->kernel_w, depth),
        .init = o->init,
        .init_scale = o->init_scale,
        .fan_in = area * depth,
        .fan_out = area * (o->out / o->groups),
    };
    if (o->bias)
        sig->param[1] = (weft_param_spec){
            .name = "bias",
            .shape = { .rank = 1, .dim = { o->out } },
            .init = WEFT_INIT_ZERO,
            .fan_in = area * depth,
            .fan_out = area * (o->out / o->groups),
        };
    return weft_need_shape("weight", &sig->param[0].shape, 4);
}

/* Terms of one output without bias and residual. */
static int64_t taps(const weft_node *n)
{
    const weft_conv2d_opt *o = n->opt;
    return (int64_t)o->kernel_h * o->kernel_w * (n->in[0].dim[3] / o->groups);
}

/* With a stride beyond its window not all of x is read. */
static double least(const weft_node *node)
{
    const weft_conv2d_opt *o = node->opt;
    const weft_shape *x = &node->in[0], *y = &node->out[0];
    const bool skips_h = o->stride_h > o->kernel_h, skips_w = o->stride_w > o->kernel_w;
    return (double)x->dim[0] * (double)x->dim[3] * (double)(skips_h ? y->dim[1] : x->dim[1]) *
               (double)(skips_w ? y->dim[2] : x->dim[2]) +
           weft_weight_count(node) + weft_out_count(node);
}

static weft_cost cost(const weft_node *n)
{
    const weft_conv2d_opt *o = n->opt;
    const double out = n->pool ? (double)weft_shape_count(n->map) : weft_out_count(n), macs = out * (double)taps(n);
    return (weft_cost){ macs, 2 * macs + (o->bias ? out : 0) + weft_epilogue_flops(n) };
}

static int64_t reduction(const weft_node *n)
{
    const weft_conv2d_opt *o = n->opt;
    return taps(n) + (o->bias ? 1 : 0) + weft_epilogue_terms(n);
}

static void describe(const weft_node *n, char *buf, size_t size)
{
    const weft_conv2d_opt *o = n->opt;
    const int64_t channels = n->in[0].dim[3];
    const bool depthwise = o->groups == channels && o->groups > 1;
    size_t used = 0;
    weft_axis axis[2];
    axes(o, &n->in[0], axis);
    weft_text_window(buf, size, &used, axis);
    if (depthwise && o->out == channels)
        weft_text_add(buf, size, &used, " dw");
    else
        weft_text_add(buf, size, &used, depthwise ? " dw %lld" : " %lld", (long long)o->out);
    if (o->groups > 1 && !depthwise)
        weft_text_add(buf, size, &used, " groups %lld", (long long)o->groups);
    if (o->dilation != 1)
        weft_text_add(buf, size, &used, " dilation %d", o->dilation);
    weft_text_pad(buf, size, &used, axis);
}

weft_var weft_conv2d(weft_graph *graph, weft_var x, const weft_conv2d_opt *opt)
{
    return weft_graph_append(graph, WEFT_OP_CONV2D, opt, &x, 1);
}

/* clang-format off */
#define CASE(label, n, h, w, c, ...) \
    { .name = label, .n_in = 1, .in = { { 4, { n, h, w, c } } }, .opt = &(const weft_conv2d_opt){ __VA_ARGS__ } }
#define FUSED(label, n, h, w, c, what, add, ...) \
    { .name = label, .n_in = 1, .in = { { 4, { n, h, w, c } } }, .opt = &(const weft_conv2d_opt){ __VA_ARGS__ }, \
      .epi = { .act = what, .residual = add } }

static const weft_op_case cases[] = {
    /* Pointwise. */
    CASE("1x1", 1, 14, 14, 64, .out = 96),
    CASE("1x1_bias", 2, 7, 7, 32, .out = 48, .bias = true),
    CASE("1x1_odd_everything", 1, 9, 13, 33, .out = 65),
    CASE("1x1_one_pixel", 3, 1, 1, 17, .out = 24, .bias = true),
    CASE("1x1_one_channel", 1, 6, 5, 1, .out = 1),
    CASE("1x1_to_one", 1, 8, 8, 20, .out = 1, .bias = true),
    CASE("1x1_from_one", 1, 8, 8, 1, .out = 20),
    CASE("1x1_to_10", 2, 5, 5, 40, .out = 10),
    CASE("1x1_to_1000", 1, 2, 2, 128, .out = 1000, .bias = true),
    CASE("1x1_deep", 1, 4, 4, 1024, .out = 40),
    CASE("1x1_deeper", 1, 5, 5, 1301, .out = 70, .bias = true),
    CASE("1x1_many_rows", 1, 40, 40, 16, .out = 24),
    CASE("1x1_stride2", 1, 14, 14, 32, .out = 64, .stride = 2),
    CASE("1x1_stride2_odd", 2, 7, 9, 24, .out = 33, .stride = 2, .bias = true),
    CASE("1x1_stride2_valid", 1, 8, 8, 16, .out = 32, .stride = 2, .padding = WEFT_VALID),
    CASE("1x1_stride3", 1, 10, 11, 5, .out = 17, .stride = 3),
    CASE("1x1_stride_2x1", 1, 9, 8, 12, .out = 20, .stride_h = 2),
    CASE("1x1_pad1", 1, 4, 5, 8, .out = 9, .padding = WEFT_EXPLICIT, .pad = { 1, 1, 1, 1 }, .bias = true),
    CASE("1x1_grouped", 1, 6, 6, 24, .out = 36, .groups = 3),

    /* 3x3. */
    CASE("3x3", 1, 14, 14, 32, .out = 64, .kernel = 3),
    CASE("3x3_batch3", 3, 6, 7, 16, .out = 24, .kernel = 3, .bias = true),
    CASE("3x3_valid", 1, 12, 12, 24, .out = 32, .kernel = 3, .padding = WEFT_VALID),
    CASE("3x3_valid_one_output", 2, 3, 3, 16, .out = 10, .kernel = 3, .padding = WEFT_VALID),
    CASE("3x3_torch_pad", 1, 15, 15, 16, .out = 16, .kernel = 3, .stride = 2, .padding = WEFT_EXPLICIT,
         .pad = { 1, 1, 1, 1 }),
    CASE("3x3_asymmetric", 1, 9, 10, 12, .out = 20, .kernel = 3, .padding = WEFT_EXPLICIT, .pad = { 0, 2, 1, 0 },
         .bias = true),
    CASE("3x3_asymmetric_stride2", 1, 11, 8, 20, .out = 8, .kernel = 3, .stride = 2, .padding = WEFT_EXPLICIT,
         .pad = { 2, 0, 0, 3 }),
    CASE("3x3_stride2_even", 1, 16, 16, 16, .out = 32, .kernel = 3, .stride = 2),
    CASE("3x3_stride2_odd", 2, 13, 15, 16, .out = 32, .kernel = 3, .stride = 2),
    CASE("3x3_stride2_valid", 1, 15, 14, 10, .out = 12, .kernel = 3, .stride = 2, .padding = WEFT_VALID),
    CASE("3x3_stride_1x2", 1, 8, 12, 8, .out = 16, .kernel = 3, .stride_h = 1, .stride_w = 2),
    CASE("3x3_stride3", 1, 14, 13, 8, .out = 16, .kernel = 3, .stride = 3),
    CASE("3x3_odd_channels", 1, 10, 9, 17, .out = 33, .kernel = 3, .bias = true),
    CASE("3x3_3_to_5", 1, 8, 11, 3, .out = 5, .kernel = 3),
    CASE("3x3_5_to_3", 2, 7, 6, 5, .out = 3, .kernel = 3, .bias = true),
    CASE("3x3_65_to_65", 1, 5, 7, 65, .out = 65, .kernel = 3),
    CASE("3x3_to_1000", 1, 3, 3, 16, .out = 1000, .kernel = 3),
    CASE("3x3_deep", 1, 4, 4, 512, .out = 48, .kernel = 3, .bias = true),
    CASE("3x3_wide_image", 1, 3, 70, 8, .out = 16, .kernel = 3),
    CASE("3x3_tall_image", 1, 70, 2, 8, .out = 16, .kernel = 3),
    CASE("3x3_one_pixel", 2, 1, 1, 32, .out = 40, .kernel = 3),
    CASE("3x3_dilation2", 1, 12, 12, 16, .out = 16, .kernel = 3, .dilation = 2),
    CASE("3x3_dilation3_valid", 1, 15, 11, 9, .out = 12, .kernel = 3, .dilation = 3, .padding = WEFT_VALID),
    CASE("3x3_dilation2_stride2", 1, 13, 12, 8, .out = 8, .kernel = 3, .dilation = 2, .stride = 2, .bias = true),
    CASE("2x2", 1, 9, 9, 8, .out = 16, .kernel = 2),
    CASE("2x2_stride2", 2, 9, 8, 16, .out = 24, .kernel = 2, .stride = 2),

    /* Other windows: first layers, factorised pairs, windows beyond the image. */
    CASE("3x3_stride2_rgb", 1, 33, 32, 3, .out = 32, .kernel = 3, .stride = 2),
    CASE("3x3_stride2_rgb_valid", 1, 31, 31, 3, .out = 32, .kernel = 3, .stride = 2, .padding = WEFT_VALID),
    CASE("3x3_rgb", 2, 16, 16, 3, .out = 64, .kernel = 3, .bias = true),
    CASE("5x5", 1, 12, 12, 16, .out = 32, .kernel = 5),
    CASE("5x5_grey_valid", 1, 28, 28, 1, .out = 6, .kernel = 5, .padding = WEFT_VALID, .bias = true),
    CASE("5x5_stride2", 1, 14, 15, 12, .out = 16, .kernel = 5, .stride = 2),
    CASE("5x5_groups2", 1, 9, 9, 32, .out = 64, .kernel = 5, .groups = 2, .bias = true),
    CASE("7x7_stride2_rgb_pad3", 1, 32, 32, 3, .out = 64, .kernel = 7, .stride = 2, .padding = WEFT_EXPLICIT,
         .pad = { 3, 3, 3, 3 }, .bias = true),
    CASE("7x7_stride2_rgb_same", 2, 23, 30, 3, .out = 24, .kernel = 7, .stride = 2),
    CASE("7x7_grey", 1, 14, 14, 1, .out = 64, .kernel = 7, .bias = true),
    CASE("11x11_stride4_valid", 1, 51, 47, 3, .out = 48, .kernel = 11, .stride = 4, .padding = WEFT_VALID,
         .bias = true),
    CASE("11x11_stride4_pad2", 1, 35, 40, 3, .out = 64, .kernel = 11, .stride = 4, .padding = WEFT_EXPLICIT,
         .pad = { 2, 2, 2, 2 }),
    CASE("1x7", 1, 9, 12, 24, .out = 32, .kernel_w = 7),
    CASE("7x1", 1, 12, 9, 24, .out = 32, .kernel_h = 7),
    CASE("1x3", 1, 8, 8, 40, .out = 48, .kernel_w = 3),
    CASE("3x1", 1, 8, 8, 40, .out = 48, .kernel_h = 3),
    CASE("1x7_stride2_valid", 1, 9, 17, 10, .out = 12, .kernel_w = 7, .stride = 2, .padding = WEFT_VALID),
    CASE("3x5_rectangle", 2, 7, 9, 11, .out = 13, .kernel_h = 3, .kernel_w = 5, .bias = true),
    CASE("7x7_larger_than_input", 1, 4, 3, 16, .out = 24, .kernel = 7),
    CASE("5x5_larger_than_input_pad", 1, 2, 3, 8, .out = 12, .kernel = 5, .padding = WEFT_EXPLICIT,
         .pad = { 4, 3, 2, 4 }, .bias = true),
    CASE("5x5_whole_input_valid", 2, 5, 5, 16, .out = 120, .kernel = 5, .padding = WEFT_VALID, .bias = true),

    /* Groups. */
    CASE("3x3_groups2", 1, 8, 8, 24, .out = 32, .kernel = 3, .groups = 2),
    CASE("3x3_groups32_4d", 1, 7, 7, 128, .out = 128, .kernel = 3, .groups = 32),
    CASE("3x3_groups32_4d_stride2", 1, 9, 8, 128, .out = 128, .kernel = 3, .stride = 2, .groups = 32),
    CASE("3x3_groups32_8d", 1, 5, 5, 256, .out = 256, .kernel = 3, .groups = 32),
    CASE("3x3_groups64_4d", 1, 4, 6, 256, .out = 256, .kernel = 3, .groups = 64, .bias = true),
    CASE("3x3_groups5_odd", 2, 6, 5, 15, .out = 35, .kernel = 3, .groups = 5, .bias = true),

    /* Depthwise. */
    CASE("dw3x3_8", 1, 12, 12, 8, .kernel = 3, .groups = 8),
    CASE("dw3x3_16_bias", 2, 9, 11, 16, .kernel = 3, .groups = 16, .bias = true),
    CASE("dw3x3_24_stride2", 1, 16, 14, 24, .kernel = 3, .stride = 2, .groups = 24),
    CASE("dw3x3_40_stride2_odd", 2, 15, 13, 40, .kernel = 3, .stride = 2, .groups = 40, .bias = true),
    CASE("dw3x3_144", 1, 14, 14, 144, .kernel = 3, .groups = 144),
    CASE("dw3x3_144_stride2_pad", 1, 15, 15, 144, .kernel = 3, .stride = 2, .groups = 144, .padding = WEFT_EXPLICIT,
         .pad = { 0, 1, 0, 1 }),
    CASE("dw3x3_33", 1, 8, 7, 33, .kernel = 3, .groups = 33, .bias = true),
    CASE("dw3x3_5", 1, 10, 10, 5, .kernel = 3, .groups = 5),
    CASE("dw3x3_valid", 1, 9, 9, 32, .kernel = 3, .groups = 32, .padding = WEFT_VALID),
    CASE("dw3x3_one_pixel", 3, 1, 1, 24, .kernel = 3, .groups = 24),
    CASE("dw3x3_2x40", 1, 2, 40, 16, .kernel = 3, .groups = 16),
    CASE("dw3x3_dilation2", 1, 11, 12, 24, .kernel = 3, .groups = 24, .dilation = 2),
    CASE("dw5x5_24", 1, 12, 13, 24, .kernel = 5, .groups = 24),
    CASE("dw5x5_40_stride2", 1, 14, 14, 40, .kernel = 5, .stride = 2, .groups = 40, .bias = true),
    CASE("dw5x5_144_small", 2, 3, 4, 144, .kernel = 5, .groups = 144),
    CASE("dw5x5_17_stride2_odd", 1, 13, 9, 17, .kernel = 5, .stride = 2, .groups = 17),
    CASE("dw7x7_16", 1, 15, 14, 16, .kernel = 7, .groups = 16),
    CASE("dw7x7_24_stride2", 1, 17, 16, 24, .kernel = 7, .stride = 2, .groups = 24, .bias = true),
    CASE("dw3x7_rectangle", 1, 8, 10, 20, .kernel_h = 3, .kernel_w = 7, .groups = 20),
    CASE("dw1x1", 1, 5, 6, 40, .groups = 40, .bias = true),
    CASE("dw3x3_multiplier2", 1, 8, 9, 12, .out = 24, .kernel = 3, .groups = 12),
    CASE("dw3x3_multiplier3_stride2", 2, 9, 8, 10, .out = 30, .kernel = 3, .stride = 2, .groups = 10, .bias = true),
    CASE("3x3_from_one", 1, 8, 8, 1, .out = 8, .kernel = 3),

    /* Nothing alike in the two directions: strides, windows, pads. Each kernel meets these or refuses them. */
    CASE("1x1_stride_1x2", 1, 8, 9, 12, .out = 20, .stride_w = 2, .bias = true),
    CASE("1x1_stride_2x3_pads", 2, 9, 8, 19, .out = 33, .stride_h = 2, .stride_w = 3, .padding = WEFT_EXPLICIT,
         .pad = { 0, 1, 2, 0 }),
    CASE("1x1_groups3_stride_2x1", 1, 7, 6, 24, .out = 36, .stride_h = 2, .groups = 3, .bias = true),
    CASE("3x3_stride_2x1", 1, 13, 16, 35, .out = 40, .kernel = 3, .stride_h = 2, .bias = true),
    CASE("3x3_stride_3x1", 2, 14, 17, 33, .out = 35, .kernel = 3, .stride_h = 3),
    CASE("3x3_stride_1x3_valid", 1, 9, 17, 32, .out = 34, .kernel = 3, .stride_w = 3, .padding = WEFT_VALID),
    CASE("3x3_stride_3x2_dilation2", 1, 15, 12, 9, .out = 18, .kernel = 3, .stride_h = 3, .stride_w = 2,
         .dilation = 2),
    CASE("5x3_stride_1x2", 1, 11, 14, 10, .out = 17, .kernel_h = 5, .kernel_w = 3, .stride_w = 2),
    CASE("2x5_stride_3x1_pads", 2, 10, 9, 6, .out = 20, .kernel_h = 2, .kernel_w = 5, .stride_h = 3,
         .padding = WEFT_EXPLICIT, .pad = { 1, 0, 0, 3 }, .bias = true),
    CASE("5x4_whole_input_stride_2x3", 2, 5, 4, 17, .out = 24, .kernel_h = 5, .kernel_w = 4, .stride_h = 2,
         .stride_w = 3, .padding = WEFT_VALID),
    CASE("3x3_groups4_stride_2x1", 1, 11, 9, 32, .out = 64, .kernel = 3, .stride_h = 2, .groups = 4, .bias = true),
    CASE("3x3_groups8_stride_1x3", 2, 7, 14, 32, .out = 32, .kernel = 3, .stride_w = 3, .groups = 8),
    CASE("5x2_groups2_stride_3x2_pads", 1, 13, 9, 10, .out = 34, .kernel_h = 5, .kernel_w = 2, .stride_h = 3,
         .stride_w = 2, .groups = 2, .padding = WEFT_EXPLICIT, .pad = { 3, 0, 0, 2 }),
    CASE("3x5_groups3_dilation2_valid", 1, 9, 13, 9, .out = 12, .kernel_h = 3, .kernel_w = 5, .stride_w = 2,
         .groups = 3, .dilation = 2, .padding = WEFT_VALID),
    CASE("dw3x3_stride_2x1", 1, 13, 24, 35, .kernel = 3, .stride_h = 2, .groups = 35, .bias = true),
    CASE("dw3x3_stride_3x1", 2, 14, 25, 32, .kernel = 3, .stride_h = 3, .groups = 32),
    CASE("dw3x3_stride_1x2", 1, 9, 24, 35, .kernel = 3, .stride_w = 2, .groups = 35),
    CASE("dw3x3_stride_1x3", 1, 8, 23, 20, .kernel = 3, .stride_w = 3, .groups = 20, .bias = true),
    CASE("dw3x3_stride_2x1_pads", 1, 12, 20, 16, .kernel = 3, .stride_h = 2, .groups = 16, .padding = WEFT_EXPLICIT,
         .pad = { 0, 3, 2, 0 }),
    CASE("dw3x3_stride_2x1_dilation2", 1, 15, 18, 17, .kernel = 3, .stride_h = 2, .groups = 17, .dilation = 2),
    CASE("dw5x5_stride_2x1", 1, 13, 20, 19, .kernel = 5, .stride_h = 2, .groups = 19),
    CASE("dw5x5_stride_1x2", 2, 7, 25, 16, .kernel = 5, .stride_w = 2, .groups = 16, .bias = true),
    CASE("dw7x7_stride_3x1", 1, 16, 19, 18, .kernel = 7, .stride_h = 3, .groups = 18, .bias = true),
    CASE("dw7x7_stride_1x2_valid", 1, 9, 23, 17, .kernel = 7, .stride_w = 2, .groups = 17, .padding = WEFT_VALID),
    CASE("dw2x3_stride1", 1, 9, 19, 32, .kernel_h = 2, .kernel_w = 3, .groups = 32),
    CASE("dw5x3_stride_2x1", 1, 14, 19, 24, .kernel_h = 5, .kernel_w = 3, .stride_h = 2, .groups = 24),
    CASE("dw3x5_stride_1x2_pads", 1, 8, 21, 16, .kernel_h = 3, .kernel_w = 5, .stride_w = 2, .groups = 16,
         .padding = WEFT_EXPLICIT, .pad = { 2, 0, 1, 4 }),
    CASE("dw3x4_stride_3x1", 1, 13, 11, 21, .kernel_h = 3, .kernel_w = 4, .stride_h = 3, .groups = 21, .bias = true),
    CASE("dw1x7_7_lines", 1, 7, 20, 16, .kernel_w = 7, .groups = 16),
    CASE("dw7x1_7_columns", 1, 20, 7, 16, .kernel_h = 7, .groups = 16, .bias = true),
    CASE("dw3x3_multiplier2_stride_2x1", 1, 11, 9, 12, .out = 24, .kernel = 3, .stride_h = 2, .groups = 12,
         .bias = true),
    CASE("dw3x5_multiplier3_stride_1x2", 2, 6, 9, 10, .out = 30, .kernel_h = 3, .kernel_w = 5, .stride_w = 2,
         .groups = 10),

    /* Borders far larger than the image: what a kernel needs must not grow with them. */
    CASE("3x3_pads_of_16_million", 1, 3, 4, 8, .out = 5, .kernel = 3, .stride = 4096, .padding = WEFT_EXPLICIT,
         .pad = { 0, 0, 0, 1 << 24 }, .bias = true),
    CASE("3x3_groups2_pads_of_16_million", 1, 3, 4, 8, .out = 4, .kernel = 3, .stride = 4096, .groups = 2,
         .padding = WEFT_EXPLICIT, .pad = { 1 << 24, 0, 1, 1 }, .bias = true),
    CASE("dw3x3_pads_of_16_million", 1, 3, 4, 17, .kernel = 3, .stride = 4096, .groups = 17, .bias = true,
         .padding = WEFT_EXPLICIT, .pad = { 1, 1, 1 << 24, 2 }),
    CASE("2x2_dilation_4096", 2, 3, 3, 16, .out = 20, .kernel = 2, .stride = 4096, .dilation = 4096,
         .padding = WEFT_EXPLICIT, .pad = { 4096, 4096, 4096, 4096 }),

    /* Large enough for several tiles on every side. */
    CASE("1x1_large", 2, 14, 14, 256, .out = 96, .bias = true),
    CASE("3x3_large", 1, 28, 28, 32, .out = 48, .kernel = 3),
    CASE("3x3_large_deep", 1, 7, 7, 256, .out = 96, .kernel = 3),
    CASE("dw3x3_large", 1, 56, 56, 40, .kernel = 3, .groups = 40),
    CASE("dw5x5_large_stride2", 2, 28, 28, 72, .kernel = 5, .stride = 2, .groups = 72, .bias = true),

    /* Enough channels and outputs for algorithms that work in tiles of 4x4 outputs. */
    CASE("3x3_12_tiles", 1, 12, 16, 32, .out = 32, .kernel = 3),
    CASE("3x3_12_tiles_odd", 1, 11, 13, 33, .out = 40, .kernel = 3, .bias = true),
    CASE("3x3_12_tiles_valid", 1, 15, 14, 40, .out = 33, .kernel = 3, .padding = WEFT_VALID),
    CASE("3x3_12_tiles_of_12_images", 12, 3, 4, 32, .out = 33, .kernel = 3, .bias = true),
    CASE("3x3_tiles_asymmetric", 2, 9, 10, 48, .out = 33, .kernel = 3, .padding = WEFT_EXPLICIT,
         .pad = { 0, 2, 1, 0 }, .bias = true),
    CASE("3x3_tiles_wide_pad", 1, 8, 9, 32, .out = 40, .kernel = 3, .padding = WEFT_EXPLICIT, .pad = { 3, 4, 5, 2 }),
    CASE("3x3_tiles_beyond_input", 1, 5, 4, 33, .out = 32, .kernel = 3, .padding = WEFT_EXPLICIT,
         .pad = { 9, 7, 8, 6 }, .bias = true),
    CASE("3x3_tiles_deep", 1, 9, 16, 130, .out = 50, .kernel = 3),
    CASE("3x3_tiles_of_6_images", 6, 9, 15, 32, .out = 33, .kernel = 3, .bias = true),
    CASE("3x3_193_tiles", 1, 2, 770, 32, .out = 32, .kernel = 3),
    FUSED("3x3_tiles_relu", 1, 13, 12, 33, WEFT_ACT_RELU, false, .out = 33, .kernel = 3, .bias = true),
    FUSED("3x3_tiles_relu6", 2, 7, 10, 32, WEFT_ACT_RELU6, false, .out = 40, .kernel = 3, .bias = true),
    FUSED("3x3_tiles_swish", 1, 12, 15, 40, WEFT_ACT_SWISH, false, .out = 32, .kernel = 3),
    FUSED("3x3_tiles_residual", 1, 10, 15, 32, WEFT_ACT_NONE, true, .out = 40, .kernel = 3, .bias = true),
    FUSED("3x3_tiles_residual_relu", 3, 7, 6, 48, WEFT_ACT_RELU, true, .out = 48, .kernel = 3, .bias = true),
    FUSED("3x3_tiles_residual_relu6_valid", 1, 14, 17, 33, WEFT_ACT_RELU6, true, .out = 33, .kernel = 3,
          .padding = WEFT_VALID),
    FUSED("3x3_tiles_residual_swish", 6, 9, 15, 32, WEFT_ACT_SWISH, true, .out = 33, .kernel = 3, .bias = true),

    /* Epilogues: every activation, and the residual with and without one. */
    FUSED("1x1_relu", 1, 9, 9, 24, WEFT_ACT_RELU, false, .out = 40, .bias = true),
    FUSED("1x1_swish", 1, 7, 9, 40, WEFT_ACT_SWISH, false, .out = 24, .bias = true),
    FUSED("1x1_residual", 2, 7, 7, 48, WEFT_ACT_NONE, true, .out = 24, .bias = true),
    FUSED("1x1_residual_relu", 1, 8, 9, 16, WEFT_ACT_RELU, true, .out = 65, .bias = true),
    FUSED("1x1_residual_no_bias", 1, 5, 9, 33, WEFT_ACT_NONE, true, .out = 17),
    FUSED("1x1_sigmoid", 1, 1, 1, 12, WEFT_ACT_SIGMOID, false, .out = 48, .bias = true),
    FUSED("1x1_stride2_relu6", 1, 8, 7, 16, WEFT_ACT_RELU6, false, .out = 20, .stride = 2, .bias = true),
    FUSED("3x3_relu", 1, 10, 10, 16, WEFT_ACT_RELU, false, .out = 32, .kernel = 3, .bias = true),
    FUSED("3x3_relu6", 2, 7, 8, 12, WEFT_ACT_RELU6, false, .out = 20, .kernel = 3, .bias = true),
    FUSED("3x3_residual_relu", 1, 7, 9, 24, WEFT_ACT_RELU, true, .out = 24, .kernel = 3, .bias = true),
    FUSED("3x3_residual_stride2", 1, 9, 9, 8, WEFT_ACT_NONE, true, .out = 40, .kernel = 3, .stride = 2),
    FUSED("3x3_hard_swish", 1, 12, 11, 3, WEFT_ACT_HARD_SWISH, false, .out = 16, .kernel = 3, .stride = 2,
          .bias = true),
    FUSED("1x1_leaky_relu_residual", 1, 6, 7, 24, WEFT_ACT_LEAKY_RELU, true, .out = 40, .kernel = 1),
    FUSED("dw3x3_leaky_relu", 1, 6, 7, 19, WEFT_ACT_LEAKY_RELU, false, .kernel = 3, .groups = 19, .bias = true),
    FUSED("3x3_hard_sigmoid", 1, 6, 6, 9, WEFT_ACT_HARD_SIGMOID, false, .out = 15, .kernel = 3),
    FUSED("5x5_tanh_valid", 1, 12, 12, 6, WEFT_ACT_TANH, false, .out = 16, .kernel = 5, .padding = WEFT_VALID,
          .bias = true),
    FUSED("5x5_lecun_tanh", 1, 14, 14, 1, WEFT_ACT_LECUN_TANH, false, .out = 6, .kernel = 5, .padding = WEFT_VALID,
          .bias = true),
    FUSED("7x7_stride2_rgb_relu", 1, 21, 24, 3, WEFT_ACT_RELU, false, .out = 64, .kernel = 7, .stride = 2,
          .padding = WEFT_EXPLICIT, .pad = { 3, 3, 3, 3 }, .bias = true),
    FUSED("11x11_stride4_relu", 1, 27, 31, 3, WEFT_ACT_RELU, false, .out = 24, .kernel = 11, .stride = 4,
          .padding = WEFT_VALID, .bias = true),
    FUSED("3x3_groups8_relu", 1, 6, 7, 32, WEFT_ACT_RELU, false, .out = 32, .kernel = 3, .groups = 8, .bias = true),
    FUSED("3x3_groups4_residual", 1, 6, 7, 16, WEFT_ACT_RELU, true, .out = 24, .kernel = 3, .groups = 4),
    FUSED("3x3_groups2_swish", 1, 5, 5, 20, WEFT_ACT_SWISH, true, .out = 20, .kernel = 3, .groups = 2, .bias = true),
    FUSED("dw3x3_relu6", 1, 9, 10, 32, WEFT_ACT_RELU6, false, .kernel = 3, .groups = 32, .bias = true),
    FUSED("dw3x3_stride2_swish", 1, 12, 13, 40, WEFT_ACT_SWISH, false, .kernel = 3, .stride = 2, .groups = 40,
          .bias = true),
    FUSED("dw5x5_swish", 1, 8, 8, 24, WEFT_ACT_SWISH, false, .kernel = 5, .groups = 24, .bias = true),
    FUSED("dw5x5_hard_swish", 1, 9, 7, 17, WEFT_ACT_HARD_SWISH, false, .kernel = 5, .stride = 2, .groups = 17,
          .bias = true),
    FUSED("dw3x3_residual_relu", 1, 7, 6, 20, WEFT_ACT_RELU, true, .kernel = 3, .groups = 20, .bias = true),
    FUSED("dw7x7_residual", 1, 9, 9, 12, WEFT_ACT_NONE, true, .kernel = 7, .groups = 12),
    FUSED("dw3x3_stride_2x1_residual_relu6", 1, 12, 20, 33, WEFT_ACT_RELU6, true, .kernel = 3, .stride_h = 2,
          .groups = 33, .bias = true),
    FUSED("dw3x3_stride_3x1_swish", 1, 13, 17, 64, WEFT_ACT_SWISH, false, .kernel = 3, .stride_h = 3, .groups = 64),
    FUSED("3x3_stride_2x1_residual_relu", 1, 9, 8, 20, WEFT_ACT_RELU, true, .out = 33, .kernel = 3, .stride_h = 2),
    FUSED("3x3_groups2_stride_1x2_swish", 1, 7, 9, 20, WEFT_ACT_SWISH, true, .out = 20, .kernel = 3, .stride_w = 2,
          .groups = 2),
    FUSED("dw3x3_multiplier2_relu", 1, 7, 7, 9, WEFT_ACT_RELU, false, .out = 18, .kernel = 3, .groups = 9,
          .bias = true),
    { .name = "image_7x7_stride2", .n_in = 1, .in = { { 4, { 2, 224, 224, 3 } } }, .large = true,
      .epi = { .act = WEFT_ACT_RELU },
      .opt = &(const weft_conv2d_opt){ .out = 64, .kernel = 7, .stride = 2, .bias = true } },
    { .name = "layer_3x3_64", .n_in = 1, .in = { { 4, { 4, 56, 56, 64 } } }, .large = true,
      .epi = { .act = WEFT_ACT_RELU },
      .opt = &(const weft_conv2d_opt){ .out = 64, .kernel = 3, .bias = true } },
    { .name = "layer_3x3_512", .n_in = 1, .in = { { 4, { 4, 7, 7, 512 } } }, .large = true,
      .opt = &(const weft_conv2d_opt){ .out = 512, .kernel = 3 } },
    { .name = "layer_1x1_1024_residual", .n_in = 1, .in = { { 4, { 8, 14, 14, 256 } } }, .large = true,
      .epi = { WEFT_ACT_RELU, true },
      .opt = &(const weft_conv2d_opt){ .out = 1024, .bias = true } },
    { .name = "layer_1x1_960_to_160", .n_in = 1, .in = { { 4, { 32, 7, 7, 960 } } }, .large = true,
      .opt = &(const weft_conv2d_opt){ .out = 160 } },
    { .name = "layer_dw3x3_112", .n_in = 1, .in = { { 4, { 4, 112, 112, 32 } } }, .large = true,
      .epi = { .act = WEFT_ACT_RELU6 },
      .opt = &(const weft_conv2d_opt){ .out = 32, .kernel = 3, .groups = 32, .bias = true } },
    { .name = "layer_dw5x5_stride2_480", .n_in = 1, .in = { { 4, { 8, 28, 28, 480 } } }, .large = true,
      .opt = &(const weft_conv2d_opt){ .out = 480, .kernel = 5, .stride = 2, .groups = 480 } },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_conv2d = {
    .name = "conv2d",
    .brief = "2-D convolution, grouped, dilated, depthwise",
    .paper = "LeCun et al. 1998",
    .n_in = 1,
    .opt_size = sizeof(weft_conv2d_opt),
    .takes = WEFT_TAKES_ACT | WEFT_TAKES_RESIDUAL,
    .error_class = WEFT_REDUCTION,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .least = least,
    .reduction = reduction,
    .describe = describe,
    .cases = cases,
};
