/* SPDX-License-Identifier: Apache-2.0
 *
 * DenseNet-121, 169, 201: Huang et al. 2016, arXiv:1608.06993, table 1, the BC form: growth 32, bottlenecks of four
 * times the growth, transitions that halve maps and grid. A layer sees the block's input and all earlier layers'
 * maps. Keras and torchvision differ in batch norm's epsilon and in the initialisation only. */
#include "blocks.h"

enum { BLOCKS = 4, GROWTH = 32 };

/* clang-format off */
static const struct {
    int layers;
    int units[BLOCKS];
} variants[] = {
    { 121, { 6, 12, 24, 16 } },
    { 169, { 6, 12, 32, 32 } },
    { 201, { 6, 12, 48, 32 } },
};
/* clang-format on */

static const struct dialect {
    double epsilon, momentum;
    weft_init conv, dense;
    double dense_scale; /* torch draws within 1/sqrt(fan-in): the same deviation, for 1024 maps and more */
} dialects[WEFT_DIALECT_COUNT] = {
    [WEFT_KERAS] = { 1.001e-5, .99, WEFT_INIT_GLOROT_UNIFORM, WEFT_INIT_GLOROT_UNIFORM, 0 },
    [WEFT_TORCH] = { 1e-5, .9, WEFT_INIT_HE_NORMAL, WEFT_INIT_NORMAL, .018 },
};

static weft_var bn_relu_conv(const weft_net *n, weft_var x, const weft_conv2d_opt *conv)
{
    weft_conv2d_opt opt = *conv;
    weft_scope_push(n->g, "%s", opt.name);
    opt.name = NULL;
    const weft_var y = weft_net_conv(n, weft_relu(n->g, weft_net_batch_norm(n, x)), &opt);
    weft_scope_pop(n->g);
    return y;
}

/* x [N, H, W, C] -> [N, H, W, C + GROWTH]. */
static weft_var layer(const weft_net *n, weft_var x)
{
    weft_var both[2] = { x };
    both[1] = bn_relu_conv(n, x, CONV(.name = "a", .out = 4 * GROWTH, .kernel = 1));
    both[1] = bn_relu_conv(n, both[1], CONV(.name = "b", .out = GROWTH, .kernel = 3));
    return weft_concat(n->g, both, COUNT(both));
}

/* x [N, H, W, C] -> [N, H/2, W/2, C/2]. */
static weft_var transition(const weft_net *n, weft_var x, int index)
{
    weft_scope_push(n->g, "transition%d", index);
    x = bn_relu_conv(n, x, CONV(.name = "a", .out = weft_channels(n->g, x) / 2, .kernel = 1));
    x = weft_avg_pool2d(n->g, x, POOL(.kernel = 2, .padding = WEFT_VALID));
    weft_scope_pop(n->g);
    return x;
}

void weft_build_densenet(weft_net *n)
{
    int v = 0;
    while (variants[v].layers != n->variant)
        v++;
    const struct dialect *d = &dialects[n->dialect];
    n->bn = (weft_batch_norm_opt){ .epsilon = d->epsilon, .momentum = d->momentum };
    n->conv_init = d->conv;
    n->dense_init = d->dense;
    n->dense_scale = d->dense_scale;

    weft_var x = weft_net_input(n);
    x = conv_bn_relu(n, x, CONV(.name = "stem", .out = 64, .kernel = 7, .stride = 2, PADDED(pad_all(3))));
    x = weft_max_pool2d(n->g, x, POOL(.kernel = 3, .stride = 2, PADDED(pad_all(1))));
    for (int block = 0; block < BLOCKS; block++) {
        for (int unit = 0; unit < variants[v].units[block]; unit++) {
            weft_scope_push(n->g, "block%d.%d", block + 1, unit);
            x = layer(n, x);
            weft_scope_pop(n->g);
        }
        if (block < BLOCKS - 1)
            x = transition(n, x, block + 1);
    }
    weft_scope_push(n->g, "post");
    x = weft_relu(n->g, weft_net_batch_norm(n, x));
    weft_scope_pop(n->g);
    weft_net_output(n, weft_net_pool_head(n, x, 0));
}
