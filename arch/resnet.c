/* SPDX-License-Identifier: Apache-2.0
 *
 * ResNet-18, 34, 50, 101, 152: He et al. 2015, arXiv:1512.03385, table 1. Three dialects: the paper (stride on the
 * first 1x1, projections where the shape changes: its option B), Keras (the same with biases before batch norm, for
 * 50 layers and more) and torchvision ("v1.5": stride on the 3x3). */
#include "blocks.h"

enum { STAGES = 4 };

/* clang-format off */
static const struct {
    int layers;
    bool bottleneck;
    int units[STAGES];
} variants[] = {
    { 18, false, { 2, 2, 2, 2 } },
    { 34, false, { 3, 4, 6, 3 } },
    { 50, true, { 3, 4, 6, 3 } },
    { 101, true, { 3, 4, 23, 3 } },
    { 152, true, { 3, 8, 36, 3 } },
};
/* clang-format on */

static const struct dialect {
    bool stride_first; /* the stride sits on a, else on b */
    bool bias;
    double epsilon, momentum;
    weft_init conv, dense;
    double dense_scale; /* torch draws within 1/sqrt(fan-in): the same deviation, for 2048 channels */
} dialects[WEFT_DIALECT_COUNT] = {
    [WEFT_PAPER] = { true, false, 1e-5, .9, WEFT_INIT_HE_NORMAL, WEFT_INIT_NORMAL, .01 },
    [WEFT_KERAS] = { true, true, 1.001e-5, .99, WEFT_INIT_GLOROT_UNIFORM, WEFT_INIT_GLOROT_UNIFORM, 0 },
    [WEFT_TORCH] = { false, false, 1e-5, .9, WEFT_INIT_HE_NORMAL_OUT, WEFT_INIT_NORMAL, .0128 },
};

/* The shortcut: x itself, or a 1x1 projection where its shape changes (option B of the paper). */
static weft_var shortcut(const weft_net *n, weft_var x, int out, int stride)
{
    if (stride == 1 && weft_channels(n->g, x) == out)
        return x;
    return conv_bn(n, x, CONV(.name = "proj", .out = out, .kernel = 1, .stride = stride));
}

/* Fig. 5 left: x [N, H, W, C] -> [N, ceil(H/stride), ceil(W/stride), width]. */
static weft_var basic(const weft_net *n, weft_var x, int width, int stride)
{
    weft_var y = x;
    y = conv_bn_relu(n, y, CONV(.name = "a", .out = width, .kernel = 3, .stride = stride, PADDED(pad_all(1))));
    y = conv_bn(n, y, CONV(.name = "b", .out = width, .kernel = 3));
    return weft_relu(n->g, weft_add(n->g, y, shortcut(n, x, width, stride)));
}

/* Fig. 5 right: x [N, H, W, C] -> [N, ceil(H/stride), ceil(W/stride), 4 * width]. */
static weft_var bottleneck(const weft_net *n, weft_var x, int width, int stride)
{
    weft_var y = x;
    const bool first = dialects[n->dialect].stride_first;
    y = conv_bn_relu(n, y, CONV(.name = "a", .out = width, .kernel = 1, .stride = first ? stride : 1));
    y = conv_bn_relu(n, y,
                     CONV(.name = "b", .out = width, .kernel = 3, .stride = first ? 1 : stride, PADDED(pad_all(1))));
    y = conv_bn(n, y, CONV(.name = "c", .out = 4 * width, .kernel = 1));
    return weft_relu(n->g, weft_add(n->g, y, shortcut(n, x, 4 * width, stride)));
}

void weft_build_resnet(weft_net *n)
{
    int v = 0;
    while (variants[v].layers != n->variant)
        v++;
    const struct dialect *d = &dialects[n->dialect];
    n->bn = (weft_batch_norm_opt){ .epsilon = d->epsilon, .momentum = d->momentum };
    n->conv_bias = d->bias;
    n->conv_init = d->conv;
    n->dense_init = d->dense;
    n->dense_scale = d->dense_scale;
    if (n->dialect == WEFT_TORCH && !variants[v].bottleneck)
        n->dense_scale *= 2; /* 512 channels */

    weft_var x = weft_net_input(n);
    x = conv_bn_relu(n, x, CONV(.name = "stem", .out = 64, .kernel = 7, .stride = 2, PADDED(pad_all(3))));
    x = weft_max_pool2d(n->g, x, POOL(.kernel = 3, .stride = 2, PADDED(pad_all(1))));
    for (int stage = 0; stage < STAGES; stage++) {
        for (int unit = 0; unit < variants[v].units[stage]; unit++) {
            weft_scope_push(n->g, "stage%d.%d", stage + 1, unit);
            const int width = 64 << stage, stride = stage > 0 && unit == 0 ? 2 : 1;
            x = variants[v].bottleneck ? bottleneck(n, x, width, stride) : basic(n, x, width, stride);
            weft_scope_pop(n->g);
        }
    }
    weft_net_output(n, weft_net_pool_head(n, x, 0));
}
