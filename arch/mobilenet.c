/* SPDX-License-Identifier: Apache-2.0
 *
 * MobileNet: Howard et al. 2017, arXiv:1704.04861, table 1, as in Keras: ReLU6, and strided depthwise
 * convolutions padded at the bottom and right only. The variant is the width multiplier in percent. The final 1x1
 * convolution over a pooled pixel is a dense layer and is built as one. */
#include "blocks.h"

static const struct {
    int out, stride;
} units[] = {
    { 64, 1 },  { 128, 2 }, { 128, 1 }, { 256, 2 }, { 256, 1 },  { 512, 2 },  { 512, 1 },
    { 512, 1 }, { 512, 1 }, { 512, 1 }, { 512, 1 }, { 1024, 2 }, { 1024, 1 },
};

/* Depthwise separable convolution, fig. 3 right: x [N, H, W, C] -> [N, H/stride, W/stride, out]. */
static weft_var separable(const weft_net *n, weft_var x, int out, int stride)
{
    weft_var y = x;
    const weft_pad pad = stride == 1 ? pad_all(1) : (weft_pad){ .bottom = 1, .right = 1 };
    y = conv_bn_relu6(
        n, y, CONV(.name = "depthwise", .kernel = 3, .stride = stride, .groups = weft_channels(n->g, x), PADDED(pad)));
    return conv_bn_relu6(n, y, CONV(.name = "pointwise", .out = out, .kernel = 1));
}

void weft_build_mobilenet(weft_net *n)
{
    n->conv_init = n->dense_init = WEFT_INIT_GLOROT_UNIFORM;
    weft_var x = weft_net_input(n);
    x = conv_bn_relu6(n, x, CONV(.name = "stem", .out = 32 * n->variant / 100, .kernel = 3, .stride = 2));
    for (int i = 0; i < COUNT(units); i++) {
        weft_scope_push(n->g, "unit%d", i + 1);
        x = separable(n, x, units[i].out * n->variant / 100, units[i].stride);
        weft_scope_pop(n->g);
    }
    weft_net_output(n, weft_net_pool_head(n, x, .001));
}
