/* SPDX-License-Identifier: Apache-2.0
 *
 * Xception: Chollet 2016, arXiv:1610.02357, figure 5, as in Keras: 36 layers of convolutions, 34 of them depthwise
 * separable without an activation between the two halves, and four 1x1 projections beside the entry and exit flow's
 * pools. */
#include "blocks.h"

/* Separable convolutions in a row; a block with a shortcut adds its input, projected where the pool halves it. */
/* clang-format off */
static const struct block {
    int repeats, convs, widths[3];
    bool bare; /* no ReLU before the first: the stem ends in one */
    bool pool;
} blocks[] = {
    { 1, 2, { 128, 128 },      true,  true },
    { 1, 2, { 256, 256 },      false, true },
    { 1, 2, { 728, 728 },      false, true },
    { 8, 3, { 728, 728, 728 }, false, false },
    { 1, 2, { 728, 1024 },     false, true },
};
/* clang-format on */

/* Depthwise 3x3, pointwise 1x1, batch norm: x [N, H, W, C] -> [N, H, W, out]. */
static weft_var separable_bn(const weft_net *n, weft_var x, const char *name, int out)
{
    weft_scope_push(n->g, "%s", name);
    weft_var y = weft_net_conv(n, x, CONV(.name = "depthwise", .kernel = 3, .groups = weft_channels(n->g, x)));
    y = weft_net_conv(n, y, CONV(.name = "pointwise", .out = out, .kernel = 1));
    y = weft_net_batch_norm(n, y);
    weft_scope_pop(n->g);
    return y;
}

static weft_var block(const weft_net *n, weft_var x, const struct block *b)
{
    static const char *const name[] = { "a", "b", "c" };
    weft_var y = x, skip = x;
    if (b->pool)
        skip = conv_bn(n, x, CONV(.name = "proj", .out = b->widths[b->convs - 1], .kernel = 1, .stride = 2));
    for (int i = 0; i < b->convs; i++) {
        if (i > 0 || !b->bare)
            y = weft_relu(n->g, y);
        y = separable_bn(n, y, name[i], b->widths[i]);
    }
    if (b->pool)
        y = weft_max_pool2d(n->g, y, POOL(.kernel = 3, .stride = 2));
    return weft_add(n->g, y, skip);
}

void weft_build_xception(weft_net *n)
{
    weft_var x = weft_net_input(n);
    n->conv_init = n->dense_init = WEFT_INIT_GLOROT_UNIFORM;
    weft_scope_push(n->g, "stem");
    x = conv_bn_relu(n, x, CONV(.name = "a", .out = 32, .kernel = 3, .stride = 2, .padding = WEFT_VALID));
    x = conv_bn_relu(n, x, CONV(.name = "b", .out = 64, .kernel = 3, .padding = WEFT_VALID));
    weft_scope_pop(n->g);
    for (int i = 0, number = 2; i < COUNT(blocks); i++) {
        for (int j = 0; j < blocks[i].repeats; j++, number++) {
            weft_scope_push(n->g, "block%d", number);
            x = block(n, x, &blocks[i]);
            weft_scope_pop(n->g);
        }
    }
    weft_scope_push(n->g, "block14");
    x = weft_relu(n->g, separable_bn(n, x, "a", 1536));
    x = weft_relu(n->g, separable_bn(n, x, "b", 2048));
    weft_scope_pop(n->g);
    weft_net_output(n, weft_net_pool_head(n, x, 0));
}
