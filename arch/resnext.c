/* SPDX-License-Identifier: Apache-2.0
 *
 * ResNeXt-50 and 101: Xie et al. 2016, arXiv:1611.05431, table 1: the 32 or 64 paths of a unit as one grouped 3x3
 * convolution (fig. 3c), with the stride on it, as in torchvision. */
#include "blocks.h"

enum { STAGES = 4 };

/* The registry's variant is an index into this table. */
/* clang-format off */
static const struct variant {
    int paths, depth; /* depth: maps of one path in the first stage; doubled by each later one */
    int units[STAGES];
} variants[] = {
    { 32, 4, { 3, 4, 6, 3 } },
    { 32, 4, { 3, 4, 23, 3 } },
    { 32, 8, { 3, 4, 23, 3 } },
    { 64, 4, { 3, 4, 23, 3 } },
};
/* clang-format on */

static weft_var shortcut(const weft_net *n, weft_var x, int out, int stride)
{
    if (stride == 1 && weft_channels(n->g, x) == out)
        return x;
    return conv_bn(n, x, CONV(.name = "proj", .out = out, .kernel = 1, .stride = stride));
}

/* x [N, H, W, C] -> [N, ceil(H/stride), ceil(W/stride), out]. */
static weft_var unit(const weft_net *n, weft_var x, const struct variant *v, int stage, int stride)
{
    weft_var y = x;
    const int width = v->paths * v->depth << stage, out = 256 << stage;
    y = conv_bn_relu(n, y, CONV(.name = "a", .out = width, .kernel = 1));
    y = conv_bn_relu(
        n, y, CONV(.name = "b", .out = width, .kernel = 3, .stride = stride, .groups = v->paths, PADDED(pad_all(1))));
    y = conv_bn(n, y, CONV(.name = "c", .out = out, .kernel = 1));
    return weft_relu(n->g, weft_add(n->g, y, shortcut(n, x, out, stride)));
}

void weft_build_resnext(weft_net *n)
{
    const struct variant *v = &variants[n->variant];
    n->bn = (weft_batch_norm_opt){ .epsilon = 1e-5, .momentum = .9 };
    n->conv_init = WEFT_INIT_HE_NORMAL_OUT;
    n->dense_init = WEFT_INIT_NORMAL;
    n->dense_scale = .0128; /* torch draws within 1/sqrt(fan-in): the same deviation, for 2048 channels */

    weft_var x = weft_net_input(n);
    x = conv_bn_relu(n, x, CONV(.name = "stem", .out = 64, .kernel = 7, .stride = 2, PADDED(pad_all(3))));
    x = weft_max_pool2d(n->g, x, POOL(.kernel = 3, .stride = 2, PADDED(pad_all(1))));
    for (int stage = 0; stage < STAGES; stage++) {
        for (int i = 0; i < v->units[stage]; i++) {
            weft_scope_push(n->g, "stage%d.%d", stage + 1, i);
            x = unit(n, x, v, stage, stage > 0 && i == 0 ? 2 : 1);
            weft_scope_pop(n->g);
        }
    }
    weft_net_output(n, weft_net_pool_head(n, x, 0));
}
