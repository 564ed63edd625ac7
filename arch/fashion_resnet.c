/* SPDX-License-Identifier: Apache-2.0
 *
 * A small residual network for images of 28 x 28, the one of weft's `fashion` recipe: He et al. 2015, arXiv:1512.03385,
 * in the form that fast training made popular (Page 2018, "How to train your ResNet"): identity branches around two
 * convolutions, activation before the sum, maxima for pooling; 28, 14, 7, 3 pixels wide, 64, 128 and 256 channels. */
#include "blocks.h"

/* y = x + b(a(x)), two 3x3 convolutions of the same width. */
static weft_var residual(const weft_net *n, weft_var x, const char *name)
{
    const int64_t width = weft_channels(n->g, x);
    weft_scope_push(n->g, "%s", name);
    weft_var y = conv_bn_relu(n, x, CONV(.name = "a", .out = width, .kernel = 3));
    y = conv_bn_relu(n, y, CONV(.name = "b", .out = width, .kernel = 3));
    y = weft_add(n->g, x, y);
    weft_scope_pop(n->g);
    return y;
}

static weft_var half(const weft_net *n, weft_var x)
{
    return weft_max_pool2d(n->g, x, POOL(.kernel = 2, .padding = WEFT_VALID));
}

void weft_build_fashion_resnet(weft_net *n)
{
    n->bn = (weft_batch_norm_opt){ .epsilon = 1e-5, .momentum = .9 };
    n->conv_init = n->dense_init = WEFT_INIT_HE_NORMAL;
    weft_var x = weft_net_input(n);
    x = conv_bn_relu(n, x, CONV(.name = "stem", .out = 32, .kernel = 3));
    x = conv_bn_relu(n, x, CONV(.name = "widen1", .out = 64, .kernel = 3));
    x = residual(n, half(n, x), "unit1");
    x = conv_bn_relu(n, x, CONV(.name = "widen2", .out = 128, .kernel = 3));
    x = residual(n, half(n, x), "unit2");
    x = conv_bn_relu(n, x, CONV(.name = "widen3", .out = 256, .kernel = 3));
    x = residual(n, half(n, x), "unit3");
    weft_net_output(n, weft_net_head(n, weft_global_max_pool2d(n->g, x)));
}
