/* SPDX-License-Identifier: Apache-2.0
 *
 * SENet-154, SE-ResNet-18 to 152 and SE-ResNeXt-50 and 101: Hu et al. 2017, arXiv:1709.01507, table 1 and appendix:
 * squeeze-and-excitation, reduced 16 times, on each residual unit before its sum. As the authors' Caffe models and
 * timm's ports of them ("legacy"): SE-ResNet has the stride on the first 1x1, the two-layer units of 18 and 34 have
 * a ReLU before the squeeze, and the pool has no border but counts its last, partial window. */
#include "blocks.h"

enum { STAGES = 4 };

typedef enum unit_kind { BASIC, RESNET, RESNEXT, SENET } unit_kind;

/* The registry's variant is an index into this table. */
/* clang-format off */
static const struct variant {
    unit_kind kind;
    int units[STAGES];
} variants[] = {
    { BASIC,   { 2, 2, 2, 2 } },
    { BASIC,   { 3, 4, 6, 3 } },
    { RESNET,  { 3, 4, 6, 3 } },
    { RESNET,  { 3, 4, 23, 3 } },
    { RESNET,  { 3, 8, 36, 3 } },
    { RESNEXT, { 3, 4, 6, 3 } },
    { RESNEXT, { 3, 4, 23, 3 } },
    { SENET,   { 3, 8, 36, 3 } },
};

/* What a kind does with the base width of a stage (64, 128, 256, 512). */
static const struct {
    int first, second, last; /* factors of the three convolutions' maps */
    int groups;
    bool stride_first;
} kinds[] = {
    [BASIC]   = { 1, 1, 1, 1, true },
    [RESNET]  = { 1, 1, 4, 1, true },
    [RESNEXT] = { 2, 2, 4, 32, false },
    [SENET]   = { 2, 4, 4, 64, false },
};
/* clang-format on */

/* SENet-154 shrinks its shortcuts with 3x3 convolutions. */
static weft_var shortcut(const weft_net *n, weft_var x, unit_kind kind, int out, int stride)
{
    if (stride == 1 && weft_channels(n->g, x) == out)
        return x;
    const int kernel = kind == SENET && stride > 1 ? 3 : 1;
    return conv_bn(n, x,
                   CONV(.name = "proj", .out = out, .kernel = kernel, .stride = stride, PADDED(pad_all(kernel / 2))));
}

static weft_var two_layers(const weft_net *n, weft_var x, int width, int stride)
{
    x = conv_bn_relu(n, x, CONV(.name = "a", .out = width, .kernel = 3, .stride = stride, PADDED(pad_all(1))));
    return conv_bn_relu(n, x, CONV(.name = "b", .out = width, .kernel = 3));
}

static weft_var three_layers(const weft_net *n, weft_var x, unit_kind kind, int width, int stride)
{
    const int first = kinds[kind].stride_first ? stride : 1;
    x = conv_bn_relu(n, x, CONV(.name = "a", .out = kinds[kind].first * width, .kernel = 1, .stride = first));
    x = conv_bn_relu(n, x,
                     CONV(.name = "b", .out = kinds[kind].second * width, .kernel = 3, .stride = stride / first,
                          .groups = kinds[kind].groups, PADDED(pad_all(1))));
    return conv_bn(n, x, CONV(.name = "c", .out = kinds[kind].last * width, .kernel = 1));
}

/* x [N, H, W, C] -> [N, ceil(H/stride), ceil(W/stride), width * the kind's last factor]. */
static weft_var unit(const weft_net *n, weft_var x, unit_kind kind, int width, int stride)
{
    const int out = kinds[kind].last * width;
    const weft_squeeze_excite_opt se = { .name = "se", .reduced = out / 16, .init = n->conv_init };
    weft_var y = kind == BASIC ? two_layers(n, x, width, stride) : three_layers(n, x, kind, width, stride);
    y = weft_squeeze_excite(n->g, y, &se);
    return weft_relu(n->g, weft_add(n->g, y, shortcut(n, x, kind, out, stride)));
}

/* x [N, H, W, 3] -> [N, H/2, W/2, 64], or three 3x3 and 128 maps in SENet-154. */
static weft_var stem(const weft_net *n, weft_var x, unit_kind kind)
{
    if (kind != SENET)
        return conv_bn_relu(n, x, CONV(.name = "stem", .out = 64, .kernel = 7, .stride = 2, PADDED(pad_all(3))));

    weft_scope_push(n->g, "stem");
    x = conv_bn_relu(n, x, CONV(.name = "a", .out = 64, .kernel = 3, .stride = 2, PADDED(pad_all(1))));
    x = conv_bn_relu(n, x, CONV(.name = "b", .out = 64, .kernel = 3));
    x = conv_bn_relu(n, x, CONV(.name = "c", .out = 128, .kernel = 3));
    weft_scope_pop(n->g);
    return x;
}

void weft_build_senet(weft_net *n)
{
    n->bn = (weft_batch_norm_opt){ .epsilon = 1e-5, .momentum = .9 };
    n->conv_init = WEFT_INIT_HE_NORMAL;
    n->dense_init = WEFT_INIT_NORMAL;
    const struct variant *v = &variants[n->variant];
    n->dense_scale = v->kind == BASIC ? .0256 : .0128; /* torch's within 1/sqrt(fan-in): the same deviation */

    weft_var x = weft_net_input(n);
    x = stem(n, x, v->kind);
    x = weft_max_pool2d(n->g, x, POOL(.kernel = 3, .stride = 2, .padding = WEFT_VALID, .ceil = true));
    for (int stage = 0; stage < STAGES; stage++) {
        for (int i = 0; i < v->units[stage]; i++) {
            weft_scope_push(n->g, "stage%d.%d", stage + 1, i);
            x = unit(n, x, v->kind, 64 << stage, stage > 0 && i == 0 ? 2 : 1);
            weft_scope_pop(n->g);
        }
    }
    weft_net_output(n, weft_net_pool_head(n, x, v->kind == SENET ? .2 : 0));
}
