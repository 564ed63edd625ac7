/* SPDX-License-Identifier: Apache-2.0
 *
 * MobileNetV2: Sandler et al. 2018, arXiv:1801.04381, table 2: inverted residuals with linear bottlenecks. Keras
 * pads strided convolutions like TensorFlow, torchvision by one pixel on every side; their batch norms differ. */
#include "blocks.h"

/* clang-format off */
static const struct {
    int expand, out, repeats, stride;
} stages[] = {
    { 1,  16, 1, 1 },
    { 6,  24, 2, 2 },
    { 6,  32, 3, 2 },
    { 6,  64, 4, 2 },
    { 6,  96, 3, 1 },
    { 6, 160, 3, 2 },
    { 6, 320, 1, 1 },
};
/* clang-format on */

static const struct dialect {
    bool even_pad; /* one pixel on every side of a strided convolution */
    double epsilon, momentum, dropout;
    weft_init conv, dense;
} dialects[WEFT_DIALECT_COUNT] = {
    [WEFT_KERAS] = { false, 1e-3, .999, 0, WEFT_INIT_GLOROT_UNIFORM, WEFT_INIT_GLOROT_UNIFORM },
    [WEFT_TORCH] = { true, 1e-5, .9, .2, WEFT_INIT_HE_NORMAL_OUT, WEFT_INIT_NORMAL },
};

/* Fig. 3b: x [N, H, W, C] -> expand to C * expand -> depthwise -> project to out, without an activation. */
static weft_var inverted_residual(const weft_net *n, weft_var x, int expand, int out, int stride)
{
    const int64_t in = weft_channels(n->g, x), mid = in * expand;
    const bool even = stride == 1 || dialects[n->dialect].even_pad;
    const weft_pad pad = even ? pad_all(1) : weft_net_half_pad(n->g, x, 3);
    weft_var y = x;
    if (expand != 1)
        y = conv_bn_relu6(n, y, CONV(.name = "expand", .out = mid, .kernel = 1));
    y = conv_bn_relu6(n, y,
                      CONV(.name = "depthwise", .out = mid, .kernel = 3, .stride = stride, .groups = mid, PADDED(pad)));
    y = conv_bn(n, y, CONV(.name = "project", .out = out, .kernel = 1));

    return stride == 1 && in == out ? weft_add(n->g, y, x) : y;
}

void weft_build_mobilenet_v2(weft_net *n)
{
    const struct dialect *d = &dialects[n->dialect];
    n->bn = (weft_batch_norm_opt){ .epsilon = d->epsilon, .momentum = d->momentum };
    n->conv_init = d->conv;
    n->dense_init = d->dense;
    n->dense_scale = .01;

    weft_var x = weft_net_input(n);
    x = conv_bn_relu6(n, x,
                      CONV(.name = "stem", .out = 32, .kernel = 3, .stride = 2,
                           .padding = d->even_pad ? WEFT_EXPLICIT : WEFT_SAME, .pad = pad_all(d->even_pad)));
    for (int i = 0; i < COUNT(stages); i++) {
        for (int unit = 0; unit < stages[i].repeats; unit++) {
            weft_scope_push(n->g, "stage%d.%d", i + 1, unit);
            x = inverted_residual(n, x, stages[i].expand, stages[i].out, unit == 0 ? stages[i].stride : 1);
            weft_scope_pop(n->g);
        }
    }
    x = conv_bn_relu6(n, x, CONV(.name = "top", .out = 1280, .kernel = 1));
    weft_net_output(n, weft_net_pool_head(n, x, d->dropout));
}
